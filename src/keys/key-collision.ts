import { keyTag, tagOfOtherRevocation } from '../crypto/key-tag.ts';

/**
 * True when two keys have the same tag, or would have once one of them or both are revoked: a validator could no longer
 * tell them apart by tag (RFC 5011 section 3 changes the tag with the REVOKE bit).
 */
export function keysCollide(a: Uint8Array, b: Uint8Array): boolean {
  const tagsOfA = [keyTag(a), tagOfOtherRevocation(a)];
  return tagsOfA.includes(keyTag(b)) || tagsOfA.includes(tagOfOtherRevocation(b));
}

/** The same against keys of which only the tags are known. Made once, asked for every new key. */
export class AvoidedTags {
  readonly #tags: ReadonlySet<number>;
  /** The tags, and those that the keys may get or have had by the REVOKE bit. */
  readonly #near: ReadonlySet<number>;

  constructor(tags: Iterable<number>) {
    this.#tags = new Set(tags);
    // The REVOKE bit adds 128 to the sum of RFC 4034 appendix B, or 129 when that carries; or takes it away again.
    const differences = [0, 128, 129, -128, -129];
    this.#near = new Set(
      [...this.#tags].flatMap((tag) => differences.map((difference) => (tag + difference) & 0xffff)),
    );
  }

  collide(dnskey: Uint8Array): boolean {
    return this.#near.has(keyTag(dnskey)) || this.#tags.has(tagOfOtherRevocation(dnskey));
  }
}

/** Tags of keys, both ends included. */
export interface TagRange {
  readonly low: number;
  readonly high: number;
}

/** True when the key has a tag of the range, and still has one once it is revoked or no longer is. */
export function isInTagRange(dnskey: Uint8Array, { low, high }: TagRange): boolean {
  return [keyTag(dnskey), tagOfOtherRevocation(dnskey)].every((tag) => tag >= low && tag <= high);
}
