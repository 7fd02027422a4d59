import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { signZone } from '../../src/signer/sign-zone.ts';
import type { Denial, SigningKey, SigningParameters } from '../../src/signer/signing-parameters.ts';
import { serialMethod } from '../../src/signer/serial-method.ts';
import { updateSignedZone } from '../../src/signer/update-zone.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import type { VersionRef } from '../../src/zone/store/arena.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { loadLines, NOW, signingKey, signingParameters, testZone, type TestZone } from './fixture.ts';

/* RFC 7583 section 3.2.1: signatures of a retired ZSK are replaced one by one over the interval Dsgn. */

const DAY = 86_400;
const KSK = signingKey('ksk');
const ZSKS = [signingKey('zsk'), signingKey('zsk'), signingKey('zsk')];
const OTHER = [signingKey('ksk', 15), signingKey('zsk', 15)];
const NSEC3: Denial = { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false };
const serial = serialMethod('increment', NOW);
const LINES = [
  '@ 3600 SOA ns h 1 7200 3600 1209600 300',
  '@ 3600 NS ns.other.',
  ...Array.from({ length: 20 }, (_, i) => `host${i} 300 A 10.0.0.${i}`),
  'sub 300 NS ns.sub',
  'sub 300 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000',
];

/** Key tags of the signatures of each RRset of zone data. */
function signersOf(zone: TestZone, version: VersionRef): { type: number; tags: number[]; algorithms: number[] }[] {
  const reader = new ZoneReader(zone.arena).open(version);
  const found: { type: number; tags: number[]; algorithms: number[] }[] = [];
  const look = (node: number): void => {
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const one = { type: reader.type(rrset), tags: [] as number[], algorithms: [] as number[] };
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
        one.tags.push(reader.signatureKeyTag(at));
        one.algorithms.push(reader.signatureAlgorithm(at));
      }
      if (one.tags.length > 0 && one.type !== TYPE.DNSKEY) found.push(one);
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) look(node);
  return found;
}

function parametersFor(
  active: readonly SigningKey[],
  retiring: readonly SigningKey[],
  change: Partial<SigningParameters> = {},
): SigningParameters {
  // RFC 4035 section 2.2: each algorithm has to sign the DNSKEY RRset, too.
  const ksks = active.includes(OTHER[1]) ? [KSK, OTHER[0]] : [KSK];
  const dnskey = [...ksks, ...active, ...retiring].map((key) => key.dnskey);
  return signingParameters([...ksks, ...active], {
    keyRRsets: { dnskey, cds: [], cdnskey: [], ttl: 3600 },
    retiring: retiring.map((key) => key.dnskey),
    ...change,
  });
}

const [first, second] = ZSKS;

for (const denial of [{ kind: 'nsec' } as const, NSEC3])
  test(`${denial.kind}: when the next ZSK takes over only the SOA is signed anew, the rest when it is due or the old one may help no more`, async () => {
    const zone = testZone();
    const before = parametersFor([first], [second], { denial, retiring: [] });
    const old = await signZone(zone.store, loadLines(zone, LINES), before, zone);
    const dependencies = { ...zone, serial };
    const roll = parametersFor([second], [first], { denial });
    const rolled = await updateSignedZone(zone.store, old.version, undefined, roll, dependencies);
    assert.ok(rolled !== 'unchanged');
    assert.equal(rolled.statistics.generated, 1);
    for (const { type, tags } of signersOf(zone, rolled.version))
      assert.deepEqual(tags, [type === TYPE.SOA ? second.tag : first.tag]);
    assert.deepEqual((await verifyZone(zone.arena, rolled.version, { now: NOW })).faults, []);
    assert.equal(await updateSignedZone(zone.store, rolled.version, undefined, roll, dependencies), 'unchanged');
    // Due: all were made at one moment.
    const due = parametersFor([second], [first], { denial, refreshBefore: NOW + 15 * DAY, expiration: NOW + 20 * DAY });
    const refreshed = await updateSignedZone(zone.store, rolled.version, undefined, due, dependencies);
    assert.ok(refreshed !== 'unchanged');
    for (const { tags } of signersOf(zone, refreshed.version)) assert.deepEqual(tags, [second.tag]);
    // Not due, but the old key goes.
    const ended = await updateSignedZone(
      zone.store,
      rolled.version,
      undefined,
      parametersFor([second], [], { denial }),
      dependencies,
    );
    assert.ok(ended !== 'unchanged');
    for (const { tags } of signersOf(zone, ended.version)) assert.deepEqual(tags, [second.tag]);
    assert.deepEqual((await verifyZone(zone.arena, ended.version, { now: NOW })).faults, []);
  });

test('what is changed while a key retires is signed by the key in its place; a key that nothing replaces leaves at once', async () => {
  const zone = testZone();
  const dependencies = { ...zone, serial };
  const start = parametersFor([first, ...OTHER.slice(1)], [], {});
  const old = await signZone(zone.store, loadLines(zone, LINES), start, zone);
  const changed = loadLines(zone, [...LINES, 'new 300 A 10.0.1.1']);
  const roll = parametersFor([second, ...OTHER.slice(1)], [first]);
  const rolled = await updateSignedZone(zone.store, old.version, changed, roll, dependencies);
  assert.ok(rolled !== 'unchanged');
  const count = signersOf(zone, rolled.version).filter(({ tags }) => tags.includes(second.tag)).length;
  assert.equal(count, 4); // SOA, A, its NSEC, the NSEC before
  for (const { tags } of signersOf(zone, rolled.version)) {
    assert.equal(tags.length, 2);
    assert.ok(tags.includes(OTHER[1].tag));
  }
  // An algorithm that no key signs with any more: its signatures go, those of the other stay.
  const alone = parametersFor([second], [first, OTHER[1]]);
  const last = await updateSignedZone(zone.store, rolled.version, undefined, alone, dependencies);
  assert.ok(last !== 'unchanged');
  for (const { tags } of signersOf(zone, last.version)) assert.equal(tags.includes(OTHER[1].tag), false);
});

interface Step {
  readonly active: readonly number[];
  readonly retiring: readonly number[];
  readonly withOther: boolean;
  readonly isDue: boolean;
  readonly isForgotten: boolean;
  readonly isNsec3: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  active: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 2 }),
  retiring: fc.uniqueArray(fc.nat(2), { maxLength: 3 }),
  withOther: fc.boolean(),
  isDue: fc.boolean(),
  isForgotten: fc.boolean(),
  isNsec3: fc.boolean(),
});

test('after any steps each RRset has one signature for each signing key of an algorithm, by it or by one that retires, and verifies', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
    const zone = testZone();
    let version: VersionRef = 0;
    for (const { active, retiring, withOther, isDue, isForgotten, isNsec3 } of steps) {
      const keys = [...active.map((i) => ZSKS[i]), ...(withOther ? [OTHER[1]] : [])];
      const leaving = retiring.filter((i) => !active.includes(i)).map((i) => ZSKS[i]);
      const parameters = parametersFor(keys, leaving, {
        denial: isNsec3 ? NSEC3 : { kind: 'nsec' },
        ...(isDue && { refreshBefore: NOW + 14 * DAY + 1, expiration: NOW + 30 * DAY }),
      });
      if (version === 0) ({ version } = await signZone(zone.store, loadLines(zone, LINES), parameters, zone));
      else {
        // As after a restart: what was known of the version is gone.
        if (isForgotten) version = zone.store.edit(version).commit();
        const updated = await updateSignedZone(zone.store, version, undefined, parameters, { ...zone, serial });
        if (updated !== 'unchanged') ({ version } = updated);
      }
      const wanted = keys.map(({ algorithm }) => algorithm).toSorted();
      const allowed = [...keys, ...leaving].map(({ tag }) => tag);
      for (const { type, tags, algorithms } of signersOf(zone, version)) {
        assert.deepEqual(algorithms.toSorted(), wanted, `type ${type}`);
        assert.ok(
          tags.every((tag) => allowed.includes(tag)),
          `type ${type}`,
        );
        assert.equal(new Set(tags).size, tags.length);
      }
      const verdict = await verifyZone(zone.arena, version, { now: NOW, ignoreKskFlag: true });
      assert.deepEqual(
        verdict.faults.filter(({ severity }) => severity === 'error'),
        [],
      );
    }
  });
  await fc.assert(property, { numRuns: 60 });
});
