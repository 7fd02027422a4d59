import { isChainKnown } from './chain-rules.ts';
import { isShown, isTakenUp, signsKeys, signsZone } from './planned-key.ts';
import type { PlannedKey } from './planned-key.ts';

/** What the zone shows and what signs it, as identifiers of keys in the order they were given. */
export interface Publication {
  /** Their DNSKEY records are at the apex. */
  readonly dnskey: readonly string[];
  /** Sign the DNSKEY, CDS and CDNSKEY RRsets. */
  readonly signsKeys: readonly string[];
  /** Sign all other RRsets. */
  readonly signsZone: readonly string[];
  /** Their CDS and CDNSKEY records are at the apex. */
  readonly sync: readonly string[];
  /** RFC 8078 section 4: CDS and CDNSKEY ask the parent to remove the DS RRset. */
  readonly syncDelete: boolean;
  /** False: all DNSSEC records leave the zone. */
  readonly isSigned: boolean;
}

/**
 * The publication of a zone at `now`. Keys that no policy has taken up follow their times, as a key without policy does.
 * @param isGoingInsecure the policy of the zone wants no keys
 */
export function publicationOf(keys: readonly PlannedKey[], now: number, isGoingInsecure = false): Publication {
  const idsOf = (test: (key: PlannedKey) => boolean): string[] => keys.filter(test).map((key) => key.id);
  const dnskey = idsOf((key) => isPublished(key, now));
  return {
    dnskey,
    signsKeys: idsOf((key) => signsKeys(key) && isPublished(key, now) && makesKeySignatures(key, now)),
    // Signatures of an algorithm come before its DNSKEY records and go after them (RFC 6781 section 4.1.4).
    signsZone: idsOf((key) => signsZone(key) && makesZoneSignatures(key, now)),
    sync: idsOf((key) => signsKeys(key) && isPublished(key, now) && isOffered(key, now)),
    syncDelete: isGoingInsecure && keys.some((key) => isPublished(key, now) && key.state?.ds === 'unretentive'),
    isSigned: !isGoingInsecure || dnskey.length > 0,
  };
}

function isPublished(key: PlannedKey, now: number): boolean {
  // An unretentive record is one that the zone does not show any more, but caches may.
  if (isTakenUp(key)) return isShown(key.state?.dnskey);
  return isBetween(now, key.times.publish, key.times.delete);
}

function makesZoneSignatures(key: PlannedKey, now: number): boolean {
  return isTakenUp(key) ? isShown(key.state?.zrrsig) : isPublished(key, now) && isActive(key, now);
}

function makesKeySignatures(key: PlannedKey, now: number): boolean {
  return isTakenUp(key) ? isShown(key.state?.krrsig) : isActive(key, now);
}

/**
 * RFC 7344 section 4: CDS and CDNSKEY say which DS the parent should have. It may take away all others at once, so one that leads to
 * nothing for some resolvers is not offered even if the parent has it already.
 */
function isOffered(key: PlannedKey, now: number): boolean {
  if (!isTakenUp(key)) return isBetween(now, key.times.syncPublish, key.times.syncDelete);
  return isShown(key.state?.ds) && isChainKnown(key);
}

function isActive(key: PlannedKey, now: number): boolean {
  return isBetween(now, key.times.activate, key.times.inactive);
}

function isBetween(now: number, from: number | undefined, to: number | undefined): boolean {
  return from !== undefined && from <= now && (to === undefined || now < to);
}
