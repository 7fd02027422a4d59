import { CDNSKEY, type Dnskey, decodeDnskey, encodeDnskey } from './dnskey.ts';

/** CDNSKEY RDATA has the form of DNSKEY RDATA (RFC 7344 section 3.2). */
export { CDNSKEY };
export const decodeCdnskey: (rdata: Uint8Array) => Dnskey = decodeDnskey;
export const encodeCdnskey: (key: Dnskey) => Uint8Array<ArrayBuffer> = encodeDnskey;

/** The CDNSKEY that asks the parent to remove all DS records (RFC 8078 section 4): 0 3 0 AA==. */
export const CDNSKEY_DELETE: Uint8Array = Uint8Array.of(0, 0, 3, 0, 0);
