import { DNSKEY_FLAG, dnskeyFlags, withFlags } from './dnskey.ts';

/** Key tag of a DNSKEY, CDNSKEY or KEY RDATA (RFC 4034 appendix B): 0 to 65535, not unique. */
export function keyTag(rdata: Uint8Array): number {
  // RFC 4034 appendix B.1: for algorithm 1 the most significant 16 of the least significant 24 bits of the modulus.
  if (rdata[3] === 1 && rdata.length > 6) return (rdata[rdata.length - 3] << 8) | rdata[rdata.length - 2];
  let sum = 0;
  for (let i = 0; i < rdata.length; i++) sum += i & 1 ? rdata[i] : rdata[i] << 8;
  return (sum + (sum >>> 16)) & 0xffff;
}

/** Tag that the key has with the REVOKE bit the other way round: what it collides with when one of two is revoked. */
export function tagOfOtherRevocation(rdata: Uint8Array): number {
  return keyTag(withFlags(rdata, dnskeyFlags(rdata) ^ DNSKEY_FLAG.REVOKE));
}
