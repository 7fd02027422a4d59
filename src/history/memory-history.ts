import { HISTORY_KINDS, type HistoryEvent } from './history-event.ts';
import { historyText } from './history-text.ts';
import type { HistoryEntry, HistoryQuery, KeyHistory } from './key-history.ts';
import { MOST_ENTRIES } from './key-history.ts';

export interface MemoryHistoryOptions {
  /** The oldest beyond this number are dropped; default 100,000. */
  readonly maxEvents?: number;
}

/** A history that ends with the process: for tests and simulations. */
export class MemoryHistory implements KeyHistory {
  readonly #maxEvents: number;
  #entries: HistoryEntry[] = [];
  #nextId = 1;

  constructor({ maxEvents = 100_000 }: MemoryHistoryOptions = {}) {
    this.#maxEvents = maxEvents;
  }

  record(events: readonly HistoryEvent[]): void {
    for (const event of events) this.#entries.push({ id: this.#nextId++, event, text: historyText(event) });
    if (this.#entries.length > this.#maxEvents) this.#entries = this.#entries.slice(-this.#maxEvents);
  }

  read(query: HistoryQuery): HistoryEntry[] {
    checkQuery(query);
    const wanted = this.#entries.filter((entry) => isWanted(entry, query));
    return (query.order === 'newest first' ? wanted.toReversed() : wanted).slice(0, query.limit);
  }

  [Symbol.dispose](): void {
    this.#entries = [];
  }
}

/** @throws RangeError for a limit that no answer may have, TypeError for a kind that is none: mistakes of the caller */
export function checkQuery({ limit, kinds = [] }: HistoryQuery): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ENTRIES)
    throw new RangeError(`limit ${limit} of a history query is not between 1 and ${MOST_ENTRIES}`);
  const unknown = kinds.find((kind) => !HISTORY_KINDS.includes(kind));
  if (unknown !== undefined) throw new TypeError(`${unknown} is not a kind of event: ${HISTORY_KINDS.join(', ')}`);
}

function isWanted({ id, event }: HistoryEntry, query: HistoryQuery): boolean {
  const { zone, view, key, tag, kinds, since, until, after, order } = query;
  const isBeyond = order === 'newest first' ? id < (after ?? Infinity) : id > (after ?? 0);
  return (
    isBeyond &&
    (zone === undefined || event.about?.zone === zone) &&
    (view === undefined || event.about?.view === view) &&
    (key === undefined || event.key?.id === key) &&
    (tag === undefined || event.key?.tag === tag) &&
    (kinds === undefined || kinds.includes(event.kind)) &&
    event.at >= (since ?? -Infinity) &&
    event.at <= (until ?? Infinity)
  );
}
