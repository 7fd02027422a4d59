import { concatOctets } from '../base/octets.ts';

/*
 * DNSKEY RDATA (RFC 4034 section 2.1), also CDNSKEY (RFC 7344) and KEY (RFC 3445):
 *
 *    0               1               2               3               4 ...
 *   +-------+-------+-------+-------+---------------+---------------
 *   | flags (16)    | protocol = 3  | algorithm     | public key ...
 */

export const DNSKEY_FLAG = {
  /** Zone Key (RFC 4034 section 2.1.1). */
  ZONE: 0x0100,
  /** REVOKE (RFC 5011 section 7). */
  REVOKE: 0x0080,
  /** Secure Entry Point: a KSK or CSK (RFC 4034 section 2.1.1). */
  SEP: 0x0001,
} as const;

export const DNSKEY_PROTOCOL = 3;
/** Octets before the public key. */
export const DNSKEY_HEADER = 4;

export function dnskeyFlags(rdata: Uint8Array): number {
  return (rdata[0] << 8) | rdata[1];
}

export function dnskeyAlgorithm(rdata: Uint8Array): number {
  return rdata[3];
}

export function isRevoked(rdata: Uint8Array): boolean {
  return (dnskeyFlags(rdata) & DNSKEY_FLAG.REVOKE) !== 0;
}

export function isSecureEntryPoint(rdata: Uint8Array): boolean {
  return (dnskeyFlags(rdata) & DNSKEY_FLAG.SEP) !== 0;
}

/** The RDATA of these fields. */
export function dnskeyRdata(flags: number, algorithm: number, publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatOctets([new Uint8Array([flags >> 8, flags & 0xff, DNSKEY_PROTOCOL, algorithm]), publicKey]);
}

/** A copy with other flags. */
export function withFlags(rdata: Uint8Array, flags: number): Uint8Array<ArrayBuffer> {
  const copy = Uint8Array.from(rdata);
  copy[0] = flags >> 8;
  copy[1] = flags & 0xff;
  return copy;
}
