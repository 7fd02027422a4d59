import { equalOctets } from '../base/octets.ts';
import { DNSKEY_HEADER } from '../crypto/dnskey.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

/** What the apex of a version tells about its keys. A copy: the version may be gone when it is asked. */
export interface ApexKeyFacts {
  /** RDATA of the DNSKEY, CDS and CDNSKEY RRsets; empty when there is none. */
  readonly dnskeys: readonly Uint8Array[];
  readonly cds: readonly Uint8Array[];
  readonly cdnskey: readonly Uint8Array[];
  /** TTL in seconds of the DNSKEY RRset, else of the SOA. */
  readonly ttl: number;
  /** True when this DNSKEY has signed the DNSKEY RRset (keys), or the SOA and so all data (zone). */
  signs(dnskey: Uint8Array, what: 'keys' | 'zone'): boolean;
}

/** Of a zone that shows no keys. */
export const NO_KEY_FACTS: ApexKeyFacts = { dnskeys: [], cds: [], cdnskey: [], ttl: 0, signs: () => false };

export function apexKeyFacts(reader: ZoneReader): ApexKeyFacts {
  const rdataOf = (type: number): Uint8Array[] => {
    const rrset = reader.rrset(reader.apexNode, type);
    return rrset === 0 ? [] : reader.rdataAll(rrset);
  };
  const [keys, soa] = [TYPE.DNSKEY, TYPE.SOA].map((type) => reader.rrset(reader.apexNode, type));
  const signers = { keys: signersOf(reader, keys), zone: signersOf(reader, soa) };
  return {
    dnskeys: rdataOf(TYPE.DNSKEY),
    cds: rdataOf(TYPE.CDS),
    cdnskey: rdataOf(TYPE.CDNSKEY),
    ttl: reader.ttl(keys === 0 ? soa : keys),
    signs: (dnskey, what) => signers[what].has(`${dnskey[3]}/${keyTag(dnskey)}`),
  };
}

/** "algorithm/tag" of each key with a signature over the RRset. */
function signersOf(reader: ZoneReader, rrset: number): Set<string> {
  const found = new Set<string>();
  if (rrset === 0) return found;
  for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
    found.add(`${reader.signatureAlgorithm(at)}/${reader.signatureKeyTag(at)}`);
  return found;
}

/** True also when one of the two is revoked: algorithm and key octets are the same. */
export function isSamePublicKey(a: Uint8Array, b: Uint8Array): boolean {
  return a[3] === b[3] && equalOctets(a.subarray(DNSKEY_HEADER), b.subarray(DNSKEY_HEADER));
}
