import { fromBase32Hex, toBase32Hex } from '../../base/base32hex.ts';
import { SignetError } from '../../base/error.ts';
import { latin1Text } from '../../base/octets.ts';
import { type Name, nameLengthAt, uncheckedName } from '../../wire/name.ts';
import { nameToText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { VersionRef } from './arena.ts';
import { GrowingUint32 } from './growing.ts';
import { NSEC3_HASH_OCTETS } from './layout.ts';
import { equalFolded } from './owner-order.ts';
import { compareRdata } from './rdata-order.ts';
import type { RecordWriter } from './record-writer.ts';
import { StagedRecords } from './staged-records.ts';
import { buildVersion } from './version-builder.ts';

/** What a load tells while it goes on. */
export interface LoadObserver {
  /** A record whose TTL differs from the first of its RRset, which is kept as BIND does (RFC 2181 section 5.2). */
  ttlMismatch?(owner: Name, type: number, kept: number, given: number): void;
}

/** What the loader needs of its store. */
export interface LoadTarget {
  /** Makes a writer into new extents. */
  begin(): RecordWriter;
  /** Takes over what the writer wrote, for the version. */
  finish(writer: RecordWriter, version: VersionRef): void;
  /** Gives the writer's extents back. */
  fail(writer: RecordWriter): void;
}

/**
 * Makes a version from records in any order, fastest when owners come in canonical order. Duplicates are dropped (RFC 2181
 * section 5), RRSIGs are kept with the RRset they cover. Holds the records outside the arena until `finish`.
 */
export class ZoneLoader {
  /** Records that were not kept because an equal one came before. Known after `finish`. */
  duplicates = 0;
  /** Records whose TTL was not that of the first of their RRset. Known after `finish`. */
  ttlMismatches = 0;
  readonly #apex: Name;
  readonly #target: LoadTarget;
  readonly #observer: LoadObserver;
  readonly #main = new StagedRecords(false);
  readonly #hashed = new StagedRecords(true);
  #added = 0;
  #writer: RecordWriter | undefined;
  #staged: StagedRecords = this.#main;
  #refs: number[] = [];

  constructor(apex: Name, target: LoadTarget, observer: LoadObserver = {}) {
    this.#apex = apex;
    this.#target = target;
    this.#observer = observer;
  }

  /** Records taken so far, duplicates included. */
  get added(): number {
    return this.#added;
  }

  /**
   * Adds a record: owner name in wire form at owner[ownerAt], RDATA in uncompressed wire form in rdata[start, end). All
   * octets are copied.
   * @returns false when the owner is not in the zone: then nothing was added
   * @throws SignetError NSEC3_OWNER
   */
  add(
    owner: Uint8Array,
    ownerAt: number,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const ownerEnd = this.#relativeEnd(owner, ownerAt);
    if (ownerEnd < 0) return false;
    let covered = type;
    if (type === TYPE.RRSIG) covered = end - start < 2 ? 0 : (rdata[start] << 8) | rdata[start + 1];
    const kind = 2 * covered + (type === TYPE.RRSIG ? 1 : 0);
    if (covered === TYPE.NSEC3) {
      const hash = hashOfOwner(owner, ownerAt, ownerEnd, this.#apex);
      this.#hashed.add(hash, 0, hash.length, kind, ttl, rdata, start, end);
    } else this.#main.add(owner, ownerAt, ownerEnd, kind, ttl, rdata, start, end);
    this.#added++;
    return true;
  }

  /** Where the labels left of the apex end, or -1 when the name is not in the zone. */
  #relativeEnd(owner: Uint8Array, at: number): number {
    const apex = this.#apex;
    let end = at;
    while (end < owner.length && owner[end] !== 0 && owner[end] < 64) end += owner[end] + 1;
    const length = end + 1 - at;
    const start = end + 1 - apex.length;
    if (end >= owner.length || owner[end] !== 0 || length > 255 || start < at) return -1;
    if (!equalFolded(owner, start, apex, 0, apex.length)) return -1;
    let label = at;
    while (label < start) label += owner[label] + 1;
    return label === start ? start : -1;
  }

  /**
   * The version with all records. `serial` replaces the one in the SOA record. The loader is used up.
   * @throws SignetError ZONE_WITHOUT_SOA, RRSET_TOO_LARGE, ARENA_FULL
   */
  finish(serial?: number): VersionRef {
    if (serial !== undefined) this.#setSerial(serial);
    const writer = this.#target.begin();
    try {
      this.#writer = writer;
      const nodes = this.#writeNodes(this.#main);
      const version = buildVersion(writer, nodes, this.#writeNodes(this.#hashed));
      this.#target.finish(writer, version);
      return version;
    } catch (error) {
      this.#target.fail(writer);
      throw error;
    } finally {
      this.#main.release();
      this.#hashed.release();
    }
  }

  #setSerial(serial: number): void {
    const staged = this.#main;
    for (let record = 0; record < staged.recordCount; record++) {
      const end = staged.ends.array[record];
      if (staged.kinds.array[record] !== 2 * TYPE.SOA || end - staged.starts.array[record] < 22) continue;
      for (let i = 0; i < 4; i++) staged.octets.array[end - 20 + i] = serial >>> (24 - 8 * i);
    }
  }

  #writeNodes(staged: StagedRecords): Uint32Array {
    const nodes = new GrowingUint32();
    this.#staged = staged;
    staged.forEachOwner((at, length, records, count) => {
      this.#refs = [];
      this.#sortByKind(records, count);
      for (let from = 0; from < count;) {
        let to = from;
        const type = staged.kinds.array[records[from]] >>> 1;
        while (to < count && staged.kinds.array[records[to]] >>> 1 === type) to++;
        this.#writeRRset(type, at, length, records, from, to);
        from = to;
      }
      nodes.push(this.#writer!.writeNode(0, staged.octets.array, at, length, this.#refs, this.#refs.length));
    });
    return nodes.view();
  }

  /** By kind, and by arrival where that is the same. Most owners have a handful of records in order already. */
  #sortByKind(records: Uint32Array, count: number): void {
    const kinds = this.#staged.kinds.array;
    if (count > 64) {
      records.subarray(0, count).sort((a, b) => kinds[a] - kinds[b] || a - b);
      return;
    }
    for (let i = 1; i < count; i++) {
      const record = records[i];
      let j = i;
      for (; j > 0 && kinds[records[j - 1]] > kinds[record]; j--) records[j] = records[j - 1];
      records[j] = record;
    }
  }

  /** Writes the records [from, to), which are those of one RRset and the RRSIGs that cover it. */
  #writeRRset(
    type: number,
    ownerAt: number,
    ownerLength: number,
    records: Uint32Array,
    from: number,
    to: number,
  ): void {
    const { kinds, ttls, starts, ends, octets } = this.#staged;
    const ttl = ttls.array[records[from]];
    for (let i = from + 1; i < to; i++)
      if (ttls.array[records[i]] !== ttl) this.#tellTtl(type, ownerAt, ownerLength, ttl, ttls.array[records[i]]);
    let signatures = from;
    while (signatures < to && (kinds.array[records[signatures]] & 1) === 0) signatures++;
    this.#sortRdata(type, records, from, signatures);
    this.#sortRdata(TYPE.RRSIG, records, signatures, to);
    const writer = this.#writer!;
    writer.beginRRset(type, ttl);
    for (let i = from; i < to; i++) {
      const record = records[i];
      const isFirst = i === from || i === signatures;
      const isSignature = i >= signatures;
      if (!isFirst && this.#compare(isSignature ? TYPE.RRSIG : type, records[i - 1], record) === 0) this.duplicates++;
      else if (isSignature) writer.signature(octets.array, starts.array[record], ends.array[record]);
      else writer.rdata(octets.array, starts.array[record], ends.array[record]);
    }
    this.#refs.push(writer.endRRset());
  }

  /** In canonical order; equal ones by arrival, so that the first is the one that stays. */
  #sortRdata(type: number, records: Uint32Array, from: number, to: number): void {
    if (to - from > 32) {
      records.subarray(from, to).sort((a, b) => this.#compare(type, a, b) || a - b);
      return;
    }
    for (let i = from + 1; i < to; i++) {
      const record = records[i];
      let j = i;
      for (; j > from && this.#compare(type, records[j - 1], record) > 0; j--) records[j] = records[j - 1];
      records[j] = record;
    }
  }

  #compare(type: number, a: number, b: number): number {
    const { starts, ends, octets } = this.#staged;
    return compareRdata(
      type,
      octets.array,
      starts.array[a],
      ends.array[a],
      octets.array,
      starts.array[b],
      ends.array[b],
    );
  }

  #tellTtl(type: number, ownerAt: number, ownerLength: number, kept: number, given: number): void {
    this.ttlMismatches++;
    if (this.#observer.ttlMismatch === undefined) return;
    const relative = this.#staged.octets.array.subarray(ownerAt, ownerAt + ownerLength);
    const owner = this.#staged === this.#hashed ? hashedOwner(relative, this.#apex) : withApex(relative, this.#apex);
    this.#observer.ttlMismatch(owner, type, kept, given);
  }
}

function withApex(relative: Uint8Array, apex: Name): Name {
  const name = new Uint8Array(relative.length + apex.length);
  name.set(relative);
  name.set(apex, relative.length);
  return uncheckedName(name);
}

/**
 * The hash that the owner of an NSEC3 record spells: one label of base 32 directly below the apex (RFC 5155 section 3).
 * @throws SignetError NSEC3_OWNER
 */
export function hashOfOwner(owner: Uint8Array, at: number, relativeEnd: number, apex: Name): Uint8Array {
  const isOneLabel = relativeEnd - at === owner[at] + 1;
  const hash = isOneLabel ? fromBase32Hex(latin1Text(owner, at + 1, relativeEnd)) : undefined;
  if (hash?.length === NSEC3_HASH_OCTETS) return hash;
  const text = nameToText(uncheckedName(owner.slice(at, at + nameLengthAt(owner, at))));
  throw new SignetError(
    'NSEC3_OWNER',
    `${text} cannot own an NSEC3 record: expected 32 base32hex digits directly below ${nameToText(apex)}`,
    { owner: text, zone: nameToText(apex) },
  );
}

/** The owner name that stands for a hash. */
export function hashedOwner(hash: Uint8Array, apex: Name): Name {
  const label = toBase32Hex(hash).toUpperCase();
  return withApex(Uint8Array.from([label.length, ...Buffer.from(label, 'latin1')]), apex);
}
