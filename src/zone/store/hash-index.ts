import { HEAD, type Arena, type NodeRef } from './arena.ts';
import { nodeOwnerAt, nodeOwnerLength } from './layout.ts';
import { equalFolded, hashOwner, type LookupName } from './owner-order.ts';
import type { RecordSpace } from './record-space.ts';

/*
 * Owner name to node, for exact matches: a trie over the 32 bits of the name's hash, four bits a level from the top.
 *
 *   directory  word 0   0
 *              words    16 refs of the pages below (0 is none)
 *   bucket     word 0   count (31) | 1
 *              octets   the lowest 8 bits of each entry's hash, ascending
 *              words    the node ref of each entry, in the same order
 *
 * Pages have the size they need, so an entry costs about 5.4 octets whatever the zone's size. A change copies one bucket
 * and the directories above it. Most buckets hold so few equal octets that a look-up touches one node only, its own.
 */

const FAN_OUT = 16;
const DIRECTORY_WORDS = 1 + FAN_OUT;
/** A larger bucket becomes a directory. */
const BUCKET_LIMIT = 96;
const LEVELS = 8;

const digit = (hash: number, level: number): number => (hash >>> (28 - 4 * level)) & 15;
const bucketWords = (count: number): number => 1 + ((count + 3) >> 2) + count;

/** The node of the `labels` rightmost labels of a name, or 0. */
export function findOwner(arena: Arena, root: number, name: LookupName, labels: number): NodeRef {
  const { u8, u32 } = arena;
  const hash = name.hashes[labels];
  let page = root;
  for (let level = 0; page !== 0 && (u32[page] & 1) === 0; level++) page = u32[page + 1 + digit(hash, level)];
  if (page === 0) return 0;
  const from = labels === name.labels ? 0 : labels === 0 ? name.end : name.starts[name.labels - labels];
  const length = name.end - from;
  const count = u32[page] >>> 1;
  const tags = 4 * (page + 1);
  const refs = page + 1 + ((count + 3) >> 2);
  const tag = hash & 0xff;
  // Tags are spread evenly and ascending: start where this one should be, go back to its first, then forward.
  let i = (tag * count) >> 8;
  while (i > 0 && u8[tags + i - 1] >= tag) i--;
  for (; i < count && u8[tags + i] <= tag; i++) {
    if (u8[tags + i] !== tag) continue;
    const node = u32[refs + i];
    const head = u32[node];
    if (nodeOwnerLength(head) !== length) continue;
    if (equalFolded(name.octets, name.at + from, u8, nodeOwnerAt(node, head), length)) return node;
  }
  return 0;
}

/** What changes in the index: `before` goes, `after` comes; either may be 0. Both have the same owner name. */
export interface NodeChanges {
  readonly count: number;
  readonly before: Uint32Array;
  readonly after: Uint32Array;
}

/** Makes the index with changes from the one without them. */
export class HashIndexWriter {
  readonly #arena: Arena;
  readonly #space: RecordSpace;
  readonly #before: Uint32Array;
  readonly #after: Uint32Array;
  readonly #hashes: Uint32Array;
  /** Words of the pages that are in the old index only. */
  freedWords = 0;
  allocatedWords = 0;

  constructor(arena: Arena, space: RecordSpace, changes: NodeChanges) {
    this.#arena = arena;
    this.#space = space;
    const { count, before, after } = changes;
    const hashes = new Uint32Array(count);
    for (let i = 0; i < count; i++) hashes[i] = hashOfNode(arena, after[i] || before[i]);
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    this.#hashes = sortByHash(hashes, order);
    this.#before = new Uint32Array(count);
    this.#after = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      this.#before[i] = before[order[i]];
      this.#after[i] = after[order[i]];
    }
  }

  /** The root with all changes; 0 when nothing is left. */
  apply(root: number): number {
    return this.#page(root, 0, this.#hashes.length, 0);
  }

  #page(page: number, low: number, high: number, level: number): number {
    if (low === high) return page;
    if (page !== 0 && (this.#arena.u32[page] & 1) === 0) return this.#directory(page, low, high, level);
    return this.#bucket(page, low, high, level);
  }

  #directory(page: number, low: number, high: number, level: number): number {
    const { u32 } = this.#arena;
    const children = Array.from(u32.subarray(page + 1, page + DIRECTORY_WORDS));
    for (let from = low; from < high;) {
      const here = digit(this.#hashes[from], level);
      let to = from;
      while (to < high && digit(this.#hashes[to], level) === here) to++;
      children[here] = this.#page(children[here], from, to, level + 1);
      from = to;
    }
    this.freedWords += DIRECTORY_WORDS;
    return this.#writeDirectory(children);
  }

  #writeDirectory(children: readonly number[]): number {
    if (children.every((child) => child === 0)) return 0;
    const page = this.#allocate(DIRECTORY_WORDS);
    const { u32 } = this.#arena;
    u32[page] = 0;
    for (let i = 0; i < FAN_OUT; i++) u32[page + 1 + i] = children[i];
    return page;
  }

  #bucket(page: number, low: number, high: number, level: number): number {
    if (page === 0) return this.#freshBucket(low, high, level);
    const { u8, u32 } = this.#arena;
    const count = u32[page] >>> 1;
    this.freedWords += bucketWords(count);
    const tags = 4 * (page + 1);
    const refs = page + 1 + ((count + 3) >> 2);
    const gone = new Set<number>();
    for (let i = low; i < high; i++) if (this.#before[i] !== 0) gone.add(this.#before[i]);
    const entries: number[] = [];
    const hashes: number[] = [];
    for (let i = 0; i < count; i++) {
      if (gone.has(u32[refs + i])) continue;
      entries.push(u32[refs + i]);
      hashes.push(u8[tags + i]);
    }
    const kept = entries.length;
    for (let i = low; i < high; i++) {
      if (this.#after[i] === 0) continue;
      entries.push(this.#after[i]);
      hashes.push(this.#hashes[i]);
    }
    if (entries.length <= BUCKET_LIMIT || level === LEVELS) return this.#writeBucket(entries, hashes);
    for (let i = 0; i < kept; i++) hashes[i] = hashOfNode(this.#arena, entries[i]);
    return this.#split(entries, hashes, level);
  }

  /** Entries of a page that is not there yet: nothing is deleted from it, and their hashes are in order. */
  #freshBucket(low: number, high: number, level: number): number {
    if (high - low <= BUCKET_LIMIT || level === LEVELS) {
      const after = this.#after.subarray(low, high);
      const hashes = this.#hashes.subarray(low, high);
      if (!after.includes(0)) return this.#writeBucket(after, hashes);
      return this.#writeBucket(
        after.filter((node) => node !== 0),
        hashes.filter((_, i) => after[i] !== 0),
      );
    }
    const children = Array.from({ length: FAN_OUT }, () => 0);
    for (let from = low; from < high;) {
      const here = digit(this.#hashes[from], level);
      let to = from;
      while (to < high && digit(this.#hashes[to], level) === here) to++;
      children[here] = this.#freshBucket(from, to, level + 1);
      from = to;
    }
    return this.#writeDirectory(children);
  }

  #split(entries: readonly number[], hashes: readonly number[], level: number): number {
    if (entries.length <= BUCKET_LIMIT || level === LEVELS) return this.#writeBucket(entries, hashes);
    const parts = Array.from({ length: FAN_OUT }, () => ({ entries: [] as number[], hashes: [] as number[] }));
    for (const [i, hash] of hashes.entries()) {
      const part = parts[digit(hash, level)];
      part.entries.push(entries[i]);
      part.hashes.push(hash);
    }
    return this.#writeDirectory(parts.map((part) => this.#split(part.entries, part.hashes, level + 1)));
  }

  #writeBucket(entries: ArrayLike<number>, hashes: ArrayLike<number>): number {
    const count = entries.length;
    if (count === 0) return 0;
    const tags = Uint32Array.from(hashes, (hash) => hash & 0xff);
    const nodes = Uint32Array.from(entries);
    if (count < 256) insertionSort(tags, nodes);
    else sortByHash(tags, nodes); // only where an attacker who knows the seed could fill the lowest level
    const page = this.#allocate(bucketWords(count));
    const { u8, u32 } = this.#arena;
    u32[page] = (count << 1) | 1;
    const refs = page + 1 + ((count + 3) >> 2);
    for (let i = 0; i < count; i++) {
      u8[4 * (page + 1) + i] = tags[i];
      u32[refs + i] = nodes[i];
    }
    return page;
  }

  #allocate(words: number): number {
    this.allocatedWords += words;
    return this.#space.words(words);
  }
}

function hashOfNode(arena: Arena, node: NodeRef): number {
  const head = arena.u32[node];
  const at = nodeOwnerAt(node, head);
  return hashOwner(arena.u8, at, at + nodeOwnerLength(head), arena.u32[HEAD.HASH_SEED]);
}

/**
 * Sorts `hashes`, and `numbers` with them: radix sort from the lowest octet, in time proportional to their number. Both move
 * together: reading each hash through its number is a cache miss for each of four rounds.
 * @returns the sorted hashes; `numbers` is sorted in place
 */
function sortByHash(hashes: Uint32Array, numbers: Uint32Array): Uint32Array {
  const count = hashes.length;
  if (count < 256) return insertionSort(hashes, numbers);
  let keys: Uint32Array = hashes;
  let values: Uint32Array = numbers;
  let otherKeys: Uint32Array = new Uint32Array(count);
  let otherValues: Uint32Array = new Uint32Array(count);
  const places = new Uint32Array(256);
  // Four rounds: what is sorted ends where it began.
  for (let shift = 0; shift < 32; shift += 8) {
    places.fill(0);
    for (let i = 0; i < count; i++) places[(keys[i] >>> shift) & 0xff]++;
    for (let octet = 0, sum = 0; octet < 256; octet++) {
      const here = places[octet];
      places[octet] = sum;
      sum += here;
    }
    for (let i = 0; i < count; i++) {
      const to = places[(keys[i] >>> shift) & 0xff]++;
      otherKeys[to] = keys[i];
      otherValues[to] = values[i];
    }
    [keys, otherKeys] = [otherKeys, keys];
    [values, otherValues] = [otherValues, values];
  }
  return keys;
}

function insertionSort(hashes: Uint32Array, numbers: Uint32Array): Uint32Array {
  for (let i = 1; i < hashes.length; i++) {
    const hash = hashes[i];
    const number = numbers[i];
    let j = i;
    for (; j > 0 && hashes[j - 1] > hash; j--) {
      hashes[j] = hashes[j - 1];
      numbers[j] = numbers[j - 1];
    }
    hashes[j] = hash;
    numbers[j] = number;
  }
  return hashes;
}
