import { LOWER } from '../wire/name.ts';

/** Octets of a hash (SHA-1, the only algorithm of RFC 5155 section 11). */
const NSEC3_HASH_LENGTH = 20;

/**
 * The hash of RFC 5155 section 5, in place: `hash` holds the result. An answer needs up to 127 of these for one hostile
 * name, and node:crypto allocates for each; this one allocates nothing and is as fast for inputs of one block.
 */
export class Nsec3Hasher {
  readonly hash = new Uint8Array(NSEC3_HASH_LENGTH);
  readonly salt = new Uint8Array(255);
  saltLength = 0;
  iterations = 0;
  readonly #input = new Uint8Array(255 + 255 + 128);
  readonly #words = new Int32Array(80);
  readonly #state = new Int32Array(5);

  /** Hashes the uncompressed name at name[at...]. */
  compute(name: Uint8Array, at = 0): Uint8Array {
    let length = 0;
    let label: number;
    do {
      label = name[at + length];
      for (let i = 0; i <= label; i++, length++) this.#input[length] = LOWER[name[at + length]];
    } while (label !== 0);
    this.#digestWithSalt(length);
    for (let i = 0; i < this.iterations; i++) {
      this.#input.set(this.hash);
      this.#digestWithSalt(NSEC3_HASH_LENGTH);
    }
    return this.hash;
  }

  /** H(x || salt) (RFC 5155 section 5). */
  #digestWithSalt(length: number): void {
    for (let i = 0; i < this.saltLength; i++) this.#input[length++] = this.salt[i];
    this.#digest(length);
  }

  /** SHA-1 (FIPS 180-4) of #input[0, length) to `hash`. */
  #digest(length: number): void {
    const input = this.#input;
    const state = this.#state;
    const blocks = (length + 8) >> 6;
    const end = (blocks + 1) << 6;
    input[length] = 0x80;
    input.fill(0, length + 1, end);
    input[end - 3] = length >> 13; // the length in bits; it never needs more than 24 of them
    input[end - 2] = length >> 5;
    input[end - 1] = length << 3;
    state[0] = 0x67452301;
    state[1] = 0xefcdab89 | 0;
    state[2] = 0x98badcfe | 0;
    state[3] = 0x10325476;
    state[4] = 0xc3d2e1f0 | 0;
    for (let at = 0; at < end; at += 64) this.#block(at);
    for (let i = 0; i < 5; i++) {
      const word = state[i];
      this.hash[4 * i] = word >>> 24;
      this.hash[4 * i + 1] = word >>> 16;
      this.hash[4 * i + 2] = word >>> 8;
      this.hash[4 * i + 3] = word;
    }
  }

  #block(at: number): void {
    const words = this.#words;
    const input = this.#input;
    for (let i = 0; i < 16; i++, at += 4)
      words[i] = (input[at] << 24) | (input[at + 1] << 16) | (input[at + 2] << 8) | input[at + 3];
    for (let i = 16; i < 80; i++) {
      const mixed = words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16];
      words[i] = (mixed << 1) | (mixed >>> 31);
    }
    const state = this.#state;
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    for (let i = 0; i < 80; i++) {
      let round: number;
      if (i < 20) round = ((b & c) | (~b & d)) + 0x5a827999;
      else if (i < 40) round = (b ^ c ^ d) + 0x6ed9eba1;
      else if (i < 60) round = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else round = (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + round + e + words[i]) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    state[0] = (state[0] + a) | 0;
    state[1] = (state[1] + b) | 0;
    state[2] = (state[2] + c) | 0;
    state[3] = (state[3] + d) | 0;
    state[4] = (state[4] + e) | 0;
  }
}
