import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { parseFault } from '../../src/simulate/fault.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { timelineJson } from '../../src/simulate/timeline-json.ts';
import { timelineSvg } from '../../src/simulate/timeline-svg.ts';
import { timelineText } from '../../src/simulate/timeline-text.ts';
import { DAY, INSECURE, line, policyOf, scenario, START } from './scenarios.ts';

const HOUR = 3600;

const seconds = (least: number, most: number): fc.Arbitrary<number> => fc.integer({ min: least, max: most });
const algorithm = fc.constantFrom(8, 13, 15);

/** Policies with intervals from minutes to weeks; lifetimes are long enough for a rollover. */
const policies: fc.Arbitrary<DnssecPolicy> = fc
  .record({
    kind: fc.constantFrom('split', 'csk', 'insecure'),
    algorithm,
    ksk: fc.constantFrom(0, 120, 200),
    zsk: fc.constantFrom(0, 60, 90),
    dnskeyTtl: seconds(0, 2 * DAY),
    maxZoneTtl: seconds(0, 7 * DAY),
    parentDsTtl: seconds(0, 7 * DAY),
    zonePropagationDelay: seconds(0, DAY),
    parentPropagationDelay: seconds(0, DAY),
    publishSafety: seconds(0, DAY),
    retireSafety: seconds(0, DAY),
    signaturesJitter: seconds(0, 2 * DAY),
    purgeKeys: fc.constantFrom(0, DAY, 90 * DAY),
  })
  .map(({ kind, algorithm: number, ksk, zsk, ...over }) => {
    if (kind === 'insecure') return { ...INSECURE, ...over };
    const keys = kind === 'csk' ? [line('csk', ksk, number)] : [line('ksk', ksk, number), line('zsk', zsk, number)];
    return policyOf(kind, keys, over);
  });

const faults = fc.array(
  fc
    .tuple(
      fc.constantFrom(
        'parent-late=40d',
        'parent-never',
        'parent-flaps=1dx2',
        'daemon-down=9d',
        'clock-jump=+3d/2h',
        'clock-jump=-3d/9d',
        'slow-secondary=9h',
        'ds-ttl=9d',
        'zone-ttl=9d',
      ),
      seconds(0, 300),
    )
    .map(([fault, day]) => parseFault(`${fault}@+${day}d`, START)),
  { maxLength: 4 },
);

const scenarios = fc
  .record({
    policy: policies,
    faults,
    changes: fc.array(fc.tuple(seconds(1, 300 * 24), policies), { maxLength: 2 }),
    rollovers: fc.array(fc.tuple(seconds(1, 300 * 24), fc.constantFrom('ksk', 'zsk', 'csk')), { maxLength: 2 }),
  })
  .map(({ policy, faults: list, changes, rollovers }) =>
    scenario(policy, 320, {
      faults: list,
      policyChanges: changes
        .map(([hour, other]) => ({ at: START + hour * HOUR, policy: other }))
        .toSorted((a, b) => a.at - b.at),
      rollovers: rollovers.map(([hour, role]) => ({ at: START + hour * HOUR, role: role as 'ksk' })),
    }),
  );

test('any scenario comes to its end, in order of time, and can be shown in every form', () => {
  fc.assert(
    fc.property(scenarios, (one) => {
      const simulation = simulate(one);
      const times = simulation.steps.map(({ at }) => at);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
      assert.ok(times.every((at) => at >= one.start && at <= one.end));
      const forms = [
        timelineText(simulation, { withRounds: true }),
        JSON.stringify(timelineJson(simulation)),
        timelineSvg(simulation),
      ];
      for (const form of forms) assert.ok(!/NaN|Infinity|undefined/.test(form));
      for (const { records } of simulation.keys)
        for (const spans of Object.values(records))
          assert.ok(spans.every(({ from }, i) => i === 0 || from > spans[i - 1].from));
      assert.equal(simulation.summary.isSound, simulation.dangers.length + simulation.stuck.length === 0);
    }),
    { numRuns: 150 },
  );
});

test('the same scenario comes to the same end', () => {
  fc.assert(
    fc.property(scenarios, (one) => {
      assert.deepEqual(timelineJson(simulate(one)), timelineJson(simulate(one)));
    }),
    { numRuns: 20 },
  );
});

test('without faults no policy is ever bogus, whatever it changes to', () => {
  fc.assert(
    fc.property(scenarios, (one) => {
      const { dangers } = simulate({ ...one, faults: [] });
      assert.deepEqual(dangers, []);
    }),
    { numRuns: 200 },
  );
});

test('a policy with too much to simulate is refused by name', () => {
  const hasty = policyOf('hasty', [line('ksk', 0), { role: 'zsk', lifetime: 60, algorithm: 13, bits: 256 }], {
    dnskeyTtl: 1,
    maxZoneTtl: 1,
    zonePropagationDelay: 1,
    publishSafety: 1,
    retireSafety: 1,
    signaturesValidity: 20,
    signaturesValidityDnskey: 20,
    signaturesRefresh: 10,
    signaturesJitter: 0,
  });
  assert.throws(() => simulate(scenario(hasty, 365)), {
    code: 'SIMULATION_LONG',
    message: /^example\.: there is too much to simulate/,
  });
});
