import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { TYPE } from '../wire/type-codes.ts';
import { isKeyType } from './rrset-signer.ts';

/** The largest TTLs of a version, in seconds; 0 where it has no such RRset. */
export interface HighestTtls {
  /** Of the DNSKEY, CDS and CDNSKEY RRsets, which keys sign by their key-signing half. */
  readonly dnskey: number;
  /** Of all other RRsets; negative answers among them, whose TTL is that of the SOA at most (RFC 2308 section 5). */
  readonly zone: number;
}

/** Looks through the whole version. */
export function highestTtls(reader: ZoneReader): HighestTtls {
  let zone = 0;
  const look = (node: number): void => {
    for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      const ttl = reader.ttl(rrset);
      if (ttl > zone && !isKeyType(reader.type(rrset))) zone = ttl;
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) look(node);
  return { dnskey: highestKeyTtl(reader), zone };
}

/** The largest TTL of the key RRsets at the apex. */
export function highestKeyTtl(reader: ZoneReader): number {
  const rrsets = [TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY].map((type) => reader.rrset(reader.apexNode, type));
  return Math.max(0, ...rrsets.filter((rrset) => rrset !== 0).map((rrset) => reader.ttl(rrset)));
}
