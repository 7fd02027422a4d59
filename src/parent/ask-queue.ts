import type { Clock } from '../base/clock.ts';

/**
 * Keeps the questions of all zones within bounds: so many under way at once, and so many begun in a second. After a start thousands
 * of zones may have something to ask the same few servers.
 */
export class AskQueue {
  readonly #most: number;
  /** Milliseconds between the beginnings of two questions. */
  readonly #gap: number;
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Monotonic milliseconds before which none may begin. */
  #nextStart = 0;
  #isPacing = false;

  constructor({ most, perSecond }: { readonly most: number; readonly perSecond: number }, clock: Clock) {
    this.#most = most;
    this.#gap = 1000 / perSecond;
    this.#clock = clock;
  }

  /** Questions under way, and those that wait. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  /** Runs `work` when its turn comes; one whose signal is aborted before takes no turn, and `work` is told by its signal. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#startNext();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const start = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.#running++;
        resolve();
      };
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(start);
        if (at >= 0) this.#waiting.splice(at, 1);
        start();
      };
      this.#waiting.push(start);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#waiting.length > 0 && this.#running < this.#most && !this.#isPacing) {
      const now = this.#clock.monotonic();
      // Timers count milliseconds: one more or less does not matter.
      if (this.#nextStart - now >= 1) return this.#pace(Math.ceil(this.#nextStart - now));
      this.#nextStart = Math.max(now, this.#nextStart) + this.#gap;
      this.#waiting.shift()!();
    }
  }

  #pace(milliseconds: number): void {
    this.#isPacing = true;
    this.#clock.after(milliseconds, () => {
      this.#isPacing = false;
      this.#startNext();
    });
  }
}
