import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from './clock.ts';

/** Milliseconds after the last secret: the first time nothing may hold it any more, the second for what took longer. */
const SCRUB_AFTER = [1000, 10_000];
/** Milliseconds between two scrubbings, however many secrets come. */
const SHORTEST_INTERVAL = 1000;

export interface MemoryScrubberDependencies {
  readonly clock: Clock;
  /** Gives pages of freed memory back to the system (malloc_trim(3)). */
  readonly trimHeap: () => void;
}

/**
 * Lets the process forget secrets that went through it. Buffers of ours are overwritten when they were used; copies in strings, in TLS and in
 * sockets are freed, and would stay readable in freed memory until something else is written there. A collection of all garbage that gives
 * every empty page back, and the same for the C library's heap, leaves nothing of them that we could find (test/hsm/watchdog/whole-memory.test.ts):
 * the kernel hands out such pages empty. It is no promise: a page on which something else lives keeps what was freed on it.
 *
 * It takes some ten milliseconds, in which the process does nothing else: for secrets that people type, not for each request.
 */
export class MemoryScrubber implements Disposable {
  readonly #dependencies: MemoryScrubberDependencies;
  readonly #collect: (options: object) => void;
  #timers: Timer[] = [];
  #lastAt = -Infinity;

  constructor(dependencies: MemoryScrubberDependencies) {
    this.#dependencies = dependencies;
    // V8's own collector: only contexts made from now on see it.
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as (options: object) => void;
    setFlagsFromString('--no-expose-gc');
  }

  /** A secret was used: it is forgotten in a moment. */
  soon(): void {
    for (const timer of this.#timers) timer.cancel();
    const { clock } = this.#dependencies;
    this.#timers = SCRUB_AFTER.map((milliseconds) => clock.after(milliseconds, () => this.#scrub()));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #scrub(): void {
    const now = this.#dependencies.clock.monotonic();
    if (now - this.#lastAt < SHORTEST_INTERVAL) return;
    this.#lastAt = now;
    this.#collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    this.#dependencies.trimHeap();
  }
}
