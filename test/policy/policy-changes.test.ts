import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeyWait } from '../../src/policy/key-wait.ts';
import type { Observations } from '../../src/policy/observations.ts';
import { Life, START } from './life.ts';
import { line, short, SHORT_INSECURE } from './short-policy.ts';

/* A new policy on a live zone. The moments are those of BIND 9.18.49 under the same change. */

const CSK = short(line('csk'));
const SPLIT = short(line('ksk'), line('zsk'));
const byTime = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1);

function changed(life: Life, until: number): string[] {
  return life.advance(until).lines(5630).toSorted(byTime);
}

test('S-089 a CSK becomes a KSK and a ZSK', () => {
  const life = new Life(CSK).advance(5630);
  life.change(SPLIT);
  assert.deepEqual(changed(life, 9000), [
    '5630 K1 made',
    '5630 K2 made',
    '6260 K0 ds unretentive',
    '6260 K1 dnskey omnipresent',
    '6260 K1 ds rumoured',
    '6260 K1 krrsig omnipresent',
    '6260 K2 dnskey omnipresent',
    '6260 K2 zrrsig rumoured',
    '7170 K0 zrrsig unretentive',
    '7170 K2 zrrsig omnipresent',
    '7280 K0 dnskey unretentive',
    '7280 K0 ds hidden',
    '7280 K0 krrsig unretentive',
    '7280 K1 ds omnipresent',
    '7800 K0 dnskey hidden',
    '7800 K0 krrsig hidden',
    '8080 K0 zrrsig hidden',
  ]);
});

test('S-089 a KSK and a ZSK become a CSK', () => {
  const life = new Life(SPLIT).advance(5630);
  life.change(CSK);
  assert.deepEqual(changed(life, 9000), [
    '5630 K2 made',
    '6260 K0 ds unretentive',
    '6260 K2 dnskey omnipresent',
    '6260 K2 ds rumoured',
    '6260 K2 krrsig omnipresent',
    '6260 K2 zrrsig rumoured',
    '7170 K1 dnskey unretentive',
    '7170 K1 zrrsig unretentive',
    '7170 K2 zrrsig omnipresent',
    '7280 K0 dnskey unretentive',
    '7280 K0 ds hidden',
    '7280 K0 krrsig unretentive',
    '7280 K2 ds omnipresent',
    '7690 K1 dnskey hidden',
    '7800 K0 dnskey hidden',
    '7800 K0 krrsig hidden',
    '8080 K1 zrrsig hidden',
  ]);
});

test('S-089 another key size doubles the signatures until the new ones are known', () => {
  const life = new Life(short(line('ksk', 0, 8, 2048), line('zsk', 0, 8, 1024))).advance(5630);
  life.change(short(line('ksk', 0, 8, 2048), line('zsk', 0, 8, 1280)));
  assert.deepEqual(changed(life, 9000), [
    '5630 K2 made',
    '6260 K2 dnskey omnipresent',
    '6260 K2 zrrsig rumoured',
    '7170 K1 dnskey unretentive',
    '7170 K1 zrrsig unretentive',
    '7170 K2 zrrsig omnipresent',
    '7690 K1 dnskey hidden',
    '8080 K1 zrrsig hidden',
  ]);
});

test('S-042 a lifetime follows the policy: it comes, changes and goes with it', () => {
  const life = new Life(SPLIT).advance(5630);
  life.change(short(line('ksk', 40_000), line('zsk', 12_000)));
  assert.deepEqual([life.key('K0').times.inactive, life.key('K0').times.delete], [START + 40_000, START + 41_020]);
  assert.deepEqual([life.key('K1').times.inactive, life.key('K1').times.delete], [START + 12_000, START + 17_910]);
  life.change(SPLIT);
  const { inactive, delete: end } = life.key('K1').times;
  assert.deepEqual([inactive, end, life.key('K1').state?.lifetime], [undefined, undefined, 0]);
  // Over already: the successor comes now.
  life.change(short(line('ksk'), line('zsk', 5000)));
  assert.equal(life.key('K2').times.activate, START + 5630 + 630);
});

test('S-065 S-087 insecure: CDS asks for the end of the DS; all is signed until no cache has it, and then nothing', () => {
  const life = new Life(SPLIT).advance(5630);
  life.parentFollows = false;
  life.change(SHORT_INSECURE);
  const { publication } = life.advance(20_000).plan;
  assert.deepEqual(publication, {
    dnskey: ['K0', 'K1'],
    signsKeys: ['K0'],
    signsZone: ['K1'],
    sync: [],
    syncDelete: true,
    isSigned: true,
  });
  assert.equal(life.wait('K0', 'ds')?.reason, 'ds still at parent');
  assert.deepEqual(
    [life.wait('K1', 'zrrsig')?.reason, life.wait('K1', 'zrrsig')?.others],
    ['zone still secure', ['K0']],
  );
  life.parentFollows = true;
  life.look();
  // parent-ds-ttl, parent-propagation-delay and dnskey-ttl, which is longer than retire-safety.
  assert.ok(life.advance(21_329).plan.publication.isSigned);
  assert.deepEqual(life.advance(21_330).plan.publication, {
    dnskey: [],
    signsKeys: [],
    signsZone: [],
    sync: [],
    syncDelete: false,
    isSigned: false,
  });
  life.advance(30_000);
  assert.deepEqual(life.zone.keys, []);
});

test('insecure: a validator may keep the keys that the last DS led to for the TTL of the DNSKEY RRset', () => {
  const unsignedAt = (dnskeyTtl: number, after: number): number => {
    const life = new Life({ ...SPLIT, dnskeyTtl }).advance(20_000);
    const insecure = { ...SHORT_INSECURE, dnskeyTtl: after };
    life.change(insecure);
    while (life.plan.publication.isSigned) life.advance(life.plan.nextEvent! - START);
    return life.now - 20_000;
  };
  // parent-ds-ttl 800, parent-propagation-delay 30, and what is longer: retire-safety 190 or that TTL.
  assert.equal(unsignedAt(0, 0), 1020);
  assert.equal(unsignedAt(190, 190), 1020);
  assert.equal(unsignedAt(191, 191), 1021);
  assert.equal(unsignedAt(5000, 5000), 5830);
});

test('insecure: so does an RRset that was served before with another TTL, while it can be in a cache', () => {
  const life = new Life(SPLIT).advance(5630);
  life.change(SHORT_INSECURE);
  const waitWith = (served: Observations['served']): KeyWait['interval'] =>
    life.zone
      .run(SHORT_INSECURE, START + 5640, { served })
      .plan.waits.find(({ key, record }) => key === 'K0' && record === 'ds')!.interval;
  const old = (ttl: number, until: number | undefined): Observations => ({
    served: [{ rrset: 'dnskey', ttl, until: until === undefined ? until : START + until }],
  });
  const parts = (given: Observations): unknown =>
    waitWith(given.served)!.parts.map(({ name, seconds }) => `${name} ${seconds}`);
  const withPolicy = ['parent-ds-ttl 800', 'parent-propagation-delay 30', 'dnskey-ttl 500'];
  const withServed = [...withPolicy.slice(0, 2), 'highest TTL served 2000'];
  assert.deepEqual(parts(old(499, undefined)), withPolicy);
  assert.deepEqual(parts(old(2000, undefined)), withServed);
  // The DS is in caches until 5630 + 1020; the RRset until then and 20 seconds of zone-propagation-delay longer.
  assert.deepEqual(parts(old(2000, 5630 + 1020 - 2020 + 1)), withServed);
  assert.deepEqual(parts(old(2000, 5630 + 1020 - 2020)), withPolicy);
});

test('S-065 a zone whose DS was never offered becomes insecure at once', () => {
  const life = new Life(CSK).advance(630);
  life.change(SHORT_INSECURE);
  assert.equal(life.plan.publication.isSigned, false);
});

test('S-089 back from insecure half way: the same keys, and CDS offers them again', () => {
  const life = new Life(SPLIT).advance(5630);
  life.parentFollows = false;
  life.change(SHORT_INSECURE);
  life.advance(9000);
  life.change(SPLIT);
  assert.deepEqual([life.plan.publication.sync, life.plan.publication.syncDelete], [['K0'], false]);
  // The DS has been there all the time.
  assert.equal(life.key('K0').state?.ds, 'omnipresent');
  assert.equal(life.zone.keys.length, 2);
});

test('back from insecure when the DS is gone: it has to be seen again, and an earlier sight does not count', () => {
  const life = new Life(SPLIT).advance(5630);
  life.change(SHORT_INSECURE);
  life.parentFollows = false;
  life.advance(6000);
  life.change(SPLIT);
  assert.equal(life.key('K0').state?.ds, 'rumoured');
  const { dsPublish, dsRemoved } = life.key('K0').times;
  assert.deepEqual([dsPublish, dsRemoved], [undefined, undefined]);
  life.change(SHORT_INSECURE);
  life.advance(20_000);
  assert.ok(life.plan.publication.isSigned, 'the DS may be there again');
});

test('back from insecure when all is gone: new keys', () => {
  const life = new Life(SPLIT).advance(5630);
  life.change(SHORT_INSECURE);
  life.advance(7000);
  life.change(SPLIT);
  life.advance(12_000);
  const ds = life.zone.keys.filter(({ state }) => state?.ds === 'omnipresent').map(({ id }) => id);
  assert.deepEqual(ds, ['K2']);
});

test('a change in the middle of a rollover carries on with the keys that the new policy asks for', () => {
  for (const after of [29_500, 30_500, 31_300]) {
    const life = new Life(short(line('csk', 30_000))).advance(after);
    life.change(SPLIT);
    life.advance(80_000);
    const roles = life.zone.keys.map(({ state }) => [state?.ksk, state?.zsk, state?.goal]);
    assert.deepEqual(roles, [
      [true, false, 'omnipresent'],
      [false, true, 'omnipresent'],
    ]);
  }
});

test('spare keys are used before new ones are made, as a first key and as a successor', () => {
  const spare = (id: string, tag: number): Life['zone']['keys'][number] => ({
    id,
    tag,
    algorithm: 13,
    bits: 256,
    flags: 257,
    times: { created: START - 1000 },
    state: { ksk: true, zsk: true, lifetime: 30_000 },
  });
  const life = new Life(short(line('csk', 30_000)), [spare('S1', 1), spare('S2', 2)]);
  assert.deepEqual(life.plan.publication.dnskey, ['S1']);
  life.advance(29_370);
  assert.deepEqual([life.key('S2').state?.predecessor, life.key('S1').state?.successor], [1, 2]);
  assert.deepEqual(
    life.log.filter((text) => text.includes('made')),
    [],
  );
  assert.equal(life.key('S2').times.created, START - 1000);
});

test('S-058 purge-keys 0 keeps the files of keys that are gone', () => {
  const policy = { ...short(line('ksk'), line('zsk', 12_000)), purgeKeys: 0 };
  const life = new Life(policy).advance(100_000);
  assert.ok(life.zone.keys.length > 8);
  assert.deepEqual(
    life.plan.waits.filter(({ from, record }) => record === undefined && from === 'hidden'),
    [],
  );
});
