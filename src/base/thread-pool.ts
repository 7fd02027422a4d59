import { parentPort, Worker } from 'node:worker_threads';
import { SignetError, type ErrorFacts } from './error.ts';

/*
 * Tasks over worker threads, and over the calling thread when it is told to help. Every task goes to whoever is free, so
 * one slow slice holds nobody up. Messages:
 *
 *    to a worker:   { setup }  or  { id, task }           in the order they were posted
 *    from a worker: { id, result }  or  { id, error }
 */
type ToWorker = { readonly setup: unknown } | { readonly id: number; readonly task: unknown };
type FromWorker =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { code: string; message: string; facts: ErrorFacts } };

/** What runs tasks, on either side of the thread boundary. */
export interface TaskRunner<Setup, Task, Result> {
  /** Called before the first task, and again whenever what tasks refer to has changed. */
  setup(setup: Setup): void;
  run(task: Task): Result;
}

export interface ThreadPoolOptions {
  /** Worker threads to start; 0 leaves all work to the calling thread. */
  readonly workers: number;
  /** Module of the worker, which calls `serveTasks`. */
  readonly module: URL;
  /** Plain data given to each worker at its start. */
  readonly workerData: unknown;
  /** Whether the calling thread takes tasks too: for commands, not for a daemon's control thread. */
  readonly helps: boolean;
}

/** A worker may have one task waiting while it runs another, so that it is never idle for a message's way. */
const QUEUE_DEPTH = 2;

interface WorkerState {
  readonly worker: Worker;
  pending: number;
}

/** @typeParam Setup, Task, Result plain data that survive a structured clone */
export class ThreadPool<Setup, Task, Result> implements AsyncDisposable {
  readonly #workers: WorkerState[] = [];
  readonly #local: TaskRunner<Setup, Task, Result>;
  readonly #helps: boolean;
  #onMessage: (message: FromWorker) => void = () => undefined;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;
  #busy: Promise<unknown> = Promise.resolve();

  /** @param local runs tasks in the calling thread, when the pool has no workers or the thread helps */
  constructor(options: ThreadPoolOptions, local: TaskRunner<Setup, Task, Result>) {
    this.#local = local;
    this.#helps = options.helps || options.workers === 0;
    for (let i = 0; i < options.workers; i++) this.#start(options.module, options.workerData);
  }

  /** Threads that run tasks. */
  get threads(): number {
    return this.#workers.length + (this.#helps ? 1 : 0);
  }

  #start(module: URL, workerData: unknown): void {
    const state: WorkerState = { worker: new Worker(module, { workerData }), pending: 0 };
    state.worker.on('message', (message: FromWorker) => {
      state.pending--;
      this.#onMessage(message);
    });
    state.worker.on('error', (cause: Error) => {
      this.#failure ??= new SignetError('WORKER_FAILED', `a worker thread ended: ${cause.message}`, {}, cause);
      this.#wake();
    });
    state.worker.unref();
    this.#workers.push(state);
  }

  /**
   * Runs all tasks and gives their results in the order of the tasks. Runs of one pool come one after another.
   * @throws the first task's error; SignetError WORKER_FAILED when a thread died
   */
  run(setup: Setup, tasks: readonly Task[]): Promise<Result[]> {
    const turn = this.#busy.then(() => this.#runNow(setup, tasks));
    this.#busy = turn.catch(() => undefined);
    return turn;
  }

  async #runNow(setup: Setup, tasks: readonly Task[]): Promise<Result[]> {
    const results: Result[] = Array.from({ length: tasks.length });
    let given = 0;
    let done = 0;
    let error: Error | undefined;
    this.#onMessage = (message) => {
      done++;
      if ('error' in message) error ??= new SignetError(message.error.code, message.error.message, message.error.facts);
      else results[message.id] = message.result as Result;
      this.#wake();
    };
    // One task is not worth a message when this thread may do it.
    const workers = this.#helps && tasks.length === 1 ? [] : this.#workers;
    for (const { worker } of workers) {
      worker.ref();
      worker.postMessage({ setup } satisfies ToWorker);
    }
    if (this.#helps) this.#local.setup(setup);
    while (done < (error ? given : tasks.length) && !this.#failure) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve));
      if (!error) given = this.#feed(workers, tasks, given);
      if (this.#helps && !error && given < tasks.length) {
        const id = given++;
        try {
          results[id] = this.#local.run(tasks[id]);
        } catch (cause) {
          error = cause as Error;
        }
        done++;
        await new Promise((resolve) => setImmediate(resolve));
      } else if (done < given) await woken;
    }
    for (const { worker } of workers) worker.unref();
    if (this.#failure ?? error) throw this.#failure ?? error;
    return results;
  }

  #feed(workers: readonly WorkerState[], tasks: readonly Task[], given: number): number {
    let next = given;
    for (let depth = 1; depth <= QUEUE_DEPTH; depth++) {
      for (const state of workers) {
        if (state.pending >= depth || next >= tasks.length) continue;
        state.pending++;
        state.worker.postMessage({ id: next, task: tasks[next] } satisfies ToWorker);
        next++;
      }
    }
    return next;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#busy;
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
    this.#workers.length = 0;
  }
}

/** The worker's side: runs what it is told until the pool ends it. */
export function serveTasks<Setup, Task, Result>(runner: TaskRunner<Setup, Task, Result>): void {
  const port = parentPort;
  if (!port) throw new SignetError('NOT_A_WORKER', 'serveTasks is for worker threads; a ThreadPool starts them');
  let setupError: SignetError | undefined;
  port.on('message', (message: ToWorker) => {
    if ('setup' in message) {
      setupError = undefined;
      try {
        runner.setup(message.setup as Setup);
      } catch (cause) {
        setupError = plainError(cause);
      }
      return;
    }
    try {
      if (setupError) throw setupError;
      port.postMessage({ id: message.id, result: runner.run(message.task as Task) } satisfies FromWorker);
    } catch (cause) {
      const { code, message: text, facts } = plainError(cause);
      port.postMessage({ id: message.id, error: { code, message: text, facts } } satisfies FromWorker);
    }
  });
}

/** Errors of ours cross the boundary as they are; a defect becomes an error that shows where it was. */
function plainError(cause: unknown): SignetError {
  if (cause instanceof SignetError) return cause;
  return new SignetError('INTERNAL', `a worker thread met an error: ${(cause as Error)?.stack ?? String(cause)}`);
}
