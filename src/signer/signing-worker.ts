/** Worker thread of a SigningPool. */
import { workerData } from 'node:worker_threads';
import { lowerPriority } from '../base/thread-priority.ts';
import { serveTasks } from '../base/thread-pool.ts';
import { Arena } from '../zone/store/arena.ts';
import { PoolRunner } from './pool-runner.ts';
import type { SigningWorkerData } from './signing-pool.ts';

const { shared, nicer } = workerData as SigningWorkerData;
if (nicer > 0) lowerPriority(nicer);
serveTasks(new PoolRunner(Arena.attach(shared)));
