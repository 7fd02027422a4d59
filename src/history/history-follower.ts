import type { HistoryKind } from './history-event.ts';
import type { HistoryReader } from './history-reader.ts';
import type { HistoryEntry, HistoryQuery } from './key-history.ts';

/** How far somebody has read a history. */
export interface HistoryPosition {
  /** Of the last event that was taken; 0: none. */
  readonly id: number;
  /** Its time in Unix seconds, by which a history that was begun anew is known; without an event, the time from which on events count. */
  readonly at: number;
}

export interface HistoryFollowerOptions {
  readonly kinds: readonly HistoryKind[];
  readonly position: HistoryPosition;
}

/** Events that are read at a time. */
const MOST = 100;

/**
 * Reads on in a history from a position. Nothing is left out, as long as it is in the file; a file that was put aside and begun anew
 * is read from its beginning, from the time of the last event that was taken.
 */
export class HistoryFollower {
  readonly #kinds: readonly HistoryKind[];
  #position: HistoryPosition;

  constructor({ kinds, position }: HistoryFollowerOptions) {
    this.#kinds = kinds;
    this.#position = position;
  }

  get position(): HistoryPosition {
    return this.#position;
  }

  /** The next events, oldest first; none when there are none yet. They come again until they are taken. @throws HistoryError */
  next(reader: HistoryReader): HistoryEntry[] {
    const { id, at } = this.#position;
    if (id > 0 && isBegunAnew(reader, this.#position)) this.#position = { id: 0, at };
    const { id: after } = this.#position;
    const query: HistoryQuery = { kinds: this.#kinds, after, order: 'oldest first', limit: MOST };
    return reader.read(after > 0 ? query : { ...query, since: at });
  }

  /** This event, and all before it, need not come again. */
  take({ id, event }: HistoryEntry): void {
    this.#position = { id, at: event.at };
  }
}

/** The position after all that is there now. @param now Unix seconds, for a history without events */
export function endOf(reader: HistoryReader, now: number): HistoryPosition {
  const [last] = reader.read({ order: 'newest first', limit: 1 });
  return last === undefined ? { id: 0, at: now } : { id: last.id, at: last.event.at };
}

/** Identifiers are used once in a file: another event under ours, or none so high, is another file. */
function isBegunAnew(reader: HistoryReader, { id, at }: HistoryPosition): boolean {
  const [found] = reader.read({ after: id - 1, order: 'oldest first', limit: 1 });
  // The oldest events are dropped in time; then the first that is left is a later one.
  return found === undefined || (found.id === id && found.event.at !== at);
}
