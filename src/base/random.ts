import { randomFillSync } from 'node:crypto';

/** The only source of randomness for what is not a private key (salts, jitter, message ids). */
export interface Random {
  /** Fills the array and returns it. */
  fill(octets: Uint8Array): Uint8Array;
}

export class SystemRandom implements Random {
  fill(octets: Uint8Array): Uint8Array {
    return randomFillSync(octets as Uint8Array<ArrayBuffer>);
  }
}

/** A repeatable source for simulations and tests: the same seed gives the same octets (xorshift32). Not for secrets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 0x9e3779b9;
  }

  fill(octets: Uint8Array): Uint8Array {
    for (let i = 0; i < octets.length; i++) {
      this.#state ^= this.#state << 13;
      this.#state ^= this.#state >>> 17;
      this.#state ^= this.#state << 5;
      octets[i] = this.#state & 0xff;
    }
    return octets;
  }
}

/** An evenly distributed whole number from 0 to `limit` - 1; `limit` is at most 2^32. */
export function randomBelow(random: Random, limit: number): number {
  const ceiling = Math.floor(0x100000000 / limit) * limit;
  const octets = new Uint8Array(4);
  for (;;) {
    random.fill(octets);
    const value = ((octets[0] << 24) | (octets[1] << 16) | (octets[2] << 8) | octets[3]) >>> 0;
    if (value < ceiling) return value % limit;
  }
}
