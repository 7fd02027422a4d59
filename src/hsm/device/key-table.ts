import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { KeyFlag, KeyType } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { PrivateKey } from '../crypto/key-engine.ts';
import type { RecordHead } from './crypto-device.ts';
import {
  decodeRecord,
  encodeRecord,
  encodeTombstone,
  nextVersion,
  type Prover,
  type StoredKey,
  type Tombstone,
} from './key-record.ts';
import type { Candidates, KeyRow, Keystore } from './keystore.ts';
import { lookUpEntries } from './public-attributes.ts';

/** A key in memory. Of one UUID there is one entry at a time. */
export interface KeyEntry {
  key: StoredKey;
  /** Client of a volatile key. */
  readonly owner: number | undefined;
  /** The private key, ready for use. */
  handle: PrivateKey | undefined;
  opening: Promise<void> | undefined;
  /** Hash-based keys: signatures that `handle` may still make before more are reserved on the disk. */
  reserved: number;
  /** Hash-based keys: the end of the line of those that want to sign. */
  turn: Promise<unknown>;
  /** Something under way needs this very entry. */
  busy: number;
  /** Memory that it takes, about. */
  octets: number;
}

/** Token keys kept in memory, with their private keys; octets that they and all volatile keys take. */
const MAX_CACHED = 8192;
const MAX_CACHED_OCTETS = 64 * 1024 * 1024;
const MAX_VOLATILE_OCTETS = 64 * 1024 * 1024;
export const MAX_VOLATILE = 4352;
/** Records proved in one go. */
const SLICE = 256;
export const MAX_TOKEN_KEYS = 1_000_000;

/**
 * All keys of a device: those on the disk, of which the last used ones are in memory too, and volatile ones. What comes from the disk is proved to be what
 * was written: a record that is not gives KEYSTORE_BAD_CRC, is told to the log once, and hinders no other.
 */
export class KeyTable {
  readonly #keystore: Keystore;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #name: string;
  /** Least recently used first. */
  readonly #cache = new Map<string, KeyEntry>();
  readonly #volatile = new Map<string, KeyEntry>();
  #cachedOctets = 0;
  #volatileOctets = 0;
  readonly #told = new Set<string>();
  #tokenKeys: number;

  constructor(name: string, dependencies: { readonly keystore: Keystore; readonly clock: Clock; readonly log: Log }) {
    this.#name = name;
    this.#keystore = dependencies.keystore;
    this.#log = dependencies.log;
    this.#clock = dependencies.clock;
    this.#tokenKeys = this.#keystore.countKeys();
  }

  get tokenKeys(): number {
    return this.#tokenKeys;
  }

  get volatileKeys(): number {
    return this.#volatile.size;
  }

  /** @throws HalError KEYSTORE_BAD_CRC */
  find(uuid: string, prover: Prover): KeyEntry | undefined {
    const cached = this.#cache.get(uuid);
    if (cached) {
      this.#cache.delete(uuid);
      this.#cache.set(uuid, cached);
      return cached;
    }
    const volatile = this.#volatile.get(uuid);
    if (volatile) return volatile;
    const row = this.#keystore.readKey(uuid);
    if (!row) return undefined;
    const entry = entryOf(this.#authentic(row, prover), undefined);
    this.#keep(entry);
    return entry;
  }

  volatileOf(uuids: Iterable<string>): KeyEntry[] {
    return [...uuids].flatMap((uuid) => this.#volatile.get(uuid) ?? []);
  }

  get allVolatile(): Iterable<KeyEntry> {
    return this.#volatile.values();
  }

  findCandidates(wanted: Candidates): string[] {
    return this.#keystore.findCandidates(wanted);
  }

  /** That a key of this name can be made. @throws HalError KEY_NAME_IN_USE, NO_KEY_SLOTS_AVAILABLE */
  checkFree(uuid: string, flags: number): void {
    if (this.#volatile.has(uuid) || this.#keystore.readKey(uuid) || this.#keystore.readTombstone(uuid))
      throw new HalError(HalStatus.KEY_NAME_IN_USE, `${this.#name} has, or had, a key ${uuid} already`, { uuid });
    const isToken = (flags & KeyFlag.TOKEN) !== 0;
    if (isToken ? this.#tokenKeys >= MAX_TOKEN_KEYS : this.#volatile.size >= MAX_VOLATILE)
      throw new HalError(
        HalStatus.NO_KEY_SLOTS_AVAILABLE,
        `${this.#name} has ${isToken ? `${MAX_TOKEN_KEYS} token` : `${MAX_VOLATILE} volatile`} keys, as many as it can: delete what is not needed`,
      );
  }

  /** A token key is durable when this returns. @throws HalError KEYSTORE_ACCESS, as checkFree */
  insert(made: Omit<StoredKey, 'version'>, owner: number | undefined, prover: Prover): void {
    const key: StoredKey = { ...made, version: this.#next(0) };
    this.checkFree(key.uuid, key.flags);
    if (owner !== undefined) {
      const entry = entryOf(key, owner);
      this.#takeVolatile(entry.octets);
      this.#volatile.set(key.uuid, entry);
      return;
    }
    this.#keystore.commit(() => this.#write(key, undefined, prover));
    this.#tokenKeys++;
    this.#keep(entryOf(key, undefined));
  }

  /** Other attributes, or the next state of a hash-based key: a version up, durable when this returns. */
  replace(entry: KeyEntry, changes: Partial<Pick<StoredKey, 'attributes' | 'wrapped'>>, prover: Prover): void {
    const key: StoredKey = { ...entry.key, ...changes, version: this.#next(entry.key.version) };
    const grows = sizeOf(key) - entry.octets;
    if (entry.owner === undefined) {
      this.#keystore.commit(() => this.#write(key, entry.key, prover));
      if (this.isCurrent(entry)) this.#cachedOctets += grows;
    } else this.#takeVolatile(grows);
    entry.key = key;
    entry.octets += grows;
  }

  delete(entry: KeyEntry, prover: Prover): void {
    const { key } = entry;
    if (entry.owner === undefined) {
      this.#keystore.commit(() => {
        this.#remove(key);
        // Only keys that may be elsewhere can come back from there.
        if ((key.flags & KeyFlag.EXPORTABLE) !== 0)
          this.#writeTombstone({ uuid: key.uuid, version: this.#next(key.version) }, prover);
      });
      this.#tokenKeys--;
      this.#drop(key.uuid);
    } else this.#dropVolatile(entry);
  }

  /** A key whose record is not authentic: false when it is not there. It leaves no tombstone, so that a good copy can come back. */
  deleteDamaged(uuid: string): boolean {
    if (!this.#keystore.readKey(uuid)) return false;
    this.#keystore.commit(() => {
      this.#keystore.deleteKey(uuid);
      this.#keystore.deleteEntriesOf(uuid);
    });
    this.#tokenKeys--;
    return true;
  }

  /** Inside a transaction, after which `forgetAll` has to be called. */
  deleteAll(prover: Prover | undefined): void {
    if (prover) this.#buryAll(prover);
    else this.#keystore.deleteTombstones();
    this.#keystore.deleteAllKeys();
  }

  #buryAll(prover: Prover): void {
    for (
      let after = '', page = this.#keystore.listHeads(after, 1000);
      page.length > 0;
      page = this.#keystore.listHeads(after, 1000)
    ) {
      for (const { uuid, isDeleted } of page) {
        const row = isDeleted ? undefined : this.#keystore.readKey(uuid);
        if (row && (row.flags & KeyFlag.EXPORTABLE) !== 0)
          this.#writeTombstone({ uuid, version: this.#next(row.version) }, prover);
      }
      after = page[page.length - 1].uuid;
    }
  }

  // Records between devices

  /** Only what is authentic: of what is damaged here, a good copy may then come from another device. */
  async listRecords(after: string, limit: number, prover: () => Prover): Promise<RecordHead[]> {
    prover();
    const heads: RecordHead[] = [];
    for (let at = after; heads.length < limit;) {
      const page = this.#keystore.listHeads(at, Math.min(SLICE, limit - heads.length));
      for (const { uuid, isDeleted } of page) {
        const head = isDeleted ? this.#headOfTombstone(uuid, prover()) : this.#headOfKey(uuid, prover());
        if (head) heads.push(head);
      }
      if (page.length === 0) break;
      at = page[page.length - 1].uuid;
      // Others get their turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return heads;
  }

  #headOfKey(uuid: string, prover: Prover): RecordHead | undefined {
    const key = this.#cache.get(uuid)?.key ?? this.#authenticOrNone(uuid, prover);
    return key && { uuid, version: key.version, isDeleted: false, isExportable: mayLeave(key) };
  }

  #headOfTombstone(uuid: string, prover: Prover): RecordHead | undefined {
    const version = this.#tombstoneVersion(uuid, prover);
    return version === undefined ? undefined : { uuid, version, isDeleted: true, isExportable: true };
  }

  /** @throws HalError KEY_NOT_FOUND, FORBIDDEN, KEYSTORE_BAD_CRC */
  readRecord(uuid: string, prover: Prover): Uint8Array {
    const row = this.#keystore.readKey(uuid);
    const found = row && this.#authentic(row, prover);
    if (found && !mayLeave(found))
      throw new HalError(HalStatus.FORBIDDEN, `key ${uuid} is not exportable: it never leaves ${this.#name}`, { uuid });
    const record = row?.record ?? this.#keystore.readTombstone(uuid);
    if (!record) throw new HalError(HalStatus.KEY_NOT_FOUND, `${this.#name} has no token key ${uuid}`, { uuid });
    return record;
  }

  /** @throws HalError KEYSTORE_BAD_CRC, FORBIDDEN */
  writeRecord(record: Uint8Array, prover: Prover): void {
    const decoded = decodeRecord(record, prover);
    const uuid = decoded.isDeleted ? decoded.tombstone.uuid : decoded.key.uuid;
    const row = this.#keystore.readKey(uuid);
    const ours = row && (this.#cache.get(uuid)?.key ?? this.#authenticOrNone(uuid, prover));
    const buried = this.#tombstoneVersion(uuid, prover) ?? -1;
    if (decoded.isDeleted) {
      const { tombstone } = decoded;
      if (tombstone.version <= buried || (ours && ours.version > tombstone.version)) return;
      this.#keystore.commit(() => {
        if (ours) this.#remove(ours);
        else if (row) this.#keystore.deleteEntriesOf(uuid);
        if (row) this.#keystore.deleteKey(uuid);
        this.#keystore.writeTombstone(uuid, tombstone.version, record);
      });
      if (row) this.#tokenKeys--;
      this.#drop(uuid);
      return;
    }
    const { key } = decoded;
    if (!mayLeave(key) || (key.flags & KeyFlag.TOKEN) === 0 || this.#volatile.has(uuid))
      throw new HalError(HalStatus.FORBIDDEN, `key ${uuid} is not one that devices may exchange`, { uuid });
    if (key.version <= buried || (ours && key.version <= ours.version)) return;
    if (!row && this.#tokenKeys >= MAX_TOKEN_KEYS) this.checkFree(uuid, key.flags);
    this.#keystore.commit(() => {
      if (row && !ours) this.#keystore.deleteEntriesOf(uuid);
      this.#write(key, ours, prover);
    });
    if (!row) this.#tokenKeys++;
    this.#drop(uuid);
  }

  /** Volatile keys of a client that left. */
  forgetVolatile(uuids: Iterable<string>): void {
    for (const entry of this.volatileOf(uuids)) this.#dropVolatile(entry);
  }

  /** Nothing stays in memory, as when the master key is gone; volatile keys are then gone for good. */
  forgetAll(): void {
    for (const entry of [...this.#cache.values(), ...this.#volatile.values()]) close(entry);
    this.#cache.clear();
    this.#volatile.clear();
    this.#told.clear();
    this.#cachedOctets = 0;
    this.#volatileOctets = 0;
  }

  recount(): void {
    this.#tokenKeys = this.#keystore.countKeys();
  }

  /** Whether it still stands for its key, after something was waited for. */
  isCurrent(entry: KeyEntry): boolean {
    const { uuid } = entry.key;
    return (entry.owner === undefined ? this.#cache : this.#volatile).get(uuid) === entry;
  }

  #next(version: number): number {
    return nextVersion(version, this.#clock.now() * 1000);
  }

  #write(key: StoredKey, replaced: StoredKey | undefined, prover: Prover): void {
    if (replaced) for (const entry of lookUpEntries(replaced)) this.#keystore.deleteEntry(entry, key.uuid);
    const { uuid, partition, type, curve, flags, version } = key;
    this.#keystore.writeKey({ uuid, partition, type, curve, flags, version, record: encodeRecord(key, prover) });
    for (const entry of lookUpEntries(key)) this.#keystore.addEntry(entry, uuid);
  }

  #remove(key: StoredKey): void {
    this.#keystore.deleteKey(key.uuid);
    for (const entry of lookUpEntries(key)) this.#keystore.deleteEntry(entry, key.uuid);
  }

  #writeTombstone(tombstone: Tombstone, prover: Prover): void {
    this.#keystore.writeTombstone(tombstone.uuid, tombstone.version, encodeTombstone(tombstone, prover));
  }

  #tombstoneVersion(uuid: string, prover: Prover): number | undefined {
    const record = this.#keystore.readTombstone(uuid);
    if (!record) return undefined;
    try {
      const decoded = decodeRecord(record, prover);
      if (decoded.isDeleted && decoded.tombstone.uuid === uuid) return decoded.tombstone.version;
    } catch (fault) {
      if (!(fault instanceof HalError)) throw fault;
    }
    this.#tellDamaged(uuid, 'the record of its deletion');
    return undefined;
  }

  #authenticOrNone(uuid: string, prover: Prover): StoredKey | undefined {
    const row = this.#keystore.readKey(uuid);
    try {
      return row && this.#authentic(row, prover);
    } catch (fault) {
      if (fault instanceof HalError && fault.status === HalStatus.KEYSTORE_BAD_CRC) return undefined;
      throw fault;
    }
  }

  /** The row must say what the proved record says: searches go by it. */
  #authentic(row: KeyRow, prover: Prover): StoredKey {
    try {
      const decoded = decodeRecord(row.record, prover);
      if (!decoded.isDeleted && agrees(row, decoded.key)) return decoded.key;
    } catch (fault) {
      if (!(fault instanceof HalError)) throw fault;
    }
    this.#tellDamaged(row.uuid, 'its record');
    throw new HalError(
      HalStatus.KEYSTORE_BAD_CRC,
      `key ${row.uuid} on ${this.#name} was changed on the disk and is not used: if it is mirrored, "sync cache" brings it back; else restore a backup`,
      { uuid: row.uuid },
    );
  }

  #tellDamaged(uuid: string, what: string): void {
    if (this.#told.has(uuid) || this.#told.size >= 10_000) return;
    this.#told.add(uuid);
    this.#log.write({
      severity: 'critical',
      category: 'hsm',
      text: `${this.#name}: key ${uuid}: ${what} was changed on the disk by something else than this program; it is not used, the others go on`,
    });
  }

  #keep(entry: KeyEntry): void {
    this.#cache.set(entry.key.uuid, entry);
    this.#cachedOctets += entry.octets;
    if (this.#cache.size <= MAX_CACHED && this.#cachedOctets <= MAX_CACHED_OCTETS) return;
    for (const [uuid, oldest] of this.#cache) {
      if (this.#cache.size <= MAX_CACHED && this.#cachedOctets <= MAX_CACHED_OCTETS) return;
      if (oldest.busy === 0 && oldest !== entry) this.#drop(uuid);
    }
  }

  /** @throws HalError ALLOCATION_FAILURE */
  #takeVolatile(octets: number): void {
    if (octets > 0 && this.#volatileOctets + octets > MAX_VOLATILE_OCTETS)
      throw new HalError(
        HalStatus.ALLOCATION_FAILURE,
        `keys that are not kept take ${MAX_VOLATILE_OCTETS} octets on ${this.#name}, as many as they can: delete what is not needed`,
      );
    this.#volatileOctets += octets;
  }

  #dropVolatile(entry: KeyEntry): void {
    if (this.#volatile.delete(entry.key.uuid)) this.#volatileOctets -= entry.octets;
    close(entry);
  }

  #drop(uuid: string): void {
    const entry = this.#cache.get(uuid);
    if (!entry) return;
    this.#cache.delete(uuid);
    this.#cachedOctets -= entry.octets;
    close(entry);
  }
}

/** Two devices must never have the state of one hash-based key: its signatures may be made once only (RFC 8554 section 5.2). */
export function mayLeave(key: StoredKey): boolean {
  return (key.flags & KeyFlag.EXPORTABLE) !== 0 && key.type !== KeyType.HASHSIG_PRIVATE;
}

function agrees(row: KeyRow, key: StoredKey): boolean {
  return (
    row.uuid === key.uuid &&
    row.partition === key.partition &&
    row.type === key.type &&
    row.curve === key.curve &&
    row.flags === key.flags &&
    row.version === key.version
  );
}

function entryOf(key: StoredKey, owner: number | undefined): KeyEntry {
  return {
    key,
    owner,
    handle: undefined,
    opening: undefined,
    reserved: 0,
    turn: Promise.resolve(),
    busy: 0,
    octets: sizeOf(key),
  };
}

function sizeOf({ attributes, spki, wrapped }: StoredKey): number {
  return attributes.reduce((sum, { value }) => sum + value.length + 64, 512) + spki.length + wrapped.length;
}

/** Its memory is cleared by who made it. */
export function close(entry: KeyEntry): void {
  entry.handle?.[Symbol.dispose]();
  entry.handle = undefined;
  entry.reserved = 0;
}
