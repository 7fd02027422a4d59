import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signZone } from '../../src/signer/sign-zone.ts';
import type { Denial } from '../../src/signer/signing-parameters.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import type { ZoneFaultCode } from '../../src/validate/zone-verdict.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import type { VersionRef } from '../../src/zone/store/arena.ts';
import type { ZoneEdit } from '../../src/zone/store/zone-edit.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { loadLines, NOW, signingKey, signingParameters, SOA, testZone, type TestZone } from '../signer/fixture.ts';

const KSK = signingKey('ksk');
const ZSK = signingKey('zsk');
const NSEC: Denial = { kind: 'nsec' };
const NSEC3: Denial = { kind: 'nsec3', iterations: 0, salt: new Uint8Array(0), optOut: false };
const LINES = [
  SOA,
  '@ 3600 NS ns',
  'ns 3600 A 10.0.0.1',
  'www 3600 A 10.0.0.2',
  'b.ent 3600 A 10.0.0.3',
  'sub 3600 NS ns.sub',
  'ns.sub 3600 A 10.0.0.4',
];
const WWW = mustName('www.example.');
const GLUE = mustName('ns.sub.example.');
const apex = mustName('example.');

interface Signed {
  readonly zone: TestZone;
  readonly version: VersionRef;
  readonly reader: ZoneReader;
}

async function signed(denial: Denial, lines = LINES): Promise<Signed> {
  const zone = testZone();
  const parameters = signingParameters([KSK, ZSK], { denial });
  const { version } = await signZone(zone.store, loadLines(zone, lines), parameters, zone);
  return { zone, version, reader: new ZoneReader(zone.arena).open(version) };
}

function rdatas({ reader }: Signed, owner: typeof WWW, type: number): Uint8Array[] {
  return reader.rdataAll(reader.rrset(reader.find(owner), type));
}

function signaturesOf({ reader }: Signed, owner: typeof WWW, type: number): Uint8Array[] {
  return reader.signaturesAll(reader.rrset(reader.find(owner), type));
}

type Spoil = (edit: ZoneEdit, from: Signed) => void;

/** Each way to break a zone, with the faults it must show, in their order. */
const TABLE: readonly (readonly [string, Denial, Spoil, readonly ZoneFaultCode[]])[] = [
  ['nothing', NSEC, () => undefined, []],
  ['nothing', NSEC3, () => undefined, []],
  ['no DNSKEY', NSEC, (edit) => edit.deleteRRset(apex, TYPE.DNSKEY), ['NO_DNSKEY']],
  ['no RRSIG over DNSKEY', NSEC, (edit) => edit.setSignatures(apex, TYPE.DNSKEY, []), ['DNSKEY_UNSIGNED']],
  ['no RRSIG over SOA', NSEC, (edit) => edit.setSignatures(apex, TYPE.SOA, []), ['SOA_UNSIGNED']],
  ['no RRSIG over the apex NSEC', NSEC, (edit) => edit.setSignatures(apex, TYPE.NSEC, []), ['DENIAL_UNSIGNED']],
  ['no NSEC at the apex', NSEC, (edit) => edit.deleteRRset(apex, TYPE.NSEC), ['NO_DENIAL_CHAIN']],
  ['no NSEC3PARAM', NSEC3, (edit) => edit.deleteRRset(apex, TYPE.NSEC3PARAM), ['NO_DENIAL_CHAIN']],
  ['no RRSIG', NSEC, (edit) => edit.setSignatures(WWW, TYPE.A, []), ['NO_SIGNATURES']],
  ['no NSEC', NSEC, (edit) => edit.deleteRRset(WWW, TYPE.NSEC), ['NSEC_MISSING']],
  [
    'other data',
    NSEC,
    (edit, from) => edit.setRRset(WWW, TYPE.A, 3600, [Uint8Array.of(10, 9, 9, 9)], signaturesOf(from, WWW, TYPE.A)),
    ['NO_CORRECT_SIGNATURE'],
  ],
  [
    'a larger TTL',
    NSEC,
    (edit, from) => edit.setRRset(WWW, TYPE.A, 7200, rdatas(from, WWW, TYPE.A), signaturesOf(from, WWW, TYPE.A)),
    ['NO_CORRECT_SIGNATURE'],
  ],
  [
    'the signature of another name',
    NSEC,
    (edit, from) => edit.setSignatures(WWW, TYPE.A, signaturesOf(from, mustName('ns.example.'), TYPE.A)),
    ['NO_CORRECT_SIGNATURE'],
  ],
  [
    'a signature over glue',
    NSEC,
    (edit, from) => edit.setSignatures(GLUE, TYPE.A, signaturesOf(from, WWW, TYPE.A)),
    ['STRAY_SIGNATURE'],
  ],
  [
    'an NSEC at glue',
    NSEC,
    (edit, from) => edit.setRRset(GLUE, TYPE.NSEC, 300, rdatas(from, WWW, TYPE.NSEC), []),
    ['STRAY_NSEC'],
  ],
  [
    'a new name without anything',
    NSEC,
    (edit) => edit.setRRset(mustName('new.example.'), TYPE.A, 300, [Uint8Array.of(1, 1, 1, 1)], []),
    ['NSEC_NEXT_NAME', 'NO_SIGNATURES', 'NSEC_MISSING'],
  ],
  [
    'a new name without anything',
    NSEC3,
    (edit) => edit.setRRset(mustName('new.example.'), TYPE.A, 300, [Uint8Array.of(1, 1, 1, 1)], []),
    ['NO_SIGNATURES', 'NSEC3_MISSING'],
  ],
  ['a name less', NSEC3, (edit) => edit.deleteRRset(WWW, TYPE.A), ['STRAY_NSEC3']],
  [
    'an NSEC3 less',
    NSEC3,
    (edit, { reader }) => edit.deleteRRset(reader.owner(reader.hashAt(0)), TYPE.NSEC3),
    ['NSEC3_MISSING', 'NSEC3_NEXT_HASH'],
  ],
];

for (const [what, denial, spoil, expected] of TABLE)
  test(`verifyZone, ${denial.kind}: ${what}`, async () => {
    const from = await signed(denial);
    const edit = from.zone.store.edit(from.version);
    spoil(edit, from);
    const version = edit.commit();
    const verdict = await verifyZone(from.zone.arena, version, { now: NOW });
    assert.deepEqual(verdict.faults.map((fault) => fault.code).toSorted(), expected.toSorted());
    assert.equal(
      verdict.ok,
      verdict.faults.every((fault) => fault.severity === 'notice'),
    );
  });

test('expired and not yet valid signatures are told apart', async () => {
  const { zone, version } = await signed(NSEC);
  const late = await verifyZone(zone.arena, version, { now: NOW + 20 * 86400 });
  const early = await verifyZone(zone.arena, version, { now: NOW - 86400 });
  // Without a valid signature over DNSKEY there is no key to go on from.
  assert.deepEqual([late.faults[0].code, early.faults[0].code], ['NO_SELF_SIGNED_KSK', 'NO_SELF_SIGNED_KSK']);
  const parameters = signingParameters([KSK, ZSK], { expirationDnskey: NOW + 40 * 86400, denial: NSEC });
  const other = await signZone(zone.store, loadLines(zone, LINES), parameters, zone);
  const verdict = await verifyZone(zone.arena, other.version, { now: NOW + 20 * 86400, ignoreKskFlag: true });
  assert.ok(verdict.faults.length > 5 && verdict.faults.every((fault) => fault.trouble === 'expired'));
});

test('a zone in many slices over two threads has the verdict of one thread; faults are counted beyond the limit', async () => {
  const many = Array.from({ length: 2500 }, (_, i) => `h${i}.d${i % 9} 3600 A 10.1.0.1`);
  for (const denial of [NSEC, NSEC3]) {
    const from = await signed(denial, [...LINES, ...many]);
    const edit = from.zone.store.edit(from.version);
    for (let i = 0; i < 2500; i += 50) edit.setSignatures(mustName(`h${i}.d${i % 9}.example.`), TYPE.A, []);
    const version = edit.commit();
    const one = await verifyZone(from.zone.arena, version, { now: NOW });
    const two = await verifyZone(from.zone.arena, version, { now: NOW, threads: 2 });
    // In an NSEC3 zone the name then has no RRSIG at all, which its NSEC3 denies as well.
    const expected: number = denial === NSEC ? 50 : 100;
    assert.equal(one.errorCount, expected);
    assert.deepEqual(two, one);
    const short = await verifyZone(from.zone.arena, version, { now: NOW, faultLimit: 7 });
    assert.deepEqual([short.ok, short.errorCount, short.faults.length], [false, expected, 7]);
  }
});

test('S-014 (part) two keys with one tag: signatures of each are good', async () => {
  let twin = signingKey('zsk');
  const byTag = new Map<number, typeof twin>();
  while (!byTag.has(twin.tag)) {
    byTag.set(twin.tag, twin);
    twin = signingKey('zsk');
  }
  const zone = testZone();
  const keys = [KSK, byTag.get(twin.tag)!, twin];
  const { version } = await signZone(zone.store, loadLines(zone, LINES), signingParameters(keys), zone);
  const verdict = await verifyZone(zone.arena, version, { now: NOW });
  assert.deepEqual(verdict.faults, []);
  assert.deepEqual(verdict.counts[0].zsks, { active: 2, standBy: 0, revoked: 0 });
  const again = await signZone(zone.store, version, signingParameters(keys), zone);
  assert.equal(again.statistics.generated, 0);
});
