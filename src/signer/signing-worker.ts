/** Worker thread of a SigningPool. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../base/thread-pool.ts';
import { Arena } from '../zone/store/arena.ts';
import { PoolRunner } from './pool-runner.ts';

serveTasks(new PoolRunner(Arena.attach((workerData as { shared: SharedArrayBuffer }).shared)));
