import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort, HOST, output, serve, type Served, signZone, SIGNED, temporaryDirectory } from './serve-peers.ts';
import { ZONES } from './serve-zones.ts';

/* delv, with the zone's key as its anchor, validates every kind of answer that we give. */

const APEX = 'answers.test.';

/** Name, type, and what delv says; `fully validated` and `negative response, fully validated` are its words. */
const CLASSES: readonly (readonly [string, string, string, RegExp])[] = [
  ['an answer', 'www', 'A', /; fully validated/],
  ['the keys', '', 'DNSKEY', /; fully validated/],
  ['the SOA', '', 'SOA', /; fully validated/],
  ['a CNAME chain', 'alias2', 'A', /; fully validated/],
  ['a DNAME', 'www.inner', 'A', /; fully validated/],
  ['a wildcard', 'some.wild', 'A', /; fully validated/],
  ['a wildcard CNAME', 'some.wildcname', 'A', /; fully validated/],
  ['a secure delegation', 'secure', 'DS', /; fully validated/],
  ['odd octets', '\\000\\255\\.dot', 'TXT', /; fully validated/],
  ['a name in other case', 'WwW', 'AAAA', /; fully validated/],
  ['NXDOMAIN', 'nothing.here', 'A', /negative response, fully validated/],
  ['NXDOMAIN below an empty non-terminal', 'x.c.d', 'A', /negative response, fully validated/],
  ['NODATA', 'www', 'MX', /negative response, fully validated/],
  ['NODATA at an empty non-terminal', 'b.c.d', 'A', /negative response, fully validated/],
  ['NODATA at a wildcard', 'some.wild', 'MX', /negative response, fully validated/],
  ['no DS at an insecure delegation', 'insecure', 'DS', /negative response, (fully validated|unsigned)/],
];

for (const kind of ['nsec', 'nsec3'] as const)
  describe(`S-026 S-027 delv validates (${kind})`, { timeout: 500_000 }, () => {
    const directory = temporaryDirectory();
    let served: Served & AsyncDisposable;
    const anchor = path.join(directory.path, 'anchor');

    before(async () => {
      const { text, dnskey } = await signZone(directory.path, APEX, ZONES[APEX], SIGNED[kind]);
      const [owner, , , flags, protocol, algorithm, ...key] = dnskey.split(/\s+/);
      fs.writeFileSync(
        anchor,
        `trust-anchors { "${owner}" static-key ${flags} ${protocol} ${algorithm} "${key.join('')}"; };`,
      );
      served = await serve(new Map([[APEX, text]]));
    });

    after(async () => {
      await served[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    });

    for (const [what, label, type, expected] of CLASSES)
      test(what, async () => {
        const name = label === '' ? APEX : `${label}.${APEX}`;
        const args = [`@${HOST}`, '-p', String(served.port), '-a', anchor, `+root=${APEX}`, name, type];
        assert.match(await output('delv', args), expected);
      });
  });

test(
  'S-020 dig reads answers to queries sent one behind the other on one connection',
  { timeout: 500_000 },
  async () => {
    await using served = await serve(new Map([[APEX, ZONES[APEX]]]));
    const names = ['www', 'alias', 'nothing', 'mail', 'big'].flatMap((label) => [`${label}.${APEX}`, 'TXT']);
    const text = await output('dig', [`@${HOST}`, '-p', String(served.port), '+tcp', '+keepopen', ...names]);
    assert.equal(text.match(/status: NOERROR/g)?.length, 4);
    assert.equal(text.match(/status: NXDOMAIN/g)?.length, 1);
    const unused = await freePort();
    await assert.rejects(output('dig', [`@${HOST}`, '-p', String(unused), '+tcp', '+tries=1', '+time=2', APEX]));
  },
);
