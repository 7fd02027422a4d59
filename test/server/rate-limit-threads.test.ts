import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { rateLimit } from './context-asker.ts';
import type { RateLimitThread } from './rate-limit-thread.ts';

/* `rate-limit`: one limit for all threads, more of them than cores, so that some lose their core with a lock in hand. */

const THREADS = 6;
const ROUNDS = 3000;
const RATE = 6;

test('however many threads answer a network at once, it gets what the limit allows and no answer more', async () => {
  const data: RateLimitThread = {
    table: rateLimit({ RESPONSE: RATE }, { slip: 0, window: 1, maxTableSize: 100_000 }),
    threads: THREADS,
    rounds: ROUNDS,
    answers: 20,
    barrier: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
  };
  const workers = Array.from(
    { length: THREADS },
    () => new Worker(new URL('rate-limit-thread.ts', import.meta.url), { workerData: data }),
  );
  const passed = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as number[]));
  const wrong = Array.from({ length: ROUNDS }, (_, round) => passed.reduce((sum, counts) => sum + counts[round], 0))
    .map((answers, round) => ({ round, answers }))
    .filter(({ answers }) => answers !== RATE);
  assert.deepEqual(wrong, []);
});
