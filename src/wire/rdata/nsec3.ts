import { readUint16 } from '../../base/octets.ts';
import { Writer } from '../writer.ts';
import { defineType } from './define-type.ts';
import { typeBitmap, uint16, uint8 } from './fields.ts';
import { hashAlgorithm, nextHash, salt } from './nsec3-fields.ts';
import { bitmapHas, bitmapTypes, writeBitmap } from './type-bitmap.ts';

/*
 * NSEC3 RDATA (RFC 5155 section 3.2)
 *
 *   hash algorithm (8) | flags (8) | iterations (16) | salt length (8) | salt | hash length (8) | next hash | type bitmap
 */

const SHA1 = 1;
const SALT_AT = 5;

/** Hashed next name and types of this one (RFC 5155 section 3). */
export const NSEC3 = defineType({
  code: 50,
  fields: [hashAlgorithm, uint8('flags'), uint16('iterations'), salt, nextHash, typeBitmap(false)],
  layout: (texts, { chunkSeparator }) =>
    `${texts.slice(0, 4).join(' ')} (${chunkSeparator}${texts.slice(4).join(chunkSeparator)} )`,
  fault,
});

/** SHA-1 gives 20 octets (RFC 5155 section 11). */
function fault(octets: Uint8Array, start: number): string | undefined {
  const hashAt = start + SALT_AT + octets[start + SALT_AT - 1];
  return octets[start] === SHA1 && octets[hashAt] !== 20 ? 'a SHA-1 hash is not of 20 octets' : undefined;
}

/** Flag of NSEC3: unsigned delegations may be missing in the span it covers (RFC 5155 section 3.1.2.1). */
export const NSEC3_OPT_OUT = 1;

/** NSEC3 RDATA taken apart. */
export interface Nsec3 {
  readonly hashAlgorithm: number;
  readonly flags: number;
  readonly iterations: number;
  readonly salt: Uint8Array;
  readonly nextHash: Uint8Array;
  /** Ascending. */
  readonly types: readonly number[];
}

const hashLengthAt = (rdata: Uint8Array): number => SALT_AT + rdata[SALT_AT - 1];
const bitmapAt = (rdata: Uint8Array): number => hashLengthAt(rdata) + 1 + rdata[hashLengthAt(rdata)];

/** @param rdata checked NSEC3 RDATA; salt and hash are views of it */
export function decodeNsec3(rdata: Uint8Array): Nsec3 {
  const hashAt = hashLengthAt(rdata) + 1;
  return {
    hashAlgorithm: rdata[0],
    flags: rdata[1],
    iterations: readUint16(rdata, 2),
    salt: rdata.subarray(SALT_AT, hashAt - 1),
    nextHash: rdata.subarray(hashAt, bitmapAt(rdata)),
    types: bitmapTypes(rdata, bitmapAt(rdata)),
  };
}

/** The types may be in any order. */
export function encodeNsec3(
  nsec3: Omit<Nsec3, 'types'> & { readonly types: Iterable<number> },
): Uint8Array<ArrayBuffer> {
  const out = new Writer(64 + nsec3.salt.length + nsec3.nextHash.length);
  out.uint8(nsec3.hashAlgorithm);
  out.uint8(nsec3.flags);
  out.uint16(nsec3.iterations);
  out.uint8(nsec3.salt.length);
  out.bytes(nsec3.salt);
  out.uint8(nsec3.nextHash.length);
  out.bytes(nsec3.nextHash);
  writeBitmap(nsec3.types, out);
  return out.finish();
}

/** True when the NSEC3 says that its owner has the type. Allocates nothing. */
export function nsec3Has(rdata: Uint8Array, type: number): boolean {
  return bitmapHas(rdata, bitmapAt(rdata), rdata.length, type);
}
