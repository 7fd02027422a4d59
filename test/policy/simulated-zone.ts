import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { plan } from '../../src/policy/plan.ts';
import type { Observations } from '../../src/policy/observations.ts';
import type { KeyAction, Plan } from '../../src/policy/plan.ts';
import type { PlannedKey } from '../../src/policy/planned-key.ts';

/** The keys of a zone whose plan is carried out by the letter. */
export class SimulatedZone {
  keys: readonly PlannedKey[];
  #made = 0;

  constructor(keys: readonly PlannedKey[] = []) {
    this.keys = keys;
  }

  /** Plans and does it until nothing is left to do: keys that are made are linked to those that they replace. */
  run(policy: DnssecPolicy, now: number, observations: Observations = {}): { done: readonly KeyAction[]; plan: Plan } {
    const done: KeyAction[] = [];
    for (let round = 0; round < 4; round++) {
      const planned = plan(policy, this.keys, observations, now);
      if (planned.actions.length === 0) return { done, plan: planned };
      done.push(...planned.actions);
      this.keys = planned.actions.reduce((keys, action) => this.#apply(keys, action), this.keys);
    }
    throw new Error('every plan has something to do');
  }

  key(role: 'ksk' | 'zsk' | 'csk'): PlannedKey {
    const found = this.keys.find(({ state }) => state?.ksk === (role !== 'zsk') && state.zsk === (role !== 'ksk'));
    if (!found) throw new Error(`the zone has no ${role}`);
    return found;
  }

  #apply(keys: readonly PlannedKey[], action: KeyAction): readonly PlannedKey[] {
    if (action.kind === 'purge') return keys.filter((key) => key.id !== action.key);
    const { times, state } = action;
    if (action.kind !== 'generate') return keys.map((key) => (key.id === action.key ? { ...key, times, state } : key));
    const { algorithm, bits, role } = action.line;
    const id = `K${this.#made++}`;
    return [...keys, { id, tag: 1000 + this.#made, algorithm, bits, flags: role === 'zsk' ? 256 : 257, times, state }];
  }
}
