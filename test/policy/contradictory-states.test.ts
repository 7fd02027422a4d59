import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plan } from '../../src/policy/plan.ts';
import { conditionOf, isKnown } from '../../src/policy/planned-key.ts';
import type { Condition, PlannedKey, PlannedState } from '../../src/policy/planned-key.ts';
import { Life, START } from './life.ts';
import { line, short } from './short-policy.ts';

/* Key files that contradict each other: from a backup, a hand that was wrong, or a server that died. */

const CONDITIONS: readonly Condition[] = ['hidden', 'rumoured', 'omnipresent', 'unretentive'];
const condition = fc.constantFrom(...CONDITIONS, undefined);
/** Seconds beside the start: clocks have been wrong, too. */
const moment = fc.oneof(
  fc.integer({ min: -40_000, max: 5000 }).map((offset) => START + offset),
  fc.constantFrom(undefined, 0, 4_000_000_000),
);

/** What an operator says of the parent is believed, whenever that is. */
const past = fc.option(
  fc.nat(40_000).map((before) => START - before),
  { nil: undefined },
);

const states: fc.Arbitrary<PlannedState> = fc
  .record({
    goal: fc.constantFrom('omnipresent' as const, 'hidden' as const, undefined),
    lifetime: fc.constantFrom(0, 12_000, undefined),
    dnskey: condition,
    zrrsig: condition,
    krrsig: condition,
    ds: condition,
    dnskeyChange: moment,
    zrrsigChange: moment,
    krrsigChange: moment,
    dsChange: moment,
    predecessor: fc.constantFrom(undefined, undefined, 0, 1, 2, 3),
    successor: fc.constantFrom(undefined, undefined, 0, 1, 2, 3),
    role: fc.constantFrom('ksk', 'zsk', 'csk', undefined),
  })
  .map(({ role, ...state }) => ({ ...state, ...(role && { ksk: role !== 'zsk', zsk: role !== 'ksk' }) }));

const keys: fc.Arbitrary<PlannedKey[]> = fc
  .array(
    fc.record({
      algorithm: fc.constantFrom(13, 15),
      flags: fc.constantFrom(256, 257),
      times: fc.record({
        created: moment,
        publish: moment,
        activate: moment,
        inactive: moment,
        delete: moment,
        dsPublish: past,
        dsRemoved: past,
      }),
      state: fc.option(states, { nil: undefined }),
    }),
    { maxLength: 4 },
  )
  .map((list) => list.map((key, tag) => plannedKey(tag, key)));

function plannedKey(tag: number, { state, times, ...key }: Omit<PlannedKey, 'id' | 'tag' | 'bits'>): PlannedKey {
  return {
    id: `B${tag}`,
    tag,
    bits: 256,
    ...key,
    times: withoutUnset(times),
    ...(state && { state: withoutUnset(state) }),
  };
}

function withoutUnset<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const policies = fc.constantFrom(
  short(line('csk')),
  short(line('ksk'), line('zsk')),
  short(line('csk', 0, 15)),
  short(line('csk'), line('csk', 0, 15)),
);

test('whatever key files say, the zone comes to what its policy wants in a bounded number of steps', () => {
  fc.assert(
    fc.property(policies, keys, (policy, found) => {
      const life = new Life(policy, found).advance(400_000);
      const shown = life.zone.keys.filter(({ id }) => life.plan.publication.dnskey.includes(id));
      assert.ok(shown.every(({ state }) => state?.goal === 'omnipresent'));
      assert.deepEqual(shown.length, policy.keys.length);
      for (const { state = {} } of shown)
        for (const record of ['dnskey', 'zrrsig', 'krrsig', 'ds'] as const)
          assert.ok(state[record] === 'omnipresent' || !hasRecord(state, record), record);
    }),
    { numRuns: 300 },
  );
});

function hasRecord({ ksk, zsk }: PlannedState, record: 'dnskey' | 'zrrsig' | 'krrsig' | 'ds'): boolean {
  if (record === 'dnskey') return true;
  return record === 'zrrsig' ? zsk === true : ksk === true;
}

test('the last key that resolvers can trust stays published and signs until another has its place', () => {
  const trusted = (key: PlannedKey): boolean =>
    isKnown(conditionOf(key, 'ds')) && key.state?.dnskey === 'omnipresent' && key.state.krrsig === 'omnipresent';
  fc.assert(
    fc.property(policies, keys, fc.array(fc.nat(9000), { maxLength: 12 }), (policy, found, waits) => {
      const life = new Life(policy, found);
      life.parentFollows = false;
      for (const wait of waits) {
        const before = life.zone.keys.filter(trusted).map(({ id }) => id);
        life.advance(life.now + wait);
        const { dnskey, signsKeys } = life.plan.publication;
        if (before.length > 0)
          assert.ok(life.zone.keys.some(({ id }) => dnskey.includes(id) && signsKeys.includes(id)));
        for (const key of life.zone.keys.filter(trusted)) assert.ok(dnskey.includes(key.id), key.id);
      }
    }),
    { numRuns: 300 },
  );
});

test('a plan never changes before its next event, and its waits end when they say', () => {
  fc.assert(
    fc.property(policies, keys, (policy, found) => {
      const life = new Life(policy, found);
      for (let events = 0; events < 30; events++) {
        const { nextEvent, waits } = life.plan;
        for (const { until, interval } of waits) {
          if (until === undefined || interval === undefined) continue;
          assert.equal(
            interval.parts.reduce((sum, { seconds }) => sum + seconds, interval.since),
            until,
          );
        }
        if (nextEvent === undefined || nextEvent > START + 10 ** 8) return;
        assert.deepEqual(plan(policy, life.zone.keys, {}, nextEvent - 1).actions, []);
        life.now = nextEvent - START;
        life.look();
      }
    }),
    { numRuns: 300 },
  );
});

test('a key that is in use and is to begin later by its times gets one successor, not one with each plan', () => {
  const state: PlannedState = { goal: 'omnipresent', lifetime: 0, zrrsig: 'omnipresent', ksk: true, zsk: true };
  const times = { activate: START + 631, inactive: START, delete: START };
  const life = new Life(short(line('csk')), [{ id: 'B0', tag: 0, bits: 256, algorithm: 13, flags: 256, times, state }]);
  life.advance(1000);
  assert.deepEqual(
    life.zone.keys.map(({ id }) => id),
    ['B0', 'K0'],
  );
});

test('RFC 2308 a key that is shown though its Publish time is to come gets its DS: the zone has DNSKEYs since it is shown', () => {
  const state: PlannedState = { goal: 'omnipresent', dnskey: 'unretentive', ksk: true, zsk: true };
  const times = { created: START, publish: 4_000_000_000, inactive: START };
  const life = new Life(short(line('csk')), [{ id: 'B0', tag: 0, bits: 256, algorithm: 13, flags: 256, times, state }]);
  life.advance(100_000);
  assert.equal(life.key('B0').state?.ds, 'omnipresent');
});

test('a moment in the future, from a clock that was wrong, counts as now', () => {
  const life = new Life(short(line('csk')));
  const [key] = life.zone.keys;
  const far = START + 10 ** 8;
  life.zone.keys = [{ ...key, state: { ...key.state, dnskeyChange: far, krrsigChange: far, zrrsigChange: far } }];
  life.look();
  assert.equal(life.plan.nextEvent, START + 630);
});
