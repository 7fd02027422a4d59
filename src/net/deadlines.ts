import type { Clock, Timer } from '../base/clock.ts';

/** What must have happened until a moment. */
export interface Expiring {
  /** Milliseconds of the monotonic clock. */
  deadline: number;
  /** Called when the deadline is over, with the time: sets another one, or ends and leaves the set. */
  expire(now: number): void;
}

/** Milliseconds between two looks at the deadlines, at least: they are given in tenths of a second. */
const PACE = 100;

/**
 * One timer for any number of connections. A deadline that moves on costs one assignment; only one that comes before the
 * next look sets the timer anew.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #all = new Set<Expiring>();
  #timer: Timer | undefined;
  /** When the timer fires. */
  #next = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds of the monotonic clock. */
  now(): number {
    return this.#clock.monotonic();
  }

  add(one: Expiring, deadline: number): void {
    this.#all.add(one);
    this.move(one, deadline);
  }

  move(one: Expiring, deadline: number): void {
    one.deadline = deadline;
    if (deadline < this.#next) this.#wait(deadline);
  }

  delete(one: Expiring): void {
    this.#all.delete(one);
    if (this.#all.size === 0) this.#stop();
  }

  #stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#next = Infinity;
  }

  #wait(until: number): void {
    this.#timer?.cancel();
    this.#next = until;
    this.#timer = this.#clock.after(Math.max(0, until - this.now()), () => this.#look());
  }

  #look(): void {
    const now = this.now();
    this.#stop();
    let earliest = Infinity;
    for (const one of this.#all) {
      if (one.deadline <= now) one.expire(now);
      if (this.#all.has(one)) earliest = Math.min(earliest, one.deadline);
    }
    if (earliest < this.#next) this.#wait(Math.max(earliest, now + PACE));
  }
}
