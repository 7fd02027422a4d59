import { SystemRandom, type Random } from '../../base/random.ts';
import { SignetError } from '../../base/error.ts';

/** Index of a 32-bit word in the arena (octet offset = 4 * ref). 0 is none. */
export type VersionRef = number;
export type NodeRef = number;
export type RRsetRef = number;

/** Granules are what threads take from the arena by one compare-and-exchange each. */
const GRANULE_OCTETS = 1 << 20;
export const GRANULE_WORDS = GRANULE_OCTETS >> 2;

/** Words of the arena's head. The first granule belongs to it. */
export const HEAD = {
  MAGIC: 0,
  /** Seed of the owner name hash: the same for all threads, another for each process. */
  HASH_SEED: 1,
  /** Epoch that readers announce; the control thread moves it on. */
  EPOCH: 2,
  /** Versions made so far. */
  VERSIONS: 3,
  /** READERS words, READER_STRIDE apart: the epoch a reader is in, IDLE, or 0 when nobody has it. */
  READER: 16,
  /** One word a granule: who has it; 0 is nobody. */
  GRANULE_OWNER: 16 + 256 * 16,
} as const;

export const READERS = 256;
/** A cache line (64 octets) each, so that readers do not slow each other down. */
export const READER_STRIDE = 16;
const MAGIC = 0x5a6f6e65;

/** Octet offsets stay below 2^31: small integers in V8, and what bit operators work on. */
const MAX_ARENA_OCTETS = 2 ** 31 - GRANULE_OCTETS;

/**
 * The memory that all zones of a process live in: one SharedArrayBuffer of fixed size. Untouched pages of it cost
 * nothing, and indexing a growable one is thirty times slower in V8.
 */
export class Arena {
  readonly shared: SharedArrayBuffer;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** The same octets, for reading eight at a time. */
  readonly view: DataView;
  readonly granules: number;

  private constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.u8 = new Uint8Array(shared);
    this.u32 = new Uint32Array(shared);
    this.view = new DataView(shared);
    this.granules = shared.byteLength / GRANULE_OCTETS;
  }

  /**
   * @param octets whole MiB, 2 to 2047
   * @throws SignetError ARENA_SIZE
   */
  static create(octets: number = MAX_ARENA_OCTETS, random: Random = new SystemRandom()): Arena {
    if (octets % GRANULE_OCTETS !== 0 || octets < 2 * GRANULE_OCTETS || octets > MAX_ARENA_OCTETS)
      throw new SignetError(
        'ARENA_SIZE',
        `an arena of ${octets} octets cannot be made: give whole MiB from 2 to 2047`,
        { octets },
      );
    const arena = new Arena(new SharedArrayBuffer(octets));
    const seed = random.fill(new Uint8Array(4));
    arena.u32[HEAD.HASH_SEED] = (seed[0] << 24) | (seed[1] << 16) | (seed[2] << 8) | seed[3];
    arena.u32[HEAD.EPOCH] = 2;
    arena.u32[HEAD.GRANULE_OWNER] = GRANULE_OF_HEAD;
    Atomics.store(arena.u32, HEAD.MAGIC, MAGIC);
    return arena;
  }

  /**
   * The arena that another thread made.
   * @throws SignetError ARENA_FOREIGN when the buffer is none
   */
  static attach(shared: SharedArrayBuffer): Arena {
    const arena = new Arena(shared);
    if (Atomics.load(arena.u32, HEAD.MAGIC) !== MAGIC)
      throw new SignetError('ARENA_FOREIGN', 'this shared buffer is not a zone arena: pass Arena.shared', {});
    return arena;
  }
}

/** Owners of granules: 0 nobody, then the head, the ExtentPool, and from FIRST_CLAIM on the writers of other threads. */
const GRANULE_OF_HEAD = 1;
export const GRANULE_OF_POOL = 2;
export const FIRST_CLAIM = 3;
