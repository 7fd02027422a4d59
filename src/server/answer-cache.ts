import { copyWide } from '../base/octets.ts';
import type { VersionRef } from '../zone/store/arena.ts';

/*
 * Answers of one thread that were asked for more than once lately, kept as they were sent. Most resolvers ask for few names much of the
 * time, and to find an answer by the octets of its query costs a third of making it.
 *
 *     store   a ring of entries, one behind the other, the oldest overwritten first; an entry begins at a multiple of 8 octets
 *     index   sets of two: place of an entry, hash of its query; by the hash's lower bits
 *     kept    one bit for each hash that is in the index: most queries that have no entry are told so by memory that is near
 *     seen    one bit for each hash: only what comes a second time is kept, so that floods of names that nobody asks for again
 *             neither fill the ring nor cost much
 *
 *     entry   word 0   hash of the query
 *             word 1   octets of the query (16) | octets of the answer (16), both without the two of the message's id
 *             word 2   slot of the zone        word 3   version         word 4   id of the version
 *             word 5   type (16) | outcome (8) | flags (8)
 *             word 6   index of the zone in the tables                  word 7   unused
 *             octets   query, then answer, each filled up to a multiple of 8
 *
 * Places count on for ever (in steps of 8 octets, modulo 2^32): an entry is whole as long as the ring has not been filled once since. An
 * entry is an answer only to exactly the same octets, and only while the zone shows the version that it was made from.
 */

const WORDS = 8;
const HEAD_OCTETS = 4 * WORDS;
/** Longer queries and answers are not kept. */
const LONGEST_QUERY = 320;
const LONGEST_ANSWER = 1400;
const SEEN_BITS = 18;
/** First sights after which all is forgotten, a quarter of the bits. */
const SEEN_LIMIT = 1 << (SEEN_BITS - 2);
const KEPT_BITS = 20;
/** Entries made after which all are forgotten, a quarter of the bits. */
const KEPT_LIMIT = 1 << (KEPT_BITS - 2);
/** Words of a set of the index. */
const SET = 4;
const LAST_PLACE = 2 ** 32 - 2 ** 20;

/** Octets of the caches of all threads: as many answers as a busy zone's hundred thousand names have. */
const ALL_CACHES = 2 ** 25;
const SMALLEST_CACHE = 2 ** 20;

/** Octets of the cache of one thread among so many: a power of two. */
export function cacheOctetsOf(threads: number): number {
  return Math.max(SMALLEST_CACHE, ALL_CACHES >> Math.ceil(Math.log2(threads)));
}

/** What is counted for an answer, beside what its octets tell. */
export interface AnswerFacts {
  slot: number;
  version: VersionRef;
  versionId: number;
  type: number;
  outcome: number;
  /** CACHED flags. */
  flags: number;
  zone: number;
}

export const CACHED = { EDNS: 1, TRUNCATED: 2, AUTHORITATIVE: 4 } as const;

export class AnswerCache {
  /** Of the entry found last. */
  readonly facts: AnswerFacts = { slot: 0, version: 0, versionId: 0, type: 0, outcome: 0, flags: 0, zone: 0 };
  readonly #seed: number;
  readonly #octets: number;
  // Made when the first answer is kept.
  #u8 = new Uint8Array(0);
  #u32 = new Uint32Array(0);
  #view = new DataView(this.#u8.buffer);
  #index = new Uint32Array(0);
  readonly #seen = new Uint32Array(1 << (SEEN_BITS - 5));
  #sights = 0;
  readonly #kept = new Uint32Array(1 << (KEPT_BITS - 5));
  #keeps = 0;
  /** Where the next entry goes; 0 is no place. */
  #next = 1;
  // Of the query that was looked up last.
  #hash = 0;
  #entry = 0;
  #query: DataView = new DataView(this.#u8.buffer);

  /**
   * @param octets of the ring: a power of two, 64 KiB at least; all of it is used in time
   * @param seed secret, so that nobody can make queries that collide
   */
  constructor(octets: number, seed: number) {
    this.#octets = octets;
    this.#seed = seed;
  }

  /** Forgets all: when anything but a zone's version changes that answers depend on. */
  clear(): void {
    this.#index.fill(0);
    this.#kept.fill(0);
    this.#keeps = 0;
    this.#seen.fill(0);
    this.#sights = 0;
  }

  /**
   * True when there is an entry for the query octets[0, length); `facts` then tell of it, and `copy` gives the answer.
   * @param whole all of the buffer that `octets` is part of
   */
  find(octets: Uint8Array, length: number, whole: DataView): boolean {
    this.#query = whole;
    const hash = this.#hashOf(octets, length);
    this.#hash = hash;
    const bit = hash >>> (32 - KEPT_BITS);
    if ((this.#kept[bit >> 5] & (1 << (bit & 31))) === 0) return false;
    const set = SET * (hash & (this.#index.length / SET - 1));
    let place = 0;
    if (this.#index[set + 1] === hash >>> 0) place = this.#index[set];
    else if (this.#index[set + 3] === hash >>> 0) place = this.#index[set + 2];
    if (!this.#isWhole(place)) return false;
    const entry = (place * 8) & (this.#octets - 1);
    const word = entry >> 2;
    const u32 = this.#u32;
    if (u32[word] !== hash >>> 0 || u32[word + 1] >>> 16 !== length - 2 || !this.#isQuery(entry, octets, length))
      return false;
    const { facts } = this;
    facts.slot = u32[word + 2];
    facts.version = u32[word + 3];
    facts.versionId = u32[word + 4];
    facts.type = u32[word + 5] >>> 16;
    facts.outcome = (u32[word + 5] >>> 8) & 0xff;
    facts.flags = u32[word + 5] & 0xff;
    facts.zone = u32[word + 6] | 0;
    this.#entry = entry;
    return true;
  }

  /** The entry at this place was not written over. */
  #isWhole(place: number): boolean {
    return place !== 0 && (this.#next - place) * 8 <= this.#octets;
  }

  /** Writes the answer found last to out[0...], the message's id left out. @returns octets of the whole message */
  copy(out: Uint8Array, view: DataView, base: number): number {
    const lengths = this.#u32[(this.#entry >> 2) + 1];
    const start = this.#entry + HEAD_OCTETS + padded(lengths >>> 16);
    const length = lengths & 0xffff;
    copyWide(this.#u8, this.#view, 0, start, start + length, out, view, base, 2);
    return length + 2;
  }

  /** Keeps the answer to the query looked up last, if that came before; `facts` tell of it. */
  keep(query: Uint8Array, queryLength: number, answer: Uint8Array, answerLength: number, facts: AnswerFacts): void {
    if (queryLength > LONGEST_QUERY || answerLength > LONGEST_ANSWER || !this.#wasSeen()) return;
    if (this.#index.length === 0) this.#allocate();
    const hash = this.#hash;
    const entry = this.#take(HEAD_OCTETS + padded(queryLength - 2) + padded(answerLength - 2));
    const u32 = this.#u32;
    const word = entry >> 2;
    u32[word] = hash;
    u32[word + 1] = ((queryLength - 2) << 16) | (answerLength - 2);
    u32[word + 2] = facts.slot;
    u32[word + 3] = facts.version;
    u32[word + 4] = facts.versionId;
    u32[word + 5] = (facts.type << 16) | (facts.outcome << 8) | facts.flags;
    u32[word + 6] = facts.zone;
    const at = entry + HEAD_OCTETS;
    const answerAt = at + padded(queryLength - 2);
    for (let i = 2; i < queryLength; i++) this.#u8[at + i - 2] = query[i];
    for (let i = 2; i < answerLength; i++) this.#u8[answerAt + i - 2] = answer[i];
  }

  /** Room for an entry, which is then found by the present hash; it never goes over the end of the ring. */
  #take(size: number): number {
    let entry = (this.#next * 8) & (this.#octets - 1);
    if (entry + size > this.#octets) {
      this.#next += (this.#octets - entry) / 8;
      entry = 0;
    }
    if (this.#next > LAST_PLACE || ++this.#keeps > KEPT_LIMIT) {
      this.clear();
      this.#next = this.#octets / 8;
      entry = 0;
    }
    this.#enter(this.#next);
    this.#next += size / 8;
    return entry;
  }

  /** Puts the present hash into the index, in place of an entry that is gone, of the same hash, or the older one. */
  #enter(place: number): void {
    const index = this.#index;
    const hash = this.#hash >>> 0;
    let at = SET * (hash & (index.length / SET - 1));
    const isFirst = index[at + 1] === hash || (index[at + 3] !== hash && index[at] <= index[at + 2]);
    if (!isFirst) at += 2;
    index[at] = place;
    index[at + 1] = hash;
    const bit = hash >>> (32 - KEPT_BITS);
    this.#kept[bit >> 5] |= 1 << (bit & 31);
  }

  #allocate(): void {
    const buffer = new ArrayBuffer(this.#octets);
    this.#u8 = new Uint8Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#view = new DataView(buffer);
    this.#index = new Uint32Array((this.#octets / 256) * SET);
  }

  /** True when the query came before, of late; else that is known from now on. */
  #wasSeen(): boolean {
    const bit = this.#hash >>> (32 - SEEN_BITS);
    const mask = 1 << (bit & 31);
    if ((this.#seen[bit >> 5] & mask) !== 0) return true;
    if (++this.#sights > SEEN_LIMIT) {
      this.#seen.fill(0);
      this.#sights = 1;
    }
    this.#seen[bit >> 5] |= mask;
    return false;
  }

  #hashOf(octets: Uint8Array, length: number): number {
    const view = this.#query;
    const base = octets.byteOffset;
    let hash = this.#seed ^ length;
    let at = 2;
    for (; at + 4 <= length; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(base + at, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (; at < length; at++) hash = Math.imul(hash ^ octets[at], 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
    return hash ^ (hash >>> 13);
  }

  #isQuery(entry: number, octets: Uint8Array, length: number): boolean {
    const query = this.#query;
    const kept = this.#view;
    let here = entry + HEAD_OCTETS;
    let at = octets.byteOffset + 2;
    const end = octets.byteOffset + length;
    for (; at + 4 <= end; at += 4, here += 4) if (query.getInt32(at) !== kept.getInt32(here)) return false;
    for (; at < end; at++, here++) if (query.getUint8(at) !== kept.getUint8(here)) return false;
    return true;
  }
}

/** Rounded up to a multiple of 8. */
const padded = (octets: number): number => (octets + 7) & ~7;
