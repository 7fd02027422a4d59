import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { HistoryEntry, HistoryQuery } from './key-history.ts';
import { migrate, prepareForWriting, type SchemaState, schemaState } from './sqlite-schema.ts';
import { type EventRow, entryOf, INSERT, type Row, selectOf } from './sqlite-row.ts';

/** What one file may hold. */
export interface HistoryLimits {
  /** Seconds; older events are dropped. */
  readonly maxAge: number;
  /** The oldest beyond this number are dropped. */
  readonly maxEvents: number;
}

/** Events that are written between two rounds of dropping old ones; what one round drops at most is four times that. */
const PRUNE_EVERY = 256;

/** Opens a database for writing. It never waits for another program's lock. */
export function openDatabase(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: 0, allowExtension: false, defensive: true });
}

/** An open history file. Every call throws what SQLite throws (see sqliteFault). */
export class SqliteFile {
  readonly #database: DatabaseSync;
  readonly #limits: HistoryLimits;
  readonly #insert: StatementSync;
  #written = 0;
  /** `wal`, unless the file system cannot have it. */
  readonly journalMode: string;

  /** Takes the database over, and brings its tables to the present version. Only for one that is empty, ours or older. */
  constructor(database: DatabaseSync, limits: HistoryLimits) {
    this.#database = database;
    this.#limits = limits;
    this.journalMode = prepareForWriting(database);
    migrate(database);
    this.#insert = database.prepare(INSERT);
  }

  /** All events or none. @param now Unix seconds, for what is too old */
  write(events: readonly EventRow[], now: number): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const event of events) this.#insert.run(...event);
      this.#written += events.length;
      if (this.#written >= PRUNE_EVERY) this.prune(now);
      this.#database.exec('COMMIT');
    } catch (fault) {
      // Some failures end the transaction by themselves.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw fault;
    }
  }

  /** Drops what is too old or too much, a bounded number of events at a time, from the oldest end. */
  prune(now: number): void {
    const most = Math.max(this.#written, PRUNE_EVERY) * 4;
    this.#written = 0;
    const { first, last } = this.#database.prepare('SELECT min(id) AS first, max(id) AS last FROM event').get() as {
      first: number | null;
      last: number | null;
    };
    if (first === null || last === null) return;
    // Identifiers have no gaps but at the beginning: what is dropped is always the oldest.
    const surplus = Math.min(first + most, last + 1 - this.#limits.maxEvents);
    if (surplus > first) this.#database.prepare('DELETE FROM event WHERE id < ?').run(surplus);
    // The first event that is young enough ends the round: a clock that jumped leaves order as it was.
    const oldest = this.#database
      .prepare('SELECT min(id) AS id FROM (SELECT id, at FROM event ORDER BY id LIMIT ?) WHERE at >= ?')
      .get(most, now - this.#limits.maxAge) as { id: number | null };
    this.#database.prepare('DELETE FROM event WHERE id < ?').run(Math.min(oldest.id ?? Infinity, first + most));
  }

  read(query: HistoryQuery): HistoryEntry[] {
    return readEntries(this.#database, query);
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

export function readEntries(database: DatabaseSync, query: HistoryQuery): HistoryEntry[] {
  const { sql, values } = selectOf(query);
  return database
    .prepare(sql)
    .all(...values)
    .map((row) => entryOf(row as unknown as Row));
}

/** How the database stands to us, before anything is changed. */
export function inspect(database: DatabaseSync): SchemaState {
  return schemaState(database);
}

/** broken: the file has to be put aside; busy: another program writes; unavailable: disk, rights: it may come back. */
export type SqliteFault = 'broken' | 'busy' | 'unavailable';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html). */
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const NOTADB = 26;

export function sqliteFault(fault: unknown): SqliteFault {
  const { errcode } = fault as { errcode?: number };
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case BUSY:
    case LOCKED:
      return 'busy';
    case CORRUPT:
    case NOTADB:
    // Tables are not as they were made.
    case ERROR:
      return 'broken';
    default:
      return 'unavailable';
  }
}
