import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ParentConfiguration } from '../../src/conf/configuration.ts';
import { faultsOf, good } from './configurations.ts';

const KEY = 'key k { algorithm hmac-sha256; secret "YWJj"; };';
const DIGEST = '00'.repeat(32);

/** `parent` of a zone with these clauses. */
function parentOf(clauses: string, before = ''): ParentConfiguration | undefined {
  return good(`${before} zone a { type primary; file "a"; ${clauses} };`).views[0].zones[0].parent;
}

/** Errors, without their places, about a zone with these clauses. */
function refusals(clauses: string, before = ''): string[] {
  const faults = faultsOf(`${before} zone a { type primary; file "x"; ${clauses} };`);
  return faults.flatMap((fault) => (fault.startsWith('warning: ') ? [] : fault.replace(/^named.conf:\d+:\d+: /, '')));
}

test('S-074 parental-agents: addresses, ports, TSIG keys, tls and lists by name, nested', () => {
  const lists = `${KEY} tls t { ca-file "ca"; }; primaries p { 192.0.2.99; };
    parental-agents p port 5353 { ::1; q; }; parental-agents q { 192.0.2.3; };`;
  const agents = '192.0.2.1; 192.0.2.2 port 54 key k; p; 192.0.2.4 tls t; 192.0.2.5 port 0 tls ephemeral;';
  assert.deepEqual(parentOf(`parental-agents { ${agents} };`, lists), {
    checkds: 'explicit',
    agents: [
      { address: '192.0.2.1', port: 53 },
      { address: '192.0.2.2', port: 54, key: 'k' },
      { address: '::1', port: 5353 },
      { address: '192.0.2.3', port: 5353 },
      { address: '192.0.2.4', port: 853, tls: 't' },
      { address: '192.0.2.5', port: 853, tls: 'ephemeral' },
    ],
  });
});

test('S-074 agents without a port have those of this server', () => {
  const parent = parentOf('parental-agents { ::1; ::2 tls ephemeral; };', 'options { port 5300; tls-port 8530; };');
  assert.deepEqual(parent?.agents.map(({ port }) => port), [5300, 8530]); // prettier-ignore
});

test('S-077 checkds: nobody is asked without agents, agents are where they are named, and both can be chosen', () => {
  assert.equal(parentOf(''), undefined);
  assert.equal(parentOf('parental-agents { ::1; }; checkds no;'), undefined);
  assert.equal(parentOf('parental-agents { ::1; };')?.checkds, 'explicit');
  assert.deepEqual(parentOf('parental-agents { ::1; }; checkds yes;'), { checkds: 'yes', agents: [] });
  assert.equal(parentOf('parental-agents { ::1; }; checkds explicit;')?.agents.length, 1);
  assert.match(refusals('checkds explicit;')[0], /'checkds explicit' without 'parental-agents'/);
});

test('S-078 parental-source: of the zone, the view or the options', () => {
  const options = 'options { parental-source 192.0.2.7; parental-source-v6 2001:db8::7; };';
  const { source, sourceV6 } = parentOf('parental-agents { ::1; }; parental-source 192.0.2.8;', options)!;
  assert.deepEqual(source, { address: '192.0.2.8', port: 0 });
  assert.deepEqual(sourceV6, { address: '2001:db8::7', port: 0 });
  assert.equal(parentOf('parental-agents { ::1; }; parental-source *;', options)?.source, undefined);
  assert.equal(parentOf('parental-agents { ::1; }; parental-source 192.0.2.8 port 1053;')?.source?.port, 1053);
});

test("faults are those of BIND 9.18's named-checkconf", () => {
  assert.deepEqual(refusals('parental-agents { nolist; };')[0], "unable to find parental-agents list 'nolist'");
  // A list of primaries is none of parental agents.
  assert.deepEqual(
    refusals('parental-agents { p; };', 'primaries p { ::1; };')[0],
    "unable to find parental-agents list 'p'",
  );
  assert.deepEqual(refusals('parental-agents { };'), ["zone 'a': empty 'parental-agents' entry"]);
  const circle = 'parental-agents p { q; }; parental-agents q { p; };';
  assert.deepEqual(refusals('parental-agents { p; };', circle), ["zone 'a': empty 'parental-agents' entry"]);
  assert.deepEqual(refusals('parental-agents { ::1 tls t; };'), ["tls 't' is not defined"]);
  assert.deepEqual(refusals('parental-agents { ::1 tls none; };'), ["tls 'none' is not defined"]);
  assert.deepEqual(refusals('parental-agents { ::1 key k; };'), ["unknown key 'k'"]);
  assert.deepEqual(refusals('parental-source 192.0.2.1 port 53;'), [
    "'parental-source' cannot specify the DNS listener port (53)",
  ]);
  const twice = 'parental-agents p { ::1; }; parental-agents p { ::2; };';
  assert.match(refusals('', twice)[0], /^parental-agents list 'p' is duplicated: /);
  assert.deepEqual(refusals('', 'options { checkds yes; };'), ["unknown option 'checkds'"]);
});

test('S-076 trust-anchors: static keys and digests, unless dnssec-validation is off', () => {
  const anchors = `trust-anchors { a.test static-key 257 3 13 "AQ ID"; . static-ds 1 13 2 "${DIGEST}"; };`;
  assert.deepEqual(good(anchors).trustAnchors, [
    { name: 'a.test.', kind: 'key', rdata: Uint8Array.of(1, 1, 3, 13, 1, 2, 3) },
    { name: '.', kind: 'ds', rdata: Uint8Array.of(0, 1, 13, 2, ...new Uint8Array(32)) },
  ]);
  assert.deepEqual(good(`options { dnssec-validation no; }; ${anchors}`).trustAnchors, undefined);
  assert.equal(good(`options { dnssec-validation yes; }; ${anchors}`).trustAnchors?.length, 2);
});

test('S-076 trust-anchors that could verify nothing are refused by name', () => {
  for (const [entry, text] of [
    ['a static-key 257 3 13 "!"', /trust-anchors 'a': the key is not in base64/],
    ['a static-key 1 3 13 "AQID"', /trust-anchors 'a': flags 1 are not those of a zone key/],
    ['a static-key 65536 3 13 "AQID"', /trust-anchors 'a': flags too big: 65536/],
    ['a static-key 257 4 13 "AQID"', /trust-anchors 'a': protocol is 4/],
    ['a static-key 257 3 256 "AQID"', /trust-anchors 'a': algorithm too big: 256/],
    ['a..b static-key 257 3 13 "AQID"', /trust-anchors 'a..b': is not a valid name/],
    [`a static-ds 65536 13 2 "${DIGEST}"`, /trust-anchors 'a': key tag too big/],
    [`a static-ds 1 256 2 "${DIGEST}"`, /trust-anchors 'a': algorithm too big/],
    [`a static-ds 1 13 3 "${DIGEST}"`, /trust-anchors 'a': digest type 3 is not supported/],
    ['a static-ds 1 13 2 "00"', /trust-anchors 'a': a digest of type 2 has 32 octets/],
    ['a initial-key 257 3 13 "AQID"', /'trust-anchors' with this value is known but not supported/],
  ] as const)
    assert.match(refusals('', `trust-anchors { ${entry}; };`)[0] ?? 'none', text);
  assert.match(
    refusals('', 'view v { trust-anchors { a static-key 257 3 13 "AQID"; }; };').join(),
    /known but not supported/,
  );
  const [warning] = faultsOf(`trust-anchors { . static-ds 20326 8 2 "${DIGEST}"; };`);
  assert.match(warning, /^warning: .*static entry for the root zone WILL FAIL after key rollover/);
});
