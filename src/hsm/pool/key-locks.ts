/** Changes of one key go one after the other, so that two devices never make two versions of it at once. */
export class KeyLocks {
  readonly #last = new Map<string, Promise<void>>();

  get isIdle(): boolean {
    return this.#last.size === 0;
  }

  async run<Result>(uuid: string, change: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(uuid);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(uuid, promise);
    await before;
    try {
      return await change();
    } finally {
      if (this.#last.get(uuid) === promise) this.#last.delete(uuid);
      resolve();
    }
  }
}
