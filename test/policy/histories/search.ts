import fc from 'fast-check';
import type { Planner } from './daemon.ts';
import { histories, type History } from './history.ts';
import { runHistory, type Failure } from './run-history.ts';

export interface SearchOptions {
  readonly runs: number;
  /** Absent: another one each time. */
  readonly seed?: number;
  /** Histories that the planner is not made for count as survived. */
  readonly isFor?: (history: History) => boolean;
  /** Failures of another kind count as survived. */
  readonly isSought?: (failure: Failure) => boolean;
}

export interface Found {
  /** As small as it could be made; undefined: no history failed. */
  readonly history: History | undefined;
  readonly seed: number;
  readonly runs: number;
  readonly shrinks: number;
}

/** Random histories until one fails. */
export function search(planner: Planner, { runs, seed, isFor, isSought }: SearchOptions): Found {
  const survives = (history: History): boolean => {
    if (isFor?.(history) === false) return true;
    const failure = runHistory(history, planner);
    return failure === undefined || isSought?.(failure) === false;
  };
  const options = { numRuns: runs, ...(seed !== undefined && { seed }) };
  const found = fc.check(fc.property(histories, survives), options);
  return { history: found.counterexample?.[0], seed: found.seed, runs: found.numRuns, shrinks: found.numShrinks };
}
