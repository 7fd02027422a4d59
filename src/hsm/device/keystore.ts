import fs from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Role } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { PinRecord } from './crypto-device.ts';

/** A row of a key: `record` is what counts (key-record.ts), the rest is there to search by and must agree with it. */
export interface KeyRow {
  readonly uuid: string;
  readonly partition: number;
  readonly type: number;
  readonly curve: number;
  readonly flags: number;
  readonly version: number;
  readonly record: Uint8Array;
}

export interface PartitionRow {
  readonly number: number;
  /** Empty: it was deleted. */
  readonly label: string;
  readonly version: number;
  readonly proof: Uint8Array | undefined;
}

/** What narrows down the keys that may match a query; all of it is optional but the partition. */
export interface Candidates {
  readonly partition: number;
  readonly isPublicOnly: boolean;
  /** Entry of the look-up table, one of them. */
  readonly entry: Uint8Array | undefined;
  readonly type: number;
  readonly curve: number;
  readonly mask: number;
  readonly flags: number;
  readonly after: string;
  readonly limit: number;
}

/** Of PRAGMA user_version: a file of a later form is refused. */
const SCHEMA_VERSION = 2;

/**
 * `key_of_partition` has all that a search without look-up needs, so that it does not read records; `public_key` serves clients that are
 * not logged in, whose searches must not cost more than there are public keys. `lookup.entry` is a hash of partition, attribute and value.
 */
const SCHEMA = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE key (uuid TEXT PRIMARY KEY, partition INTEGER NOT NULL, type INTEGER NOT NULL, curve INTEGER NOT NULL,
    flags INTEGER NOT NULL, version INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
  CREATE INDEX key_of_partition ON key (partition, uuid, type, curve, flags);
  CREATE INDEX public_key ON key (partition, uuid, type, curve, flags) WHERE flags & 16;
  CREATE TABLE lookup (entry BLOB NOT NULL, uuid TEXT NOT NULL, PRIMARY KEY (entry, uuid)) STRICT, WITHOUT ROWID;
  CREATE TABLE tombstone (uuid TEXT PRIMARY KEY, version INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
  CREATE TABLE pin (partition INTEGER NOT NULL, role TEXT NOT NULL, version INTEGER NOT NULL, hash TEXT, proof BLOB,
    PRIMARY KEY (partition, role)) STRICT, WITHOUT ROWID;
  CREATE TABLE partition (number INTEGER PRIMARY KEY, label TEXT NOT NULL, proof BLOB, version INTEGER NOT NULL DEFAULT 0) STRICT;
`;

/** What makes a file of the form before one of the next. */
const STEPS: Readonly<Record<number, string>> = {
  1: 'ALTER TABLE partition ADD COLUMN version INTEGER NOT NULL DEFAULT 0',
};

/**
 * The file of one device: what it keeps over restarts, as rows. It knows nothing of rights or proofs. Everything that was changed is durable when a
 * call returns. The file is locked for as long as it is open: two processes with one keystore would use hash-based keys twice.
 *
 * All calls throw HalError: KEYSTORE_ACCESS (disk full, no access, locked), KEYSTORE_LOST_DATA (the file is damaged).
 */
export class Keystore implements Disposable {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens the file, or makes it with mode 0600. */
  constructor(path: string) {
    this.path = path;
    this.#database = guarded(path, () => {
      // SQLite gives its other files the mode of this one.
      fs.closeSync(fs.openSync(path, 'a', 0o600));
      return new DatabaseSync(path, { timeout: 0, allowExtension: false, defensive: true });
    });
    try {
      this.#guard(() => this.#prepare());
    } catch (fault) {
      this.#database.close();
      throw fault;
    }
  }

  #prepare(): void {
    const database = this.#database;
    // Exclusive first: the journal's index is then in memory, and the lock is held until the end. Deleted keys are overwritten.
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384',
    );
    database.exec('BEGIN IMMEDIATE');
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version === 0) database.exec(`${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}`);
    else if (version < SCHEMA_VERSION) {
      for (let form = version; form < SCHEMA_VERSION; form++) database.exec(STEPS[form]);
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    }
    database.exec('COMMIT');
    if (version > SCHEMA_VERSION)
      throw new HalError(
        HalStatus.KEYSTORE_ACCESS,
        `keystore ${this.path} has form ${version}, this program knows forms up to ${SCHEMA_VERSION}: run the version that wrote it`,
        { path: this.path, version },
      );
  }

  /** All of what `change` does or nothing, durable on return. */
  commit(change: () => void): void {
    this.#guard(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        change();
        this.#database.exec('COMMIT');
      } catch (fault) {
        // Some failures end the transaction by themselves.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw fault;
      }
    });
  }

  getMeta(name: string): Uint8Array | undefined {
    return (this.#get('SELECT value FROM meta WHERE name = ?', name) as { value: Uint8Array } | undefined)?.value;
  }

  setMeta(name: string, value: Uint8Array): void {
    this.#run('INSERT OR REPLACE INTO meta VALUES (?, ?)', name, value);
  }

  deleteMeta(name: string): void {
    this.#run('DELETE FROM meta WHERE name = ?', name);
  }

  readKey(uuid: string): KeyRow | undefined {
    return this.#get('SELECT * FROM key WHERE uuid = ?', uuid) as KeyRow | undefined;
  }

  writeKey(row: KeyRow): void {
    this.#run(
      'INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?, ?, ?)',
      row.uuid,
      row.partition,
      row.type,
      row.curve,
      row.flags,
      row.version,
      row.record,
    );
  }

  deleteKey(uuid: string): void {
    this.#run('DELETE FROM key WHERE uuid = ?', uuid);
  }

  addEntry(entry: Uint8Array, uuid: string): void {
    this.#run('INSERT OR IGNORE INTO lookup VALUES (?, ?)', entry, uuid);
  }

  deleteEntry(entry: Uint8Array, uuid: string): void {
    this.#run('DELETE FROM lookup WHERE entry = ? AND uuid = ?', entry, uuid);
  }

  /** Of a key whose record cannot be read any more, so that nobody knows its entries: reads the whole table. */
  deleteEntriesOf(uuid: string): void {
    this.#run('DELETE FROM lookup WHERE uuid = ?', uuid);
  }

  countKeys(): number {
    return (this.#get('SELECT count(*) AS n FROM key') as { n: number }).n;
  }

  countKeysOf(partition: number): number {
    return (this.#get('SELECT count(*) AS n FROM key WHERE partition = ?', partition) as { n: number }).n;
  }

  /** UUIDs in their order. */
  findCandidates(wanted: Candidates): string[] {
    const { entry, isPublicOnly, mask } = wanted;
    const from = entry === undefined ? 'key' : 'lookup JOIN key USING (uuid)';
    const sql = `SELECT uuid FROM ${from} WHERE ${entry === undefined ? '' : 'entry = :entry AND '}uuid > :after AND partition = :partition
      AND (:type = 0 OR type = :type) AND (:curve = 0 OR curve = :curve) AND (flags & :mask) = :flags
      ${isPublicOnly ? 'AND flags & 16' : ''} ORDER BY uuid LIMIT :limit`;
    return this.#all(sql, {
      ...(entry && { ':entry': entry }),
      ':after': wanted.after,
      ':partition': wanted.partition,
      ':type': wanted.type,
      ':curve': wanted.curve,
      ':mask': mask,
      ':flags': wanted.flags & mask,
      ':limit': wanted.limit,
    }).map((row) => (row as { uuid: string }).uuid);
  }

  /** Keys and tombstones in UUID order: the appliance compares devices by them. */
  listHeads(after: string, limit: number): { readonly uuid: string; readonly isDeleted: boolean }[] {
    return this.#all(
      `SELECT uuid, 0 AS deleted FROM key WHERE uuid > :after UNION ALL SELECT uuid, 1 FROM tombstone WHERE uuid > :after ORDER BY uuid LIMIT :limit`,
      { ':after': after, ':limit': limit },
    ).map((row) => ({ uuid: row.uuid as string, isDeleted: row.deleted === 1 }));
  }

  readTombstone(uuid: string): Uint8Array | undefined {
    return (this.#get('SELECT record FROM tombstone WHERE uuid = ?', uuid) as { record: Uint8Array } | undefined)
      ?.record;
  }

  writeTombstone(uuid: string, version: number, record: Uint8Array): void {
    this.#run('INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?)', uuid, version, record);
  }

  deleteTombstones(): void {
    this.#run('DELETE FROM tombstone');
  }

  /** Keys and look-up entries, not tombstones. */
  deleteAllKeys(): void {
    this.#run('DELETE FROM key');
    this.#run('DELETE FROM lookup');
  }

  readPin(partition: number, role: Role): PinRecord | undefined {
    const row = this.#get('SELECT * FROM pin WHERE partition = ? AND role = ?', partition, role);
    return row && pinOf(row);
  }

  listPins(): PinRecord[] {
    return this.#all('SELECT * FROM pin ORDER BY partition, role', {}).map(pinOf);
  }

  writePin({ partition, role, version, hash, proof }: PinRecord): void {
    this.#run(
      'INSERT OR REPLACE INTO pin VALUES (?, ?, ?, ?, ?)',
      partition,
      role,
      version,
      hash ?? null,
      proof ?? null,
    );
  }

  /** Without partition 0, which is always there; with those that were deleted. */
  listPartitions(): PartitionRow[] {
    return this.#all('SELECT * FROM partition ORDER BY number', {}).map((row) => ({
      number: row.number as number,
      label: row.label as string,
      version: row.version as number,
      proof: (row.proof as Uint8Array | null) ?? undefined,
    }));
  }

  writePartition({ number, label, version, proof }: PartitionRow): void {
    this.#run(
      'INSERT OR REPLACE INTO partition (number, label, version, proof) VALUES (?, ?, ?, ?)',
      number,
      label,
      version,
      proof ?? null,
    );
  }

  /** Of SQLite, for `show fpga cores`. */
  static get engineVersion(): string {
    return process.versions.sqlite ?? 'unknown';
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #get(sql: string, ...values: (string | number | Uint8Array | null)[]): Record<string, unknown> | undefined {
    return this.#guard(() => this.#statement(sql).get(...values));
  }

  #all(sql: string, values: Record<string, string | number | Uint8Array>): Record<string, unknown>[] {
    return this.#guard(() => this.#statement(sql).all(values));
  }

  #run(sql: string, ...values: (string | number | Uint8Array | null)[]): void {
    this.#guard(() => this.#statement(sql).run(...values));
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }

  #guard<T>(call: () => T): T {
    return guarded(this.path, call);
  }
}

function pinOf(row: Record<string, unknown>): PinRecord {
  return {
    partition: row.partition as number,
    role: row.role as Role,
    version: row.version as number,
    hash: (row.hash as string | null) ?? undefined,
    proof: (row.proof as Uint8Array | null) ?? undefined,
  };
}

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that have a text of their own here. */
const SQLITE = { ERROR: 1, BUSY: 5, LOCKED: 6, CORRUPT: 11, FULL: 13, NOTADB: 26 } as const;

function guarded<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (fault) {
    if (fault instanceof HalError) throw fault;
    const { errcode, message } = fault as { errcode?: number; message?: string };
    const code = errcode === undefined ? undefined : errcode & 0xff;
    const facts = { path, ...(code !== undefined && { sqlite: code }) };
    const failed = (status: HalStatus, text: string): HalError =>
      new HalError(status, `keystore ${path}: ${text}`, facts, fault);
    switch (code) {
      case SQLITE.FULL:
        throw failed(
          HalStatus.KEYSTORE_ACCESS,
          'the disk is full: nothing was changed, what is there can be used; make room',
        );
      case SQLITE.BUSY:
      case SQLITE.LOCKED:
        throw failed(HalStatus.KEYSTORE_ACCESS, 'another process has it open: one device, one process');
      case SQLITE.CORRUPT:
      case SQLITE.NOTADB:
      // Tables or columns are not as they were made.
      case SQLITE.ERROR:
        throw failed(
          HalStatus.KEYSTORE_LOST_DATA,
          `the file is damaged (${message}): stop hsmd, move it away or put a copy in its place, and start again; mirrored keys come back from the other devices`,
        );
      default:
        throw failed(
          HalStatus.KEYSTORE_ACCESS,
          `${message ?? String(fault)}: see to the disk and the rights of the file`,
        );
    }
  }
}
