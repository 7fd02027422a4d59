import { equalOctets } from '../base/octets.ts';
import { dsRdata } from '../crypto/ds-digest.ts';
import { keyTag } from '../crypto/key-tag.ts';
import type { Name } from '../wire/name.ts';
import { decodeDs } from '../wire/rdata/ds.ts';

/** SHA-1, SHA-256, SHA-384: digests that are computed here. */
const COMPUTED: readonly number[] = [1, 2, 4];
/** RFC 9905 section 2 forbids SHA-1 in new DS records: a chain that rests on it alone may count for nothing. */
const SHA1 = 1;

/**
 * True when validators that have this DS RRset can enter the zone by the key: a DS of the key with a digest that all know.
 * @param ds RDATA of the RRset
 */
export function publishesKey(zone: Name, dnskey: Uint8Array, ds: readonly Uint8Array[]): boolean {
  return ds.some((rdata) => decodeDs(rdata).digestType !== SHA1 && isOfKey(zone, dnskey, rdata) === 'yes');
}

/** True when some validator could take a DS of the RRset for the key's, digests included that are unknown here. */
export function mentionsKey(zone: Name, dnskey: Uint8Array, ds: readonly Uint8Array[]): boolean {
  return ds.some((rdata) => isOfKey(zone, dnskey, rdata) !== 'no');
}

function isOfKey(zone: Name, dnskey: Uint8Array, rdata: Uint8Array): 'yes' | 'no' | 'unknown' {
  const { keyTag: tag, algorithm, digestType } = decodeDs(rdata);
  if (tag !== keyTag(dnskey) || algorithm !== dnskey[3]) return 'no';
  if (!COMPUTED.includes(digestType)) return 'unknown';
  return equalOctets(dsRdata(zone, dnskey, digestType), rdata) ? 'yes' : 'no';
}
