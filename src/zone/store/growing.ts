/**
 * Typed arrays that double when full: staging space of loads, off the JavaScript heap. Growing and releasing give memory
 * back at once, where the garbage collector would keep tens of megabytes for as long as nothing else is allocated. Hold no
 * `array` across a call that may grow it: it is empty then.
 */

/** Small, since most zones are. */
const FIRST_OCTETS = 512;

export class GrowingUint32 {
  array = new Uint32Array(0);
  length = 0;

  push(value: number): void {
    if (this.length === this.array.length)
      this.array = new Uint32Array(this.array.buffer.transfer(Math.max(FIRST_OCTETS, 8 * this.length)));
    this.array[this.length++] = value;
  }

  /** A view of what was pushed. */
  view(): Uint32Array<ArrayBuffer> {
    return this.array.subarray(0, this.length);
  }

  release(): void {
    this.array = new Uint32Array(this.array.buffer.transfer(0));
    this.length = 0;
  }
}

export class GrowingOctets {
  array = new Uint8Array(0);
  length = 0;

  /** Appends octets[start, end) and returns where they begin. */
  append(octets: Uint8Array, start: number, end: number): number {
    const at = this.length;
    const length = end - start;
    this.reserve(length);
    if (length > 256) this.array.set(octets.subarray(start, end), at);
    else for (let i = 0; i < length; i++) this.array[at + i] = octets[start + i];
    this.length = at + length;
    return at;
  }

  reserve(length: number): void {
    if (this.length + length <= this.array.length) return;
    const size = Math.max(FIRST_OCTETS, 2 * this.array.length, this.length + length);
    this.array = new Uint8Array(this.array.buffer.transfer(size));
  }

  release(): void {
    this.array = new Uint8Array(this.array.buffer.transfer(0));
    this.length = 0;
  }
}
