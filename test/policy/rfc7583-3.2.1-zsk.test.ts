import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Life, START } from './life.ts';
import { line, short } from './short-policy.ts';

/* RFC 7583 section 3.2.1: ZSK rollover by pre-publication. */

const POLICY = short(line('ksk'), line('zsk', 12_000));

test('S-069 S-070 a ZSK goes through its whole life at the moments at which BIND 9.18 moves it', () => {
  const life = new Life(POLICY).advance(22_000);
  assert.deepEqual(life.lines(11_000), [
    '11370 K2 made for K1',
    '12000 K1 zrrsig unretentive',
    '12000 K2 dnskey omnipresent',
    '12000 K2 zrrsig rumoured',
    '17910 K1 dnskey unretentive',
    '17910 K1 zrrsig hidden',
    '17910 K2 zrrsig omnipresent',
    '18430 K1 dnskey hidden',
    '21430 K1 purged',
  ]);
});

test('S-082 successor and predecessor know each other, and their times meet', () => {
  const life = new Life(POLICY).advance(11_400);
  const [old, next] = [life.key('K1'), life.key('K2')];
  assert.deepEqual([old.state?.successor, next.state?.predecessor], [next.tag, old.tag]);
  assert.deepEqual([old.state?.goal, next.state?.goal], ['hidden', 'omnipresent']);
  const at = (offset: number): number => START + offset;
  assert.deepEqual(next.times, {
    created: at(11_370),
    publish: at(11_370),
    activate: at(12_000),
    inactive: at(24_000),
    delete: at(29_910),
  });
  assert.equal(old.times.inactive, next.times.activate);
});

test('the zone is signed by one ZSK at any time, and both are published while caches may need them', () => {
  const life = new Life(POLICY);
  for (const [until, dnskey, signsZone] of [
    [11_369, ['K0', 'K1'], ['K1']],
    [11_999, ['K0', 'K1', 'K2'], ['K1']],
    [17_909, ['K0', 'K1', 'K2'], ['K2']],
    [22_000, ['K0', 'K2'], ['K2']],
  ] as const) {
    const { publication } = life.advance(until).plan;
    assert.deepEqual([publication.dnskey, publication.signsZone], [dnskey, signsZone], `${until}`);
  }
});

test('a rollover that the server slept over begins when it wakes, and gives caches their time', () => {
  const life = new Life(POLICY).advance(5000);
  life.now = 14_000;
  life.look();
  assert.equal(life.key('K2').times.activate, START + 14_630);
  assert.deepEqual(life.plan.publication.signsZone, ['K1']);
  life.advance(21_000);
  assert.deepEqual(life.lines(14_000).slice(0, 4), [
    '14000 K2 made for K1',
    '14630 K1 zrrsig unretentive',
    '14630 K2 dnskey omnipresent',
    '14630 K2 zrrsig rumoured',
  ]);
});

test('100 rollovers in a row: the DNSKEY RRset never has more than one ZSK too many', () => {
  const life = new Life(POLICY);
  for (let end = 6000; end < 100 * 12_000; end += 6000) {
    const { dnskey } = life.advance(end).plan.publication;
    assert.ok(dnskey.length <= 3);
  }
  assert.equal(life.log.filter((text) => text.includes('made for')).length, 99);
});

test('S-083 a ZSK of unlimited lifetime rolls at a command, at once or later, with the times of BIND', () => {
  const life = new Life(short(line('ksk'), line('zsk'))).advance(5000);
  assert.equal(life.roll('K1', 8000).kind, 'accepted');
  assert.deepEqual(life.key('K1').times.inactive, START + 8630);
  assert.deepEqual(life.key('K1').times.delete, START + 14_540);
  life.look();
  life.advance(16_000);
  assert.deepEqual(life.lines(5001).slice(0, 4), [
    '8000 K2 made for K1',
    '8630 K1 zrrsig unretentive',
    '8630 K2 dnskey omnipresent',
    '8630 K2 zrrsig rumoured',
  ]);
  assert.deepEqual(life.key('K2').times.inactive, undefined);
});

test('a key whose files say that they were made for another takes its place after a crash between the two', () => {
  const life = new Life(POLICY).advance(11_400);
  // The predecessor was not written yet.
  const before = new Life(POLICY).advance(11_000).key('K1');
  life.zone.keys = life.zone.keys.map((key) => (key.id === 'K1' ? before : key));
  life.look();
  assert.deepEqual(life.key('K1').state?.goal, 'hidden');
  assert.equal(life.zone.keys.length, 3);
});

test('a tag that comes again after purge-keys makes no key a predecessor', () => {
  const life = new Life(POLICY).advance(22_000);
  const [last] = life.zone.keys.filter(({ state }) => state?.zsk);
  assert.equal(last.state?.predecessor, 1002);
  const zone = life.advance(23_400).zone;
  zone.keys = zone.keys.map((key) => (key.id === 'K3' ? { ...key, tag: 1002 } : key));
  life.advance(34_000);
  assert.equal(life.key('K3').state?.goal, 'omnipresent');
});
