import assert from 'node:assert/strict';
import { test } from 'node:test';
import { POLICY_ALGORITHMS } from '../../src/conf/check/algorithms.ts';
import { BAD_POLICIES, keys } from './bad-policies.ts';
import { faultsOf, policyOf } from './configurations.ts';

const DAY = 86_400;
const CSK = 'keys { csk lifetime unlimited algorithm 13; };';

test('S-034 the policy "custom" is accepted as it is written', () => {
  const policy = policyOf(`
    dnskey-ttl 600;
    keys {
        ksk lifetime P1Y algorithm ecdsap384sha384;
        zsk lifetime 60d algorithm ecdsap384sha384;
    };
    nsec3param iterations 0 optout no salt-length 0;`);
  assert.equal(policy.dnskeyTtl, 600);
  assert.deepEqual(policy.keys, [
    { role: 'ksk', lifetime: 365 * DAY, algorithm: 14, bits: 384 },
    { role: 'zsk', lifetime: 60 * DAY, algorithm: 14, bits: 384 },
  ]);
  assert.deepEqual(policy.nsec3, { iterations: 0, optOut: false, saltLength: 0 });
});

test('S-042 (part) an unlimited lifetime is 0', () => {
  assert.equal(policyOf(CSK).keys[0].lifetime, 0);
});

test('S-043 the algorithms that may sign, by name and number', () => {
  const names = 'rsasha256/8 rsasha512/10 ecdsap256sha256/13 ecdsap384sha384/14 ed25519/15 ed448/16'.split(' ');
  const signing = POLICY_ALGORITHMS.filter(({ refusal }) => refusal === undefined);
  assert.deepEqual(
    signing.map(({ mnemonic, number }) => `${mnemonic.toLowerCase()}/${number}`),
    names,
  );
});

test('S-043 algorithms are named by number or mnemonic in any case', () => {
  for (const { number, mnemonic, refusal } of POLICY_ALGORITHMS) {
    if (refusal !== undefined) continue;
    const mixed = mnemonic[0] + mnemonic.slice(1, 4).toLowerCase() + mnemonic.slice(4);
    for (const name of [String(number), mnemonic, mnemonic.toLowerCase(), mixed])
      assert.equal(policyOf(`keys { csk lifetime unlimited algorithm ${name}; };`).keys[0].algorithm, number, name);
  }
});

test('S-043 algorithms that must not sign are refused with the document that says so', () => {
  for (const [name, document] of [
    ['1', /RFC 9904/],
    ['dsa', /RFC 9904/],
    ['RSASHA1', /RFC 9905/],
    ['6', /RFC 9904/],
    ['nsec3rsasha1', /RFC 9905/],
    ['7', /RFC 9905/],
    ['3', /RFC 9904/],
    ['5', /RFC 9905/],
    ['12', /RFC 9906/],
  ] as const) {
    const [fault, ...others] = faultsOf(`dnssec-policy p { keys { csk lifetime unlimited algorithm ${name}; }; };`);
    assert.match(fault, /^named\.conf:1:26: dnssec-policy: algorithm \d+ \(/);
    assert.match(fault, document);
    assert.deepEqual(others, []);
  }
});

test('S-036 S-041 a key line has role, storage, lifetime, algorithm and size', () => {
  const body = 'keys { ksk key-directory lifetime 365d algorithm rsasha256 4096; zsk lifetime P60D algorithm 8; };';
  assert.deepEqual(policyOf(body).keys, [
    { role: 'ksk', lifetime: 365 * DAY, algorithm: 8, bits: 4096 },
    { role: 'zsk', lifetime: 60 * DAY, algorithm: 8, bits: 2048 },
  ]);
});

test('S-035 S-051 S-052 S-053 S-054 S-055 S-056 each duration goes to its place', () => {
  const names = [
    ['dnskey-ttl', 'dnskeyTtl'],
    ['signatures-validity', 'signaturesValidity', 1000 * DAY],
    ['signatures-validity-dnskey', 'signaturesValidityDnskey', 1000 * DAY],
    ['signatures-refresh', 'signaturesRefresh'],
    ['signatures-jitter', 'signaturesJitter'],
    ['publish-safety', 'publishSafety'],
    ['retire-safety', 'retireSafety'],
    ['zone-propagation-delay', 'zonePropagationDelay'],
    ['max-zone-ttl', 'maxZoneTtl'],
    ['parent-ds-ttl', 'parentDsTtl'],
    ['parent-propagation-delay', 'parentPropagationDelay'],
    ['purge-keys', 'purgeKeys'],
  ] as const;
  for (const [name, field, seconds = 12_345] of names)
    assert.equal(policyOf(`${name} ${seconds};`)[field], seconds, name);
});

test('S-059 cds-digest-types and cdnskey', () => {
  assert.deepEqual(policyOf('cds-digest-types { 2; SHA-384; }; cdnskey no;').cdsDigestTypes, [2, 4]);
  assert.equal(policyOf('cdnskey no;').cdnskey, false);
});

test('a policy without keys has the key of the default policy, one with an empty list has none', () => {
  assert.equal(policyOf('dnskey-ttl 1;').keys.length, 1);
  assert.equal(policyOf('keys { };').keys.length, 0);
});

test('S-064 each bad policy is refused with the rule named', () => {
  assert.ok(BAD_POLICIES.length >= 20);
  for (const [body, rule] of BAD_POLICIES) {
    const errors = faultsOf(`dnssec-policy p { ${body} };`).filter((fault) => !fault.startsWith('warning'));
    assert.ok(errors.length > 0, body);
    assert.match(errors[0], rule, body);
  }
});

test('S-064 a lifetime just above what a rollover takes is accepted, and below it is not', () => {
  // BIND 9.18 draws the line at the same second.
  for (const [role, other, least] of [
    ['ksk', 'zsk', 93_601],
    ['zsk', 'ksk', 867_901],
  ] as const) {
    const body = (lifetime: number): string =>
      `dnssec-policy p { ${keys(`${role} lifetime ${lifetime} algorithm 13; ${other} lifetime unlimited algorithm 13;`)} };`;
    const isError = (fault: string): boolean => !fault.startsWith('warning');
    assert.equal(faultsOf(body(least)).filter(isError).length, 0, role);
    assert.equal(faultsOf(body(least - 1)).filter(isError).length, 1, role);
  }
});

test('S-054 a jitter that would have signatures replaced at once is taken with a warning', () => {
  const [fault, ...others] = faultsOf('dnssec-policy p { signatures-refresh 5d; signatures-jitter 9d; };');
  assert.match(fault, /^warning: named\.conf:1:42: .*replaced as soon as they are made$/);
  assert.deepEqual(others, []);
});

test('S-048 iterations above 0 are taken with the advice of RFC 9276', () => {
  const [fault] = faultsOf('dnssec-policy p { nsec3param iterations 10; };');
  assert.match(fault, /^warning: .*RFC 9276 section 3\.1: iterations must be 0/);
});

test('S-039 csk beside ksk or zsk of its algorithm is taken with a warning, as by BIND', () => {
  const faults = faultsOf(
    `dnssec-policy p { ${keys('csk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13;')} };`,
  );
  assert.deepEqual(faults, ['warning: named.conf:1:19: dnssec-policy: algorithm 13 has multiple keys with ZSK role']);
});

test('names of policies: reserved ones and duplicates are refused', () => {
  for (const name of ['default', 'none', 'insecure'])
    assert.match(faultsOf(`dnssec-policy ${name} { };`)[0], /name may not be 'insecure', 'none', or 'default'/);
  assert.match(faultsOf('dnssec-policy a { }; dnssec-policy a { };')[0], /duplicately named policy found 'a'/);
});
