import { keyTag } from '../crypto/key-tag.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { coveringKeys } from './key-coverage.ts';
import { isKeyType } from './rrset-signer.ts';

/**
 * True when some signature over zone data is by this key. Looks through the zone when it is not remembered who has
 * signed the version.
 * @param dnskey its RDATA
 */
export function hasSignaturesOf(reader: ZoneReader, dnskey: Uint8Array): boolean {
  const algorithm = dnskey[3];
  const tag = keyTag(dnskey);
  if (coveringKeys(reader)?.includes(`${algorithm}/${tag}`) === false) return false;
  const hasAt = (node: number): boolean => {
    for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      if (isKeyType(reader.type(rrset))) continue;
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at))
        if (reader.signatureKeyTag(at) === tag && reader.signatureAlgorithm(at) === algorithm) return true;
    }
    return false;
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) if (hasAt(node)) return true;
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) if (hasAt(node)) return true;
  return false;
}
