import { parentPort, workerData } from 'node:worker_threads';
import { MemoryLog } from '../../src/base/log.ts';
import type { ClientContext } from '../../src/server/answer.ts';
import type { LimitedAnswer } from '../../src/server/rate-limit-log.ts';
import { RATE_KIND, type RateLimitTable } from '../../src/server/rate-limit-table.ts';
import { RATE, RateLimiter } from '../../src/server/rate-limit.ts';

/* A thread that has answers limited, at the same moment as others that share its table. */

export interface RateLimitThread {
  readonly table: RateLimitTable;
  readonly threads: number;
  /** Each is a network of its own, so an entry of its own that all threads want to make at once. */
  readonly rounds: number;
  /** Answers a round and thread. */
  readonly answers: number;
  /** One word: how often a thread has come to the start of a round. */
  readonly barrier: SharedArrayBuffer;
}

const { table, threads, rounds, answers, barrier } = workerData as RateLimitThread;
const arrived = new Int32Array(barrier);
const limiter = new RateLimiter(table, { log: new MemoryLog() });
const address = new Uint8Array(4);
const client: ClientContext = {
  address,
  addressAt: 0,
  addressLength: 4,
  destination: Uint8Array.of(127, 0, 0, 1),
  overTcp: false,
  encrypted: false,
  keepaliveTimeout: 0,
  now: 1_800_000_000,
};
const answer: LimitedAnswer = {
  kind: RATE_KIND.RESPONSE,
  type: 1,
  rcode: 0,
  name: new Uint8Array(1),
  nameAt: 0,
  nameLength: 1,
  shownAt: 0,
  isWildcard: false,
};
const passed: number[] = [];
for (let round = 0; round < rounds; round++) {
  address.set([10, round >> 8, round, 1]);
  Atomics.add(arrived, 0, 1);
  Atomics.notify(arrived, 0);
  for (let now = Atomics.load(arrived, 0); now < threads * (round + 1); now = Atomics.load(arrived, 0))
    Atomics.wait(arrived, 0, now);
  let count = 0;
  for (let i = 0; i < answers; i++) if (limiter.check(client, answer) === RATE.PASS) count++;
  passed.push(count);
}
parentPort?.postMessage(passed);
