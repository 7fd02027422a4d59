import { HalError, HalStatus } from '../hal-status.ts';

/** Attempts that may wait for one peer, and for all together: each holds a connection and a PIN. */
const MOST_WAITING = 64;
const MOST_WAITING_IN_ALL = 1024;

interface Queue {
  running: number;
  readonly waiting: (() => void)[];
}

/** Lets logins of one peer go one after the other, so that a hundred guesses at once count as a hundred before the last is looked at. */
export class LoginQueues {
  readonly #queues = new Map<string, Queue>();
  #waiting = 0;

  /**
   * Runs `work` when fewer than `concurrency` others of the same key run.
   * @throws HalError NO_CLIENT_SLOTS_AVAILABLE when too many wait; what `work` throws
   */
  async run<T>(key: string, concurrency: number, work: () => Promise<T>): Promise<T> {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = { running: 0, waiting: [] }));
    if (queue.running >= concurrency) await this.#wait(queue, key);
    else queue.running++;
    try {
      return await work();
    } finally {
      const next = queue.waiting.shift();
      // The place goes from one to the next; a queue that nobody is in takes no memory.
      if (next !== undefined) next();
      else if (--queue.running === 0) this.#queues.delete(key);
    }
  }

  #wait(queue: Queue, key: string): Promise<void> {
    if (queue.waiting.length >= MOST_WAITING || this.#waiting >= MOST_WAITING_IN_ALL)
      throw new HalError(
        HalStatus.NO_CLIENT_SLOTS_AVAILABLE,
        `too many logins at once (${key}): try again when those before are done`,
        { waiting: queue.waiting.length },
      );
    this.#waiting++;
    return new Promise((resolve) =>
      queue.waiting.push(() => {
        this.#waiting--;
        resolve();
      }),
    );
  }
}
