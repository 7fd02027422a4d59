import { HEADER_LENGTH, SECTION, type Section } from './header.ts';
import type { Name } from './name.ts';
import type { MessageWriter } from './rdata/record-type.ts';
import { recordType } from './rdata/registry.ts';
import { TYPE } from './type-codes.ts';
import { copyWide } from '../base/octets.ts';
import { Writer } from './writer.ts';

/** A pointer has 14 bits (RFC 1035 section 4.1.4). */
const POINTER_LIMIT = 0x4000;
const POINTER_OCTETS = 2;
const SLOTS = 4096;
const MOST_ENTRIES = 2048;
/** Names below the apex that are kept out of the table; with more, looking through them costs more than the table. */
const MOST_BELOW = 12;

/**
 * Writes one message after another into a buffer given once, compressing names. Allocates nothing. Names are compressed
 * only where their letters are the same in case too, so that nobody's spelling changes.
 *
 * What goes over `limit` is not an error: `overflowed` is then true, and the caller goes back to a mark.
 */
export class MessageBuilder extends Writer implements MessageWriter {
  /** Octets that the message may have at most. */
  limit = 0;
  readonly counts = new Uint16Array(4);

  // Open-addressing hash table from suffixes of names to where they stand. Entries are removed in reverse order only.
  readonly #offsets = new Uint16Array(SLOTS);
  readonly #hashes = new Int32Array(SLOTS);
  readonly #slots = new Uint16Array(MOST_ENTRIES);
  #entries = 0;

  // The name that is being written: where its labels begin and the hashes of the suffixes that begin there.
  readonly #starts = new Uint16Array(128);
  readonly #suffixes = new Int32Array(128);

  /** The question's name is not in the table yet: most answers point to it and look for no other name. */
  #questionWaits = false;
  /** Where the question has the apex of the zone that answers, in the very octets of the zone; 0 when it has not. */
  #apexAt = 0;
  // Names below the apex that were written with a pointer to it and are not in the table yet: where they stand, and a
  // digest of their label next to the apex. Only a name with the same digest could be compressed further.
  readonly #belowAt = new Uint16Array(MOST_BELOW);
  readonly #belowDigests = new Uint16Array(MOST_BELOW);
  #below = 0;
  /** All of the buffer that `octets` is part of, for copies of eight octets at a time; `octets` begins at #base of it. */
  #whole: DataView;
  #base = 0;

  /** @param buffer what messages are written to until `writeTo`; 65,535 octets hold any */
  constructor(buffer: Uint8Array) {
    super(0);
    this.octets = buffer;
    this.#whole = new DataView(buffer.buffer);
    this.#base = buffer.byteOffset;
  }

  /**
   * Writes the next messages into another buffer.
   * @param whole all of the buffer that `octets` is part of; without it one may have to be made
   */
  writeTo(octets: Uint8Array, whole?: DataView): void {
    if (octets === this.octets) return;
    // Asking views for their buffers takes as long as writing a record.
    if (whole !== undefined) this.#whole = whole;
    else if (octets.buffer !== this.#whole.buffer) this.#whole = new DataView(octets.buffer);
    this.octets = octets;
    this.#base = octets.byteOffset;
  }

  /** Has a whole message written to the buffer. @returns its length */
  whole(source: { copy(out: Uint8Array, view: DataView, base: number): number }): number {
    return source.copy(this.octets, this.#whole, this.#base);
  }

  /**
   * Appends octets[start, end), all of which `view` sees at the same offsets. What would go over the limit is not copied, but counted.
   */
  copyFrom(octets: Uint8Array, view: DataView, start: number, end: number): void {
    const length = end - start;
    if (this.at + length <= this.limit)
      copyWide(octets, view, 0, start, end, this.octets, this.#whole, this.#base, this.at);
    this.at += length;
  }

  /** The buffer is fixed: writing behind its end is caught by `overflowed`, and typed arrays ignore it. */
  override reserve(): void {}

  override bytes(octets: Uint8Array): void {
    this.copy(octets, 0, octets.length);
  }

  /** Appends octets[start, end) without making a view. */
  copy(octets: Uint8Array, start: number, end: number): void {
    const target = this.octets;
    let at = this.at;
    for (let i = start; i < end; i++) target[at++] = octets[i];
    this.at = at;
  }

  get overflowed(): boolean {
    return this.at > this.limit;
  }

  /** Begins a new message with an empty header. @param limit most octets, at most the buffer's length */
  begin(limit: number): void {
    this.#questionWaits = false;
    this.#apexAt = this.#below = 0;
    this.#forget(0);
    this.limit = Math.min(limit, this.octets.length);
    const { octets, counts } = this;
    counts[0] = counts[1] = counts[2] = counts[3] = 0;
    for (let i = 0; i < HEADER_LENGTH; i++) octets[i] = 0;
    this.at = HEADER_LENGTH;
  }

  /** @param flags as in the header: QR, opcode, AA ... and the lower four bits of the rcode */
  header(id: number, flags: number): void {
    this.patchUint16(0, id);
    this.patchUint16(2, flags);
  }

  get flags(): number {
    return (this.octets[2] << 8) | this.octets[3];
  }

  setFlags(flags: number): void {
    this.patchUint16(2, flags);
  }

  /** Adds a question whose name is octets[at, ...) in uncompressed wire form. */
  question(octets: Uint8Array, at: number, type: number, klass: number): void {
    if (this.at === HEADER_LENGTH) this.#firstName(octets, at);
    else this.compressedNameAt(octets, at);
    this.uint16(type);
    this.uint16(klass);
    this.counts[SECTION.QUESTION]++;
  }

  /**
   * Adds the question of a query as it stands there, all of which `whole` sees: octets[HEADER_LENGTH, end). Nothing but a header may be
   * in the message.
   */
  repeatQuestion(octets: Uint8Array, whole: DataView, end: number): void {
    const { at } = this;
    if (end > this.octets.length) this.at = end;
    else {
      copyWide(octets, whole, octets.byteOffset, HEADER_LENGTH, end, this.octets, this.#whole, this.#base, at);
      this.at = at + end - HEADER_LENGTH;
    }
    this.#questionWaits = true;
    this.counts[SECTION.QUESTION]++;
  }

  /** A name at the very beginning has nothing to point to; others may point to it, which is seen to when one comes. */
  #firstName(octets: Uint8Array, at: number): void {
    const target = this.octets;
    let to = this.at;
    let label: number;
    do {
      label = octets[at];
      for (let i = 0; i <= label; i++) target[to++] = octets[at++];
    } while (label !== 0);
    this.at = to;
    this.#questionWaits = true;
  }

  /** Puts the question's name into the table. */
  #keepQuestion(): void {
    this.#questionWaits = false;
    const labels = this.#hashSuffixes(this.octets, HEADER_LENGTH);
    for (let i = 0; i < labels; i++) this.#add(this.#starts[i], this.#suffixes[i]);
  }

  /** Begins a record with the name octets[at, ...) as owner. @returns position for `endRecord` */
  beginRecord(octets: Uint8Array, at: number, type: number, klass: number, ttl: number): number {
    this.compressedNameAt(octets, at);
    return this.fixedFields(type, klass, ttl);
  }

  /** Begins a record whose owner is the name that already stands at `offset`. @returns position for `endRecord` */
  beginRecordAt(offset: number, type: number, klass: number, ttl: number): number {
    const { octets, at } = this;
    octets[at] = 0xc0 | (offset >> 8);
    octets[at + 1] = offset;
    this.at = at + 2;
    return this.fixedFields(type, klass, ttl);
  }

  /** What follows the owner of a record. @returns position for `endRecord` */
  fixedFields(type: number, klass: number, ttl: number): number {
    // All at once: half of the time of one number after the other.
    const { octets, at } = this;
    octets[at] = type >> 8;
    octets[at + 1] = type;
    octets[at + 2] = klass >> 8;
    octets[at + 3] = klass;
    octets[at + 4] = ttl >>> 24;
    octets[at + 5] = ttl >>> 16;
    octets[at + 6] = ttl >>> 8;
    octets[at + 7] = ttl;
    return (this.at = at + 10);
  }

  /** Fills in the length of the RDATA written since `position` and counts the record. False when it is over the limit. */
  endRecord(position: number, section: Section): boolean {
    this.patchUint16(position - 2, this.at - position);
    this.counts[section]++;
    return !this.overflowed;
  }

  /**
   * Appends RDATA octets[start, end) of a type, compressing names in types of RFC 1035 only (RFC 3597 section 4). Others may point
   * to the targets of some younger types, which are not compressed themselves: as BIND does it, and much of the additional section
   * has such owners.
   */
  rdata(type: number, octets: Uint8Array, start: number, end: number): void {
    switch (type) {
      case TYPE.NS:
      case TYPE.CNAME:
      case TYPE.PTR:
        this.compressedNameAt(octets, start);
        return;
      case TYPE.MX:
        this.copy(octets, start, start + 2);
        this.compressedNameAt(octets, start + 2);
        return;
      case TYPE.SOA: {
        const mailbox = start + this.compressedNameAt(octets, start);
        this.compressedNameAt(octets, mailbox);
        this.copy(octets, end - 20, end);
        return;
      }
      case OLD.MD:
      case OLD.MF:
      case OLD.MB:
      case OLD.MG:
      case OLD.MR:
      case OLD.MINFO:
        recordType(type).write(octets.subarray(start, end), this); // too rare to be worth the care
        return;
      default:
        if (hasName(type) && this.at + end - start <= this.limit)
          this.#keepTarget(octets, start, start + targetOffset(type, octets, start));
        this.copy(octets, start, end);
    }
  }

  /** A whole record at once. @returns false when it does not fit; it is then taken back */
  record(section: Section, owner: Name, type: number, klass: number, ttl: number, rdata: Uint8Array): boolean {
    const mark = this.at;
    const position = this.beginRecord(owner, 0, type, klass, ttl);
    this.rdata(type, rdata, 0, rdata.length);
    if (this.endRecord(position, section)) return true;
    this.rollback(mark, section, this.counts[section] - 1);
    return false;
  }

  /** OPT (RFC 6891 section 6.1.2) with options in wire form. @param rcode all twelve bits; the header keeps the lower four */
  opt(
    udpSize: number,
    rcode: number,
    dnssecOk: boolean,
    options?: Uint8Array,
    start = 0,
    end = options?.length ?? 0,
  ): boolean {
    this.uint8(0);
    const ttl = (((rcode >> 4) & 0xff) << 24) | (dnssecOk ? 0x8000 : 0);
    const position = this.fixedFields(TYPE.OPT, udpSize, ttl);
    if (options !== undefined) this.copy(options, start, end);
    return this.endRecord(position, SECTION.ADDITIONAL);
  }

  /** Takes back everything from octet `mark` on; the section then has `count` records. */
  rollback(mark: number, section: Section, count: number): void {
    if (mark <= HEADER_LENGTH) {
      this.#questionWaits = false;
      this.#apexAt = 0;
    }
    while (this.#below > 0 && this.#belowAt[this.#below - 1] >= mark) this.#below--;
    this.#forget(mark);
    this.at = mark;
    this.counts[section] = count;
  }

  /** Fills in the counts. @returns length of the message */
  end(): number {
    const { octets, counts } = this;
    for (let section = 0; section < 4; section++) {
      octets[4 + 2 * section] = counts[section] >> 8;
      octets[5 + 2 * section] = counts[section];
    }
    return this.at;
  }

  compressedName(name: Name): void {
    this.compressedNameAt(name, 0);
  }

  /**
   * Says that the question's name ends with the apex of the zone that answers, octet for octet, at `offset` of the message: names of
   * the zone are then mostly written without the table. To be called behind `question`.
   * @param labelAt where the question has the label next to the apex; 0 when it is the apex
   */
  pointToApex(offset: number, labelAt: number): void {
    this.#apexAt = offset;
    this.#below = 0;
    if (labelAt > 0) this.keepBelow(HEADER_LENGTH, labelDigest(this.octets, labelAt));
  }

  /** Where the message has the apex, as `pointToApex` said, or 0. */
  get apexAt(): number {
    return this.#apexAt;
  }

  /**
   * True when no name in the message can shorten names with these digests of their labels next to the apex by more than the apex, and
   * both can be kept. -1 stands for no such name.
   */
  canKeepBelow(digest: number, other = -1): boolean {
    if (this.#below + 2 > MOST_BELOW) return false;
    for (let i = 0; i < this.#below; i++) {
      const kept = this.#belowDigests[i];
      if (kept === digest || kept === other) return false;
    }
    return true;
  }

  /** Remembers a name at `offset` that was written as labels and a pointer to the apex. */
  keepBelow(offset: number, digest: number): void {
    this.#belowAt[this.#below] = offset;
    this.#belowDigests[this.#below++] = digest;
  }

  /**
   * Appends a name: the labels octets[start, end), of which the last begins at `lastLabel`, and the apex.
   * @returns false when the table is needed for it, because no pointer reaches the apex or another name ends alike; nothing is
   *   written then
   */
  nameBelowApex(octets: Uint8Array, view: DataView, start: number, end: number, lastLabel: number): boolean {
    if (this.#apexAt === 0) return false;
    if (start < end) {
      const digest = labelDigest(octets, lastLabel);
      if (!this.canKeepBelow(digest) || this.at >= POINTER_LIMIT) return false;
      // What does not fit with its pointer is not written as a whole, so that there is nothing to point to.
      if (this.at + end - start + POINTER_OCTETS <= this.limit) this.keepBelow(this.at, digest);
      this.copyFrom(octets, view, start, end);
    }
    this.uint16(0xc000 | this.#apexAt);
    return true;
  }

  /** Makes what was written so far known to the table. */
  #fillTable(): void {
    if (this.#questionWaits) this.#keepQuestion();
    // The first may be the question itself.
    for (let i = 0; i < this.#below; i++) if (this.#belowAt[i] !== HEADER_LENGTH) this.#keepWritten(this.#belowAt[i]);
    this.#apexAt = this.#below = 0;
  }

  /** Puts the labels of a name before its pointer into the table. */
  #keepWritten(offset: number): void {
    const octets = this.octets;
    const name = this.#expanded;
    let length = 0;
    let here = offset;
    let labels = 0;
    let jumped = false;
    for (;;) {
      while (octets[here] >= 0xc0) {
        here = ((octets[here] & 0x3f) << 8) | octets[here + 1];
        jumped = true;
      }
      if (!jumped) labels++;
      const label = octets[here];
      for (let i = 0; i <= label; i++) name[length++] = octets[here++];
      if (label === 0) break;
    }
    this.#hashSuffixes(name, 0);
    for (let i = 0; i < labels; i++) this.#add(offset + this.#starts[i], this.#suffixes[i]);
  }
  readonly #expanded = new Uint8Array(256);

  /** Appends the uncompressed name octets[at, ...), compressed. @returns its uncompressed length */
  compressedNameAt(octets: Uint8Array, at: number): number {
    if (this.#questionWaits || this.#apexAt > 0) this.#fillTable();
    const labels = this.#hashSuffixes(octets, at);
    let found = 0;
    let i = 0;
    for (; i < labels; i++) {
      found = this.#find(octets, this.#starts[i], this.#suffixes[i]);
      if (found !== 0) break;
    }
    const stop = i < labels ? this.#starts[i] : this.#starts[labels];
    for (let k = 0; k < i; k++) this.#add(this.at + this.#starts[k] - at, this.#suffixes[k]);
    this.copy(octets, at, stop);
    if (found !== 0) this.uint16(0xc000 | found);
    else this.uint8(0);
    return this.#starts[labels] + 1 - at;
  }

  /** Remembers the uncompressed name octets[at, ...) in RDATA that will be copied to here from `start` on. */
  #keepTarget(octets: Uint8Array, start: number, at: number): void {
    if (octets[at] === 0) return;
    const offset = this.at + at - start;
    if (this.#apexAt > 0 && this.#keepTargetBelow(octets, at, offset)) return;
    if (this.#questionWaits || this.#apexAt > 0) this.#fillTable();
    const labels = this.#hashSuffixes(octets, at);
    for (let i = 0; i < labels; i++) {
      // What is there already has all that it ends with there, too.
      if (this.#find(octets, this.#starts[i], this.#suffixes[i]) !== 0) break;
      this.#add(offset + this.#starts[i] - at, this.#suffixes[i]);
    }
  }

  /** The same without the table, for a name below the apex that ends otherwise than those before. */
  #keepTargetBelow(octets: Uint8Array, at: number, offset: number): boolean {
    let last = -1;
    for (let here = at; !this.#standsAt(this.#apexAt, octets, here); here += octets[here] + 1) {
      if (octets[here] === 0) return false;
      last = here;
    }
    if (last < 0) return true; // the apex itself
    const digest = labelDigest(octets, last);
    if (!this.canKeepBelow(digest)) return false;
    this.keepBelow(offset, digest);
    return true;
  }

  /** Finds where labels begin and hashes each suffix; the root is the last of `starts`. @returns number of labels */
  #hashSuffixes(octets: Uint8Array, at: number): number {
    let labels = 0;
    let here = at;
    for (; octets[here] !== 0; here += octets[here] + 1) this.#starts[labels++] = here;
    this.#starts[labels] = here;
    let hash = 0x811c9dc5;
    for (let i = labels - 1; i >= 0; i--) {
      const end = this.#starts[i + 1];
      for (let k = this.#starts[i]; k < end; k++) hash = Math.imul(hash ^ octets[k], 0x01000193);
      this.#suffixes[i] = hash;
    }
    return labels;
  }

  /** Where in the message the name octets[at, ...) stands, or 0. */
  #find(octets: Uint8Array, at: number, hash: number): number {
    for (let slot = slotOf(hash); this.#offsets[slot] !== 0; slot = (slot + 1) & (SLOTS - 1))
      if (this.#hashes[slot] === hash && this.#standsAt(this.#offsets[slot], octets, at)) return this.#offsets[slot];
    return 0;
  }

  /** True when the possibly compressed name at `offset` of the message is octets[at, ...), octet for octet. */
  #standsAt(offset: number, octets: Uint8Array, at: number): boolean {
    const message = this.octets;
    let here = offset;
    let there = at;
    for (;;) {
      while (message[here] >= 0xc0) here = ((message[here] & 0x3f) << 8) | message[here + 1];
      const label = message[here];
      if (label !== octets[there]) return false;
      if (label === 0) return true;
      for (let i = 1; i <= label; i++) if (message[here + i] !== octets[there + i]) return false;
      here += label + 1;
      there += label + 1;
    }
  }

  #add(offset: number, hash: number): void {
    if (offset >= POINTER_LIMIT || this.#entries === MOST_ENTRIES) return;
    let slot = slotOf(hash);
    while (this.#offsets[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    this.#offsets[slot] = offset;
    this.#hashes[slot] = hash;
    this.#slots[this.#entries++] = slot;
  }

  /** Removes the entries at octet `from` and behind: they were added last. */
  #forget(from: number): void {
    while (this.#entries > 0 && this.#offsets[this.#slots[this.#entries - 1]] >= from)
      this.#offsets[this.#slots[--this.#entries]] = 0;
  }
}

/** 1 for the types of RFC 1035 whose RDATA have names, 2 for younger ones whose targets are remembered. */
const NAMES = new Uint8Array(66);
for (const type of [2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15]) NAMES[type] = 1;
/** AFSDB, RT, SRV, NAPTR, KX, DNAME, SVCB and HTTPS, and where their RDATA have the target; NAPTR's is behind three strings. */
const TARGETS: Readonly<Record<number, number>> = { 18: 2, 21: 2, 33: 6, 35: 4, 36: 2, 39: 0, 64: 2, 65: 2 };
for (const type of Object.keys(TARGETS)) NAMES[Number(type)] = 2;

/** True when `MessageBuilder.rdata` does more than copy. */
export function hasName(type: number): boolean {
  return type < NAMES.length && NAMES[type] !== 0;
}

function targetOffset(type: number, rdata: Uint8Array, start: number): number {
  let offset = TARGETS[type];
  if (type === TYPE.NAPTR) for (let i = 0; i < 3; i++) offset += rdata[start + offset] + 1;
  return offset;
}

const OLD = { MD: 3, MF: 4, MB: 7, MG: 8, MR: 9, MINFO: 14 } as const;

/** A digest of the label at octets[at]: different digests mean different labels. */
export function labelDigest(octets: Uint8Array, at: number): number {
  const length = octets[at];
  return (length ^ (octets[at + length] << 6) ^ (octets[at + length - 1] << 11)) & 0xffff;
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 16)) & (SLOTS - 1);
}
