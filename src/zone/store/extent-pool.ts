import { SignetError } from '../../base/error.ts';
import { FIRST_CLAIM, GRANULE_OF_POOL, GRANULE_WORDS, HEAD, type Arena } from './arena.ts';
import { oldestReader } from './reader-epoch.ts';

/** A run of arena words. */
export interface Extent {
  readonly ref: number;
  readonly words: number;
}

/** Where writers get more room. */
export interface ExtentSource {
  /** At least `words` words. @throws SignetError ARENA_FULL */
  take(words: number): Extent;
}

/** The smallest extent: 4 KiB. */
export const BLOCK_WORDS = 1024;
const BLOCKS_IN_GRANULE = GRANULE_WORDS / BLOCK_WORDS;

/**
 * Takes `count` granules in a row for `owner`. Safe in every thread: each granule has one word that changes hands by
 * compare-and-exchange.
 * @throws SignetError ARENA_FULL
 */
export function takeGranules(arena: Arena, count: number, owner: number): Extent {
  const table = HEAD.GRANULE_OWNER;
  for (let first = 1; first + count <= arena.granules; first++) {
    let got = 0;
    while (got < count && Atomics.compareExchange(arena.u32, table + first + got, 0, owner) === 0) got++;
    if (got === count) return { ref: first * GRANULE_WORDS, words: count * GRANULE_WORDS };
    const taken = got;
    while (got > 0) Atomics.store(arena.u32, table + first + --got, 0);
    first += taken;
  }
  throw new SignetError(
    'ARENA_FULL',
    `the zone memory of ${arena.granules} MiB is full: serve fewer zones from this process or give it a larger arena`,
    { mebibytes: arena.granules },
  );
}

interface Retired {
  readonly epoch: number;
  readonly extents: readonly Extent[];
  readonly slot: number | undefined;
}

/**
 * The control thread's share of the arena: extents of 4 KiB and more, cut from granules by halving (buddy allocation:
 * a free block joins its free twin). Freed extents wait until no reader is in an epoch that could see them.
 */
export class ExtentPool implements ExtentSource {
  readonly arena: Arena;
  /** Per order the free blocks (block number) of 2^order blocks. */
  readonly #free: Set<number>[] = [];
  readonly #retired: Retired[] = [];
  readonly #freeSlots: number[] = [];
  #nextClaim = FIRST_CLAIM;
  #usedWords = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    for (let order = 0; 1 << order < BLOCKS_IN_GRANULE; order++) this.#free.push(new Set());
  }

  /** Octets that are handed out, those that wait for readers included. */
  get usedOctets(): number {
    return this.#usedWords * 4;
  }

  /** An extent of the next power of two of 4 KiB blocks, in whole MiB above that. */
  take(words: number): Extent {
    this.reclaim();
    const blocks = Math.ceil(words / BLOCK_WORDS);
    let extent: Extent;
    if (blocks >= BLOCKS_IN_GRANULE)
      extent = takeGranules(this.arena, Math.ceil(words / GRANULE_WORDS), GRANULE_OF_POOL);
    else {
      const order = Math.ceil(Math.log2(blocks));
      extent = { ref: this.#takeBlock(order) * BLOCK_WORDS, words: BLOCK_WORDS << order };
    }
    this.#usedWords += extent.words;
    return extent;
  }

  #takeBlock(order: number): number {
    for (let larger = order; larger < this.#free.length; larger++) {
      const [block] = this.#free[larger];
      if (block === undefined) continue;
      this.#free[larger].delete(block);
      return this.#split(block, larger, order);
    }
    const granule = takeGranules(this.arena, 1, GRANULE_OF_POOL);
    return this.#split(granule.ref / BLOCK_WORDS, this.#free.length, order);
  }

  /** Halves a block down to `order`; the upper halves become free. */
  #split(block: number, from: number, order: number): number {
    for (let here = from - 1; here >= order; here--) this.#free[here].add(block + (1 << here));
    return block;
  }

  /** One word that holds a zone's published version; 0 at first. */
  takeSlot(): number {
    if (this.#freeSlots.length === 0) {
      const { ref, words } = this.take(BLOCK_WORDS);
      for (let i = words - 1; i >= 0; i--) this.#freeSlots.push(ref + i);
    }
    const slot = this.#freeSlots.pop()!;
    Atomics.store(this.arena.u32, slot, 0);
    return slot;
  }

  /** A number that granules taken by another thread's writer carry, so that they can be found if it dies. */
  newClaim(): number {
    return this.#nextClaim++;
  }

  /** Granules that a claim holds become the pool's: handed out, until they are given back. */
  adoptClaim(claim: number): Extent[] {
    const extents: Extent[] = [];
    for (let granule = 1; granule < this.arena.granules; granule++) {
      const word = HEAD.GRANULE_OWNER + granule;
      if (Atomics.compareExchange(this.arena.u32, word, claim, GRANULE_OF_POOL) !== claim) continue;
      extents.push({ ref: granule * GRANULE_WORDS, words: GRANULE_WORDS });
      this.#usedWords += GRANULE_WORDS;
    }
    return extents;
  }

  /** Gives back what is behind the first `usedWords` words; returns what stays. */
  trim(extent: Extent, usedWords: number): Extent {
    const kept = Math.ceil(usedWords / BLOCK_WORDS) * BLOCK_WORDS;
    if (kept < extent.words) this.free({ ref: extent.ref + kept, words: extent.words - kept });
    return { ref: extent.ref, words: kept };
  }

  /** Gives back at once: only for what no reader has ever been able to see. */
  free(extent: Extent): void {
    this.#usedWords -= extent.words;
    let block = extent.ref / BLOCK_WORDS;
    const end = (extent.ref + extent.words) / BLOCK_WORDS;
    while (block < end) {
      let order = 0;
      while (order < this.#free.length && block % (2 << order) === 0 && block + (2 << order) <= end) order++;
      this.#freeBlock(block, order);
      block += 1 << order;
    }
  }

  #freeBlock(block: number, order: number): void {
    while (order < this.#free.length && this.#free[order].delete(block ^ (1 << order))) {
      block &= ~(1 << order);
      order++;
    }
    if (order < this.#free.length) this.#free[order].add(block);
    else Atomics.store(this.arena.u32, HEAD.GRANULE_OWNER + block / BLOCKS_IN_GRANULE, 0);
  }

  /** Gives back when every reader that could have seen the extents has left. They are in no published version now. */
  retire(extents: readonly Extent[], slot?: number): void {
    this.#retired.push({ epoch: Atomics.add(this.arena.u32, HEAD.EPOCH, 1), extents, slot });
    this.reclaim();
  }

  /** Frees what no reader can see any more. Called by every take and retire; costs one look at the readers' words. */
  reclaim(): void {
    if (this.#retired.length === 0) return;
    const oldest = oldestReader(this.arena);
    while (this.#retired.length > 0 && this.#retired[0].epoch < oldest) {
      const { extents, slot } = this.#retired.shift()!;
      for (const extent of extents) this.free(extent);
      if (slot !== undefined) this.#freeSlots.push(slot);
    }
  }
}
