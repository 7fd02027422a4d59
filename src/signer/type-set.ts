/**
 * The types at one name, and the type bitmap of NSEC and NSEC3 that tells them (RFC 4034 section 4.1.2): for each window of
 * 256 types that has one, window number, length (1 to 32), bitmap without trailing zero octets.
 */
export class TypeSet {
  #types = new Uint16Array(64);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  get size(): number {
    return this.#count;
  }

  /** Adding a type twice counts once. Types mostly come in ascending order, which costs least. */
  add(type: number): void {
    let at = this.#count;
    while (at > 0 && this.#types[at - 1] > type) at--;
    if (at > 0 && this.#types[at - 1] === type) return;
    if (this.#count === this.#types.length) {
      const larger = new Uint16Array(this.#types.length * 2);
      larger.set(this.#types);
      this.#types = larger;
    }
    this.#types.copyWithin(at + 1, at, this.#count);
    this.#types[at] = type;
    this.#count++;
  }

  /** Writes the bitmap to `out` at `at`, which has room for MAX_BITMAP_LENGTH octets. @returns where it ends */
  write(out: Uint8Array, at: number): number {
    let window = -1;
    let windowAt = 0;
    for (let i = 0; i < this.#count; i++) {
      const type = this.#types[i];
      if (type >> 8 !== window) {
        window = type >> 8;
        windowAt = at;
        out[at] = window;
        out[at + 1] = 0;
        at += 2;
      }
      const octet = (type & 0xff) >> 3;
      while (out[windowAt + 1] <= octet) {
        out[windowAt + 1]++;
        out[at++] = 0;
      }
      out[windowAt + 2 + octet] |= 0x80 >> (type & 7);
    }
    return at;
  }
}

/** All 256 windows full. */
export const MAX_BITMAP_LENGTH = 256 * 34;
