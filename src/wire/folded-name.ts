import { LOWER, MAX_NAME_LENGTH } from './name.ts';

const MOST_LABELS = 128;
const PRIME = 0x01000193;

/**
 * A whole name in lower case and taken apart, with a hash of each label: made once for a query, for all look-ups of it. Names are
 * equal when their letters are (RFC 4343). Reused, so that it allocates nothing.
 */
export class FoldedName {
  /** What the hashes begin with: secret, so that nobody can make names that collide. */
  seed = 0;
  readonly octets = new Uint8Array(MAX_NAME_LENGTH + 1);
  /** Where each label begins, and behind the last of them the root. */
  readonly starts = new Uint8Array(MOST_LABELS);
  /** Of each label, as `labelHash` gives it. */
  readonly hashes = new Int32Array(MOST_LABELS);
  /** The root not counted. */
  labels = 0;
  /** Octets, the root's included. */
  length = 0;

  /**
   * Takes the uncompressed name at octets[at], of which no octet is at `end` or behind.
   * @returns false when there is none: it does not end, is too long, or has a pointer or a label of an unknown kind
   */
  read(octets: Uint8Array, at: number, end: number): boolean {
    const { octets: out, starts, hashes, seed } = this;
    const limit = Math.min(end, at + MAX_NAME_LENGTH);
    let here = 0;
    let labels = 0;
    for (;;) {
      if (at >= limit) return false;
      const length = octets[at++];
      starts[labels] = here;
      out[here++] = length;
      if (length === 0) break;
      if (length > 63 || at + length > limit) return false;
      let hash = Math.imul(seed ^ length, PRIME);
      for (const stop = here + length; here < stop;) {
        const octet = LOWER[octets[at++]];
        out[here++] = octet;
        hash = Math.imul(hash ^ octet, PRIME);
      }
      hashes[labels++] = hash;
    }
    this.labels = labels;
    this.length = here;
    return true;
  }

  /** Takes a name that is known to be one. */
  set(octets: Uint8Array, at: number): void {
    this.read(octets, at, at + MAX_NAME_LENGTH);
  }
}

/** Hash of the label at octets[at]: its length and its octets, letters in lower case. */
export function labelHash(octets: Uint8Array, at: number, seed: number): number {
  const end = at + octets[at] + 1;
  let hash = Math.imul(seed ^ octets[at], PRIME);
  for (let i = at + 1; i < end; i++) hash = Math.imul(hash ^ LOWER[octets[i]], PRIME);
  return hash;
}

/** Hash of a name from that of the name without its first label, and the first label's. */
export function joinHashes(suffix: number, label: number): number {
  return Math.imul(((suffix << 5) | (suffix >>> 27)) ^ label, 0x85ebca6b);
}
