import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { explainZone } from '../../src/explain/explain-zone.ts';
import type { Explanation } from '../../src/explain/explanation.ts';
import { manualSteps, stepName } from '../../src/policy/key-wait.ts';
import { type KeyAction, type Plan, plan } from '../../src/policy/plan.ts';
import type { PlannedKey } from '../../src/policy/planned-key.ts';
import { noteDs, requestRollover, selectKey } from '../../src/policy/requests.ts';
import { mustName } from '../../src/wire/name-text.ts';

export const APEX = mustName('example.org.');

/** Rounds of planning at one moment: a plan whose actions are done has none. */
const MOST_ROUNDS = 10;

/** A zone that does what its plans say, and what a person reads in its explanations. */
export class DrivenZone {
  policy: DnssecPolicy;
  keys: readonly PlannedKey[];
  /** Unix seconds. */
  now: number;
  #made: number;

  constructor(policy: DnssecPolicy, keys: readonly PlannedKey[], now: number, made = 0) {
    this.policy = policy;
    this.keys = keys;
    this.now = now;
    this.#made = made;
  }

  /** Another zone in the same condition. */
  copy(): DrivenZone {
    return new DrivenZone(this.policy, this.keys, this.now, this.#made);
  }

  /** Does all that is due. @returns the plan that is left: without actions */
  settle(allowedSteps: ReadonlySet<string> = new Set()): Plan {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const planned = plan(this.policy, this.keys, { allowedSteps }, this.now);
      if (planned.actions.length === 0) return planned;
      for (const action of planned.actions) this.#apply(action);
    }
    throw new Error(`there are still actions after ${MOST_ROUNDS} plans`);
  }

  advanceTo(now: number): Plan {
    this.now = now;
    return this.settle();
  }

  explain(): Explanation {
    const { policy, keys, now } = this;
    return explainZone({ apex: APEX, view: '_default', policy, keys, plan: this.settle(), observations: {}, now });
  }

  /** What rndc would have named do. @returns false when the command is refused */
  command(text: string): boolean {
    const words = text.split(' ');
    if (words.includes('-step')) {
      this.settle(new Set(manualSteps(this.settle().waits).map(stepName)));
      return true;
    }
    const tag = Number(words[words.indexOf('-key') + 1]);
    const algorithm = words.includes('-alg') ? Number(words[words.indexOf('-alg') + 1]) : undefined;
    const selected = selectKey(this.keys, { tag, ...(algorithm !== undefined && { algorithm }) }, 'any');
    if (selected.kind !== 'found') throw new Error(`${text}: ${selected.kind}`);
    const { id } = selected.key;
    const what = words.includes('published') ? 'published' : 'withdrawn';
    const answer = words.includes('-rollover')
      ? requestRollover(this.policy, this.keys, id, this.now, this.now)
      : noteDs(this.keys, id, what, this.now, this.now);
    if (answer.kind === 'refused') return false;
    const { times, state } = answer;
    this.keys = this.keys.map((key) => (key.id === id ? { ...key, times, state } : key));
    this.settle();
    return true;
  }

  #apply(action: KeyAction): void {
    if (action.kind === 'purge') {
      this.keys = this.keys.filter(({ id }) => id !== action.key);
      return;
    }
    const { times, state } = action;
    if (action.kind !== 'generate') {
      this.keys = this.keys.map((key) => (key.id === action.key ? { ...key, times, state } : key));
      return;
    }
    const { algorithm, bits, role } = action.line;
    const predecessor = this.keys.find(({ id }) => id === action.predecessor)?.tag;
    const number = ++this.#made;
    const made: PlannedKey = {
      id: `Kexample.org.+${String(algorithm).padStart(3, '0')}+${String(1000 + number).padStart(5, '0')}`,
      tag: 1000 + number,
      algorithm,
      bits,
      flags: role === 'zsk' ? 256 : 257,
      times,
      state: { ...state, ...(predecessor !== undefined && { predecessor }) },
    };
    this.keys = [...this.keys, made];
  }
}
