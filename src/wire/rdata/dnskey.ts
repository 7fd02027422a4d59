import { readUint16 } from '../../base/octets.ts';
import { defineType, type Layout } from './define-type.ts';
import { base64 } from './fields.ts';
import { algorithm, flags, keyComment, keyFault, protocol } from './key-fields.ts';
import { hasComments } from './text-style.ts';

/** Bits of the DNSKEY flags field (RFC 4034 section 2.1.1, RFC 5011 section 7). */
const DNSKEY_FLAG = { ZONE: 0x0100, REVOKE: 0x0080, SEP: 0x0001 } as const;

/** " ; KSK; alg = ... ; key id = ...", as BIND comments keys. */
function comment(rdata: Uint8Array): string {
  const bits = readUint16(rdata, 0);
  const isRevoked = (bits & DNSKEY_FLAG.REVOKE) !== 0;
  const role = bits & DNSKEY_FLAG.SEP ? (isRevoked ? 'revoked KSK' : 'KSK') : 'ZSK';
  return ` ; ${role}; ${keyComment(rdata)}`;
}

const layout: Layout = (texts, style, rdata) => {
  const end = hasComments(style) ? `${style.chunkSeparator})${comment(rdata)}` : ' )';
  return `${texts.slice(0, 3).join(' ')} (${style.chunkSeparator}${texts[3]}${end}`;
};

const definition = { fields: [flags, protocol, algorithm, base64('public key')], layout, comment, fault: keyFault };

/** Zone key (RFC 4034 section 2). */
export const DNSKEY = defineType({ code: 48, ...definition });

/** The child's wish for DNSKEYs that its DS records come from (RFC 7344 section 3.2), in the form of DNSKEY. */
export const CDNSKEY = defineType({ code: 60, ...definition });

/** DNSKEY or CDNSKEY RDATA taken apart. */
export interface Dnskey {
  readonly flags: number;
  readonly protocol: number;
  readonly algorithm: number;
  readonly publicKey: Uint8Array;
}

/** @param rdata checked DNSKEY or CDNSKEY RDATA; the key is a view of it */
export function decodeDnskey(rdata: Uint8Array): Dnskey {
  return { flags: readUint16(rdata, 0), protocol: rdata[2], algorithm: rdata[3], publicKey: rdata.subarray(4) };
}

export function encodeDnskey(key: Dnskey): Uint8Array<ArrayBuffer> {
  const rdata = new Uint8Array(4 + key.publicKey.length);
  rdata.set([key.flags >> 8, key.flags, key.protocol, key.algorithm]);
  rdata.set(key.publicKey, 4);
  return rdata;
}
