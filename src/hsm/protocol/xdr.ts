import { HalStatus } from '../hal-status.ts';

/*
 * XDR as libhal uses it (RFC 4506 sections 4.2 and 4.10): every item is a number of 32 bits in network order, or octets behind
 * their length, filled with zeros to a multiple of four.
 *
 *     u32 | u32 length, octets, 0 to 3 zeros
 */

/** Length word of an attribute that goes away instead of getting a value. */
export const NO_VALUE = 0xffff_ffff;

const NOTHING = new Uint8Array(0);

/**
 * Reads foreign octets. A read that does not fit gives 0 or nothing and sets `fault`, whose first value stays: callers look at it
 * once, at the end.
 */
export class XdrReader {
  fault: HalStatus = HalStatus.OK;
  readonly #octets: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(octets: Uint8Array, start = 0, end = octets.length) {
    this.#octets = octets;
    this.#at = start;
    this.#end = end;
  }

  /** Octets that are left. */
  get rest(): number {
    return this.#end - this.#at;
  }

  /** What is wrong with what was read; octets that are left over are BAD_ARGUMENTS. */
  get verdict(): HalStatus {
    if (this.fault === HalStatus.OK && this.#at !== this.#end) return HalStatus.BAD_ARGUMENTS;
    return this.fault;
  }

  fail(status: HalStatus): void {
    if (this.fault === HalStatus.OK) this.fault = status;
  }

  u32(): number {
    const at = this.#at;
    if (this.#end - at < 4 || this.fault !== HalStatus.OK) {
      this.fail(HalStatus.XDR_BUFFER_OVERFLOW);
      return 0;
    }
    this.#at = at + 4;
    const octets = this.#octets;
    return ((octets[at] << 24) | (octets[at + 1] << 16) | (octets[at + 2] << 8) | octets[at + 3]) >>> 0;
  }

  /** A view of the octets, not a copy. The filling is not looked at: libhal does not either. */
  opaque(): Uint8Array {
    return this.#take(this.u32());
  }

  /** As `opaque`, or undefined where the length is NO_VALUE. */
  opaqueOrNone(): Uint8Array | undefined {
    const length = this.u32();
    return length === NO_VALUE ? undefined : this.#take(length);
  }

  #take(length: number): Uint8Array {
    const start = this.#at;
    if (paddedLength(length) > this.#end - start || this.fault !== HalStatus.OK) {
      this.fail(HalStatus.XDR_BUFFER_OVERFLOW);
      return NOTHING;
    }
    this.#at = start + paddedLength(length);
    return this.#octets.subarray(start, start + length);
  }
}

/** Writes into a buffer that grows. What was written may be secret: `clear` overwrites it. */
export class XdrWriter {
  #octets: Buffer;
  length = 0;

  constructor(size = 1024) {
    this.#octets = Buffer.allocUnsafeSlow(size);
  }

  /** A view that is good until the next write. */
  get written(): Uint8Array {
    return this.#octets.subarray(0, this.length);
  }

  u32(value: number): void {
    this.#room(4);
    this.length = this.#octets.writeUInt32BE(value >>> 0, this.length);
  }

  opaque(octets: Uint8Array): void {
    const padded = paddedLength(octets.length);
    this.#room(4 + padded);
    this.u32(octets.length);
    this.#octets.set(octets, this.length);
    this.#octets.fill(0, this.length + octets.length, this.length + padded);
    this.length += padded;
  }

  /** Goes back to an earlier length: what was written after it is dropped. */
  cut(length: number): void {
    this.length = length;
  }

  clear(): void {
    this.#octets.fill(0);
    this.length = 0;
  }

  #room(count: number): void {
    if (this.length + count <= this.#octets.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + count));
    larger.set(this.written);
    this.#octets.fill(0);
    this.#octets = larger;
  }
}

export function paddedLength(length: number): number {
  return length + ((4 - (length % 4)) % 4);
}
