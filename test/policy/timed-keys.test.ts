import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planTimedKeys, type TimedKey } from '../../src/policy/timed-keys.ts';

const NOW = 1_795_250_000;
const KSK = 257;
const ZSK = 256;

let made = 0;
const key = (flags: number, times: TimedKey['times'], over: Partial<TimedKey> = {}): TimedKey => {
  const tag = ++made;
  return { id: `K${tag}`, tag, algorithm: 13, bits: 256, flags, times, canSign: true, isTimeless: false, ...over };
};
const ACTIVE = { publish: NOW - 10, activate: NOW - 5 };

test('S-095 a key is published from Publish to Delete and signs from Activate to Inactive', () => {
  const zsk = key(ZSK, { publish: 10, activate: 20, inactive: 30, delete: 40 });
  const ksk = key(KSK, { publish: 0, activate: 0, syncPublish: 15, syncDelete: 35 });
  const moments: readonly [now: number, shown: boolean, signs: boolean, next: number | undefined][] = [
    [9, false, false, 10],
    [10, true, false, 15],
    [20, true, true, 30],
    [29, true, true, 30],
    [30, true, false, 35],
    [39, true, false, 40],
    [40, false, false, undefined],
  ];
  for (const [now, shown, signs, next] of moments) {
    const { publication, nextEvent } = planTimedKeys([zsk, ksk], now);
    assert.equal(publication.dnskey.includes(zsk.id), shown, `${now}`);
    assert.equal(publication.signsZone.includes(zsk.id), signs, `${now}`);
    assert.deepEqual(publication.sync, now >= 15 && now < 35 ? [ksk.id] : []);
    assert.equal(nextEvent, next, `${now}`);
  }
});

test('activation publishes, and keys without any times (format 1.2) are published and active', () => {
  const activated = key(ZSK, { activate: NOW });
  const timeless = key(KSK, {}, { isTimeless: true });
  const idle = key(ZSK, {});
  const { publication } = planTimedKeys([activated, timeless, idle], NOW);
  assert.deepEqual(publication.dnskey, [activated.id, timeless.id]);
  assert.deepEqual([publication.signsKeys, publication.signsZone], [[timeless.id], [activated.id]]);
});

test('what a policy left in a state does not count', () => {
  const state = { ksk: true, zsk: true, dnskey: 'hidden', zrrsig: 'hidden', krrsig: 'hidden' } as const;
  const csk = key(KSK, ACTIVE, { state });
  assert.deepEqual(planTimedKeys([csk], NOW).publication.signsZone, [csk.id]);
});

test('RFC 4035 2.2 for each algorithm, keys of one role do what the other lacks', () => {
  const [ksk13, zsk13, zsk15] = [key(KSK, ACTIVE), key(ZSK, ACTIVE), key(ZSK, ACTIVE, { algorithm: 15 })];
  const { signsKeys, signsZone } = planTimedKeys([ksk13, zsk13, zsk15], NOW).publication;
  assert.deepEqual(
    [signsKeys, signsZone],
    [
      [ksk13.id, zsk15.id],
      [zsk13.id, zsk15.id],
    ],
  );
});

test('S-100 keys without private half do not sign; they are missed where nothing takes their place', () => {
  const [ksk, lame, zsk] = [key(KSK, ACTIVE), key(ZSK, ACTIVE, { canSign: false }), key(ZSK, ACTIVE)];
  const both = planTimedKeys([ksk, lame, zsk], NOW);
  assert.deepEqual([both.unable, both.missed, both.publication.signsZone], [[lame.id], [], [zsk.id]]);
  assert.ok(both.publication.dnskey.includes(lame.id));
  const alone = planTimedKeys([ksk, lame], NOW);
  assert.deepEqual([alone.unable, alone.missed, alone.publication.signsZone], [[lame.id], [lame.id], []]);
});

test('RFC 5011 2.1 a revoked key signs keys only, is not offered, and keeps its bit after it is inactive', () => {
  const times = { ...ACTIVE, revoke: NOW, inactive: NOW + 5, delete: NOW + 9, syncPublish: NOW - 5 };
  const [old, next, zsk] = [key(KSK, times), key(KSK, ACTIVE), key(ZSK, ACTIVE)];
  for (const now of [NOW, NOW + 7]) {
    const { publication, revoked } = planTimedKeys([old, next, zsk], now);
    assert.deepEqual(revoked, [old.id]);
    assert.deepEqual(
      [publication.signsKeys, publication.signsZone, publication.sync],
      [[next.id, old.id], [zsk.id], []],
    );
  }
  assert.deepEqual(planTimedKeys([old, next, zsk], NOW + 9).publication.dnskey, [next.id, zsk.id]);
  const lame = planTimedKeys([{ ...old, canSign: false }, next, zsk], NOW);
  assert.deepEqual([lame.revoked, lame.unable, lame.missed], [[], [old.id], []]);
});

test('S-095 nothing changes between two events, and signers are always published', () => {
  const time = fc.option(fc.nat(40), { nil: undefined });
  const anyKey = fc
    .record({
      flags: fc.constantFrom(KSK, ZSK),
      algorithm: fc.constantFrom(13, 15),
      canSign: fc.boolean(),
      publish: time,
      activate: time,
      revoke: time,
      inactive: time,
      delete: time,
      syncPublish: time,
      syncDelete: time,
    })
    .map(({ flags, algorithm, canSign, ...times }) => {
      const known = Object.entries(times).filter(([, value]) => value !== undefined);
      return key(flags, Object.fromEntries(known), { algorithm, canSign });
    });
  fc.assert(
    fc.property(fc.array(anyKey, { maxLength: 5 }), (keys) => {
      let last = planTimedKeys(keys, -1);
      for (let now = 0; now <= 41; now++) {
        const next = planTimedKeys(keys, now);
        if (last.nextEvent === undefined || last.nextEvent > now) assert.deepEqual(next, last);
        const { dnskey, signsKeys, signsZone } = next.publication;
        for (const id of [...signsKeys, ...signsZone]) {
          assert.ok(dnskey.includes(id));
          assert.ok(keys.find((one) => one.id === id)!.canSign);
        }
        last = next;
      }
    }),
    { seed: 95 },
  );
});
