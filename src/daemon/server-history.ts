import type { Clock } from '../base/clock.ts';
import type { HistoryEvent } from '../history/history-event.ts';
import { type HistorySink, type KeyHistory, noHistory } from '../history/key-history.ts';

export interface ServerHistoryDependencies {
  readonly clock: Clock;
  /** Opens the history; absent: none is kept. */
  readonly open?: () => KeyHistory;
}

/**
 * The history of a server, opened by the first event: one that signs no zone has no file of it. Start and end of the server
 * are told around the others.
 */
export class ServerHistory implements HistorySink, Disposable {
  readonly #version: string;
  readonly #dependencies: ServerHistoryDependencies;
  #history: KeyHistory | undefined;

  constructor(options: { readonly version: string }, dependencies: ServerHistoryDependencies) {
    this.#version = options.version;
    this.#dependencies = dependencies;
  }

  record(events: readonly HistoryEvent[]): void {
    if (events.length === 0) return;
    if (this.#history === undefined) {
      const { clock, open } = this.#dependencies;
      this.#history = open?.() ?? noHistory;
      this.#history.record([{ kind: 'start', at: clock.now(), about: undefined, version: this.#version }]);
    }
    this.#history.record(events);
  }

  [Symbol.dispose](): void {
    if (this.#history === undefined) return;
    this.#history.record([{ kind: 'stop', at: this.#dependencies.clock.now(), about: undefined }]);
    this.#history[Symbol.dispose]();
    this.#history = undefined;
  }
}
