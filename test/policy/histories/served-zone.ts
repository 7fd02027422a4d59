import type { DnssecPolicy } from '../../../src/conf/configuration.ts';
import type { ServedTtl } from '../../../src/policy/observations.ts';
import type { PlannedKey } from '../../../src/policy/planned-key.ts';
import type { Publication } from '../../../src/policy/publication.ts';
import { has, ServedVersions, type DataRrset, type DnskeyRrset, type KeyName } from './caches.ts';
import type { History } from './history.ts';

/** What CDS and CDNSKEY ask for, and who signed them. */
export interface SyncRrset {
  readonly keys: readonly KeyName[];
  /** RFC 8078 section 4: remove the DS RRset. */
  readonly isDelete: boolean;
  readonly signers: readonly KeyName[];
  readonly since: number;
}

/** One RRset of the zone's data. */
interface Lane {
  ttl: number;
  readonly served: ServedVersions<DataRrset>;
  signers: readonly KeyName[];
  /** Keeps signatures of a retiring key as long as any may be kept. */
  readonly isLazy: boolean;
}

const NONE: SyncRrset = { keys: [], isDelete: false, signers: [], since: -Infinity };

/** Two moments: by the true clock, and by the daemon's. */
export interface Moment {
  readonly at: number;
  readonly told: number;
}

/** The zone as its servers have it. The signed zone and what was served outlive a daemon that is killed. */
export class ServedZone {
  readonly #history: History;
  readonly dnskey: ServedVersions<DnskeyRrset>;
  readonly lanes: readonly [Lane, Lane];
  readonly #served: ServedTtl[] = [];
  #sync: readonly SyncRrset[] = [NONE];
  #isSigned = false;
  /** How long signatures of a retiring key stay. */
  #retiringTime: number;

  /**
   * @param keys that are in the DNSKEY RRset for long
   * @param by those that have signed it, and the zone
   */
  constructor(
    history: History,
    keys: readonly KeyName[],
    by: { readonly keys: readonly KeyName[]; readonly zone: readonly KeyName[] },
    { at, told }: Moment,
  ) {
    this.#history = history;
    this.#retiringTime = retiringTime(history.policies[0]);
    const [before, first, second] = history.ttls;
    const signers = by.zone;
    const lane = (ttl: number, isLazy: boolean): Lane => {
      const served = new ServedVersions<DataRrset>({ kind: 'data', signers }, before);
      served.replace({ kind: 'data', signers }, ttl, at, history.secondaryDelay);
      return { ttl, served, signers, isLazy };
    };
    this.lanes = [lane(first, false), lane(second, history.signing === 'as they expire')];
    const dnskey: DnskeyRrset = {
      kind: 'dnskey',
      keys,
      signers: by.keys,
    };
    this.dnskey = new ServedVersions(dnskey, before);
    this.dnskey.replace(dnskey, this.#largestTtl, at, history.secondaryDelay);
    this.#isSigned = keys.length > 0;
    this.#noteTtl('zone', before, told);
    if (keys.length > 0) this.#noteTtl('dnskey', before, told);
  }

  get isSigned(): boolean {
    return this.#isSigned;
  }

  get sync(): SyncRrset {
    return this.#sync[0];
  }

  /** TTLs that caches may still have, as a daemon that writes them down tells the planner. */
  served(): ServedTtl[] {
    const { rrset, ttl } = this.dnskey.current;
    const zone = { rrset: 'zone', ttl: this.#largestTtl, until: undefined } as const;
    const signatures = { rrset: 'signatures', ttl: this.#retiringTime, until: undefined } as const;
    if (rrset.keys.length === 0) return [...this.#served, signatures, zone];
    return [...this.#served, signatures, zone, { rrset: 'dnskey', ttl, until: undefined }];
  }

  /** What a slow secondary may still serve as CDS at `at`, or the present one. */
  oldSync(at: number): SyncRrset {
    const [now, before] = this.#sync;
    return before !== undefined && now.since + this.#history.secondaryDelay > at ? before : now;
  }

  publish(publication: Publication, keys: readonly PlannedKey[], policy: DnssecPolicy, { at, told }: Moment): void {
    const named = (ids: readonly string[]): KeyName[] => keys.filter(({ id }) => ids.includes(id)).map(nameOf);
    this.#isSigned = publication.isSigned;
    const { isSigned } = publication;
    if (retiringTime(policy) !== this.#retiringTime) this.#noteTtl('signatures', this.#retiringTime, told);
    this.#retiringTime = retiringTime(policy);
    const dnskeys = isSigned ? named(publication.dnskey) : [];
    const signers = isSigned ? named(publication.signsKeys) : [];
    const before = this.dnskey.current;
    // RFC 2308 section 3: that there is none is remembered as long as any negative answer.
    const ttl = dnskeys.length > 0 ? policy.dnskeyTtl : this.#largestTtl;
    this.dnskey.replace({ kind: 'dnskey', keys: dnskeys, signers }, ttl, at, this.#history.secondaryDelay);
    if (before.rrset.keys.length > 0 && before.ttl !== ttl) this.#noteTtl('dnskey', before.ttl, told);
    this.#publishSync(isSigned ? named(publication.sync) : [], isSigned && publication.syncDelete, signers, at);
    const signs = isSigned ? named(publication.signsZone) : [];
    const retiring = keys.filter((key) => isRetiring(key, policy, told) && has(dnskeys, key)).map(nameOf);
    for (const lane of this.lanes) this.#sign(lane, signs, retiring, at);
  }

  /** True when some RRset of the zone's data has a signature by the key. */
  hasSignaturesOf(key: PlannedKey): boolean {
    return this.lanes.some(({ signers }) => has(signers, key));
  }

  setTtl(lane: Lane, ttl: number, { at, told }: Moment): void {
    const before = this.#largestTtl;
    lane.ttl = ttl;
    if (this.#largestTtl !== before) this.#noteTtl('zone', before, told);
    this.#serve(lane, at);
    const { rrset } = this.dnskey.current;
    // RFC 2308 section 5: a negative answer has the TTL of the SOA of the version that is served, whenever the daemon looks at its keys.
    if (rrset.keys.length === 0) this.dnskey.replace(rrset, this.#largestTtl, at, this.#history.secondaryDelay);
  }

  #publishSync(keys: readonly KeyName[], isDelete: boolean, signers: readonly KeyName[], at: number): void {
    const [now] = this.#sync;
    const isSame =
      now.isDelete === isDelete && now.keys.length === keys.length && keys.every((key) => has(now.keys, key));
    if (!isSame) this.#sync = [{ keys, isDelete, signers, since: at }, now];
    else this.#sync = [{ ...now, signers }, ...this.#sync.slice(1)];
  }

  /** Each signer signs; in a lazy lane what a retiring key has signed stands in for a signature of that algorithm. */
  #sign(lane: Lane, signers: readonly KeyName[], retiring: readonly KeyName[], at: number): void {
    const made: KeyName[] = [];
    const standIns = lane.isLazy ? lane.signers.filter((key) => has(retiring, key) && !has(signers, key)) : [];
    for (const key of signers) {
      const standIn = has(lane.signers, key) ? -1 : standIns.findIndex(({ algorithm }) => algorithm === key.algorithm);
      made.push(standIn < 0 ? key : standIns.splice(standIn, 1)[0]);
    }
    lane.signers = made;
    this.#serve(lane, at);
  }

  #serve({ served, signers, ttl }: Lane, at: number): void {
    served.replace({ kind: 'data', signers }, ttl, at, this.#history.secondaryDelay);
  }

  get #largestTtl(): number {
    return Math.max(this.lanes[0].ttl, this.lanes[1].ttl);
  }

  #noteTtl(rrset: ServedTtl['rrset'], ttl: number, until: number): void {
    this.#served.push({ rrset, ttl, until });
  }
}

/** Dsgn of RFC 7583 section 3.2.1. */
export function retiringTime({ signaturesValidity, signaturesRefresh }: DnssecPolicy): number {
  return signaturesValidity - signaturesRefresh;
}

/** The time for signatures of a retiring ZSK is not over. */
function isRetiring({ state }: PlannedKey, policy: DnssecPolicy, told: number): boolean {
  if (state?.zrrsig !== 'unretentive' || state.zrrsigChange === undefined) return false;
  return told < state.zrrsigChange + retiringTime(policy);
}

export const nameOf = ({ id, algorithm }: PlannedKey): KeyName => ({ id, algorithm });
