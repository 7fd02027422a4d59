import type { Arena } from './arena.ts';

/** A thread's announcement that it reads: enter() before it loads a zone's slot, leave() when it keeps no ref. */
export declare class ReaderEpoch {
  constructor(arena: Arena);
  enter(): void;
  leave(): void;
  /** Gives the place back. */
  close(): void;
}
