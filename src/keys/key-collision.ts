import { keyTag, tagOfOtherRevocation } from '../crypto/key-tag.ts';

/**
 * True when two keys have the same tag, or would have once one of them or both are revoked: a validator could no longer
 * tell them apart by tag (RFC 5011 section 3 changes the tag with the REVOKE bit).
 */
export function keysCollide(a: Uint8Array, b: Uint8Array): boolean {
  const tagsOfA = [keyTag(a), tagOfOtherRevocation(a)];
  return tagsOfA.includes(keyTag(b)) || tagsOfA.includes(tagOfOtherRevocation(b));
}

/** The same against a key of which only the tag is known. */
export function collidesWithTag(dnskey: Uint8Array, tag: number): boolean {
  // The REVOKE bit adds 128 to the sum of appendix B of RFC 4034, or 129 when that carries; or takes it away again.
  const others = [0, 128, 129, -128, -129].map((difference) => (tag + difference) & 0xffff);
  return others.includes(keyTag(dnskey)) || tagOfOtherRevocation(dnskey) === tag;
}
