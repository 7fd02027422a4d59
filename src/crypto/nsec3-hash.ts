import { hash } from 'node:crypto';
import { LOWER } from '../wire/name.ts';

/** The one NSEC3 hash algorithm: SHA-1 (RFC 5155 section 11). */
export const NSEC3_SHA1 = 1;
export const NSEC3_HASH_LENGTH = 20;

// A name is at most 255 octets, a salt too. Each thread has its own copy of this module.
const INPUT = new Uint8Array(255 + 255);

/**
 * IH(salt, x, k) of RFC 5155 section 5 over the owner name in canonical form.
 * @param name wire form, any case
 * @param salt at most 255 octets
 * @param iterations additional ones; RFC 9276 wants 0
 * @returns 20 octets
 */
export function nsec3Hash(name: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array {
  for (let i = 0; i < name.length; i++) INPUT[i] = LOWER[name[i]];
  INPUT.set(salt, name.length);
  let digest: Uint8Array = hash('sha1', INPUT.subarray(0, name.length + salt.length), 'buffer');
  if (iterations === 0) return digest;
  const again = INPUT.subarray(0, NSEC3_HASH_LENGTH + salt.length);
  again.set(salt, NSEC3_HASH_LENGTH);
  for (let k = 0; k < iterations; k++) {
    again.set(digest);
    digest = hash('sha1', again, 'buffer');
  }
  return digest;
}
