import { readUint16, readUint32 } from '../../base/octets.ts';
import { type Name, nameLengthAt, uncheckedName } from '../name.ts';
import { defineType, type Layout } from './define-type.ts';
import { base64, LOWERED, name, time, typeField, uint16, uint32, uint8 } from './fields.ts';
import { algorithm } from './key-fields.ts';

/*
 * RRSIG RDATA (RFC 4034 section 3.1)
 *
 *    0 type covered (16) | 2 algorithm (8) | 3 labels (8) | 4 original TTL (32) | 8 expiration (32) | 12 inception (32)
 *   16 key tag (16) | 18 signer's name, uncompressed | signature
 */
const RRSIG_FIXED = 18;

const layout: Layout = ([type, alg, labels, originalTtl, expiration, inception, tag, signer, signature], style) => {
  const separator = style.chunkSeparator;
  const head = `${type} ${alg} ${labels} ${originalTtl} (${separator}`;
  return `${head}${expiration} ${inception} ${tag} ${signer}${separator}${signature} )`;
};

/** Signature of an RRset (RFC 4034 section 3). The signer's name has small letters in canonical form (RFC 6840 section 5.1). */
export const RRSIG = defineType({
  code: 46,
  fields: [
    typeField('type covered'),
    algorithm,
    uint8('labels'),
    uint32('original TTL'),
    time('signature expiration'),
    time('signature inception'),
    uint16('key tag'),
    name("signer's name", { ...LOWERED, absolute: true }),
    base64('signature'),
  ],
  layout,
  fault,
});

/** The signer is the owner or above it, so it cannot have more labels (RFC 4034 sections 3.1.3 and 3.1.7). */
function fault(octets: Uint8Array, start: number): string | undefined {
  let labels = 0;
  for (let at = start + RRSIG_FIXED; octets[at] !== 0; at += octets[at] + 1) labels++;
  return labels > octets[start + 3] ? 'the signer has more labels than the labels field says' : undefined;
}

/** RRSIG RDATA taken apart. Times are the 32-bit numbers of the wire, in serial arithmetic. */
export interface Rrsig {
  readonly typeCovered: number;
  readonly algorithm: number;
  readonly labels: number;
  readonly originalTtl: number;
  readonly expiration: number;
  readonly inception: number;
  readonly keyTag: number;
  readonly signer: Name;
  readonly signature: Uint8Array;
}

/** @param rdata checked RRSIG RDATA; signer and signature are views of it */
export function decodeRrsig(rdata: Uint8Array): Rrsig {
  const signatureAt = RRSIG_FIXED + nameLengthAt(rdata, RRSIG_FIXED);
  return {
    typeCovered: readUint16(rdata, 0),
    algorithm: rdata[2],
    labels: rdata[3],
    originalTtl: readUint32(rdata, 4),
    expiration: readUint32(rdata, 8),
    inception: readUint32(rdata, 12),
    keyTag: readUint16(rdata, 16),
    signer: uncheckedName(rdata.subarray(RRSIG_FIXED, signatureAt)),
    signature: rdata.subarray(signatureAt),
  };
}

export function encodeRrsig(rrsig: Rrsig): Uint8Array<ArrayBuffer> {
  const rdata = new Uint8Array(RRSIG_FIXED + rrsig.signer.length + rrsig.signature.length);
  const view = new DataView(rdata.buffer);
  view.setUint16(0, rrsig.typeCovered);
  view.setUint8(2, rrsig.algorithm);
  view.setUint8(3, rrsig.labels);
  view.setUint32(4, rrsig.originalTtl);
  view.setUint32(8, rrsig.expiration);
  view.setUint32(12, rrsig.inception);
  view.setUint16(16, rrsig.keyTag);
  rdata.set(rrsig.signer, RRSIG_FIXED);
  rdata.set(rrsig.signature, RRSIG_FIXED + rrsig.signer.length);
  return rdata;
}
