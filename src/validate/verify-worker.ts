/** Worker thread that verifies slices of a zone. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../base/thread-pool.ts';
import { Arena } from '../zone/store/arena.ts';
import { SliceVerifier } from './slice-verifier.ts';

serveTasks(new SliceVerifier(Arena.attach((workerData as { shared: SharedArrayBuffer }).shared)));
