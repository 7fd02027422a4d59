import { SignetError } from '../base/error.ts';
import { toBase32Hex } from '../base/base32hex.ts';

/*
 * A name that gets an NSEC3, as 32-bit words:
 *
 *    words 0-4  the hash, high octet first in each word
 *    word 5     ref of the signed node, 0 for an empty non-terminal
 *    word 6     flags
 */
export const HASH_RECORD_WORDS = 7;
/** The node is a delegation: its NSEC3 shows NS and DS only. */
export const HASHED_DELEGATION = 1;

/** Grows by itself. */
export class HashRecords {
  #words = new Uint32Array(HASH_RECORD_WORDS * 256);
  #used = 0;

  add(hash: Uint8Array, node: number, flags: number): void {
    if (this.#used === this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    for (let i = 0; i < 5; i++) this.#words[this.#used + i] = wordOf(hash, 4 * i);
    this.#words[this.#used + 5] = node;
    this.#words[this.#used + 6] = flags;
    this.#used += HASH_RECORD_WORDS;
  }

  finish(): Uint32Array {
    return this.#words.slice(0, this.#used);
  }
}

/** Writes the 20 octets of record `index`. */
export function copyRecordHash(words: Uint32Array, index: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < 5; i++) {
    const word = words[index * HASH_RECORD_WORDS + i];
    out[at++] = word >>> 24;
    out[at++] = word >>> 16;
    out[at++] = word >>> 8;
    out[at++] = word;
  }
}

/**
 * All records in hash order in one shared buffer.
 * @throws SignetError NSEC3_COLLISION when two names have the same hash (RFC 5155 section 7.1 step 9: choose another salt)
 */
export function sortHashRecords(parts: readonly Uint32Array[]): SharedArrayBuffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint32Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  const order = orderOf(all);
  const shared = new SharedArrayBuffer(length * 4);
  const sorted = new Uint32Array(shared);
  for (let i = 0; i < order.length; i++) {
    const from = order[i] * HASH_RECORD_WORDS;
    for (let word = 0; word < HASH_RECORD_WORDS; word++) sorted[i * HASH_RECORD_WORDS + word] = all[from + word];
    if (i > 0 && compareRecords(sorted, i - 1, i) === 0) throw collision(sorted, i);
  }
  return shared;
}

/** The first 28 bits of each hash and its index in one number each: typed arrays of numbers sort fast. */
function orderOf(words: Uint32Array): Uint32Array {
  const count = words.length / HASH_RECORD_WORDS;
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = (words[i * HASH_RECORD_WORDS] >>> 4) * INDEX_RANGE + i;
  keys.sort();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = keys[i] % INDEX_RANGE;
  // Names whose 28 bits agree are few and next to each other.
  for (let i = 1; i < count; i++) {
    const record = order[i];
    let to = i;
    while (to > 0 && compareRecords(words, order[to - 1], record) > 0) order[to] = order[--to];
    order[to] = record;
  }
  return order;
}

/** More names than an arena holds. */
const INDEX_RANGE = 2 ** 25;

function compareRecords(words: Uint32Array, a: number, b: number): number {
  for (let i = 0; i < 5; i++) {
    const difference = words[a * HASH_RECORD_WORDS + i] - words[b * HASH_RECORD_WORDS + i];
    if (difference !== 0) return difference;
  }
  return 0;
}

function collision(words: Uint32Array, index: number): SignetError {
  const hash = new Uint8Array(20);
  copyRecordHash(words, index, hash, 0);
  return nsec3Collision(hash);
}

export function nsec3Collision(octets: Uint8Array): SignetError {
  const hash = toBase32Hex(octets);
  const message = `two names of the zone have the NSEC3 hash ${hash} (RFC 5155 section 7.1): sign with another salt`;
  return new SignetError('NSEC3_COLLISION', message, { hash });
}

function wordOf(octets: Uint8Array, at: number): number {
  return ((octets[at] << 24) | (octets[at + 1] << 16) | (octets[at + 2] << 8) | octets[at + 3]) >>> 0;
}
