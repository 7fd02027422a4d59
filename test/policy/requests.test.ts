import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteDs, requestRollover, selectKey } from '../../src/policy/requests.ts';
import { Life, START } from './life.ts';
import { line, short } from './short-policy.ts';

/* What commands of an operator come to. */

const POLICY = short(line('ksk'), line('zsk'));

test('S-081 a key is selected by tag and algorithm; without them only where one fits', () => {
  const { keys } = new Life(short(line('csk'), line('csk', 0, 15))).zone;
  assert.deepEqual(selectKey(keys, {}, 'ksk'), { kind: 'ambiguous', candidates: keys });
  assert.deepEqual(selectKey(keys, { algorithm: 15 }, 'ksk'), { kind: 'found', key: keys[1] });
  assert.deepEqual(selectKey(keys, { tag: keys[0].tag }, 'ksk'), { kind: 'found', key: keys[0] });
  assert.deepEqual(selectKey(keys, { tag: keys[0].tag, algorithm: 15 }, 'ksk'), { kind: 'none' });
  const split = new Life(POLICY).zone.keys;
  assert.deepEqual(selectKey(split, {}, 'ksk'), { kind: 'found', key: split[0] });
  assert.deepEqual(selectKey(split, { tag: split[1].tag }, 'ksk'), { kind: 'none' });
  assert.deepEqual(selectKey(split, {}, 'any').kind, 'ambiguous');
});

test('S-079 S-080 what is said of the parent is noted; what is said last counts', () => {
  const life = new Life(POLICY).advance(5000);
  const note = (what: 'published' | 'withdrawn', when: number): void => {
    assert.equal(life.command(noteDs(life.zone.keys, 'K0', what, START + when, START + life.now)).kind, 'accepted');
  };
  note('withdrawn', 4000);
  assert.deepEqual([life.key('K0').state?.ds, life.key('K0').times.dsRemoved], ['unretentive', START + 4000]);
  note('published', 3000);
  const { dsPublish, dsRemoved } = life.key('K0').times;
  assert.deepEqual([life.key('K0').state?.ds, dsPublish, dsRemoved], ['rumoured', START + 3000, undefined]);
  // BIND 9.18: said again of a DS that is known, it has to spread again.
  note('published', 5000);
  life.look();
  assert.equal(life.plan.nextEvent, START + 6020);
});

test('a moment in the future is waited for', () => {
  const life = new Life(POLICY);
  life.parentFollows = false;
  life.advance(910);
  life.command(noteDs(life.zone.keys, 'K0', 'published', START + 9000, START + 910));
  life.look();
  assert.equal(life.plan.nextEvent, START + 10_020);
});

test('a key without DS, an unknown key and one that no policy manages are refused', () => {
  const foreign = { id: 'F', tag: 5, algorithm: 13, bits: 256, flags: 257, times: {} };
  const keys = [...new Life(POLICY).zone.keys, foreign];
  const noted = (id: string): unknown => noteDs(keys, id, 'published', START, START);
  const rolled = (id: string): unknown => requestRollover(POLICY, keys, id, START, START);
  assert.deepEqual(noted('K1'), { kind: 'refused', refusal: { reason: 'not a KSK' } });
  assert.deepEqual(noted('none'), { kind: 'refused', refusal: { reason: 'no such key' } });
  assert.deepEqual(noted('F'), { kind: 'refused', refusal: { reason: 'not managed' } });
  assert.deepEqual(rolled('F'), { kind: 'refused', refusal: { reason: 'not managed' } });
  assert.deepEqual(rolled('none'), { kind: 'refused', refusal: { reason: 'no such key' } });
});

test('S-083 a later moment puts a rollover off, an earlier one brings it forward', () => {
  const life = new Life(short(line('ksk'), line('zsk', 12_000))).advance(5000);
  life.roll('K1', 20_000);
  life.look();
  assert.deepEqual([life.wait('K1', undefined)?.until, life.wait('K1', undefined)?.reason], [START + 20_000, 'time']);
  life.roll('K1', 6000);
  life.look();
  assert.equal(life.plan.nextEvent, START + 6000);
  life.advance(6000);
  assert.ok(life.log.includes('6000 K2 made for K1'));
});
