import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type { Disk } from '../base/disk.ts';
import { HistoryError } from './history-error.ts';
import type { HistoryEntry, HistoryQuery } from './key-history.ts';
import { checkQuery } from './memory-history.ts';
import { inspect, readEntries, sqliteFault } from './sqlite-file.ts';

/** Milliseconds that a reader waits while named opens or closes the file. */
const PATIENCE = 2000;

/** A history that another process may be writing: read, never changed. */
export class HistoryReader implements Disposable {
  readonly #database: DatabaseSync;
  readonly #path: string;

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** @throws HistoryError when there is no history at `path`, or none that can be read */
  static open(path: string, { disk }: { readonly disk: Disk }): HistoryReader {
    if (disk.facts(path) === undefined)
      throw new HistoryError(
        'HISTORY_MISSING',
        path,
        'there is no such file',
        'named writes it when a key event happens',
      );
    const reader = new HistoryReader(openReadOnly(path, disk), path);
    try {
      reader.#check();
      return reader;
    } catch (fault) {
      reader[Symbol.dispose]();
      throw fault instanceof HistoryError ? fault : unreadable(path, fault);
    }
  }

  /** @throws HistoryError when the file cannot be read */
  read(query: HistoryQuery): HistoryEntry[] {
    checkQuery(query);
    try {
      return readEntries(this.#database, query);
    } catch (fault) {
      throw unreadable(this.#path, fault);
    }
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #check(): void {
    const state = inspect(this.#database);
    if (state === 'foreign')
      throw new HistoryError('HISTORY_FOREIGN', this.#path, 'is no history of named', 'name the file that it writes');
    if (state === 'newer')
      throw new HistoryError(
        'HISTORY_NEWER',
        this.#path,
        'was written by a newer version',
        'read it with that version',
      );
    if (state !== 'ours')
      throw new HistoryError('HISTORY_UNREADABLE', this.#path, 'has no events yet', 'start named, which prepares it');
  }
}

/**
 * A file in WAL mode is read through its shared memory, which a reader without the right to write in the directory cannot make.
 * Where no log is left, named has ended and the file does not change.
 */
function openReadOnly(path: string, disk: Disk): DatabaseSync {
  const options = { readOnly: true, timeout: PATIENCE, allowExtension: false } as const;
  const isQuiet = disk.facts(`${path}-wal`) === undefined;
  const location = pathToFileURL(path);
  if (isQuiet) location.searchParams.set('immutable', '1');
  try {
    return new DatabaseSync(location, options);
  } catch (fault) {
    throw unreadable(path, fault);
  }
}

function unreadable(path: string, fault: unknown): HistoryError {
  const advice =
    sqliteFault(fault) === 'unavailable'
      ? 'read it as the user that named runs as, or as root'
      : 'named puts a broken file aside when it next writes; SQLite\'s ".recover" may read more of it';
  return new HistoryError('HISTORY_UNREADABLE', path, (fault as Error).message, advice, fault);
}
