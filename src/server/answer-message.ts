import { LOWER } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';

/** Offsets of a message's sections in `AnswerMessage.counts`. */
export const SECTION = { ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 2 } as const;
export type Section = (typeof SECTION)[keyof typeof SECTION];

/** The question's name always stands behind the header. */
export const QUESTION_AT = 12;

/** A pointer has 14 bits (RFC 1035 section 4.1.4). */
const POINTER_LIMIT = 0x4000;
const SLOTS = 4096;
/** Suffixes remembered at most: the table stays half empty, so probes stay short. */
const MOST_SUFFIXES = SLOTS / 2;

/**
 * Writes one message after another into buffers given to it, compressing names. Allocates nothing.
 *
 * Names that were written are remembered by suffix: a hash table of message offsets, emptied by counting a generation
 * up. What does not fit before `limit` sets `overflow` and is not written further; `rollback` then returns to a mark.
 * Comparison ignores case, so a name may take the case of an earlier one, as with BIND's default.
 */
export class AnswerMessage {
  octets: Uint8Array = new Uint8Array(0);
  /** Where the next octet goes, from the message's start. */
  at = 0;
  /** Octets that records may take up to. */
  limit = 0;
  overflow = false;
  /** Records in answer, authority and additional section. */
  readonly counts = new Uint16Array(3);
  /** Where `writeName` put the last name or found it: a pointer to there is that name. -1 when beyond a pointer's reach. */
  nameOffset = -1;

  readonly #slotOffset = new Uint16Array(SLOTS);
  readonly #slotGeneration = new Uint32Array(SLOTS);
  readonly #inserted = new Uint16Array(MOST_SUFFIXES);
  #insertedCount = 0;
  #generation = 0;
  readonly #labelStart = new Uint8Array(128);
  readonly #suffixHash = new Int32Array(128);

  /** Begins a message at octets[0]; the header is written by `finish`. */
  begin(octets: Uint8Array, limit: number): void {
    this.octets = octets;
    this.at = QUESTION_AT;
    this.limit = limit;
    this.overflow = false;
    this.counts.fill(0);
    this.#insertedCount = 0;
    this.#generation = (this.#generation + 1) >>> 0;
    if (this.#generation !== 0) return;
    this.#slotGeneration.fill(0); // after 2^32 messages old generations would look new
    this.#generation = 1;
  }

  /** A place to come back to: whole RRsets are written or none of it. */
  mark(): number {
    return this.#insertedCount;
  }

  rollback(at: number, mark: number): void {
    while (this.#insertedCount > mark) this.#slotGeneration[this.#inserted[--this.#insertedCount]] = 0;
    this.at = at;
    this.overflow = false;
  }

  uint8(value: number): void {
    if (this.#hasRoom(1)) this.octets[this.at++] = value;
  }

  uint16(value: number): void {
    if (!this.#hasRoom(2)) return;
    this.octets[this.at++] = value >> 8;
    this.octets[this.at++] = value;
  }

  uint32(value: number): void {
    if (!this.#hasRoom(4)) return;
    const octets = this.octets;
    octets[this.at++] = value >>> 24;
    octets[this.at++] = value >>> 16;
    octets[this.at++] = value >>> 8;
    octets[this.at++] = value;
  }

  patchUint16(at: number, value: number): void {
    this.octets[at] = value >> 8;
    this.octets[at + 1] = value;
  }

  bytes(from: Uint8Array, start: number, end: number): void {
    if (!this.#hasRoom(end - start)) return;
    const octets = this.octets;
    let at = this.at;
    for (let i = start; i < end; i++) octets[at++] = from[i];
    this.at = at;
  }

  /** Room for `length` octets that the caller writes itself; moves on when there is. */
  claim(length: number): boolean {
    if (!this.#hasRoom(length)) return false;
    this.at += length;
    return true;
  }

  pointer(offset: number): void {
    this.uint16(0xc000 | offset);
  }

  /** The name at from[start...] (uncompressed, complete), compressed. Sets `nameOffset`. */
  writeName(from: Uint8Array, start = 0): void {
    const labels = this.#hashSuffixes(from, start);
    let label = 0;
    let found = -1;
    for (; label < labels; label++) {
      found = this.#find(this.#suffixHash[label], from, start + this.#labelStart[label]);
      if (found >= 0) break;
    }
    const begins = this.at;
    this.nameOffset = label === 0 && found >= 0 ? found : begins < POINTER_LIMIT ? begins : -1;
    for (let i = 0; i < label; i++) {
      const from1 = start + this.#labelStart[i];
      this.#remember(this.#suffixHash[i], this.at);
      this.bytes(from, from1, from1 + from[from1] + 1);
    }
    if (found >= 0) this.pointer(found);
    else this.uint8(0);
  }

  /** Offset at which the message has the whole name from[0...], or -1. */
  findName(from: Uint8Array): number {
    if (from[0] === 0) return -1; // the root is shorter than a pointer to it
    this.#hashSuffixes(from, 0);
    return this.#find(this.#suffixHash[0], from, 0);
  }

  /** RDATA at from[start, end), its names compressed where the type allows it (RFC 3597 section 4). */
  writeRdata(type: number, from: Uint8Array, start: number, end: number): void {
    switch (type) {
      case TYPE.NS:
      case TYPE.CNAME:
      case TYPE.PTR:
      case 3: // MD
      case 4: // MF
      case 7: // MB
      case 8: // MG
      case 9: // MR
        this.writeName(from, start);
        return;
      case TYPE.MX:
        this.bytes(from, start, start + 2);
        this.writeName(from, start + 2);
        return;
      case TYPE.SOA:
      case 14: // MINFO
        this.writeName(from, start);
        start = afterName(from, start);
        this.writeName(from, start);
        this.bytes(from, afterName(from, start), end);
        return;
      default:
        this.bytes(from, start, end);
    }
  }

  #hasRoom(length: number): boolean {
    if (this.overflow || this.at + length > this.limit) {
      this.overflow = true;
      return false;
    }
    return true;
  }

  /** Fills #labelStart and #suffixHash for each label; returns how many there are. Hashes go from right to left. */
  #hashSuffixes(from: Uint8Array, start: number): number {
    let labels = 0;
    for (let at = start; from[at] !== 0; at += from[at] + 1) this.#labelStart[labels++] = at - start;
    let hash = 0x811c9dc5 | 0;
    for (let label = labels - 1; label >= 0; label--) {
      const at = start + this.#labelStart[label];
      const end = at + from[at];
      for (let i = at; i <= end; i++) hash = Math.imul(hash ^ LOWER[from[i]], 0x01000193);
      this.#suffixHash[label] = hash;
    }
    return labels;
  }

  #find(hash: number, from: Uint8Array, at: number): number {
    for (let slot = slotOf(hash); this.#slotGeneration[slot] === this.#generation; slot = (slot + 1) % SLOTS)
      if (this.#sameName(this.#slotOffset[slot], from, at)) return this.#slotOffset[slot];
    return -1;
  }

  #remember(hash: number, offset: number): void {
    if (offset >= POINTER_LIMIT || this.#insertedCount === MOST_SUFFIXES || this.overflow) return;
    let slot = slotOf(hash);
    while (this.#slotGeneration[slot] === this.#generation) slot = (slot + 1) % SLOTS;
    this.#slotGeneration[slot] = this.#generation;
    this.#slotOffset[slot] = offset;
    this.#inserted[this.#insertedCount++] = slot;
  }

  /** Whether the message has the name from[at...] at `offset`. Our own pointers always go back, so this ends. */
  #sameName(offset: number, from: Uint8Array, at: number): boolean {
    const octets = this.octets;
    for (;;) {
      let length = octets[offset];
      while (length >= 0xc0) {
        offset = ((length & 0x3f) << 8) | octets[offset + 1];
        length = octets[offset];
      }
      if (length !== from[at]) return false;
      if (length === 0) return true;
      for (let i = 1; i <= length; i++) if (LOWER[octets[offset + i]] !== LOWER[from[at + i]]) return false;
      offset += length + 1;
      at += length + 1;
    }
  }
}

/** Copies the uncompressed name at from[at...] to to[toAt...]; returns the first octet behind the copy. */
export function copyName(from: Uint8Array, at: number, to: Uint8Array, toAt: number): number {
  let label: number;
  do {
    label = from[at];
    for (let i = 0; i <= label; i++) to[toAt++] = from[at++];
  } while (label !== 0);
  return toAt;
}

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (SLOTS - 1);
}

/** First octet after the uncompressed name at `at`. */
export function afterName(octets: Uint8Array, at: number): number {
  while (octets[at] !== 0) at += octets[at] + 1;
  return at + 1;
}
