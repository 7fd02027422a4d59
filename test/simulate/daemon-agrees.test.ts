import assert from 'node:assert/strict';
import test from 'node:test';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { daemonEvents, simulatedEvents } from './daemon-events.ts';
import type { DaemonRun } from './daemon-events.ts';

const DAY = 86_400;
const START = Date.UTC(2027, 0, 1) / 1000;

const key = (role: PolicyKey['role'], days: number): PolicyKey => ({
  role,
  lifetime: days * DAY,
  algorithm: 13,
  bits: 256,
});

function policyOf(keys: readonly PolicyKey[], over: Partial<DnssecPolicy> = {}): DnssecPolicy {
  return { ...DEFAULT_POLICY, name: 'tested', keys, ...over };
}

const SPLIT = policyOf([key('ksk', 150), key('zsk', 60)]);
const COMBINED = policyOf([key('csk', 120)]);

const RUNS: Readonly<Record<string, DaemonRun>> = {
  'KSK and ZSK for a year': { policy: SPLIT, start: START, end: START + 365 * DAY },
  'CSK for a year': { policy: COMBINED, start: START, end: START + 365 * DAY },
  'KSK and ZSK, then a CSK of another algorithm': {
    policy: policyOf([key('ksk', 0), key('zsk', 0)]),
    start: START,
    end: START + 120 * DAY,
    change: { at: START + 20 * DAY, policy: policyOf([{ ...key('csk', 0), algorithm: 15 }], { name: 'other' }) },
  },
  'a CSK, then insecure': {
    policy: policyOf([key('csk', 0)]),
    start: START,
    end: START + 60 * DAY,
    change: { at: START + 20 * DAY, policy: { ...policyOf([]), name: 'insecure' } },
  },
};

for (const [name, run] of Object.entries(RUNS))
  test(`the daemon under a simulated clock has the events of the simulation: ${name}`, async () => {
    const real = await daemonEvents(run);
    const simulation = simulate({
      zone: 'example.',
      policy: run.policy,
      keys: [],
      asksParent: true,
      start: run.start,
      end: run.end,
      faults: [],
      policyChanges: run.change === undefined ? [] : [run.change],
      rollovers: [],
    });
    const simulated = simulatedEvents(simulation);
    assert.ok(simulated.length > 8, 'there is something to compare');
    assert.deepEqual(real, simulated);
    assert.ok(simulation.summary.isSound);
  });
