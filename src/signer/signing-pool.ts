import { ThreadPool } from '../base/thread-pool.ts';
import type { Arena } from '../zone/store/arena.ts';
import { PoolRunner, type PoolResult, type PoolSetup, type PoolTask } from './pool-runner.ts';
import type { BatchResult, BatchTask } from './signature-batch.ts';
import { SignerCache } from './rrset-signer.ts';
import type { SigningKey } from './signing-parameters.ts';
import type { SigningPlan, SliceResult, SliceTask } from './signing-plan.ts';

export interface SigningPoolOptions {
  /** Threads that sign, the calling one included when it helps. At least 1. */
  readonly threads: number;
  /**
   * Whether the calling thread signs slices too. True for commands, where a third thread would only take turns with two
   * cores; false (the default) for a daemon, whose control thread has to answer. With one thread it always signs.
   */
  readonly callerSigns?: boolean;
  /**
   * For a server: all signing is done by threads of their own, even with one, and they are so many steps nicer than the
   * calling thread (setpriority(2)).
   */
  readonly nicer?: number;
}

/** What a signing thread is told at its start. */
export interface SigningWorkerData {
  readonly shared: SharedArrayBuffer;
  readonly nicer: number;
}

/** Threads that sign slices of zones on the shared arena. They start at once, so that they are up when a zone is loaded. */
export class SigningPool implements AsyncDisposable {
  readonly arena: Arena;
  /** Keys ready for use in the calling thread. */
  readonly signers = new SignerCache();
  readonly #pool: ThreadPool<PoolSetup, PoolTask, PoolResult>;

  constructor(options: SigningPoolOptions, dependencies: { arena: Arena }) {
    this.arena = dependencies.arena;
    const { nicer = 0 } = options;
    const callerSigns = (options.callerSigns ?? false) || (options.threads <= 1 && nicer === 0);
    // The build makes one bundle of each worker, beside the commands' bundles.
    const file = import.meta.url.endsWith('.ts') ? './signing-worker.ts' : './signing-worker.js';
    this.#pool = new ThreadPool(
      {
        workers: callerSigns ? Math.max(0, options.threads - 1) : options.threads,
        module: new URL(file, import.meta.url),
        workerData: { shared: this.arena.shared, nicer } satisfies SigningWorkerData,
        helps: callerSigns,
      },
      new PoolRunner(this.arena, this.signers),
    );
  }

  get threads(): number {
    return this.#pool.threads;
  }

  /** Results in the order of the tasks. @throws SignetError the first failure of any slice */
  signSlices(plan: SigningPlan, tasks: readonly SliceTask[]): Promise<SliceResult[]> {
    return this.#pool.run({ kind: 'plan', plan }, tasks) as Promise<SliceResult[]>;
  }

  signBatches(keys: readonly SigningKey[], labLegacy: boolean, tasks: readonly BatchTask[]): Promise<BatchResult[]> {
    return this.#pool.run({ kind: 'keys', keys, labLegacy }, tasks) as Promise<BatchResult[]>;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }
}
