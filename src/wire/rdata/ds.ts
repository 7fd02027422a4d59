import { readUint16 } from '../../base/octets.ts';
import { Mnemonics } from '../mnemonics.ts';
import { DS_DIGESTS } from '../tables/ds-digests.ts';
import { bracketTail, defineType } from './define-type.ts';
import { digest } from './digest-field.ts';
import { mnemonic, uint16 } from './fields.ts';
import { algorithm } from './key-fields.ts';

// BIND reads the names with and without hyphen. GOST digests are of any length to it.
const NAMES = new Mnemonics([
  ...DS_DIGESTS,
  ...DS_DIGESTS.map(([code, text]) => [code, text.replace('-', '')] as const),
]);
const LENGTHS = new Map(DS_DIGESTS.filter(([, text]) => text !== 'GOST').map(([code, , octets]) => [code, octets]));

const definition = {
  fields: [uint16('key tag'), algorithm, mnemonic('digest type', 8, NAMES, false), digest(LENGTHS)],
  layout: bracketTail(3),
};

/** Delegation signer (RFC 4034 section 5). */
export const DS = defineType({ code: 43, ...definition });
/** The child's wish for its DS records (RFC 7344 section 3.1), in the form of DS. */
export const CDS = defineType({ code: 59, ...definition });
/** DNSSEC trust authority, in the form of DS. */
export const TA = defineType({ code: 32768, ...definition });
/** DNSSEC look-aside validation, obsolete, in the form of DS (RFC 4431, RFC 8749). */
export const DLV = defineType({ code: 32769, ...definition });

/** DS or CDS RDATA taken apart. */
export interface Ds {
  readonly keyTag: number;
  readonly algorithm: number;
  readonly digestType: number;
  readonly digest: Uint8Array;
}

/** @param rdata checked DS or CDS RDATA; the digest is a view of it */
export function decodeDs(rdata: Uint8Array): Ds {
  return { keyTag: readUint16(rdata, 0), algorithm: rdata[2], digestType: rdata[3], digest: rdata.subarray(4) };
}

export function encodeDs(ds: Ds): Uint8Array<ArrayBuffer> {
  const rdata = new Uint8Array(4 + ds.digest.length);
  rdata.set([ds.keyTag >> 8, ds.keyTag, ds.algorithm, ds.digestType]);
  rdata.set(ds.digest, 4);
  return rdata;
}
