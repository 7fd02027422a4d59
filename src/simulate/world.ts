import type { DnssecPolicy } from '../conf/configuration.ts';
import { UNLIMITED_ZONE_TTL } from '../conf/defaults.ts';
import type { ServedTtl } from '../policy/observations.ts';
import type { Lag } from './caches.ts';
import type { Fault, FaultKind } from './fault.ts';
import type { ParentManner } from './parent.ts';
import type { Scenario } from './simulation.ts';

/** What is around the daemon at one moment, as the policy says unless a fault says otherwise. Seconds. */
export class World {
  readonly #faults: readonly Fault[];
  /** TTLs that were served until a policy took their place. */
  #old: ServedTtl[];

  readonly #policyChanges: Scenario['policyChanges'];

  constructor({ faults, served = [], policyChanges, start }: Scenario) {
    this.#faults = faults;
    this.#policyChanges = policyChanges;
    this.#old = served.map((one) => ({ ...one, until: one.until ?? start }));
  }

  isDown(now: number): boolean {
    return this.#faults.some((fault) => fault.kind === 'daemon-down' && isWithin(fault, now));
  }

  /** That the daemon's clock is ahead of the true time. */
  clockOffset(now: number): number {
    return this.#faults.reduce(
      (sum, fault) => (fault.kind === 'clock-jump' && isWithin(fault, now) ? sum + fault.offset : sum),
      0,
    );
  }

  parent(policy: DnssecPolicy, now: number): ParentManner {
    const propagation = policy.parentPropagationDelay;
    const late = this.#since('parent-late', now);
    const flaps = this.#since('parent-flaps', now);
    const never = this.#since('parent-never', now);
    return { delay: never ? undefined : (late?.delay ?? propagation), propagation, flaps };
  }

  /** How long an old DNSKEY RRset stays somewhere after it was replaced at `now`. */
  dnskeyLag(policy: DnssecPolicy, now: number): Lag {
    return this.#lag('dnskey', policy.dnskeyTtl, policy, now);
  }

  dataLag(policy: DnssecPolicy, now: number): Lag {
    return this.#lag('zone', this.#zoneTtl(policy, now), policy, now);
  }

  dsTtl(policy: DnssecPolicy, now: number): number {
    return this.#longest('ds', this.#dsTtl(policy, now), now);
  }

  /** What is and was served, by the daemon's clock. A zone may not have TTLs above max-zone-ttl: what has is a surprise. */
  served(policy: DnssecPolicy, now: number, offset: number): ServedTtl[] {
    const current: ServedTtl[] = [
      { rrset: 'dnskey', ttl: policy.dnskeyTtl, until: undefined },
      { rrset: 'zone', ttl: Math.min(this.#zoneTtl(policy, now), largestTtl(policy)), until: undefined },
      { rrset: 'ds', ttl: this.#dsTtl(policy, now), until: undefined },
    ];
    return [...current, ...this.#old.map((one) => ({ ...one, until: one.until! + offset }))];
  }

  /** The zone gets other TTLs at `now`. */
  changePolicy(before: DnssecPolicy, now: number): void {
    this.#old = this.#old.filter(({ ttl, until }) => until! + ttl + before.zonePropagationDelay > now);
    this.#old.push(
      { rrset: 'dnskey', ttl: before.dnskeyTtl, until: now },
      { rrset: 'zone', ttl: this.#zoneTtl(before, now), until: now },
      { rrset: 'ds', ttl: this.#dsTtl(before, now), until: now },
      { rrset: 'signatures', ttl: before.signaturesValidity - before.signaturesRefresh, until: now },
    );
  }

  #lag(rrset: ServedTtl['rrset'], ttl: number, policy: DnssecPolicy, now: number): Lag {
    // Who promises less later on has found out that it always was less.
    const later = this.#policyChanges.filter(({ at }) => at > now).map((one) => one.policy.zonePropagationDelay);
    const promised = Math.min(policy.zonePropagationDelay, ...later);
    const servers = this.#since('slow-secondary', now)?.delay ?? promised;
    return { servers, ttl: this.#longest(rrset, ttl, now) };
  }

  /** What is left of the TTLs that were served before counts, too. */
  #longest(rrset: ServedTtl['rrset'], ttl: number, now: number): number {
    const left = this.#old.filter((one) => one.rrset === rrset).map((one) => one.until! + one.ttl - now);
    return Math.max(ttl, ...left);
  }

  #dsTtl(policy: DnssecPolicy, now: number): number {
    return this.#since('ds-ttl', now)?.ttl ?? policy.parentDsTtl;
  }

  #zoneTtl(policy: DnssecPolicy, now: number): number {
    return this.#since('zone-ttl', now)?.ttl ?? largestTtl(policy);
  }

  /** The last fault of a kind that has begun: a later one takes the place of an earlier one. */
  #since<K extends FaultKind>(kind: K, now: number): Extract<Fault, { kind: K }> | undefined {
    const begun = this.#faults.filter((fault) => fault.kind === kind && fault.at <= now);
    return begun.toSorted((a, b) => a.at - b.at).at(-1) as Extract<Fault, { kind: K }> | undefined;
  }
}

function isWithin({ at, length }: { at: number; length: number }, now: number): boolean {
  return at <= now && now < at + length;
}

function largestTtl(policy: DnssecPolicy): number {
  return policy.maxZoneTtl || UNLIMITED_ZONE_TTL;
}
