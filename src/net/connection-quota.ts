/*
 * Connections of all threads, counted in shared memory. Each thread writes a row of its own and reads all:
 *
 *     u32 seed | row 0: i32 connections, i32 of each client slot ... | row 1 ...
 *
 * so that the row of a thread that died can be cleared. Clients share slots by a seeded hash: two that meet in one are
 * counted together, which matters only to who has nearly as many connections as one client may have.
 */

const CLIENT_SLOTS = 4096;
const ROW = 1 + CLIENT_SLOTS;

/** What `take` says besides a client's slot. */
export const QUOTA = {
  /** All places are taken. */
  FULL: -1,
  /** The client has all that one client may have. */
  CLIENT_FULL: -2,
} as const;

/** Most connections at once, of everybody and of one address. */
export interface ConnectionLimits {
  /** 0: no limit. */
  readonly connections: number;
  /** 0: no limit. */
  readonly perClient: number;
}

/** The part of all connections that one client may have, rounded up: BIND has no such limit. */
const CLIENT_SHARE = 1 / 3;

export function limitsOf(connections: number): ConnectionLimits {
  return { connections, perClient: Math.ceil(connections * CLIENT_SHARE) };
}

/** One thread's view of the count. */
export class ConnectionQuota {
  limits: ConnectionLimits;
  readonly #counts: Int32Array;
  readonly #seed: number;
  readonly #row: number;

  constructor(shared: SharedArrayBuffer, row: number, limits: ConnectionLimits) {
    const words = new Int32Array(shared);
    this.#seed = words[0];
    this.#counts = words.subarray(1);
    this.#row = row * ROW;
    this.limits = limits;
  }

  /** @param seed any 32 bits that clients cannot know */
  static share(threads: number, seed: number): SharedArrayBuffer {
    const shared = new SharedArrayBuffer(4 * (1 + threads * ROW));
    new Int32Array(shared)[0] = seed;
    return shared;
  }

  /** Forgets the connections of a thread that is gone. */
  static clear(shared: SharedArrayBuffer, row: number): void {
    const words = new Int32Array(shared);
    for (let i = 0; i < ROW; i++) Atomics.store(words, 1 + row * ROW + i, 0);
  }

  /**
   * Takes a place. Threads that ask for the last place at the same moment may all be refused it, but never all be given it.
   * @returns the client's slot, for `give`, or QUOTA.FULL or QUOTA.CLIENT_FULL
   */
  take(client: Uint8Array): number {
    const { connections, perClient } = this.limits;
    const slot = this.#slot(client);
    Atomics.add(this.#counts, this.#row + slot, 1);
    if (perClient > 0 && this.#sum(slot) > perClient) {
      Atomics.sub(this.#counts, this.#row + slot, 1);
      return QUOTA.CLIENT_FULL;
    }
    Atomics.add(this.#counts, this.#row, 1);
    if (connections === 0 || this.#sum(0) <= connections) return slot;
    this.give(slot);
    return QUOTA.FULL;
  }

  give(slot: number): void {
    Atomics.sub(this.#counts, this.#row + slot, 1);
    Atomics.sub(this.#counts, this.#row, 1);
  }

  /** Connections of all threads. */
  get total(): number {
    return this.#sum(0);
  }

  #sum(at: number): number {
    let sum = 0;
    for (let i = at; i < this.#counts.length; i += ROW) sum += Atomics.load(this.#counts, i);
    return sum;
  }

  #slot(client: Uint8Array): number {
    let hash = this.#seed;
    for (const octet of client) hash = Math.imul(hash ^ octet, 0x9e3779b1) ^ (hash >>> 15);
    return 1 + ((hash ^ (hash >>> 16)) & (CLIENT_SLOTS - 1));
  }
}
