import { CDS, decodeDs, type Ds, encodeDs } from './ds.ts';

/** CDS RDATA has the form of DS RDATA (RFC 7344 section 3.1). */
export { CDS };
export const decodeCds: (rdata: Uint8Array) => Ds = decodeDs;
export const encodeCds: (ds: Ds) => Uint8Array<ArrayBuffer> = encodeDs;

/** The CDS that asks the parent to remove all DS records (RFC 8078 section 4): 0 0 0 00. */
export const CDS_DELETE: Uint8Array = Uint8Array.of(0, 0, 0, 0, 0);
