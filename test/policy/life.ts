import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import type { KeyWait } from '../../src/policy/key-wait.ts';
import type { KeyAction, Plan } from '../../src/policy/plan.ts';
import type { PlannedKey } from '../../src/policy/planned-key.ts';
import { noteDs, requestRollover } from '../../src/policy/requests.ts';
import type { RequestAnswer } from '../../src/policy/requests.ts';
import { SimulatedZone } from './simulated-zone.ts';

/** Unix seconds at which all lives begin. */
export const START = 1_795_250_000;

const MOST_EVENTS = 2000;

/** The life of a zone under policies, from event to event, written down with the seconds since the start. */
export class Life {
  readonly zone: SimulatedZone;
  policy: DnssecPolicy;
  /** Seconds since the start. */
  now = 0;
  /** The parent follows CDS at once, and somebody says so. */
  parentFollows = true;
  /** "910 K0 ds rumoured", "11370 K2 made for K1", "12000 K1 purged". */
  log: string[] = [];
  plan: Plan;

  constructor(policy: DnssecPolicy, keys: readonly PlannedKey[] = []) {
    this.policy = policy;
    this.zone = new SimulatedZone(keys);
    this.plan = this.look();
  }

  /** Plans and does what is due now; the parent follows. */
  look(): Plan {
    this.#run();
    for (const wait of this.plan.waits) {
      const what = this.parentFollows && DS_WAITS[wait.reason];
      if (what) this.command(noteDs(this.zone.keys, wait.key, what, START + this.now, START + this.now));
    }
    return this.#run();
  }

  #run(): Plan {
    const before = new Set(this.zone.keys.map(({ id }) => id));
    const { done, plan } = this.zone.run(this.policy, START + this.now);
    const made = this.zone.keys.filter(({ id }) => !before.has(id)).map(({ id }) => id);
    for (const action of done) this.log.push(...this.#linesOf(action, made));
    this.plan = plan;
    return plan;
  }

  #linesOf(action: KeyAction, made: string[]): string[] {
    switch (action.kind) {
      case 'generate': {
        const place = action.predecessor === undefined ? '' : ` for ${action.predecessor}`;
        return [`${this.now} ${made.shift()} made${place}`];
      }
      case 'adopt':
        return [`${this.now} ${action.key} adopted`];
      case 'purge':
        return [`${this.now} ${action.key} purged`];
      case 'update':
        return action.changes.map(({ record, to }) => `${this.now} ${action.key} ${record} ${to}`);
    }
  }

  /** Lives on from event to event, and ends at `to` seconds after the start. */
  advance(to: number): this {
    for (let events = 0; events < MOST_EVENTS; events++) {
      const next = this.plan.nextEvent;
      if (next === undefined || next - START > to) {
        this.now = to;
        this.look();
        return this;
      }
      this.now = next - START;
      this.look();
    }
    throw new Error(`${MOST_EVENTS} events took the zone no further than ${this.now} s`);
  }

  change(policy: DnssecPolicy): void {
    this.policy = policy;
    this.look();
  }

  command(answer: RequestAnswer): RequestAnswer {
    if (answer.kind === 'refused') return answer;
    const { key, times, state } = answer;
    this.zone.keys = this.zone.keys.map((one) => (one.id === key ? { ...one, times, state } : one));
    return answer;
  }

  /** `rndc dnssec -rollover`, `when` in seconds after the start. */
  roll(id: string, when = this.now): RequestAnswer {
    return this.command(requestRollover(this.policy, this.zone.keys, id, START + when, START + this.now));
  }

  key(id: string): PlannedKey {
    const found = this.zone.keys.find((key) => key.id === id);
    if (!found) throw new Error(`there is no key ${id}`);
    return found;
  }

  wait(id: string, record: KeyWait['record']): KeyWait | undefined {
    return this.plan.waits.find((wait) => wait.key === id && wait.record === record);
  }

  /** Lines of the log from `since` seconds on, without the leading times of keys that are of no interest. */
  lines(since: number): string[] {
    return this.log.filter((line) => Number(line.split(' ')[0]) >= since);
  }
}

const DS_WAITS: Readonly<Record<string, 'published' | 'withdrawn' | undefined>> = {
  'ds not seen at parent': 'published',
  'ds still at parent': 'withdrawn',
};
