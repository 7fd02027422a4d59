import type { HistoryEvent, HistoryKind } from './history-event.ts';

/** An event as it was kept. */
export interface HistoryEntry {
  /** Grows with each event, and is never used twice. */
  readonly id: number;
  readonly event: HistoryEvent;
  /** One line for people, without the time, as it was written then. */
  readonly text: string;
}

/** Which events are wanted; what is absent does not matter. */
export interface HistoryQuery {
  readonly zone?: string;
  readonly view?: string;
  /** Base of the key's file names. */
  readonly key?: string;
  readonly tag?: number;
  readonly kinds?: readonly HistoryKind[];
  /** Unix seconds, both included. */
  readonly since?: number;
  readonly until?: number;
  /** Only events that were kept after (oldest first) or before (newest first) the one with this id. */
  readonly after?: number;
  readonly order?: 'oldest first' | 'newest first';
  /** At most so many; 1 to MOST_ENTRIES. */
  readonly limit: number;
}

/** A longer list is read in parts, with `after`. */
export const MOST_ENTRIES = 10_000;

/** Where what happens to keys is told. */
export interface HistorySink {
  /**
   * Keeps events in this order, all of them or none, and durable against the death of the process on return. Never throws, and
   * waits for nobody: what cannot be kept now is kept later, and a failure is logged once.
   */
  record(events: readonly HistoryEvent[]): void;
}

/** What happened to the keys of all zones, in the order in which it was told. */
export interface KeyHistory extends HistorySink, Disposable {
  /** @throws HistoryError when the history cannot be read */
  read(query: HistoryQuery): HistoryEntry[];
}

/** For a server that keeps no history: it costs nothing. */
export const noHistory: KeyHistory = {
  record: () => undefined,
  read: () => [],
  [Symbol.dispose]: () => undefined,
};
