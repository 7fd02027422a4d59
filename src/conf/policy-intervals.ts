import type { DnssecPolicy } from './configuration.ts';
import { UNLIMITED_ZONE_TTL } from './defaults.ts';

/*
 * How long things take under a policy, in seconds (RFC 7583). BIND 9.18 counts the same way: publish-safety belongs to
 * what a key needs to become known, retire-safety to what it needs to be forgotten and to signatures of zone data.
 */

/** Until every cache that has the DNSKEY RRset has it with a new key (section 3.3.1, Ipub). */
export function dnskeyInterval(policy: DnssecPolicy): number {
  return policy.dnskeyTtl + policy.zonePropagationDelay + policy.publishSafety;
}

/** Until every cache that has data of the zone has them with new signatures (section 3.3.2). */
export function zoneSignatureInterval(policy: DnssecPolicy): number {
  return largestZoneTtl(policy) + policy.zonePropagationDelay + policy.retireSafety;
}

/** From the first publication of a zone's keys until its CDS and CDNSKEY may be shown: all of the zone is signed everywhere. */
export function syncInterval(policy: DnssecPolicy): number {
  return Math.max(policy.dnskeyTtl, largestZoneTtl(policy)) + policy.zonePropagationDelay + policy.publishSafety;
}

/** From the sight of a DS at the parent until every cache has it, and from its removal until none has it. */
export function dsInterval(policy: DnssecPolicy): number {
  return policy.parentDsTtl + policy.parentPropagationDelay + policy.retireSafety;
}

/** That a retired ZSK stays (section 3.3.1, Iret): its signatures are replaced one by one, and then leave the caches. */
export function zoneKeyRetireInterval(policy: DnssecPolicy): number {
  return policy.signaturesValidity - policy.signaturesRefresh + zoneSignatureInterval(policy);
}

/** That a retired KSK stays (section 3.3.2, Iret): until its DS has left the caches. */
export function keySigningKeyRetireInterval(policy: DnssecPolicy): number {
  return dsInterval(policy);
}

/** `max-zone-ttl 0` sets no limit; the intervals still need one. */
export function largestZoneTtl(policy: DnssecPolicy): number {
  return policy.maxZoneTtl || UNLIMITED_ZONE_TTL;
}
