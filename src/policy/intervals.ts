import type { DnssecPolicy } from '../conf/configuration.ts';
import { largestZoneTtl } from '../conf/policy-intervals.ts';
import type { IntervalPart, WaitInterval } from './key-wait.ts';
import type { ServedTtl } from './observations.ts';
import { isInSuccession, signsKeys, signsZone } from './planned-key.ts';
import type { PlannedKey } from './planned-key.ts';

/*
 * How long the steps of a key take (RFC 7583), with what the time is made of. The sums are those of BIND 9.18 (see
 * conf/policy-intervals.ts), unless a TTL was served that is still in caches for longer.
 */

/** What intervals are made from. */
export interface IntervalSources {
  readonly policy: DnssecPolicy;
  /** TTLs that were served and may still be in caches. */
  readonly served: readonly ServedTtl[];
}

/** The end of an interval in Unix seconds. */
export function endOf({ since, parts }: WaitInterval): number {
  return parts.reduce((sum, { seconds }) => sum + seconds, since);
}

/** Until every cache that has the DNSKEY RRset has it with the key (sections 3.2.1 Ipub, 3.3.1 IpubC). */
export function dnskeyKnown(key: PlannedKey, { policy, served }: IntervalSources, since: number): WaitInterval {
  const rest = [zonePropagation(policy), option('publish-safety', policy.publishSafety)];
  return later(
    signsKeys(key) ? 'IpubC' : 'Ipub',
    since,
    option('dnskey-ttl', policy.dnskeyTtl),
    rest,
    served,
    'dnskey',
  );
}

/** Until no cache has the answer of before that there is no DNSKEY; negative answers have a TTL of the zone (RFC 2308 section 5). */
export function dnskeyAbsenceForgotten({ policy, served }: IntervalSources, since: number): WaitInterval {
  return later(
    'IpubC',
    since,
    option('max-zone-ttl', largestZoneTtl(policy)),
    [zonePropagation(policy)],
    served,
    'zone',
  );
}

/** Until no cache has the DNSKEY RRset with the key (section 3.2.1, after Trem). */
export function dnskeyForgotten({ policy, served }: IntervalSources, since: number): WaitInterval {
  const rest = [zonePropagation(policy)];
  return later('Dprp + TTLkey', since, option('dnskey-ttl', policy.dnskeyTtl), rest, served, 'dnskey');
}

/**
 * Until every cache has the zone with signatures of the key, or none has it (section 3.2.1, Iret). Where a key takes another's
 * place, signatures are replaced as they come due (Dsgn); else all are made or taken away at once.
 */
export function signaturesReplaced(key: PlannedKey, { policy, served }: IntervalSources, since: number): WaitInterval {
  const replacement = isInSuccession(key) ? replacementParts(policy, served, since) : [];
  const rest = [...replacement, zonePropagation(policy), option('retire-safety', policy.retireSafety)];
  return later('Iret', since, option('max-zone-ttl', largestZoneTtl(policy)), rest, served, 'zone');
}

/** Dsgn: by the policy, or by one that was in force since and let old signatures stay for longer. */
function replacementParts(policy: DnssecPolicy, served: readonly ServedTtl[], since: number): IntervalPart[] {
  const before = served.filter(({ rrset, until }) => rrset === 'signatures' && (until === undefined || until >= since));
  const longest = Math.max(0, ...before.map(({ ttl }) => ttl));
  if (longest > policy.signaturesValidity - policy.signaturesRefresh)
    return [option('signatures-validity less signatures-refresh of an earlier policy', longest)];
  return [
    option('signatures-validity', policy.signaturesValidity),
    option('signatures-refresh', -policy.signaturesRefresh),
  ];
}

/**
 * Until every cache has the DS RRset with the key's (section 3.3.1, IpubP), or none has it any more (Iret).
 * @param margin beyond what caches and servers of the parent need
 */
export function dsSpread(
  term: 'IpubP' | 'Iret',
  { policy, served }: IntervalSources,
  since: number,
  margin: IntervalPart = option('retire-safety', policy.retireSafety),
): WaitInterval {
  const rest = [option('parent-propagation-delay', policy.parentPropagationDelay), margin];
  return later(term, since, option('parent-ds-ttl', policy.parentDsTtl), rest, served, 'ds');
}

/**
 * Until nobody asks for signatures because of the last DS that a zone had. A validator may use it in the last moment in which it has it, and
 * keep the keys that it led to for the TTL of the DNSKEY RRset without a look at the parent. retire-safety covers that where it is as long.
 */
export function lastDsForgotten(sources: IntervalSources, since: number): WaitInterval {
  const { policy, served } = sources;
  const spread = dsSpread('Iret', sources, since);
  const isCached = ({ until, ttl }: ServedTtl): boolean =>
    until === undefined || until + policy.zonePropagationDelay + ttl > endOf(spread);
  const ttls = served.filter((one) => one.rrset === 'dnskey' && isCached(one)).map(({ ttl }) => ttl);
  const highest = Math.max(0, ...ttls);
  const kept =
    highest > policy.dnskeyTtl ? option('highest TTL served', highest) : option('dnskey-ttl', policy.dnskeyTtl);
  return kept.seconds > policy.retireSafety ? dsSpread('Iret', sources, since, kept) : spread;
}

/** From the activation of a key until its successor is published: early enough to be known when the lifetime is over. */
export function rolloverDue(key: PlannedKey, policy: DnssecPolicy, inactive: number): WaitInterval {
  const { activate } = key.times;
  const lifetime = key.state?.lifetime ?? 0;
  const isPlanned = activate !== undefined && lifetime > 0 && activate + lifetime === inactive;
  const ahead = [
    option('dnskey-ttl', -policy.dnskeyTtl),
    option('zone-propagation-delay', -policy.zonePropagationDelay),
    option('publish-safety', -policy.publishSafety),
  ];
  if (!isPlanned) return { term: signsKeys(key) ? 'IpubC' : 'Ipub', since: inactive, parts: ahead };
  const term = signsKeys(key) ? (signsZone(key) ? 'Lcsk' : 'Lksk') : 'Lzsk';
  return { term, since: activate, parts: [option('lifetime', lifetime), ...ahead] };
}

/** That the files of a key stay when nobody has anything of it any more. */
export function purgeDue(policy: DnssecPolicy, since: number): WaitInterval {
  return { term: 'purge-keys', since, parts: [option('purge-keys', policy.purgeKeys)] };
}

const option = (name: string, seconds: number): IntervalPart => ({ name, seconds });

const zonePropagation = (policy: DnssecPolicy): IntervalPart =>
  option('zone-propagation-delay', policy.zonePropagationDelay);

/**
 * The later of what the policy says and of what was served. What was last served before `since` leaves the caches that much
 * earlier; what is served after it has the change in it.
 */
function later(
  term: string,
  since: number,
  ttl: IntervalPart,
  rest: readonly IntervalPart[],
  served: readonly ServedTtl[],
  rrset: ServedTtl['rrset'],
): WaitInterval {
  const seen = served
    .filter((one) => one.rrset === rrset)
    .map((one) => ({ since: Math.min(since, one.until ?? since), ttl: option('highest TTL served', one.ttl) }));
  const ends = [{ since, ttl }, ...seen];
  const last = ends.reduce((best, one) => (one.since + one.ttl.seconds > best.since + best.ttl.seconds ? one : best));
  return { term, since: last.since, parts: [last.ttl, ...rest] };
}
