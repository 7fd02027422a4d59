/**
 * DER as far as keys need it (X.690): definite lengths in their shortest form, tags below 31. Foreign octets are read strictly;
 * what is wrong throws DerFault, which the callers turn into their own errors.
 */

export const Tag = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  SEQUENCE: 0x30,
  /** [0] and [1], EXPLICIT or of a constructed type. */
  CONTEXT_0: 0xa0,
  CONTEXT_1: 0xa1,
  /** [1] IMPLICIT BIT STRING: publicKey of RFC 5958. */
  PRIMITIVE_1: 0x81,
} as const;

export class DerFault extends Error {}

/** Reads one element after the other; `Der` of a SEQUENCE reads its contents. Never copies. */
export class Der {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#octets.length;
  }

  /** The tag of the next element, undefined at the end. */
  peek(): number | undefined {
    return this.#octets[this.#at];
  }

  /** Contents of the next element, which must have this tag. */
  take(tag: number): Uint8Array {
    if (this.#octets[this.#at] !== tag) throw new DerFault(`tag 0x${tag.toString(16)} expected`);
    this.#at++;
    const length = this.#length();
    if (length > this.#octets.length - this.#at) throw new DerFault('an element is longer than what holds it');
    this.#at += length;
    return this.#octets.subarray(this.#at - length, this.#at);
  }

  sequence(): Der {
    return new Der(this.take(Tag.SEQUENCE));
  }

  /** Contents of the next element when it has this tag, else undefined. */
  optional(tag: number): Uint8Array | undefined {
    return this.peek() === tag ? this.take(tag) : undefined;
  }

  /** A number that is not negative, without its leading zero octet. */
  unsigned(): Uint8Array {
    const octets = this.take(Tag.INTEGER);
    if (octets.length === 0 || octets[0] >= 0x80) throw new DerFault('a number is negative or empty');
    if (octets.length > 1 && octets[0] === 0 && octets[1] < 0x80)
      throw new DerFault('a number is not in its shortest form');
    return octets[0] === 0 ? octets.subarray(1) : octets;
  }

  /** A number below 2^32. */
  small(): number {
    const octets = this.unsigned();
    if (octets.length > 4) throw new DerFault('a number is too large');
    return octets.reduce((value, octet) => value * 256 + octet, 0);
  }

  /** Whole octets only. */
  bitString(tag: number = Tag.BIT_STRING): Uint8Array {
    const octets = this.take(tag);
    if (octets[0] !== 0) throw new DerFault('a bit string does not have whole octets');
    return octets.subarray(1);
  }

  end(): void {
    if (!this.isAtEnd) throw new DerFault('there are octets behind the end');
  }

  #length(): number {
    const first = this.#octets[this.#at++];
    if (first === undefined) throw new DerFault('it is truncated');
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4 || count > this.#octets.length - this.#at) throw new DerFault('a length is malformed');
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#octets[this.#at++];
    if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerFault('a length is not in its shortest form');
    return length;
  }
}

/** An element of `parts`, in memory of its own (never from a pool: it may hold secrets that are to be cleared). */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const head = [tag, ...derLength(length)];
  const element = new Uint8Array(head.length + length);
  element.set(head);
  let at = head.length;
  for (const part of parts) {
    element.set(part, at);
    at += part.length;
  }
  return element;
}

export function derSequence(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return derElement(Tag.SEQUENCE, ...parts);
}

/** A whole number from 0 to 2^53 - 1. */
export function derInteger(value: number): Uint8Array<ArrayBuffer> {
  const octets: number[] = [];
  for (let rest = value; rest > 0 || octets.length === 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  if (octets[0] >= 0x80) octets.unshift(0);
  return derElement(Tag.INTEGER, Uint8Array.from(octets));
}

export function derBitString(octets: Uint8Array): Uint8Array<ArrayBuffer> {
  return derElement(Tag.BIT_STRING, new Uint8Array(1), octets);
}

function derLength(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}
