import type { DatabaseSync } from 'node:sqlite';

/*
 * The file of the history, SQLite 3 in WAL mode:
 *
 *     application_id  0x5369674b           it is ours
 *     user_version    1                    number of the last migration that was made
 *
 *     event   id      INTEGER PRIMARY KEY  order of telling; never used twice (AUTOINCREMENT)
 *             at      INTEGER              Unix seconds
 *             zone    TEXT or NULL         NULL: the server; else lower case, no final dot
 *             view    TEXT or NULL
 *             key     TEXT or NULL         base of the key's file names
 *             tag, algorithm, role         of that key
 *             kind    TEXT                 HistoryKind
 *             text    TEXT                 for people
 *             facts   TEXT                 JSON: what belongs to the kind
 *
 *     event_zone (zone, id)    event_key (key, id)
 *
 * Rows are only appended, and dropped from the oldest end. Other programs may read the file while it is written
 * (`sqlite3 -readonly`); that holds nobody up.
 */

/** "SigK". */
export const APPLICATION_ID = 0x53_69_67_4b;

/** What leads from one user_version to the next; the index is the version it starts from. Never changed, only appended to. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE event (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     at INTEGER NOT NULL,
     zone TEXT,
     view TEXT,
     key TEXT,
     tag INTEGER,
     algorithm INTEGER,
     role TEXT,
     kind TEXT NOT NULL,
     text TEXT NOT NULL,
     facts TEXT NOT NULL
   ) STRICT;
   CREATE INDEX event_zone ON event (zone, id) WHERE zone IS NOT NULL;
   CREATE INDEX event_key ON event (key, id) WHERE key IS NOT NULL;`,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** How a database stands to what this version writes. */
export type SchemaState = 'empty' | 'ours' | 'older' | 'newer' | 'foreign';

export function schemaState(database: DatabaseSync): SchemaState {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  const { tables } = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get() as { tables: number };
  if (tables === 0 && version === 0 && application === 0) return 'empty';
  if (application !== APPLICATION_ID) return 'foreign';
  if (version === SCHEMA_VERSION) return 'ours';
  return version < SCHEMA_VERSION ? 'older' : 'newer';
}

/** Brings an empty or older database to SCHEMA_VERSION, all steps or none. */
export function migrate(database: DatabaseSync, migrations: readonly string[] = MIGRATIONS): void {
  if (pragma(database, 'user_version') >= migrations.length) return;
  database.exec('BEGIN IMMEDIATE');
  try {
    // Read again under the lock: another process may have done it.
    for (let version = pragma(database, 'user_version'); version < migrations.length; version++) {
      database.exec(migrations[version]);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}`);
    }
    database.exec('COMMIT');
  } catch (fault) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw fault;
  }
}

/** Octets that the write-ahead log keeps after a checkpoint. */
const LOG_OCTETS = 1 << 20;

/**
 * How we write. synchronous = NORMAL in WAL mode: what is committed outlives the process; a power failure may take the last
 * commits and damages nothing. The file may come from anywhere: nothing in it is run (trusted_schema).
 * @returns the journal mode: a file system without shared memory keeps to another than `wal`
 */
export function prepareForWriting(database: DatabaseSync): string {
  const { journal_mode: mode } = database.prepare('PRAGMA journal_mode = WAL').get() as { journal_mode: string };
  database.exec(
    `PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${LOG_OCTETS}; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON`,
  );
  return mode;
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return (database.prepare(`PRAGMA ${name}`).get() as Record<typeof name, number>)[name];
}
