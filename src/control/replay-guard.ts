/** Messages seen, so that a recorded one is not obeyed again while its time would still be accepted. */
export class ReplayGuard {
  /** Serial and time of a message, with the time after which its own time is refused anyway. Oldest first. */
  readonly #seen = new Map<string, number>();
  readonly #lifetime: number;
  readonly #capacity: number;

  /**
   * @param lifetime seconds that a message is remembered
   * @param capacity messages at most; a full guard refuses every message until old ones have lapsed
   */
  constructor(lifetime: number, capacity: number) {
    this.#lifetime = lifetime;
    this.#capacity = capacity;
  }

  /** True when the message is new. `now` is Unix seconds. */
  admit(serial: number, time: number, now: number): boolean {
    for (const [key, until] of this.#seen) {
      if (until >= now) break;
      this.#seen.delete(key);
    }
    const key = `${serial} ${time}`;
    if (this.#seen.has(key) || this.#seen.size >= this.#capacity) return false;
    this.#seen.set(key, now + this.#lifetime);
    return true;
  }
}
