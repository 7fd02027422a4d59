import { fromBase32Hex, toBase32Hex } from '../../base/base32hex.ts';
import { SignetError } from '../../base/error.ts';
import { latin1Text } from '../../base/octets.ts';
import { type Name, nameLengthAt, uncheckedName } from '../../wire/name.ts';
import { nameToText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { Arena, VersionRef } from './arena.ts';
import { NSEC3_HASH_OCTETS, nodeOwnerLength } from './layout.ts';
import { LoadedNodes } from './loaded-nodes.ts';
import { equalFolded } from './owner-order.ts';
import { entryEnd, isLastEntry } from './rdata-entry.ts';
import type { WrittenExtents } from './node-writer.ts';
import { firstRdataAt, type RecordWriter } from './record-writer.ts';
import { buildVersion, rrsetOf } from './version-builder.ts';

/** What the loader needs of its store. */
export interface LoadTarget {
  /** Makes a writer into new extents. */
  begin(): RecordWriter;
  /** Takes over what the writer wrote, and what others did, for the version. */
  finish(writer: RecordWriter, version: VersionRef, others: readonly WrittenExtents[]): void;
  /** Gives the writer's extents back, and those of others. */
  fail(writer: RecordWriter | undefined, others: readonly WrittenExtents[]): void;
}

/** Nodes that a thread wrote into the arena: refs in order, one an owner. */
export interface WrittenNodes {
  readonly nodes: Uint32Array<ArrayBuffer>;
  /** NSEC3 nodes. */
  readonly hashNodes: Uint32Array<ArrayBuffer>;
}

/**
 * Makes a version from records in any order, fastest when owners come nearly in canonical order. Duplicates are dropped (RFC
 * 2181 section 5), RRSIGs are kept with the RRset they cover. Ends with `finish` or `abandon`.
 */
export class ZoneLoader {
  readonly #apex: Name;
  readonly #target: LoadTarget;
  readonly #main = new LoadedNodes(false);
  readonly #hashed = new LoadedNodes(true);
  #writer: RecordWriter | undefined;
  /** Extents that other threads wrote for the version. */
  #others: WrittenExtents[] = [];
  /** Why no version will come of it: told by `finish`. */
  #failure: unknown;

  constructor(apex: Name, target: LoadTarget) {
    this.#apex = apex;
    this.#target = target;
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
      if (this.#hashed.isFull) this.#flush(this.#hashed);
      if (this.#failure === undefined) this.#hashed.add(hash, 0, hash.length, kind, ttl, rdata, start, end);
    } else {
      if (this.#main.isFull) this.#flush(this.#main);
      if (this.#failure === undefined) this.#main.add(owner, ownerAt, ownerEnd, kind, ttl, rdata, start, end);
    }
    return true;
  }

  #flush(nodes: LoadedNodes): void {
    try {
      nodes.flush(this.writer);
    } catch (error) {
      this.#failure = error;
      this.abandon();
    }
  }

  /** What writes into the version: for nodes that `addWritten` is given. */
  get writer(): RecordWriter {
    return (this.#writer ??= this.#target.begin());
  }

  /**
   * The nodes of all records that were added; then it begins anew, with the same writer.
   * @throws SignetError RRSET_TOO_LARGE, ARENA_FULL
   */
  take(): WrittenNodes {
    if (this.#failure !== undefined) throw this.#failure;
    return { nodes: this.#main.take(this.writer), hashNodes: this.#hashed.take(this.writer) };
  }

  /** Adds nodes of the zone that `take` of another loader gave, as if their records had been added here. @throws as `take` */
  addWritten(written: WrittenNodes): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#main.addWritten(this.writer, written.nodes);
    this.#hashed.addWritten(this.writer, written.hashNodes);
  }

  /** Takes over the extents of a writer of another thread, who made nodes for `addWritten`. */
  adopt(written: WrittenExtents): void {
    this.#others.push(written);
  }

  /** Gives back all that was taken, when no version is to be made. Does nothing after `finish`. */
  abandon(): void {
    this.#target.fail(this.#writer, this.#others);
    this.#writer = undefined;
    this.#others = [];
    this.#main.release();
    this.#hashed.release();
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
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const { writer } = this;
      const nodes = this.#main.finish(writer);
      if (serial !== undefined) setSerial(writer.space.arena, nodes, serial);
      const version = buildVersion(writer, nodes, this.#hashed.finish(writer));
      this.#target.finish(writer, version, this.#others);
      this.#writer = undefined;
      this.#others = [];
      return version;
    } finally {
      this.abandon();
    }
  }
}

/** In all SOA records of the apex; nobody has seen them yet. The serial is before four other numbers (RFC 1035 section 3.3.13). */
function setSerial({ u8, u32 }: Arena, nodes: Uint32Array, serial: number): void {
  const apex = nodes.length > 0 && nodeOwnerLength(u32[nodes[0]]) === 0 ? nodes[0] : 0;
  const soa = apex === 0 ? 0 : rrsetOf(u32, apex, TYPE.SOA);
  if (soa === 0) return;
  for (let position = firstRdataAt(u32, soa); position !== 0;) {
    const end = entryEnd(u8, position);
    if (end - position >= 24) for (let i = 0; i < 4; i++) u8[end - 20 + i] = serial >>> (24 - 8 * i);
    position = isLastEntry(u8, position) ? 0 : end;
  }
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
  return uncheckedName(Uint8Array.from([label.length, ...Buffer.from(label, 'latin1'), ...apex]));
}
