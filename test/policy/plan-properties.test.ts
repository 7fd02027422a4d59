import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../src/base/clock.ts';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { dnskeyInterval, zoneSignatureInterval } from '../../src/conf/policy-intervals.ts';
import { plan } from '../../src/policy/plan.ts';
import type { StateChange } from '../../src/policy/plan.ts';
import { changeOf, KEY_RECORDS } from '../../src/policy/planned-key.ts';
import type { PlannedKey } from '../../src/policy/planned-key.ts';
import { SimulatedZone } from './simulated-zone.ts';

const START = 1_795_250_000;

const keySets: readonly (readonly PolicyKey[])[] = [
  [{ role: 'csk', lifetime: 0, algorithm: 13, bits: 256 }],
  [
    { role: 'ksk', lifetime: 0, algorithm: 8, bits: 2048 },
    { role: 'zsk', lifetime: 90 * 86_400, algorithm: 8, bits: 1024 },
  ],
  [
    { role: 'csk', lifetime: 365 * 86_400, algorithm: 13, bits: 256 },
    { role: 'csk', lifetime: 0, algorithm: 15, bits: 256 },
  ],
];

const seconds = fc.nat(200_000);
const policies: fc.Arbitrary<DnssecPolicy> = fc
  .record({
    keys: fc.constantFrom(...keySets),
    dnskeyTtl: seconds,
    publishSafety: seconds,
    retireSafety: seconds,
    zonePropagationDelay: seconds,
    maxZoneTtl: seconds,
    parentDsTtl: seconds,
    parentPropagationDelay: seconds,
  })
  .map((fields) => ({ ...DEFAULT_POLICY, ...fields }));

/** Keys from elsewhere that the zone may hold before. */
const foreign: fc.Arbitrary<PlannedKey[]> = fc
  .array(
    fc.record({
      algorithm: fc.constantFrom(8, 13, 15),
      bits: fc.constantFrom(256, 1024, 2048),
      flags: fc.constantFrom(256, 257),
      times: fc.record(
        { publish: fc.integer({ min: -300_000, max: 300_000 }), activate: fc.integer({ min: -300_000, max: 300_000 }) },
        { requiredKeys: [] },
      ),
    }),
    { maxLength: 3 },
  )
  .map((keys) =>
    keys.map(({ times, ...key }, i) => ({
      ...key,
      id: `foreign${i}`,
      tag: i,
      times: Object.fromEntries(Object.entries(times).map(([name, offset]) => [name, START + offset])),
    })),
  );

/** Times to look at the zone, as steps from one to the next. */
const steps = fc.array(fc.nat(100_000), { minLength: 1, maxLength: 15 });

test('a plan that was carried out leaves nothing to do, whatever the keys and the time', () => {
  fc.assert(
    fc.property(policies, foreign, steps, (policy, keys, waits) => {
      const zone = new SimulatedZone(keys);
      let now = START;
      for (const wait of waits) {
        assert.deepEqual(zone.run(policy, now).plan.actions, []);
        now += wait;
      }
    }),
  );
});

test('each record goes one step of its circle at a time, and changes are never in the future', async () => {
  await fc.assert(
    fc.asyncProperty(policies, foreign, steps, async (policy, keys, waits) => {
      const zone = new SimulatedZone(keys);
      const clock = new SimulatedClock(START);
      for (const wait of waits) {
        const { done } = zone.run(policy, clock.now());
        for (const action of done)
          if (action.kind === 'update') for (const change of action.changes) assertStep(change);
        for (const { state = {} } of zone.keys)
          for (const record of KEY_RECORDS) assert.ok((changeOf(state, record) ?? START) <= clock.now());
        await clock.advance(wait);
      }
    }),
  );
});

const STEPS = ['hidden rumoured', 'rumoured omnipresent', 'rumoured unretentive', 'omnipresent unretentive'];

function assertStep({ record, from, to }: StateChange): void {
  assert.ok([...STEPS, 'unretentive hidden'].includes(`${from} ${to}`), `${record} ${from} ${to}`);
}

test('the next event is when something happens, and nothing happens before', () => {
  fc.assert(
    fc.property(policies, (policy) => {
      const zone = new SimulatedZone();
      let now = START;
      for (let events = 0; events < 20; events++) {
        const { nextEvent } = zone.run(policy, now).plan;
        if (nextEvent === undefined) return;
        assert.ok(nextEvent > now);
        assert.deepEqual(plan(policy, zone.keys, {}, nextEvent - 1).actions, []);
        // A rollover may be due and find another under way.
        assert.notDeepEqual(plan(policy, zone.keys, {}, nextEvent), plan(policy, zone.keys, {}, nextEvent - 1));
        now = nextEvent;
      }
    }),
  );
});

test('CDS is never shown before every cache has the DNSKEY RRset and signed data', () => {
  fc.assert(
    fc.property(policies, steps, (policy, waits) => {
      const zone = new SimulatedZone();
      let now = START;
      for (const wait of waits) {
        const { publication } = zone.run(policy, now).plan;
        const safe = START + Math.max(dnskeyInterval(policy), zoneSignatureInterval(policy));
        assert.equal(publication.sync.length > 0, now >= safe);
        now += wait;
      }
    }),
  );
});

test('every algorithm in the DNSKEY RRset of a zone signs all of it, whatever keys the policy finds', () => {
  fc.assert(
    fc.property(policies, steps, (policy, waits) => {
      const zone = new SimulatedZone();
      let now = START;
      for (const wait of waits) {
        const { publication } = zone.run(policy, now).plan;
        const algorithms = (ids: readonly string[]): Set<number> =>
          new Set(zone.keys.filter(({ id }) => ids.includes(id)).map(({ algorithm }) => algorithm));
        for (const algorithm of algorithms(publication.dnskey)) {
          assert.ok(algorithms(publication.signsKeys).has(algorithm));
          assert.ok(algorithms(publication.signsZone).has(algorithm));
        }
        for (const { algorithm } of policy.keys) assert.ok(algorithms(publication.dnskey).has(algorithm));
        now += wait;
      }
    }),
  );
});
