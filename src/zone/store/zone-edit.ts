import { SignetError } from '../../base/error.ts';
import { equalOctets, latin1Text } from '../../base/octets.ts';
import { isWithin, type Name, nameKey } from '../../wire/name.ts';
import { nameToText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { Arena, NodeRef, RRsetRef, VersionRef } from './arena.ts';
import { commitEdit } from './edit-commit.ts';
import type { OwnerChange } from './edit-plan.ts';
import { compareRdata, sortRdata } from './rdata-order.ts';
import type { RecordWriter } from './record-writer.ts';
import { hashOfOwner } from './zone-loader.ts';
import { ZoneReader } from './zone-reader.ts';

/** What an edit needs of its store. */
export interface EditTarget {
  /** @throws SignetError VERSION_UNKNOWN when the base is no longer kept: its memory may hold something else */
  checkBase(): void;
  /** Takes the new version into the books. */
  made(version: VersionRef): void;
}

interface StagedRRset {
  ttl: number;
  /** Sorted and without duplicates, as the arrays below. */
  rdatas: Uint8Array[];
  signatures: Uint8Array[];
}

interface StagedOwner {
  readonly owner: Name;
  /** For NSEC3. */
  readonly hash: Uint8Array | undefined;
  readonly base: NodeRef;
  readonly rrsets: Map<number, StagedRRset>;
}

/**
 * Changes to a version, which itself stays as it is. Owners and RDATA are copied. RRSIG records belong to the RRset they
 * cover: one that has signatures only is kept. NSEC3 records, and RRSIGs that cover them, are those of the hash tree.
 * All calls throw SignetError OWNER_OUTSIDE_ZONE or NSEC3_OWNER for an owner that cannot be in the zone, and
 * VERSION_UNKNOWN when the base was released, or replaced by compaction, in the meantime: hold it across awaits.
 */
export class ZoneEdit {
  readonly base: VersionRef;
  readonly #reader: ZoneReader;
  readonly #writer: RecordWriter;
  readonly #target: EditTarget;
  readonly #owners = new Map<string, StagedOwner>();

  constructor(arena: Arena, base: VersionRef, writer: RecordWriter, target: EditTarget) {
    this.base = base;
    this.#reader = new ZoneReader(arena).open(base);
    this.#writer = writer;
    this.#target = target;
  }

  /** Puts this in place of the whole RRset and its signatures. No RDATA and no signatures deletes it. */
  setRRset(
    owner: Name,
    type: number,
    ttl: number,
    rdatas: readonly Uint8Array[],
    signatures: readonly Uint8Array[] = [],
  ): void {
    refuseRrsig(type);
    this.#owner(owner, type).rrsets.set(type, {
      ttl,
      rdatas: copies(sortRdata(type, rdatas)),
      signatures: copies(sortRdata(TYPE.RRSIG, signatures)),
    });
  }

  /** Deletes the RRset and its signatures. For type RRSIG: all signatures at the owner but those of NSEC3. */
  deleteRRset(owner: Name, type: number): void {
    const staged = this.#owner(owner, type);
    if (type !== TYPE.RRSIG) staged.rrsets.set(type, { ttl: 0, rdatas: [], signatures: [] });
    else for (const covered of this.#types(staged)) this.#rrset(staged, covered).signatures = [];
  }

  /**
   * Adds a record. Its TTL becomes that of the RRset, as an update's does (RFC 2136 section 3.4.2.2), but an RRSIG's only
   * when it covers nothing.
   * @returns false when the record was there already
   */
  addRecord(owner: Name, type: number, ttl: number, rdata: Uint8Array): boolean {
    const rrset = this.#rrset(this.#owner(owner, type, rdata), coveredType(type, rdata));
    if (type !== TYPE.RRSIG || rrset.rdatas.length === 0) rrset.ttl = ttl;
    const records = type === TYPE.RRSIG ? rrset.signatures : rrset.rdatas;
    const place = placeOf(type, records, rdata);
    if (place < records.length && sameRdata(type, records[place], rdata)) return false;
    records.splice(place, 0, Uint8Array.from(rdata));
    return true;
  }

  /** @returns false when there was no such record */
  deleteRecord(owner: Name, type: number, rdata: Uint8Array): boolean {
    const rrset = this.#rrset(this.#owner(owner, type, rdata), coveredType(type, rdata));
    const records = type === TYPE.RRSIG ? rrset.signatures : rrset.rdatas;
    const place = placeOf(type, records, rdata);
    if (place >= records.length || !sameRdata(type, records[place], rdata)) return false;
    records.splice(place, 1);
    return true;
  }

  /** Puts these in place of the RRSIGs that cover the RRset. */
  setSignatures(owner: Name, typeCovered: number, signatures: readonly Uint8Array[]): void {
    const rrset = this.#rrset(this.#owner(owner, typeCovered), typeCovered);
    rrset.signatures = copies(sortRdata(TYPE.RRSIG, signatures));
  }

  /** Owners that were named in a call, in no order. */
  touched(): Name[] {
    return Array.from(this.#owners.values(), (staged) => staged.owner);
  }

  /**
   * The version with all changes. Takes time with the number of owners touched, and with the names below those that
   * become or cease to be a cut. The edit can go on and be committed again: always on top of the same base.
   * @throws SignetError ZONE_WITHOUT_SOA, RRSET_TOO_LARGE, ARENA_FULL
   */
  commit(): VersionRef {
    this.#target.checkBase();
    const main: OwnerChange[] = [];
    const hashed: OwnerChange[] = [];
    for (const staged of this.#owners.values()) {
      const rrsets = this.#writeChanged(staged);
      if (rrsets === undefined) continue;
      const { owner, hash, base } = staged;
      (hash ? hashed : main).push({ owner, hash, base, rrsets });
    }
    const version = commitEdit(this.#reader, this.#writer, main, hashed);
    this.#target.made(version);
    return version;
  }

  /** Refs of the RRsets that the owner has afterwards; undefined when all is as before. */
  #writeChanged(staged: StagedOwner): RRsetRef[] | undefined {
    const refs: RRsetRef[] = [];
    let changed = false;
    for (const type of this.#types(staged)) {
      const before = staged.base === 0 ? 0 : this.#reader.rrset(staged.base, type);
      const after = staged.rrsets.get(type);
      if (after === undefined || this.#isSame(before, after)) {
        if (before !== 0) refs.push(before);
        continue;
      }
      changed = true;
      if (after.rdatas.length + after.signatures.length > 0)
        refs.push(this.#writer.writeRRset(type, after.ttl, after.rdatas, after.signatures));
    }
    return changed ? refs : undefined;
  }

  /** Types of the owner before and after, ascending. */
  #types(staged: StagedOwner): number[] {
    const types = new Set(staged.rrsets.keys());
    const count = staged.base === 0 ? 0 : this.#reader.rrsetCount(staged.base);
    for (let i = 0; i < count; i++) types.add(this.#reader.type(this.#reader.rrsetAt(staged.base, i)));
    return [...types].sort((a, b) => a - b);
  }

  #isSame(before: RRsetRef, after: StagedRRset): boolean {
    const reader = this.#reader;
    if (before === 0) return after.rdatas.length + after.signatures.length === 0;
    return (
      reader.ttl(before) === after.ttl &&
      sameArrays(reader.rdataAll(before), after.rdatas) &&
      sameArrays(reader.signaturesAll(before), after.signatures)
    );
  }

  #owner(owner: Name, type: number, rdata?: Uint8Array): StagedOwner {
    this.#target.checkBase();
    const { apex } = this.#reader;
    if (!isWithin(owner, apex)) this.#outside(owner);
    const isHashed = (rdata === undefined ? type : coveredType(type, rdata)) === TYPE.NSEC3;
    const hash = isHashed ? hashOfOwner(owner, 0, owner.length - apex.length, apex) : undefined;
    const key = hash ? `#${latin1Text(hash)}` : nameKey(owner);
    let staged = this.#owners.get(key);
    if (staged === undefined) {
      const base = hash ? this.#reader.findHash(hash) : this.#reader.find(owner);
      staged = { owner: owner.slice() as Name, hash, base, rrsets: new Map() };
      this.#owners.set(key, staged);
    }
    return staged;
  }

  #outside(owner: Name): never {
    const text = nameToText(owner);
    const zone = nameToText(this.#reader.apex);
    throw new SignetError('OWNER_OUTSIDE_ZONE', `${text} is not in zone ${zone}: check the owner name`, {
      owner: text,
      zone,
    });
  }

  /** The RRset as it stands now, ready to be changed. */
  #rrset(staged: StagedOwner, type: number): StagedRRset {
    let rrset = staged.rrsets.get(type);
    if (rrset === undefined) {
      const ref = staged.base === 0 ? 0 : this.#reader.rrset(staged.base, type);
      rrset =
        ref === 0
          ? { ttl: 0, rdatas: [], signatures: [] }
          : {
              ttl: this.#reader.ttl(ref),
              rdatas: this.#reader.rdataAll(ref),
              signatures: sortRdata(TYPE.RRSIG, this.#reader.signaturesAll(ref)),
            };
      staged.rrsets.set(type, rrset);
    }
    return rrset;
  }
}

function refuseRrsig(type: number): void {
  if (type !== TYPE.RRSIG) return;
  throw new SignetError('RRSIG_ALONE', 'RRSIGs are set with the RRset they cover: use setSignatures or addRecord', {});
}

/** An RRSIG belongs to the RRset of the type it covers. RDATA too short to say so covers type 0. */
function coveredType(type: number, rdata: Uint8Array): number {
  if (type !== TYPE.RRSIG) return type;
  return rdata.length < 2 ? 0 : (rdata[0] << 8) | rdata[1];
}

function sameRdata(type: number, a: Uint8Array, b: Uint8Array): boolean {
  return compareRdata(type, a, 0, a.length, b, 0, b.length) === 0;
}

/** Index of the first that is not before `rdata`. */
function placeOf(type: number, sorted: readonly Uint8Array[], rdata: Uint8Array): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = sorted[middle];
    if (compareRdata(type, other, 0, other.length, rdata, 0, rdata.length) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Also in the case of letters in names: what is published is what was given. */
function sameArrays(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((octets, i) => equalOctets(octets, b[i]));
}

function copies(arrays: readonly Uint8Array[]): Uint8Array[] {
  return arrays.map((octets) => Uint8Array.from(octets));
}
