import type { DatabaseSync } from 'node:sqlite';
import type { Clock, Timer } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Log } from '../base/log.ts';
import { HistoryError } from './history-error.ts';
import type { HistoryEvent } from './history-event.ts';
import { historyLog } from './history-log.ts';
import type { HistoryEntry, HistoryQuery, KeyHistory } from './key-history.ts';
import { checkQuery } from './memory-history.ts';
import { type HistoryLimits, inspect, openDatabase, SqliteFile, sqliteFault } from './sqlite-file.ts';
import { type EventRow, rowOf } from './sqlite-row.ts';

export interface SqliteHistoryOptions extends Partial<HistoryLimits> {
  /** The file; its directory must be writable, since SQLite puts `-wal` and `-shm` beside it. */
  readonly path: string;
}

export interface SqliteHistoryDependencies {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** How a database is opened; default is SQLite's own. */
  readonly openDatabase?: (path: string) => DatabaseSync;
}

/** Ten years: a KSK is often used for longer than one. */
export const HISTORY_MAX_AGE = 10 * 365 * 86_400;
/** About 250 MB. */
export const HISTORY_MAX_EVENTS = 1_000_000;

/** Owner and group may read: events name keys and zones, and hold no secrets. */
const FILE_MODE = 0o640;
/** Events in memory while the file cannot be written. */
const MOST_PENDING = 10_000;
/** Milliseconds until the next attempt; the second for one that another program's lock holds up. */
const RETRY = 30_000;
const RETRY_BUSY = 1000;
/** Files that one process puts aside before it gives up: a disk that spoils every file shall not be filled with them. */
const MOST_ASIDE = 3;

/**
 *     closed --open--> open --write fails--> waiting --timer--> open
 *        '--foreign file, or spoilt too often--> off
 */
type State =
  | { readonly kind: 'open'; readonly file: SqliteFile }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'off' };

/** The history in a file of SQLite. */
export class SqliteHistory implements KeyHistory {
  readonly #options: HistoryLimits & { readonly path: string };
  readonly #dependencies: Required<SqliteHistoryDependencies>;
  #state: State | undefined;
  #pending: EventRow[] = [];
  #lost = 0;
  #aside = 0;
  /** Attempts that failed since the last that did not, and whether the log was told. */
  #failures = 0;
  #told = false;
  #why = '';

  private constructor(options: SqliteHistoryOptions, dependencies: SqliteHistoryDependencies) {
    const { path, maxAge = HISTORY_MAX_AGE, maxEvents = HISTORY_MAX_EVENTS } = options;
    this.#options = { path, maxAge, maxEvents };
    this.#dependencies = { openDatabase, ...dependencies };
  }

  /** Opens the file, or begins one. What goes wrong is logged; the history then tries again by itself. */
  static open(options: SqliteHistoryOptions, dependencies: SqliteHistoryDependencies): SqliteHistory {
    const history = new SqliteHistory(options, dependencies);
    history.#flush();
    return history;
  }

  record(events: readonly HistoryEvent[]): void {
    if (this.#state?.kind === 'off' || events.length === 0) return;
    for (const event of events) this.#add(event);
    if (this.#state?.kind !== 'waiting') this.#flush();
  }

  read(query: HistoryQuery): HistoryEntry[] {
    checkQuery(query);
    const { path } = this.#options;
    if (this.#state?.kind !== 'open')
      throw new HistoryError('HISTORY_UNREADABLE', path, 'cannot be opened', 'the log of named says why');
    try {
      return this.#state.file.read(query);
    } catch (fault) {
      const reason = (fault as Error).message;
      throw new HistoryError('HISTORY_UNREADABLE', path, reason, 'the log of named says more', fault);
    }
  }

  /** Makes a last attempt to write what waits, and closes the file. */
  [Symbol.dispose](): void {
    if (this.#state?.kind === 'waiting') this.#state.timer.cancel();
    if (this.#state?.kind !== 'off' && this.#pending.length > 0) this.#flush();
    if (this.#state?.kind === 'waiting') this.#state.timer.cancel();
    const unwritten = this.#pending.length + this.#lost;
    if (unwritten > 0) this.#tell(historyLog.lost(this.#options.path, unwritten, this.#why));
    this.#close();
    this.#state = { kind: 'off' };
    this.#pending = [];
  }

  #add(event: HistoryEvent): void {
    try {
      this.#pending.push(rowOf(event));
    } catch (fault) {
      this.#tell(historyLog.badEvent(this.#options.path, (fault as Error).message));
    }
    if (this.#pending.length <= MOST_PENDING) return;
    // Half at once, so that this is rare.
    this.#lost += this.#pending.splice(0, MOST_PENDING / 2).length;
  }

  /** Opens the file where that is still to be done, and writes what waits. A file that turns out to be broken is put aside once. */
  #flush(): void {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const file = this.#open();
        if (file === undefined) return;
        this.#write(file);
        return;
      } catch (fault) {
        this.#close();
        if (sqliteFault(fault) !== 'broken' || attempt > 0) return this.#wait(fault);
        try {
          if (!this.#putAside((fault as Error).message)) return;
        } catch (second) {
          return this.#wait(second);
        }
      }
    }
  }

  #write(file: SqliteFile): void {
    const { clock } = this.#dependencies;
    const now = clock.now();
    const gap: EventRow[] =
      this.#lost === 0 ? [] : [rowOf({ kind: 'gap', at: now, about: undefined, lost: this.#lost, reason: this.#why })];
    if (gap.length + this.#pending.length > 0) file.write([...gap, ...this.#pending], now);
    if (this.#told) this.#tell(historyLog.recovered(this.#options.path, this.#pending.length));
    if (this.#lost > 0) this.#tell(historyLog.lost(this.#options.path, this.#lost, this.#why));
    this.#pending = [];
    this.#lost = 0;
    this.#failures = 0;
    this.#told = false;
  }

  /** The open file; undefined when it is not for us. @throws DiskError, and what SQLite throws */
  #open(): SqliteFile | undefined {
    const { path } = this.#options;
    const { disk } = this.#dependencies;
    const isThere = disk.facts(path) !== undefined;
    if (this.#state?.kind === 'open') {
      if (isThere) return this.#state.file;
      this.#close();
      this.#tell(historyLog.vanished(path));
    }
    // SQLite gives its other files the mode of this one.
    if (!isThere) this.#begin();
    return this.#openFile();
  }

  /** An empty file, beside which nothing is left of one that was there before. */
  #begin(): void {
    const { path } = this.#options;
    const { disk } = this.#dependencies;
    disk.remove(`${path}-wal`);
    disk.remove(`${path}-shm`);
    disk.openAppend(path, FILE_MODE).close();
  }

  #openFile(): SqliteFile | undefined {
    const { path } = this.#options;
    const { clock, openDatabase: open } = this.#dependencies;
    const database = open(path);
    try {
      const state = inspect(database);
      if (state === 'foreign') {
        database.close();
        this.#state = { kind: 'off' };
        this.#pending = [];
        this.#tell(historyLog.foreign(path));
        return undefined;
      }
      if (state === 'newer') {
        database.close();
        return this.#putAside('was written by a newer version') ? this.#openFile() : undefined;
      }
      const file = new SqliteFile(database, this.#options);
      this.#state = { kind: 'open', file };
      if (file.journalMode !== 'wal') this.#tell(historyLog.noSharedMemory(path, file.journalMode));
      file.prune(clock.now());
      return file;
    } catch (fault) {
      if (database.isOpen) database.close();
      throw fault;
    }
  }

  /** @returns false when that has been done too often. @throws DiskError when the file cannot be renamed */
  #putAside(reason: string): boolean {
    const { path } = this.#options;
    const { disk, clock } = this.#dependencies;
    if (this.#aside === MOST_ASIDE) {
      this.#state = { kind: 'off' };
      this.#pending = [];
      this.#tell(historyLog.givenUp(path, MOST_ASIDE));
      return false;
    }
    const aside = `${path}.aside-${clock.now()}-${this.#aside}`;
    // The log first: one that is left alone beside a new file would be taken for the new file's.
    if (disk.facts(`${path}-wal`) !== undefined) disk.rename(`${path}-wal`, `${aside}-wal`);
    if (disk.facts(path) !== undefined) disk.rename(path, aside);
    this.#aside++;
    this.#begin();
    this.#tell(historyLog.putAside(path, reason, aside));
    return true;
  }

  #wait(fault: unknown): void {
    const { path } = this.#options;
    const { clock } = this.#dependencies;
    const isBusy = sqliteFault(fault) === 'busy';
    this.#why = isBusy ? 'another program holds its lock' : (fault as Error).message;
    this.#failures++;
    const pause = isBusy ? RETRY_BUSY : RETRY;
    // A lock that is gone a second later is nobody's business.
    if (!this.#told && (!isBusy || this.#failures > 1)) {
      this.#tell(historyLog.waits(path, this.#why, pause / 1000));
      this.#told = true;
    }
    this.#state = { kind: 'waiting', timer: clock.after(pause, () => this.#flush()) };
  }

  /** Lets go of the file; what SQLite says to that does not matter any more. */
  #close(): void {
    if (this.#state?.kind !== 'open') return;
    const { file } = this.#state;
    this.#state = undefined;
    try {
      file.close();
    } catch (fault) {
      this.#why = (fault as Error).message;
    }
  }

  #tell(record: Parameters<Log['write']>[0]): void {
    this.#dependencies.log.write(record);
  }
}
