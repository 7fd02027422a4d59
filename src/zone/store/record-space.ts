import type { Arena } from './arena.ts';
import type { Extent, ExtentSource } from './extent-pool.ts';

const LARGEST = 1 << 18;

/**
 * Room for records, filled from front to back. Extents grow with what they serve: a zone of ten names has 4 KiB, a large
 * one takes 1 MiB at a time.
 */
export class RecordSpace {
  readonly arena: Arena;
  readonly extents: Extent[] = [];
  /** Octet offset that is written next, and the end of the present extent. */
  at = 0;
  end = 0;
  readonly #source: ExtentSource;
  readonly #spare: Extent[];
  #wordsBefore = 0;
  /** Words taken since the space was made or trimmed. */
  #taken = 0;

  /** @param spare extents to use before the source is asked */
  constructor(arena: Arena, source: ExtentSource, spare: readonly Extent[] = []) {
    this.arena = arena;
    this.#source = source;
    this.#spare = spare.toReversed();
  }

  /** Words written so far, unused ends of extents included. */
  get usedWords(): number {
    return this.#wordsBefore + this.usedInLast;
  }

  /** Words in use of the last extent. */
  get usedInLast(): number {
    const last = this.extents.at(-1);
    return last === undefined ? 0 : this.usedWordsOf(last);
  }

  /** Moves to the next word boundary and returns the ref there. */
  align(): number {
    this.at = (this.at + 3) & ~3;
    return this.at >> 2;
  }

  /**
   * Makes sure that `octets` more fit. A record that begun at word `start` and does not fit is moved to a new extent.
   * @returns the ref where the record begins now
   */
  reserve(octets: number, start: number): number {
    if (this.at + octets <= this.end) return start;
    const partial = this.at - 4 * start;
    const extent = this.#nextExtent((partial + octets + 3) >> 2);
    const { u8 } = this.arena;
    const to = 4 * extent.ref;
    u8.copyWithin(to, 4 * start, this.at);
    const last = this.extents.at(-1);
    if (last !== undefined) this.#wordsBefore += start - last.ref;
    this.extents.push(extent);
    this.at = to + partial;
    this.end = to + 4 * extent.words;
    return extent.ref;
  }

  /** Room for a whole record of `words` words; returns its ref. */
  words(words: number): number {
    const ref = this.reserve(4 * words, this.align());
    this.at = 4 * (ref + words);
    return ref;
  }

  /** Doubles from 4 KiB to 1 MiB with what was taken already. */
  #nextExtent(words: number): Extent {
    const spare = this.#spare.at(-1);
    const isSpare = spare !== undefined && spare.words >= words;
    const extent = isSpare ? this.#spare.pop()! : this.#source.take(Math.max(words, Math.min(this.#taken, LARGEST)));
    this.#taken += extent.words;
    return extent;
  }

  /** Lets `cut` shorten the last extent to what is used of it. What is written later begins in a new, small extent. */
  trim(cut: (extent: Extent, usedWords: number) => Extent): void {
    const last = this.extents.pop();
    if (last === undefined) return;
    this.extents.push(cut(last, this.usedWordsOf(last)));
    this.end = this.at;
    this.#taken = 0;
  }

  usedWordsOf(extent: Extent): number {
    return ((this.at + 3) >> 2) - extent.ref;
  }

  /** Spare extents that were not used. */
  get unused(): readonly Extent[] {
    return this.#spare;
  }
}
