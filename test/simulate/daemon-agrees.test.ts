import assert from 'node:assert/strict';
import test from 'node:test';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import type { Fault } from '../../src/simulate/fault.ts';
import { daemonEvents, publishTimes, simulatedEvents } from './daemon-events.ts';
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
  'a CSK, then KSK and ZSK with longer TTLs': {
    policy: policyOf([key('csk', 0)]),
    start: START,
    end: START + 120 * DAY,
    change: {
      at: START + 20 * DAY,
      policy: policyOf([key('ksk', 0), key('zsk', 30)], { name: 'other', dnskeyTtl: 7200, publishSafety: 7200 }),
    },
  },
  'a CSK, then insecure': {
    policy: policyOf([key('csk', 0)]),
    start: START,
    end: START + 60 * DAY,
    change: { at: START + 20 * DAY, policy: { ...policyOf([]), name: 'insecure' } },
  },
  'a server that is down while a ZSK should be replaced': {
    policy: SPLIT,
    start: START,
    end: START + 130 * DAY,
    down: { at: START + 59 * DAY, length: 4 * DAY },
  },
  'a server that is down while signatures should be replaced': {
    // Without jitter all signatures are as old as each other: those of the first ZSK are due on day 71.
    policy: policyOf([key('ksk', 0), key('zsk', 63)], { signaturesJitter: 0 }),
    start: START,
    end: START + 130 * DAY,
    down: { at: START + 71 * DAY, length: 4.5 * DAY },
  },
  'a server that is down while the DS of a KSK changes': {
    policy: SPLIT,
    start: START,
    end: START + 200 * DAY,
    down: { at: START + 150 * DAY + 600, length: 3 * DAY },
  },
  'a clock that is ahead for an hour while a ZSK is replaced': {
    policy: SPLIT,
    start: START,
    end: START + 130 * DAY,
    jump: { at: START + 60 * DAY - 3000, offset: 1800, length: 3600 },
  },
  'a clock that is behind for a day while a ZSK is replaced': {
    policy: SPLIT,
    start: START,
    end: START + 130 * DAY,
    jump: { at: START + 60 * DAY - 3000, offset: -2 * DAY, length: DAY },
  },
};

const NEW_ZONE = { zone: 'example.', keys: [], asksParent: true, faults: [], policyChanges: [], rollovers: [] };

function faultsOf({ down, jump }: DaemonRun): Fault[] {
  return [
    ...(down === undefined ? [] : [{ kind: 'daemon-down' as const, ...down }]),
    ...(jump === undefined ? [] : [{ kind: 'clock-jump' as const, ...jump }]),
  ];
}

for (const [name, run] of Object.entries(RUNS))
  test(`the daemon under a simulated clock has the events of the simulation: ${name}`, async () => {
    const real = await daemonEvents(run);
    const { policy, start, end } = run;
    const simulation = simulate({
      ...NEW_ZONE,
      policy,
      start,
      end,
      faults: faultsOf(run),
      policyChanges: run.change === undefined ? [] : [run.change],
    });
    const simulated = simulatedEvents(simulation);
    assert.ok(simulated.length > 8, 'there is something to compare');
    assert.deepEqual(real, simulated);
    assert.deepEqual(simulation.dangers, []);
  });

test('the daemon under a simulated clock renews signatures when the simulation does', async () => {
  // Jitter is random: without it all signatures of a round are due at once.
  const run = {
    policy: policyOf([key('ksk', 0), key('zsk', 0)], { signaturesJitter: 0 }),
    start: START,
    end: START + 100 * DAY,
  };
  const simulation = simulate({ ...NEW_ZONE, ...run });
  const published = await publishTimes(run);
  const rounds = simulation.rounds.filter(({ reason }) => reason === 'due');
  assert.ok(rounds.length > 15);
  for (const { from, records } of rounds)
    assert.ok(published.includes(from), `${records} at ${(from - START) / DAY} days`);
  // The rest: the first version, the CDS RRset, whose signature is younger, and the SOA's after it.
  const known = new Set([START, ...rounds.map(({ from }) => from)]);
  assert.ok(published.filter((at) => !known.has(at)).length <= rounds.length);
});
