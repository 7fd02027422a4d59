import { expandTime32, serialLess } from '../base/serial.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { NodeRef, RRsetRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import type { SignerCheck } from './key-coverage.ts';
import { isKeyType } from './rrset-signer.ts';

/** What a look through a version's signatures found. */
export interface StaleSignatures {
  /** RRsets with a signature that ends before the limit, is not valid yet, or that other keys have to sign: the node and the type. */
  readonly rrsets: { readonly node: NodeRef; readonly type: number }[];
  /** Earliest expiration of the signatures that do not; Infinity for none. */
  readonly earliestOfRest: number;
}

/**
 * RRsets to refresh. At most `most` + 1 are listed: more means that signing the whole zone anew is cheaper.
 * @param limit signatures that expire before this Unix time are stale
 * @param now signatures that begin after this Unix time are stale, too
 * @param check given when it is not known that the right keys have signed the zone data
 * @param lacking "algorithm/tag" of keys whose signatures over key RRsets nobody can make anew: they are never stale
 */
export function findStale(
  reader: ZoneReader,
  limit: number,
  most: number,
  now: number,
  check?: SignerCheck,
  lacking?: ReadonlySet<string>,
): StaleSignatures {
  const rrsets: { node: NodeRef; type: number }[] = [];
  let earliestOfRest = Infinity;
  const isLacking = (rrset: RRsetRef, at: number): boolean =>
    lacking !== undefined &&
    isKeyType(reader.type(rrset)) &&
    lacking.has(`${reader.signatureAlgorithm(at)}/${reader.signatureKeyTag(at)}`);
  const look = (node: NodeRef): void => {
    for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      let isStale = false;
      check?.begin();
      for (let at = reader.firstSignature(rrset); at !== 0; at = reader.nextSignature(at)) {
        if (isLacking(rrset, at)) continue;
        const expiration = reader.signatureExpiration(at);
        const isEarly = serialLess(now >>> 0, reader.signatureInception(at));
        if (isEarly || serialLess(expiration, limit >>> 0)) isStale = true;
        else earliestOfRest = Math.min(earliestOfRest, expandTime32(expiration, limit));
        check?.see(reader.signatureAlgorithm(at), reader.signatureKeyTag(at));
      }
      // The update looks at key RRsets by itself; what has no signature is not to be signed.
      if (check !== undefined && reader.signatureCount(rrset) > 0 && !isKeyType(reader.type(rrset)))
        isStale ||= !check.fits();
      if (isStale) rrsets.push({ node, type: reader.type(rrset) });
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0 && rrsets.length <= most; node = reader.next()) look(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0 && rrsets.length <= most; node = reader.nextHash()) look(node);
  return { rrsets, earliestOfRest };
}

/**
 * True when the clock went back by more than the span before `now` that signatures begin: what it made is not valid yet. The
 * signature of the SOA is as new as any.
 */
export function isSignedAhead(reader: ZoneReader, now: number): boolean {
  const soa = reader.rrset(reader.apexNode, TYPE.SOA);
  for (let at = soa && reader.firstSignature(soa); at !== 0; at = reader.nextSignature(at)) {
    if (serialLess(now >>> 0, reader.signatureInception(at))) return true;
  }
  return false;
}
