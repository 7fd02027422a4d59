import type { Random } from '../../base/random.ts';
import { HalError, type HalStatus } from '../hal-status.ts';

/** The top bit says what libhal's says: a token key, an HMAC. */
export const MARK = 0x8000_0000;

export interface HandleOptions {
  /** "key", "hash": for messages. */
  readonly kind: string;
  readonly limit: number;
  /** When there are too many. */
  readonly full: HalStatus;
  /** For a handle that was not given to this connection, or is gone. */
  readonly unknown: HalStatus;
}

/**
 * Handles of one connection: random numbers that mean nothing elsewhere, so that none can be guessed, taken over from another connection or
 * met again after its end.
 */
export class HandleTable<Value> {
  readonly #options: HandleOptions;
  readonly #random: Random;
  readonly #values = new Map<number, Value>();

  constructor(options: HandleOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  get size(): number {
    return this.#values.size;
  }

  /** @throws HalError the `full` status */
  add(value: Value, isMarked: boolean): number {
    this.requireRoom();
    const octets = new Uint8Array(4);
    for (;;) {
      this.#random.fill(octets);
      const number = ((octets[0] << 24) | (octets[1] << 16) | (octets[2] << 8) | octets[3]) & 0x7fff_ffff;
      const handle = isMarked ? (number | MARK) >>> 0 : number;
      // 0 is libhal's "none".
      if (number === 0 || this.#values.has(handle)) continue;
      this.#values.set(handle, value);
      return handle;
    }
  }

  /** @throws HalError the `full` status: to be asked before something is made that a handle is for */
  requireRoom(): void {
    const { kind, limit, full } = this.#options;
    if (this.#values.size >= limit)
      throw new HalError(full, `This connection has ${limit} open ${kind} handles, which is the most: close some.`);
  }

  /** @throws HalError the `unknown` status */
  get(handle: number): Value {
    const value = this.#values.get(handle);
    if (value === undefined) throw this.#unknown();
    return value;
  }

  /** Lets the handle go. @throws HalError the `unknown` status */
  take(handle: number): Value {
    const value = this.get(handle);
    this.#values.delete(handle);
    return value;
  }

  clear(): void {
    this.#values.clear();
  }

  #unknown(): HalError {
    return new HalError(this.#options.unknown, `This connection has no such open ${this.#options.kind} handle.`);
  }
}
