/** Octets of a key. */
export const SIPHASH_KEY_OCTETS = 16;

/*
 * 64-bit words are pairs of 32-bit integers, low half first: BigInt would allocate for each step. `v` is the state
 * v0.low, v0.high, v1.low ... v3.high.
 */

/** SipHash-2-4 (RFC 9018 section 4.4) with one key. `hash` allocates nothing. */
export class SipHash {
  /** The result of `hash`: octets 0 to 3 in little-endian order, and 4 to 7. */
  low = 0;
  high = 0;
  readonly #key = new Int32Array(4);
  readonly #v = new Int32Array(8);

  /** @param key octets[at, at + 16) */
  constructor(key: Uint8Array, at = 0) {
    for (let i = 0; i < 4; i++) this.#key[i] = littleEndian(key, at + 4 * i);
  }

  /** Hashes octets[start, end); the result is in `low` and `high`. */
  hash(octets: Uint8Array, start: number, end: number): void {
    const v = this.#v;
    this.#begin();
    let at = start;
    for (; at + 8 <= end; at += 8) this.#word(littleEndian(octets, at), littleEndian(octets, at + 4));
    // The last word: what is left, and the length modulo 256 in its highest octet.
    let low = 0;
    let high = (end - start) << 24;
    for (let i = 0; at + i < end; i++) {
      if (i < 4) low |= octets[at + i] << (8 * i);
      else high |= octets[at + i] << (8 * (i - 4));
    }
    this.#word(low, high);
    v[4] ^= 0xff;
    for (let i = 0; i < 4; i++) round(v);
    this.low = v[0] ^ v[2] ^ v[4] ^ v[6];
    this.high = v[1] ^ v[3] ^ v[5] ^ v[7];
  }

  /** "somepseudorandomlygeneratedbytes" with the key laid over it. */
  #begin(): void {
    const key = this.#key;
    const v = this.#v;
    v[0] = key[0] ^ 0x70736575;
    v[1] = key[1] ^ 0x736f6d65;
    v[2] = key[2] ^ 0x6e646f6d;
    v[3] = key[3] ^ 0x646f7261;
    v[4] = key[0] ^ 0x6e657261;
    v[5] = key[1] ^ 0x6c796765;
    v[6] = key[2] ^ 0x79746573;
    v[7] = key[3] ^ 0x74656462;
  }

  #word(low: number, high: number): void {
    const v = this.#v;
    v[6] ^= low;
    v[7] ^= high;
    round(v);
    round(v);
    v[0] ^= low;
    v[1] ^= high;
  }
}

function littleEndian(octets: Uint8Array, at: number): number {
  return octets[at] | (octets[at + 1] << 8) | (octets[at + 2] << 16) | (octets[at + 3] << 24);
}

/** One SipRound. */
function round(v: Int32Array): void {
  addAndMix(v, 0, 2, 13);
  swap(v, 0);
  addAndMix(v, 4, 6, 16);
  addAndMix(v, 0, 6, 21);
  addAndMix(v, 4, 2, 17);
  swap(v, 4);
}

/** v[a] += v[b]; v[b] = rotate(v[b], bits) ^ v[a], for fewer than 32 bits. */
function addAndMix(v: Int32Array, a: number, b: number, bits: number): void {
  const low = (v[a] >>> 0) + (v[b] >>> 0);
  const high = v[a + 1] + v[b + 1] + (low > 0xffffffff ? 1 : 0);
  v[a] = low;
  v[a + 1] = high;
  const bLow = v[b];
  const bHigh = v[b + 1];
  v[b] = ((bLow << bits) | (bHigh >>> (32 - bits))) ^ v[a];
  v[b + 1] = ((bHigh << bits) | (bLow >>> (32 - bits))) ^ v[a + 1];
}

/** Rotates by 32 bits. */
function swap(v: Int32Array, a: number): void {
  const low = v[a];
  v[a] = v[a + 1];
  v[a + 1] = low;
}
