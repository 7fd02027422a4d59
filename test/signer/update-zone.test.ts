import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactNextRefresh, nextRefresh } from '../../src/signer/next-refresh.ts';
import { serialMethod } from '../../src/signer/serial-method.ts';
import { signZone } from '../../src/signer/sign-zone.ts';
import type { Denial } from '../../src/signer/signing-parameters.ts';
import { updateSignedZone } from '../../src/signer/update-zone.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { editToLines, loadLines, NOW, recordLines, signingKey, signingParameters, testZone } from './fixture.ts';
import { zoneHistory } from './random-zone.ts';

const KEYS = [signingKey('ksk'), signingKey('zsk')];
const SALT = Uint8Array.of(0xab, 0xcd);
const DENIALS: readonly Denial[] = [
  { kind: 'nsec' },
  { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false },
  { kind: 'nsec3', iterations: 1, salt: SALT, optOut: true },
];

const serial = serialMethod('increment', NOW);

for (const denial of DENIALS) {
  const name = denial.kind === 'nsec3' ? `nsec3${denial.optOut ? ' with opt-out' : ''}` : denial.kind;
  test(`S-022 ${name}: mending a signed version gives the records of signing it anew, and verifies`, async () => {
    const parameters = signingParameters(KEYS, { denial });
    const history = fc.asyncProperty(zoneHistory, async ([first, ...later]) => {
      const zone = testZone();
      let { version: signed } = await signZone(zone.store, loadLines(zone, first), parameters, zone);
      for (const lines of later) {
        const unsigned = loadLines(zone, lines);
        const anew = await signZone(zone.store, unsigned, parameters, zone);
        const updated = await updateSignedZone(zone.store, signed, unsigned, parameters, { ...zone, serial });
        const version = updated === 'unchanged' ? signed : updated.version;
        assert.deepEqual(recordLines(zone.arena, version), recordLines(zone.arena, anew.version));
        const verdict = await verifyZone(zone.arena, version, { now: NOW });
        assert.deepEqual(verdict.faults, []);
        signed = version;
      }
    });
    await fc.assert(history, { numRuns: 80 });
  });

  test(`S-022 ${name}: the same when the unsigned zone is edited and only the difference is looked at`, async () => {
    const parameters = signingParameters(KEYS, { denial });
    const history = fc.asyncProperty(zoneHistory, async ([first, ...later]) => {
      const zone = testZone();
      let unsigned = loadLines(zone, first);
      let { version: signed } = await signZone(zone.store, unsigned, parameters, zone);
      for (const lines of later) {
        const previousUnsigned = unsigned;
        unsigned = editToLines(zone, previousUnsigned, lines);
        const dependencies = { ...zone, serial, previousUnsigned };
        const updated = await updateSignedZone(zone.store, signed, unsigned, parameters, dependencies);
        if (updated !== 'unchanged') signed = updated.version;
        const anew = await signZone(zone.store, unsigned, parameters, zone);
        assert.deepEqual(recordLines(zone.arena, signed), recordLines(zone.arena, anew.version));
      }
    });
    await fc.assert(history, { numRuns: 60 });
  });
}

const LINES = [
  '@ 3600 SOA ns h 1 7200 3600 1209600 300',
  '@ 3600 NS ns.other.',
  'a 300 A 10.0.0.1',
  'b.c 300 A 10.0.0.2',
];

async function signedZone() {
  const zone = testZone();
  const unsigned = loadLines(zone, LINES);
  const parameters = signingParameters(KEYS);
  const { version } = await signZone(zone.store, unsigned, parameters, zone);
  return { zone, unsigned, parameters, version, dependencies: { ...zone, serial } };
}

test('nothing to do is "unchanged"; a raised unsigned serial alone makes a new version once', async () => {
  const { zone, unsigned, parameters, version, dependencies } = await signedZone();
  assert.equal(await updateSignedZone(zone.store, version, unsigned, parameters, dependencies), 'unchanged');
  assert.equal(await updateSignedZone(zone.store, version, undefined, parameters, dependencies), 'unchanged');
  const raised = loadLines(zone, [LINES[0].replace(' 1 7200', ' 4000000000 7200'), ...LINES.slice(1)]);
  for (const method of ['increment', 'unixtime', 'date'] as const) {
    const other = { ...dependencies, serial: serialMethod(method, NOW) };
    const first = loadLines(zone, [LINES[0].replace(' 1 7200', ' 2100000000 7200'), ...LINES.slice(1)]);
    const updated = await updateSignedZone(zone.store, version, first, parameters, other);
    assert.ok(updated !== 'unchanged');
    assert.equal(updated.statistics.generated, 1);
    assert.equal(await updateSignedZone(zone.store, updated.version, first, parameters, other), 'unchanged');
  }
  // 4000000000 is not after 1 (RFC 1982): the signed zone does not go back.
  assert.equal(await updateSignedZone(zone.store, version, raised, parameters, dependencies), 'unchanged');
});

test('S-022 a changed address costs two signatures, a new name four', async () => {
  const { zone, unsigned, parameters, version, dependencies } = await signedZone();
  const changed = loadLines(zone, [...LINES.slice(0, 2), 'a 300 A 10.0.0.9', LINES[3]]);
  const first = await updateSignedZone(zone.store, version, changed, parameters, dependencies);
  assert.ok(first !== 'unchanged');
  assert.equal(first.statistics.generated, 2); // A and SOA
  const added = loadLines(zone, [...LINES, 'new 300 A 10.0.0.9']);
  const second = await updateSignedZone(zone.store, version, added, parameters, dependencies);
  assert.ok(second !== 'unchanged');
  assert.equal(second.statistics.generated, 4); // A, its NSEC, the NSEC before, SOA
  assert.equal(new ZoneReader(zone.arena).open(second.version).serial, 2);
  // The same by edits of the unsigned version, of which only the difference is looked at.
  const edit = zone.store.edit(unsigned);
  edit.setRRset(mustName('new.example.'), TYPE.A, 300, [Uint8Array.of(10, 0, 0, 9)]);
  const edited = edit.commit();
  const third = await updateSignedZone(zone.store, version, edited, parameters, {
    ...dependencies,
    previousUnsigned: unsigned,
  });
  assert.ok(third !== 'unchanged');
  assert.deepEqual(recordLines(zone.arena, third.version), recordLines(zone.arena, second.version));
});

test('S-028 S-053 only signatures that expire before the limit are refreshed', async () => {
  const zone = testZone();
  const jitter = 6 * 86400;
  const lines = [...LINES, ...Array.from({ length: 300 }, (_, i) => `h${i} 3600 A 10.1.0.1`)];
  const { version } = await signZone(zone.store, loadLines(zone, lines), signingParameters(KEYS, { jitter }), zone);
  const earliest = nextRefresh(zone.arena, version)!;
  const limit = earliest + 3600;
  const later = NOW + 86400;
  const parameters = signingParameters(KEYS, {
    inception: later,
    expiration: later + 14 * 86400,
    expirationDnskey: later + 14 * 86400,
    refreshBefore: limit,
  });
  const updated = await updateSignedZone(zone.store, version, undefined, parameters, { ...zone, serial });
  assert.ok(updated !== 'unchanged');
  assert.ok(updated.statistics.generated > 1 && updated.statistics.generated < 60);
  assert.ok(exactNextRefresh(zone.arena, updated.version)! >= limit);
  assert.ok(nextRefresh(zone.arena, updated.version)! >= limit);
  assert.deepEqual((await verifyZone(zone.arena, updated.version, { now: later })).faults, []);
});

test('other zone keys, another KSK, other key RRsets and another chain each give a complete new version', async () => {
  const { zone, unsigned, version, dependencies } = await signedZone();
  const changes = [
    signingParameters([KEYS[0], signingKey('zsk')]),
    signingParameters([signingKey('ksk'), KEYS[1]]),
    signingParameters(KEYS, {
      keyRRsets: { dnskey: KEYS.map((key) => key.dnskey), cds: [], cdnskey: [KEYS[0].dnskey], ttl: 600 },
    }),
    signingParameters(KEYS, { denial: DENIALS[1] }),
    signingParameters(KEYS, { denial: DENIALS[2] }),
    signingParameters(KEYS, { denialTtl: 60 }),
    signingParameters([signingKey('ksk', 15), signingKey('zsk', 15)]),
  ];
  let signed = version;
  for (const parameters of changes) {
    const updated = await updateSignedZone(zone.store, signed, unsigned, parameters, dependencies);
    assert.ok(updated !== 'unchanged');
    const anew = await signZone(zone.store, unsigned, parameters, zone);
    assert.deepEqual(recordLines(zone.arena, updated.version), recordLines(zone.arena, anew.version));
    assert.deepEqual((await verifyZone(zone.arena, updated.version, { now: NOW })).faults, []);
    signed = updated.version;
  }
});

test('many signatures of an update are made in the pool', async () => {
  const zone = testZone(undefined, 2);
  await using _pool = zone.pool;
  const many = Array.from({ length: 2000 }, (_, i) => `h${i} 3600 A 10.1.0.1`);
  const parameters = signingParameters(KEYS);
  const { version } = await signZone(zone.store, loadLines(zone, [...LINES, ...many]), parameters, zone);
  const unsigned = loadLines(zone, [...LINES, ...many, ...many.slice(0, 100).map((line) => `x.${line}`)]);
  const updated = await updateSignedZone(zone.store, version, unsigned, parameters, { ...zone, serial });
  assert.ok(updated !== 'unchanged');
  assert.equal(updated.statistics.generated, 301);
  assert.deepEqual((await verifyZone(zone.arena, updated.version, { now: NOW, threads: 2 })).faults, []);
});
