import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from './clock.ts';
import type { SystemCalls } from './system-calls.ts';

/** Milliseconds from a secret to the first scrubbing, however many more come meanwhile. */
const FIRST_AFTER = 1000;
/** Milliseconds from the last secret to the last scrubbing: for what took longer. */
const LAST_AFTER = 10_000;
/** Milliseconds from the last scrubbing to where memory is as it always is: a collection is finished by then. */
const AT_EASE_AFTER = 2000;

export interface MemoryScrubberDependencies {
  readonly clock: Clock;
  readonly heap: Pick<SystemCalls, 'trimHeap' | 'overwriteFreed'>;
}

/**
 * Lets the process forget secrets that went through it. Buffers of ours are overwritten when they were used; copies in strings, in TLS and in
 * sockets are freed, and would stay readable in freed memory until something else is written there. So while secrets come, and until they
 * are forgotten, V8 and the C library overwrite what they free; and soon after, all garbage is collected, what calls have left on the stack
 * is overwritten, and memory without use is given back. Nothing is left then that we could find (test/hsm/watchdog/whole-memory.test.ts).
 *
 * A scrubbing takes some ten milliseconds, in which the process does nothing else, and memory costs more in between: for secrets that people type,
 * not for each request.
 */
export class MemoryScrubber implements Disposable {
  readonly #clock: Clock;
  readonly #heap: MemoryScrubberDependencies['heap'];
  readonly #collect: (options: object) => void;
  #first: Timer | undefined;
  #last: Timer | undefined;
  #ease: Timer | undefined;
  #passed: Timer | undefined;
  #isCareful = false;

  constructor({ clock, heap }: MemoryScrubberDependencies) {
    this.#clock = clock;
    this.#heap = heap;
    // V8's own collector: only contexts made from now on see it.
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as (options: object) => void;
    setFlagsFromString('--no-expose-gc');
  }

  /** Secrets may come now: what is freed from here on is overwritten. */
  expect(): void {
    this.#setCareful(true);
    this.#ease?.cancel();
    this.#ease = this.#clock.after(LAST_AFTER + AT_EASE_AFTER, () => this.#setCareful(false));
  }

  /** A secret was used: it is forgotten in a moment. */
  soon(): void {
    this.expect();
    this.#first ??= this.#clock.after(FIRST_AFTER, () => {
      this.#first = undefined;
      this.#scrub();
    });
    this.#last?.cancel();
    this.#last = this.#clock.after(LAST_AFTER, () => this.#scrub());
  }

  /** A secret goes through calls that are under way now: what they leave on the stack is overwritten when they are over. That costs next to nothing. */
  passing(): void {
    this.#passed ??= this.#clock.after(0, () => {
      this.#passed = undefined;
      overwriteStack();
    });
  }

  [Symbol.dispose](): void {
    for (const timer of [this.#first, this.#last, this.#ease, this.#passed]) timer?.cancel();
    this.#setCareful(false);
  }

  #setCareful(isCareful: boolean): void {
    if (this.#isCareful === isCareful) return;
    this.#isCareful = isCareful;
    setFlagsFromString(isCareful ? '--clear-free-memory' : '--no-clear-free-memory');
    this.#heap.overwriteFreed(isCareful);
  }

  #scrub(): void {
    overwriteStack();
    this.#collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    this.#heap.trimHeap();
  }
}

/** Octets below the caller's frame: node:tls decrypts into 16 KiB there. */
const STACK_OCTETS = 1 << 17;
const ZEROS: readonly number[] = Array.from({ length: STACK_OCTETS / 8 }, () => 0);

/** What calls that are over have left below this one: the arguments of a call lie on the stack. */
function overwriteStack(): void {
  Reflect.apply(takeNothing, undefined, ZEROS);
}

function takeNothing(): void {
  // It was the way here that counts.
}
