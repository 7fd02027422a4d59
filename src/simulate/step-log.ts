import type { KeyWait } from '../policy/key-wait.ts';
import type { KeyRecord } from '../policy/planned-key.ts';
import type { Reason, Step, Wait } from './simulation.ts';

type WithoutTime<T> = T extends unknown ? Omit<T, 'at'> : never;

/** Steps with their reasons: what the planner said it waits for explains the step that ends the waiting. */
export class StepLog {
  readonly steps: Step[] = [];
  /** The longest time that a step waited for something outside. */
  longest: (Wait & { until: number | undefined }) | undefined;
  #longest = -1;
  #waits = new Map<string, Wait>();

  add(at: number, step: WithoutTime<Step>): void {
    this.steps.push({ at, ...step });
  }

  /** What is waited for now. A wait that was there before goes on, whatever its reason. */
  see(waits: readonly KeyWait[], now: number): void {
    const next = new Map<string, Wait>();
    for (const wait of waits) {
      const name = nameOf(wait.key, wait.record);
      const before = this.#waits.get(name);
      const isSame = before !== undefined && before.wait.from === wait.from && before.wait.to === wait.to;
      // Waiting for something outside is counted by itself, apart from the time that follows.
      const goesOn = isSame && isOutside(wait) === isOutside(before.wait);
      next.set(name, { wait, since: goesOn ? before.since : now });
    }
    for (const [name, wait] of this.#waits) if (next.get(name)?.since !== wait.since) this.#count(wait, now, now);
    this.#waits = next;
  }

  /** Why the step of this record is taken at `now`. */
  reasonOf(key: string, record: KeyRecord | undefined, now: number, text?: string): Reason {
    const found = this.#waits.get(nameOf(key, record));
    return { wait: found?.wait, since: found?.since ?? now, text };
  }

  /** What is waited for in the end. */
  waits(end: number): Wait[] {
    for (const wait of this.#waits.values()) this.#count(wait, undefined, end);
    return [...this.#waits.values()];
  }

  #count(wait: Wait, until: number | undefined, end: number): void {
    if (!isOutside(wait.wait)) return;
    const length = end - wait.since;
    if (length <= this.#longest) return;
    this.#longest = length;
    this.longest = { ...wait, until };
  }
}

/** Only the parent, or the operator who tells of it, can end it. */
export function isOutside({ reason }: KeyWait): boolean {
  return reason === 'ds not seen at parent' || reason === 'ds still at parent';
}

function nameOf(key: string, record: KeyRecord | undefined): string {
  return `${record ?? 'key'} ${key}`;
}
