import type { Name } from './name.ts';

/** Grows by itself; `finish` gives what was written. Positions are octets from the start. */
export class Writer {
  octets: Uint8Array;
  at = 0;

  constructor(capacity = 512) {
    this.octets = new Uint8Array(capacity);
  }

  /** Makes room for `length` more octets. */
  reserve(length: number): void {
    if (this.at + length <= this.octets.length) return;
    const larger = new Uint8Array(Math.max(this.octets.length * 2, this.at + length));
    larger.set(this.octets.subarray(0, this.at));
    this.octets = larger;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.octets[this.at++] = value;
  }

  uint16(value: number): void {
    this.reserve(2);
    this.octets[this.at++] = value >> 8;
    this.octets[this.at++] = value;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.octets[this.at++] = value >>> 24;
    this.octets[this.at++] = value >>> 16;
    this.octets[this.at++] = value >>> 8;
    this.octets[this.at++] = value;
  }

  bytes(octets: Uint8Array): void {
    this.reserve(octets.length);
    this.octets.set(octets, this.at);
    this.at += octets.length;
  }

  /** Uncompressed. */
  name(name: Name): void {
    this.bytes(name);
  }

  /** Overwrites two octets written before. */
  patchUint16(at: number, value: number): void {
    this.octets[at] = value >> 8;
    this.octets[at + 1] = value;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.octets.subarray(0, this.at));
  }

  /** A view of what was written, valid until the next write. */
  view(): Uint8Array {
    return this.octets.subarray(0, this.at);
  }

  reset(): void {
    this.at = 0;
  }
}
