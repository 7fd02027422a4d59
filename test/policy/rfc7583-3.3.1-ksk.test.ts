import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteDs } from '../../src/policy/requests.ts';
import { Life, START } from './life.ts';
import { line, short } from './short-policy.ts';

/* RFC 7583 section 3.3.1: KSK rollover by double signature (and of CSKs, whose halves go apart). */

const KSK = short(line('ksk', 30_000), line('zsk'));
const CSK = short(line('csk', 30_000));
const YEAR = 365 * 86_400;

test('S-071 a KSK goes through its whole life at the moments at which BIND 9.18 moves it', () => {
  const life = new Life(KSK).advance(35_000);
  assert.deepEqual(life.lines(29_000), [
    '29370 K2 made for K0',
    '30000 K0 ds unretentive',
    '30000 K2 dnskey omnipresent',
    '30000 K2 krrsig omnipresent',
    '30000 K2 ds rumoured',
    '31020 K0 ds hidden',
    '31020 K0 dnskey unretentive',
    '31020 K0 krrsig unretentive',
    '31020 K2 ds omnipresent',
    '31540 K0 dnskey hidden',
    '31540 K0 krrsig hidden',
    '34540 K0 purged',
  ]);
  assert.equal(life.key('K2').times.syncPublish, START + 30_000);
});

test('S-072 the halves of a CSK go apart: key signatures with the DS, the DNSKEY with the last zone signature', () => {
  const life = new Life(CSK).advance(37_000);
  assert.deepEqual(life.lines(29_000), [
    '29370 K1 made for K0',
    '30000 K0 zrrsig unretentive',
    '30000 K0 ds unretentive',
    '30000 K1 dnskey omnipresent',
    '30000 K1 zrrsig rumoured',
    '30000 K1 krrsig omnipresent',
    '30000 K1 ds rumoured',
    '31020 K0 ds hidden',
    '31020 K0 krrsig unretentive',
    '31020 K1 ds omnipresent',
    '31540 K0 krrsig hidden',
    '35910 K0 dnskey unretentive',
    '35910 K0 zrrsig hidden',
    '35910 K1 zrrsig omnipresent',
    '36430 K0 dnskey hidden',
  ]);
});

for (const [name, policy] of [
  ['KSK', KSK],
  ['CSK', CSK],
] as const) {
  test(`S-071 S-072 a parent that does nothing for a year: the ${name} stays, signs, and no third one is made`, () => {
    const life = new Life(policy).advance(29_000);
    life.parentFollows = false;
    life.advance(29_000 + YEAR);
    const next = life.zone.keys.find(({ state }) => state?.predecessor !== undefined)!;
    const { dnskey, signsKeys } = life.plan.publication;
    for (const id of ['K0', next.id]) assert.ok(dnskey.includes(id) && signsKeys.includes(id));
    assert.equal(life.zone.keys.filter(({ state }) => state?.ksk).length, 2);
    assert.equal(life.wait('K0', 'ds')?.reason, 'ds still at parent');
    assert.equal(life.wait(next.id, 'ds')?.reason, 'ds not seen at parent');
    const due = life.wait(next.id, undefined);
    assert.deepEqual([due?.reason, due?.others, due?.until], ['rollover under way', ['K0'], undefined]);
  });
}

test('S-073 the DS of the new key and the end of the old one count apart: the one that is missing is named', () => {
  for (const [given, missing] of [
    ['published', 'ds still at parent'],
    ['withdrawn', 'ds not seen at parent'],
  ] as const) {
    const life = new Life(KSK).advance(29_999);
    life.parentFollows = false;
    life.advance(30_000);
    const id = given === 'published' ? 'K2' : 'K0';
    life.command(noteDs(life.zone.keys, id, given, START + 30_000, START + 30_000));
    life.look();
    life.advance(60_000);
    assert.ok(life.plan.publication.dnskey.includes('K0'));
    assert.ok(life.plan.waits.some(({ reason }) => reason === missing));
    assert.ok(!life.lines(30_001).some((text) => text.startsWith('K0 dnskey')));
  }
});

test('S-084 a CSK of unlimited lifetime rolls at a command; a second command is refused while it does', () => {
  const life = new Life(short(line('csk'))).advance(5000);
  assert.equal(life.roll('K0').kind, 'accepted');
  life.look();
  assert.deepEqual([life.key('K0').times.inactive, life.key('K0').times.delete], [START + 5630, START + 11_540]);
  assert.equal(life.key('K0').state?.lifetime, 0);
  assert.deepEqual(life.roll('K0'), { kind: 'refused', refusal: { reason: 'rollover under way', others: ['K1'] } });
  assert.deepEqual(life.roll('K1'), { kind: 'refused', refusal: { reason: 'not active' } });
  life.advance(6000);
  assert.deepEqual(life.roll('K1'), { kind: 'refused', refusal: { reason: 'rollover under way', others: ['K0'] } });
  life.advance(13_000);
  assert.equal(life.roll('K1').kind, 'accepted');
});

test('the DS of a key that nobody has seen does not end: a sight of the parent without it counts once another is known', () => {
  const life = new Life(KSK);
  life.parentFollows = false;
  life.advance(30_000);
  // In the second in which its CDS goes it is not known which was first.
  const early = new Map([['K0', START + 30_000]]);
  const gone = new Map([['K0', START + 30_050]]);
  assert.equal(life.zone.run(KSK, START + 30_100, { dsGone: gone }).done.length, 0);
  const seen = new Map([['K2', START + 30_200]]);
  life.zone.run(KSK, START + 30_200, { dsSeen: seen, dsGone: gone });
  assert.equal(life.key('K0').times.dsRemoved, undefined);
  life.zone.run(KSK, START + 31_220, { dsSeen: seen, dsGone: early });
  assert.deepEqual([life.key('K2').state?.ds, life.key('K0').times.dsRemoved], ['omnipresent', undefined]);
  life.zone.run(KSK, START + 31_220, { dsSeen: seen, dsGone: gone });
  assert.deepEqual([life.key('K2').state?.ds, life.key('K0').times.dsRemoved], ['omnipresent', START + 30_050]);
});
