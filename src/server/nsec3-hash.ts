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
  readonly #view = new DataView(this.#input.buffer);
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
    const view = this.#view;
    for (let i = 0; i < 16; i++, at += 4) words[i] = view.getInt32(at);
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
    // Five rounds at a time, so that the five variables change their roles and not their places: a third of the time of plain loops.
    for (let i = 0; i < 20; i += 5) {
      e = (rotate5(a) + ((b & c) | (~b & d)) + e + 0x5a827999 + words[i]) | 0;
      b = rotate30(b);
      d = (rotate5(e) + ((a & b) | (~a & c)) + d + 0x5a827999 + words[i + 1]) | 0;
      a = rotate30(a);
      c = (rotate5(d) + ((e & a) | (~e & b)) + c + 0x5a827999 + words[i + 2]) | 0;
      e = rotate30(e);
      b = (rotate5(c) + ((d & e) | (~d & a)) + b + 0x5a827999 + words[i + 3]) | 0;
      d = rotate30(d);
      a = (rotate5(b) + ((c & d) | (~c & e)) + a + 0x5a827999 + words[i + 4]) | 0;
      c = rotate30(c);
    }
    for (let i = 20; i < 40; i += 5) {
      e = (rotate5(a) + (b ^ c ^ d) + e + 0x6ed9eba1 + words[i]) | 0;
      b = rotate30(b);
      d = (rotate5(e) + (a ^ b ^ c) + d + 0x6ed9eba1 + words[i + 1]) | 0;
      a = rotate30(a);
      c = (rotate5(d) + (e ^ a ^ b) + c + 0x6ed9eba1 + words[i + 2]) | 0;
      e = rotate30(e);
      b = (rotate5(c) + (d ^ e ^ a) + b + 0x6ed9eba1 + words[i + 3]) | 0;
      d = rotate30(d);
      a = (rotate5(b) + (c ^ d ^ e) + a + 0x6ed9eba1 + words[i + 4]) | 0;
      c = rotate30(c);
    }
    for (let i = 40; i < 60; i += 5) {
      e = (rotate5(a) + ((b & c) | (b & d) | (c & d)) + e + MAJORITY + words[i]) | 0;
      b = rotate30(b);
      d = (rotate5(e) + ((a & b) | (a & c) | (b & c)) + d + MAJORITY + words[i + 1]) | 0;
      a = rotate30(a);
      c = (rotate5(d) + ((e & a) | (e & b) | (a & b)) + c + MAJORITY + words[i + 2]) | 0;
      e = rotate30(e);
      b = (rotate5(c) + ((d & e) | (d & a) | (e & a)) + b + MAJORITY + words[i + 3]) | 0;
      d = rotate30(d);
      a = (rotate5(b) + ((c & d) | (c & e) | (d & e)) + a + MAJORITY + words[i + 4]) | 0;
      c = rotate30(c);
    }
    for (let i = 60; i < 80; i += 5) {
      e = (rotate5(a) + (b ^ c ^ d) + e + LAST + words[i]) | 0;
      b = rotate30(b);
      d = (rotate5(e) + (a ^ b ^ c) + d + LAST + words[i + 1]) | 0;
      a = rotate30(a);
      c = (rotate5(d) + (e ^ a ^ b) + c + LAST + words[i + 2]) | 0;
      e = rotate30(e);
      b = (rotate5(c) + (d ^ e ^ a) + b + LAST + words[i + 3]) | 0;
      d = rotate30(d);
      a = (rotate5(b) + (c ^ d ^ e) + a + LAST + words[i + 4]) | 0;
      c = rotate30(c);
    }
    state[0] = (state[0] + a) | 0;
    state[1] = (state[1] + b) | 0;
    state[2] = (state[2] + c) | 0;
    state[3] = (state[3] + d) | 0;
    state[4] = (state[4] + e) | 0;
  }
}

/** Constants of the third and fourth rounds (FIPS 180-4 section 4.2.1), as signed numbers. */
const MAJORITY = 0x8f1bbcdc | 0;
const LAST = 0xca62c1d6 | 0;

const rotate5 = (word: number): number => (word << 5) | (word >>> 27);
const rotate30 = (word: number): number => (word << 30) | (word >>> 2);
