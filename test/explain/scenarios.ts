import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { manualSteps } from '../../src/policy/key-wait.ts';
import { DrivenZone } from './driven-zone.ts';

/* Lives of zones in which every step of every record of a key is waited for. */

const HOUR = 3600;
const DAY = 24 * HOUR;
/** Unix seconds. */
export const START = 1_790_000_000;

const line = (role: PolicyKey['role'], lifetime: number, algorithm = 13): PolicyKey => ({
  role,
  lifetime,
  algorithm,
  bits: algorithm === 8 ? 2048 : 256,
});

const policy = (name: string, keys: readonly PolicyKey[]): DnssecPolicy => ({
  ...DEFAULT_POLICY,
  name,
  keys,
  purgeKeys: 90 * DAY,
});

const CSK = policy('csk', [line('csk', 0)]);
const SPLIT = policy('split', [line('ksk', 365 * DAY), line('zsk', 60 * DAY)]);
const STEADY = policy('steady', [line('ksk', 0), line('zsk', 0)]);
const ROLLING_CSK = policy('rolling', [line('csk', 120 * DAY)]);
const SHORT = policy('short', [line('csk', 10 * DAY)]);
const OTHER_ALGORITHM = policy('other', [line('csk', 0, 8)]);
const INSECURE = policy('insecure', []);
const manual = (of: DnssecPolicy): DnssecPolicy => ({ ...of, name: `manual ${of.name}`, manualMode: true });

export const POLICIES: readonly DnssecPolicy[] = [CSK, SPLIT, STEADY, ROLLING_CSK, SHORT, OTHER_ALGORITHM, INSECURE];

export interface Scenario {
  readonly title: string;
  readonly policy: DnssecPolicy;
  /** Days from the start, and what is done then. */
  readonly events: readonly (readonly [day: number, act: (zone: DrivenZone) => void])[];
  readonly days: number;
  /** Days that the parent takes to do what it is asked for; default 1. */
  readonly parentDays?: number;
}

/** Rolls a key in use over. @returns false when there is none, or the command is refused */
export function rollIfPossible(role: 'KSK' | 'ZSK' | 'CSK', zone: DrivenZone): boolean {
  const key = zone.keys.find(
    ({ state }) => state?.goal === 'omnipresent' && state.ksk === (role !== 'ZSK') && state.zsk === (role !== 'KSK'),
  );
  return key !== undefined && zone.command(`rndc dnssec -rollover -key ${key.tag} example.org`);
}

const roll = (role: 'KSK' | 'ZSK' | 'CSK') => (zone: DrivenZone) => {
  if (!rollIfPossible(role, zone)) throw new Error(`${role} of the scenario could not be rolled over`);
};

export const change = (to: DnssecPolicy) => (zone: DrivenZone) => {
  zone.policy = to;
};

export const SCENARIOS: readonly Scenario[] = [
  { title: 'KSK and ZSK with lifetimes', policy: SPLIT, events: [], days: 500 },
  { title: 'CSK with a lifetime', policy: ROLLING_CSK, events: [], days: 300 },
  { title: 'a parent that is slower than the lifetime', policy: SHORT, events: [], days: 120, parentDays: 15 },
  { title: 'ZSK rollover by command', policy: STEADY, events: [[10, roll('ZSK')]], days: 150 },
  { title: 'KSK rollover by command', policy: STEADY, events: [[10, roll('KSK')]], days: 150 },
  { title: 'CSK rollover by command', policy: CSK, events: [[10, roll('CSK')]], days: 150 },
  { title: 'another algorithm', policy: CSK, events: [[10, change(OTHER_ALGORITHM)]], days: 200 },
  { title: 'CSK to KSK and ZSK', policy: CSK, events: [[10, change(STEADY)]], days: 200 },
  { title: 'KSK and ZSK to CSK', policy: STEADY, events: [[10, change(CSK)]], days: 200 },
  { title: 'going insecure', policy: CSK, events: [[10, change(INSECURE)]], days: 200 },
  { title: 'going insecure with KSK and ZSK', policy: STEADY, events: [[10, change(INSECURE)]], days: 200 },
  { title: 'KSK and ZSK with lifetimes and an operator for each step', policy: manual(SPLIT), events: [], days: 400 },
  {
    title: 'another algorithm, and unsigned at last, with an operator for each step',
    policy: manual(CSK),
    events: [
      [10, change(manual(OTHER_ALGORITHM))],
      [100, change(manual(INSECURE))],
    ],
    days: 200,
  },
  {
    title: 'another policy in the middle of a rollover',
    policy: CSK,
    events: [
      [10, roll('CSK')],
      [11, change(OTHER_ALGORITHM)],
    ],
    days: 200,
  },
];

/** Steps of one life: each is an event, a command, or the next moment that the plan names. */
const MOST_STEPS = 400;

/**
 * Lives through a scenario. The parent does what the explanation asks for, a day late: `look` sees every condition on the way in which
 * nothing is due.
 */
export function live(scenario: Scenario, look: (zone: DrivenZone) => void): DrivenZone {
  const zone = new DrivenZone(scenario.policy, [], START);
  const { parentDays = 1 } = scenario;
  const end = START + scenario.days * DAY;
  const events = scenario.events.map(([day, act]) => ({ at: START + day * DAY, act }));
  for (let step = 0; step < MOST_STEPS && zone.now < end; step++) {
    const { nextEvent, waits } = zone.settle();
    look(zone);
    const isManual = manualSteps(waits).length > 0;
    const duty = zone.explain().parent;
    const command = [...duty.add, ...duty.remove].at(0)?.command;
    const next = Math.min(
      nextEvent ?? end,
      events.at(0)?.at ?? end,
      command === undefined ? end : zone.now + parentDays * DAY,
      isManual ? zone.now + DAY : end,
    );
    zone.advanceTo(Math.max(zone.now, next));
    if (events.length > 0 && events[0].at <= zone.now) events.shift()!.act(zone);
    else {
      if (command !== undefined && isStillWanted(zone, command)) zone.command(command);
      if (isManual) zone.command('rndc dnssec -step example.org');
    }
  }
  return zone;
}

function isStillWanted(zone: DrivenZone, command: string): boolean {
  const { add, remove } = zone.explain().parent;
  return [...add, ...remove].some((duty) => duty.command === command);
}
