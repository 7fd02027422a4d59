/** A list of refs that grows by itself. */
export class RefList {
  #refs = new Uint32Array(256);
  length = 0;

  add(ref: number): void {
    if (this.length === this.#refs.length) {
      const larger = new Uint32Array(this.#refs.length * 2);
      larger.set(this.#refs);
      this.#refs = larger;
    }
    this.#refs[this.length++] = ref;
  }

  at(index: number): number {
    return this.#refs[index];
  }

  clear(): void {
    this.length = 0;
  }

  /** A copy of what was added. */
  finish(): Uint32Array {
    return this.#refs.slice(0, this.length);
  }
}
