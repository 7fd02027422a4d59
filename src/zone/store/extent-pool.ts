import type { Arena } from './arena.ts';

/** A run of arena words. */
export interface Extent {
  readonly ref: number;
  readonly words: number;
}

export declare class ExtentPool {
  constructor(arena: Arena);
}
