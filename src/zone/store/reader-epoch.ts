import { SignetError } from '../../base/error.ts';
import { HEAD, READERS, READER_STRIDE, type Arena } from './arena.ts';

/*
 * How memory of dropped versions is known to be out of use. A reader announces the epoch it starts in, then loads a
 * zone's slot. The control thread first stores the new version into the slot, then moves the epoch on and looks at the
 * announcements. Atomics are sequentially consistent: a reader whose announcement the control thread did not see loads
 * the slot after the store, so it sees the new version; one that still uses the old version has announced an epoch
 * that is not later than the one in which the old version was retired.
 */

const NOBODY = 0;
const IDLE = 1;
/** Behind the announcement: what the place is used for. Means something while somebody has the place. */
const USE = 1;
const TRANSFER = 1;

/** One reading thread's announcement. Hold nothing found in a zone after `leave`. */
export class ReaderEpoch {
  readonly #u32: Uint32Array;
  readonly #word: number;

  /**
   * @param use what the place is taken for: transfers are counted over all threads
   * @throws SignetError READERS_FULL
   */
  constructor(arena: Arena, use: 'queries' | 'transfer' = 'queries') {
    this.#u32 = arena.u32;
    for (let reader = 0; reader < READERS; reader++) {
      const word = HEAD.READER + reader * READER_STRIDE;
      if (Atomics.compareExchange(arena.u32, word, NOBODY, IDLE) !== NOBODY) continue;
      Atomics.store(arena.u32, word + USE, use === 'transfer' ? TRANSFER : 0);
      this.#word = word;
      return;
    }
    throw new SignetError('READERS_FULL', `more than ${READERS} threads or transfers read zones at once: start fewer`, {
      readers: READERS,
    });
  }

  /** From here on, what the slots show stays readable. One store: call it once for a batch of queries. */
  enter(): void {
    Atomics.store(this.#u32, this.#word, Atomics.load(this.#u32, HEAD.EPOCH));
  }

  leave(): void {
    Atomics.store(this.#u32, this.#word, IDLE);
  }

  /** Gives the place back; the announcement must not be used afterwards. */
  close(): void {
    Atomics.store(this.#u32, this.#word, NOBODY);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Names this announcement, so that the control thread can clear it when the thread has died. */
  get id(): number {
    return (this.#word - HEAD.READER) / READER_STRIDE;
  }
}

/** Clears the announcement of a thread that has ended without `close`. */
export function clearReader(arena: Arena, id: number): void {
  Atomics.store(arena.u32, HEAD.READER + id * READER_STRIDE, NOBODY);
}

/** The earliest epoch that a reader is in; the present one when none reads. */
export function oldestReader(arena: Arena): number {
  let oldest = Atomics.load(arena.u32, HEAD.EPOCH);
  for (let reader = 0; reader < READERS; reader++) {
    const epoch = Atomics.load(arena.u32, HEAD.READER + reader * READER_STRIDE);
    if (epoch > IDLE && epoch < oldest) oldest = epoch;
  }
  return oldest;
}

/** Transfers that run in the process. What a thread that died was sending does not count once its places are cleared. */
export function transfersRunning(arena: Arena): number {
  let running = 0;
  for (let reader = 0; reader < READERS; reader++) {
    const word = HEAD.READER + reader * READER_STRIDE;
    if (Atomics.load(arena.u32, word) !== NOBODY && Atomics.load(arena.u32, word + USE) === TRANSFER) running++;
  }
  return running;
}
