import { SignetError } from '../../base/error.ts';
import { MAX_NAME_LENGTH } from '../../wire/name.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { Arena, NodeRef, RRsetRef } from './arena.ts';
import {
  COMPACT_LIMIT,
  ENTRY_LAST,
  ENTRY_LONG,
  ENTRY_NSEC,
  ENTRY_RRSIG,
  MAX_RDATA_COUNT,
  MAX_SECTION_OCTETS,
  MAX_SIGNATURE_COUNT,
  PLAIN_LIMIT,
  RRSET_HEAD_OCTETS,
  RRSIG_FIXED_OCTETS,
} from './layout.ts';
import { compareRdata, sortRdata } from './rdata-order.ts';
import { COMPACT_RRSIG_FIXED, copyEntry, entryEnd, entryLength } from './rdata-entry.ts';
import type { RecordSpace } from './record-space.ts';

/** Octet offset behind the last octet of an RRset. */
export function rrsetEnd(u8: Uint8Array, u32: Uint32Array, rrset: RRsetRef): number {
  const counts = u32[rrset + 2];
  let at = 4 * rrset + RRSET_HEAD_OCTETS + (counts & MAX_SECTION_OCTETS);
  for (let left = counts >>> 22; left > 0; left--) at = entryEnd(u8, at);
  return at;
}

/** Position of the first RDATA entry, or 0. */
export function firstRdataAt(u32: Uint32Array, rrset: RRsetRef): number {
  return (u32[rrset] & 0xffff) === 0 ? 0 : 4 * rrset + RRSET_HEAD_OCTETS;
}

/** Position of the first RRSIG entry, or 0. */
export function firstSignatureAt(u32: Uint32Array, rrset: RRsetRef): number {
  const counts = u32[rrset + 2];
  return counts >>> 22 === 0 ? 0 : 4 * rrset + RRSET_HEAD_OCTETS + (counts & MAX_SECTION_OCTETS);
}

/** Words of an RRset in the arena. */
export function rrsetWords(u8: Uint8Array, u32: Uint32Array, rrset: RRsetRef): number {
  return ((rrsetEnd(u8, u32, rrset) + 3) >> 2) - rrset;
}

/** Words of a node itself, without its RRsets. */
export function nodeWords(u32: Uint32Array, node: NodeRef): number {
  const head = u32[node];
  return 1 + (head & 0xffff) + (((head >>> 24) + 3) >> 2);
}

/** Writes RRsets and nodes into a RecordSpace, in the forms that layout.ts draws. */
export class RecordWriter {
  readonly space: RecordSpace;
  readonly apex: Uint8Array;
  #rrset = 0;
  #type = 0;
  #ttl = 0;
  #rdataCount = 0;
  #signatureCount = 0;
  /** Octets from the RRset to the entry written last, and whether that has to be marked as the last. */
  #lastEntry = 0;
  #unmarked = false;
  #rdataOctets = 0;
  #previous = new Uint8Array(1024);

  /** @param apex the zone's name in wire form, as it is to be shown */
  constructor(space: RecordSpace, apex: Uint8Array) {
    this.space = space;
    this.apex = apex;
  }

  get #arena(): Arena {
    return this.space.arena;
  }

  beginRRset(type: number, ttl: number): void {
    this.#rrset = this.space.words(RRSET_HEAD_OCTETS >> 2);
    this.#type = type;
    this.#ttl = ttl;
    this.#rdataCount = 0;
    this.#signatureCount = 0;
    this.#rdataOctets = 0;
    this.#unmarked = false;
    this.#arena.u32[this.#rrset + 1] = ttl;
  }

  /** Starts an RRset with all RDATA of `from` (of the same zone), without its signatures. Only signatures may follow. */
  beginRRsetLike(from: RRsetRef): void {
    const { u8, u32 } = this.#arena;
    this.beginRRset(u32[from] >>> 16, u32[from + 1]);
    const octets = u32[from + 2] & MAX_SECTION_OCTETS;
    this.#rrset = this.space.reserve(octets, this.#rrset);
    const start = 4 * from + RRSET_HEAD_OCTETS;
    u8.copyWithin(this.space.at, start, start + octets);
    this.#rdataCount = u32[from] & 0xffff;
    this.#rdataOctets = octets;
    this.space.at += octets;
  }

  /**
   * Adds one RDATA; each must come after the one before in canonical order.
   * @throws SignetError RDATA_ORDER, RRSET_TOO_LARGE
   */
  rdata(octets: Uint8Array, start = 0, end = octets.length): void {
    if (this.#rdataCount > 0) this.#checkOrder(octets, start, end);
    if (++this.#rdataCount > MAX_RDATA_COUNT) this.#tooLarge();
    const relative = this.#type === TYPE.NSEC ? this.#labelsBeforeApex(octets, start, end) : -1;
    if (relative >= 0) this.#compactNsec(octets, start, end, relative);
    else this.#plain(octets, start, end);
    this.#rdataOctets = this.space.at - 4 * this.#rrset - RRSET_HEAD_OCTETS;
    if (this.#rdataOctets > MAX_SECTION_OCTETS) this.#tooLarge();
  }

  /** Adds one whole RRSIG RDATA, after all RDATA. @throws SignetError RRSET_TOO_LARGE */
  signature(octets: Uint8Array, start = 0, end = octets.length): void {
    if (this.#signatureCount === 0) this.#markLast();
    if (++this.#signatureCount > MAX_SIGNATURE_COUNT) this.#tooLarge();
    if (this.#isCompactRrsig(octets, start, end)) this.#compactRrsig(octets, start, end);
    else this.#plain(octets, start, end);
    if (this.space.at - 4 * this.#rrset - RRSET_HEAD_OCTETS - this.#rdataOctets > MAX_SECTION_OCTETS) this.#tooLarge();
  }

  /** @throws SignetError RRSET_EMPTY when it has neither RDATA nor signatures */
  endRRset(): RRsetRef {
    if (this.#rdataCount + this.#signatureCount === 0)
      throw new SignetError('RRSET_EMPTY', `RRset of type ${this.#type} has no records`, { type: this.#type });
    this.#markLast();
    const { u32 } = this.#arena;
    u32[this.#rrset] = (this.#type << 16) | this.#rdataCount;
    u32[this.#rrset + 2] = (this.#signatureCount << 22) | this.#rdataOctets;
    this.space.align();
    return this.#rrset;
  }

  /** All at once: sorts RDATA, drops duplicates. */
  writeRRset(
    type: number,
    ttl: number,
    rdatas: readonly Uint8Array[],
    signatures: readonly Uint8Array[] = [],
  ): RRsetRef {
    this.beginRRset(type, ttl);
    for (const rdata of sortRdata(type, rdatas)) this.rdata(rdata);
    for (const signature of sortRdata(TYPE.RRSIG, signatures)) this.signature(signature);
    return this.endRRset();
  }

  /** Copies an RRset of the same zone and arena. */
  copyRRset(from: RRsetRef): RRsetRef {
    const { u8, u32 } = this.#arena;
    const words = rrsetWords(u8, u32, from);
    const to = this.space.words(words);
    u32.copyWithin(to, from, from + words);
    return to;
  }

  /**
   * Writes a node.
   * @param owner relative owner (or hash) in octets[at, at + length)
   * @param rrsets refs by ascending type, in the first `count` places
   */
  writeNode(
    flags: number,
    octets: Uint8Array,
    at: number,
    length: number,
    rrsets: ArrayLike<number>,
    count: number,
  ): NodeRef {
    const node = this.space.words(1 + count + ((length + 3) >> 2));
    const { u8, u32 } = this.#arena;
    u32[node] = (length << 24) | (flags << 16) | count;
    for (let i = 0; i < count; i++) u32[node + 1 + i] = rrsets[i];
    const to = 4 * (node + 1 + count);
    for (let i = 0; i < length; i++) u8[to + i] = octets[at + i];
    return node;
  }

  #plain(octets: Uint8Array, start: number, end: number): void {
    const length = end - start;
    let at = this.#beginEntry(length + 6);
    const { u8 } = this.#arena;
    if (length <= PLAIN_LIMIT) at = putUint16(u8, at, length);
    else at = putUint16(u8, putUint16(u8, putUint16(u8, at, ENTRY_LONG), length >>> 16), length);
    this.space.at = append(octets, start, end, u8, at);
  }

  /** Octets of the NSEC's next name before the apex's labels, or -1 when the entry has to stay as it is. */
  #labelsBeforeApex(octets: Uint8Array, start: number, end: number): number {
    let name = start;
    while (name < end && octets[name] !== 0) name += octets[name] + 1;
    const relative = name + 1 - start - this.apex.length;
    if (relative < 0 || name >= end || end - start > COMPACT_LIMIT) return -1;
    // The apex must begin at a label, and in the very letters: the next name is signed as it is (RFC 6840 section 5.1).
    let at = start;
    while (at < start + relative) at += octets[at] + 1;
    return at === start + relative && equalAt(octets, at, this.apex) ? relative : -1;
  }

  #compactNsec(octets: Uint8Array, start: number, end: number, relative: number): void {
    const bitmap = start + relative + this.apex.length;
    const length = relative + 1 + (end - bitmap);
    const entry = this.#beginEntry(2 + length);
    const { u8 } = this.#arena;
    let at = putUint16(u8, entry, ENTRY_NSEC | length);
    at = append(octets, start, start + relative, u8, at);
    u8[at++] = 0;
    this.space.at = append(octets, bitmap, end, u8, at);
  }

  #isCompactRrsig(octets: Uint8Array, start: number, end: number): boolean {
    const signer = start + RRSIG_FIXED_OCTETS;
    if (signer + this.apex.length > end || end - start > COMPACT_LIMIT) return false;
    const type = (octets[start] << 8) | octets[start + 1];
    const ttl =
      ((octets[start + 4] << 24) | (octets[start + 5] << 16) | (octets[start + 6] << 8) | octets[start + 7]) >>> 0;
    const back = (this.space.at >> 2) - this.#rrset;
    return type === this.#type && ttl === this.#ttl && back <= 0xffff && equalAt(octets, signer, this.apex);
  }

  #compactRrsig(octets: Uint8Array, start: number, end: number): void {
    const signature = start + RRSIG_FIXED_OCTETS + this.apex.length;
    const length = COMPACT_RRSIG_FIXED + end - signature;
    let at = this.#beginEntry(2 + length);
    const { u8 } = this.#arena;
    const back = (at >> 2) - this.#rrset;
    at = putUint16(u8, putUint16(u8, at, ENTRY_RRSIG | length), back);
    u8[at++] = octets[start + 2];
    u8[at++] = octets[start + 3];
    at = append(octets, start + 8, start + RRSIG_FIXED_OCTETS, u8, at);
    this.space.at = append(octets, signature, end, u8, at);
  }

  #beginEntry(octets: number): number {
    this.#rrset = this.space.reserve(octets, this.#rrset);
    this.#lastEntry = this.space.at - 4 * this.#rrset;
    this.#unmarked = true;
    return this.space.at;
  }

  #markLast(): void {
    if (this.#unmarked) this.#arena.u8[4 * this.#rrset + this.#lastEntry] |= ENTRY_LAST >> 8;
    this.#unmarked = false;
  }

  #checkOrder(octets: Uint8Array, start: number, end: number): void {
    const { u8, u32 } = this.#arena;
    const entry = 4 * this.#rrset + this.#lastEntry;
    const length = entryLength(u8, entry, this.apex.length);
    if (length > this.#previous.length) this.#previous = new Uint8Array(length + MAX_NAME_LENGTH);
    copyEntry(u8, u32, entry, this.apex, this.apex.length, this.#previous, 0);
    if (compareRdata(this.#type, this.#previous, 0, length, octets, start, end) < 0) return;
    throw new SignetError(
      'RDATA_ORDER',
      `RDATA of type ${this.#type} were given out of canonical order or twice: sort them first`,
      { type: this.#type },
    );
  }

  #tooLarge(): never {
    throw new SignetError(
      'RRSET_TOO_LARGE',
      `RRset of type ${this.#type} has more than ${MAX_RDATA_COUNT} records, ${MAX_SIGNATURE_COUNT} signatures or ` +
        `${MAX_SECTION_OCTETS} octets: no message could carry it; split or shorten it`,
      { type: this.#type },
    );
  }
}

function putUint16(u8: Uint8Array, at: number, value: number): number {
  u8[at] = value >> 8;
  u8[at + 1] = value;
  return at + 2;
}

/** A long run is copied by the engine, a short one here: `subarray` costs an allocation. */
function append(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > 512) to.set(from.subarray(start, end), at);
  else for (let i = start, here = at; i < end;) to[here++] = from[i++];
  return at + end - start;
}

function equalAt(octets: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (octets[at + i] !== expected[i]) return false;
  return true;
}
