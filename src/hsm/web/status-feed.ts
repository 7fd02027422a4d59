import type { Clock, Timer } from '../../base/clock.ts';
import type { Appliance } from '../appliance/appliance.ts';
import { publicStatus } from './public-status.ts';
import { statusContent } from './status-page.ts';

/** Milliseconds between looks for what nobody tells (counters), and between two contents at most. */
const LOOK_INTERVAL = 1000;
const SHORTEST_INTERVAL = 100;

/**
 * What the page shows, drawn once for all who watch, and anew only when it differs. While nobody watches, nothing is drawn. A slow
 * reader misses contents, never the last one.
 */
export class StatusFeed implements Disposable {
  readonly #appliance: Appliance;
  readonly #clock: Clock;
  #content = '';
  #version = 0;
  #watchers = 0;
  #timer: Timer | undefined;
  #due = Infinity;
  #unwatch: (() => void) | undefined;
  #wake = new Set<() => void>();
  #isClosed = false;

  constructor(dependencies: { readonly appliance: Appliance; readonly clock: Clock }) {
    this.#appliance = dependencies.appliance;
    this.#clock = dependencies.clock;
  }

  get watchers(): number {
    return this.#watchers;
  }

  /** To be ended by `leave`. */
  join(): void {
    if (this.#watchers++ > 0) return;
    this.#unwatch = this.#appliance.watch(() => this.#lookIn(SHORTEST_INTERVAL));
    this.#look();
  }

  leave(): void {
    if (--this.#watchers > 0) return;
    this.#unwatch?.();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#due = Infinity;
  }

  /** The content when it is newer than `version`, else after `milliseconds` at most; undefined: nothing new, or closed. */
  async next(
    version: number,
    milliseconds: number,
  ): Promise<{ readonly version: number; readonly content: string } | undefined> {
    if (this.#version === version && !this.#isClosed)
      await new Promise<void>((resolve) => {
        const done = (): void => {
          timer.cancel();
          this.#wake.delete(done);
          resolve();
        };
        const timer = this.#clock.after(milliseconds, done);
        this.#wake.add(done);
      });
    if (this.#isClosed || this.#version === version) return undefined;
    return { version: this.#version, content: this.#content };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#unwatch?.();
    this.#timer?.cancel();
    for (const done of this.#wake) done();
  }

  #lookIn(milliseconds: number): void {
    const due = this.#clock.monotonic() + milliseconds;
    if (this.#isClosed || due >= this.#due) return;
    this.#timer?.cancel();
    this.#due = due;
    this.#timer = this.#clock.after(milliseconds, () => this.#look());
  }

  #look(): void {
    this.#due = Infinity;
    const content = statusContent(publicStatus(this.#appliance.identity, this.#appliance.getState())).text;
    if (content !== this.#content) {
      this.#content = content;
      this.#version++;
      for (const done of this.#wake) done();
    }
    this.#lookIn(LOOK_INTERVAL);
  }
}
