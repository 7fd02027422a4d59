import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SystemCalls } from './system-calls.ts';

/**
 * Gives memory that is not used any more back to the system: after a large zone was loaded. Left alone, V8 keeps tens of
 * megabytes of dead objects until it needs room, and the C library keeps what was freed in its heap. Takes some ten
 * milliseconds, so it is nothing for the path of a query.
 */
export function giveBackMemory(systemCalls: Pick<SystemCalls, 'trimHeap'>): void {
  collector ??= makeCollector();
  collector();
  systemCalls.trimHeap();
}

let collector: (() => void) | undefined;

function makeCollector(): () => void {
  // The function is only given to contexts that are made while the flag is set.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
