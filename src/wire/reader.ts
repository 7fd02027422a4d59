import { MAX_NAME_LENGTH, type Name } from './name.ts';

/** Foreign octets that are not what they should be. Hot paths use verdicts instead; this ends the parse of one message. */
export class MalformedError extends Error {
  readonly at: number;

  constructor(what: string, at: number) {
    super(`${what} at octet ${at}`);
    this.name = 'MalformedError';
    this.at = at;
  }
}

/** The one bounds-checked cursor that all foreign octets pass. Reading past `end` throws MalformedError. */
export class Reader {
  readonly octets: Uint8Array;
  /** Octet that is read next. */
  at: number;
  /** First octet that may not be read. */
  end: number;

  constructor(octets: Uint8Array, at = 0, end = octets.length) {
    this.octets = octets;
    this.at = at;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  #take(length: number): number {
    const at = this.at;
    if (length > this.end - at) throw new MalformedError(`${length} octets expected`, at);
    this.at = at + length;
    return at;
  }

  uint8(): number {
    return this.octets[this.#take(1)];
  }

  uint16(): number {
    const at = this.#take(2);
    return (this.octets[at] << 8) | this.octets[at + 1];
  }

  uint32(): number {
    const at = this.#take(4);
    const o = this.octets;
    return ((o[at] << 24) | (o[at + 1] << 16) | (o[at + 2] << 8) | o[at + 3]) >>> 0;
  }

  /** A view, not a copy. */
  take(length: number): Uint8Array {
    const at = this.#take(length);
    return this.octets.subarray(at, at + length);
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.take(this.end - this.at);
  }

  /**
   * A possibly compressed name (RFC 1035 section 4.1.4), as a copy in uncompressed form. Every pointer must go back
   * before the name it occurs in, and there are at most 128, so the work is bounded. Pointers may leave [at, end) but not the octets.
   */
  name(): Name {
    const length = this.nameInto(NAME_SCRATCH, 0);
    return NAME_SCRATCH.slice(0, length) as Name;
  }

  /** Writes the uncompressed name to `out` at `to`; returns its length. */
  nameInto(out: Uint8Array, to: number): number {
    const octets = this.octets;
    let here = this.at;
    let limit = this.end;
    let lowest = here;
    let length = 0;
    let jumped = false;
    let pointers = 0;
    for (;;) {
      if (here >= limit) throw new MalformedError('name is cut off', here);
      const first = octets[here];
      if (first >= 0xc0) {
        if (here + 1 >= limit) throw new MalformedError('compression pointer is cut off', here);
        const target = ((first & 0x3f) << 8) | octets[here + 1];
        if (!jumped) this.at = here + 2;
        if (++pointers > MOST_POINTERS) throw new MalformedError('too many compression pointers', here);
        if (target >= lowest) throw new MalformedError('compression pointer does not go back', here);
        jumped = true;
        limit = octets.length;
        lowest = target;
        here = target;
        continue;
      }
      if (first > 63) throw new MalformedError('label type is unknown', here);
      if (length + first + 1 > MAX_NAME_LENGTH) throw new MalformedError('name is too long', here);
      if (here + first + 1 > limit) throw new MalformedError('label is cut off', here);
      for (let i = 0; i <= first; i++) out[to + length + i] = octets[here + i];
      length += first + 1;
      here += first + 1;
      if (first === 0) break;
    }
    if (!jumped) this.at = here;
    return length;
  }
}

/** A name has at most 127 labels (255 octets); pointers to pointers serve only to make readers work. */
const MOST_POINTERS = 128;

const NAME_SCRATCH = new Uint8Array(MAX_NAME_LENGTH + 1);
