/*
 * A resolver whose caches hold any mix of what was ever served. An RRset that is replaced is served for a while yet by a
 * slow server, and what was fetched in the last moment stays in a cache for its TTL:
 *
 *     served by the primary        by a slow secondary        in caches
 *     [since .................. replaced ......... + delay ............. + TTL)
 *
 * Versions of different RRsets whose spans overlap can meet in one cache; all that can meet is put together and judged.
 *
 * A validator may also keep the keys that it has validated for the TTL of their RRset, and not look at the DS meanwhile (Unbound's
 * key cache). So a DS that was in a cache together with a DNSKEY RRset has its effect on data for that TTL longer.
 */

/** What a set of signatures or of DS records leads to. */
export interface KeyName {
  readonly id: string;
  readonly algorithm: number;
}

/** The parent's DS RRset; empty: it is not there. */
export interface DsRrset {
  readonly kind: 'ds';
  readonly keys: readonly KeyName[];
}

export interface DnskeyRrset {
  readonly kind: 'dnskey';
  readonly keys: readonly KeyName[];
  readonly signers: readonly KeyName[];
}

/** Any RRset of the zone's data, or a proof that there is none. */
export interface DataRrset {
  readonly kind: 'data';
  readonly signers: readonly KeyName[];
}

type Rrset = DsRrset | DnskeyRrset | DataRrset;

export interface Served<R extends Rrset> {
  readonly rrset: R;
  readonly ttl: number;
  readonly since: number;
  /** The first moment at which no cache can have it; Infinity while it is served. */
  readonly gone: number;
}

/** The versions of one RRset that caches may have. */
export class ServedVersions<R extends Rrset> {
  #current: Served<R>;
  #old: readonly Served<R>[] = [];
  readonly #memory: number;

  /** @param memory seconds for which versions that no cache has any more can still be asked for */
  constructor(rrset: R, ttl: number, memory = 0) {
    this.#current = { rrset, ttl, since: -Infinity, gone: Infinity };
    this.#memory = memory;
  }

  get current(): Served<R> {
    return this.#current;
  }

  /**
   * @param delay seconds for which a slow server goes on serving the version before
   * @returns false when that is what is served already
   */
  replace(rrset: R, ttl: number, at: number, delay: number): boolean {
    const before = this.#current;
    if (before.ttl === ttl && sameRrset(before.rrset, rrset)) return false;
    this.#old = [
      ...this.#old.filter(({ gone }) => gone + this.#memory > at),
      { ...before, gone: at + delay + before.ttl },
    ];
    this.#current = { rrset, ttl, since: at, gone: Infinity };
    return true;
  }

  /** Everything that a cache may have at `at`, the current version first. */
  inCaches(at: number): Served<R>[] {
    return this.sinceGone(at, 0);
  }

  /** The same, and what was in caches up to so many seconds ago, but not more than are remembered. */
  sinceGone(at: number, seconds: number): Served<R>[] {
    return [this.#current, ...this.#old.filter(({ gone }) => gone + seconds > at)];
  }
}

/** What one cache may have at the same time. */
export interface CachedMix {
  readonly ds: Served<DsRrset>;
  readonly dnskey: Served<DnskeyRrset>;
  readonly data: Served<DataRrset>;
}

/**
 * Validators that a zone must please. `lenient` takes any single path (RFC 6840 section 5.11); `strict` insists that every
 * algorithm of the DS RRset works, as Unbound's harden-algo-downgrade does.
 */
export type Validator = 'lenient' | 'strict';

/** Why the mix is bogus (RFC 4035 section 5); undefined: it is secure, or insecure because there is no DS. */
export function bogusBecause({ ds, dnskey, data }: CachedMix, validator: Validator): string | undefined {
  if (ds.rrset.keys.length === 0) return undefined;
  if (validator === 'lenient') return brokenPath(ds.rrset, dnskey.rrset, data.rrset, () => true);
  for (const { algorithm } of ds.rrset.keys) {
    const fault = brokenPath(ds.rrset, dnskey.rrset, data.rrset, (key) => key.algorithm === algorithm);
    if (fault !== undefined) return `${fault} with algorithm ${algorithm}, which the DS RRset announces`;
  }
  return undefined;
}

function brokenPath(
  ds: DsRrset,
  dnskey: DnskeyRrset,
  data: DataRrset,
  counts: (key: KeyName) => boolean,
): string | undefined {
  // RFC 4035 section 5.2: a DS matches a DNSKEY that has signed the DNSKEY RRset.
  const isEntered = ds.keys.some((key) => counts(key) && has(dnskey.keys, key) && has(dnskey.signers, key));
  if (!isEntered) return 'no DS leads to a key that is in the DNSKEY RRset and signs it';
  // Section 5.3.1: the RRSIG's key is in the zone's apex DNSKEY RRset.
  const isSigned = data.signers.some((key) => counts(key) && has(dnskey.keys, key));
  return isSigned ? undefined : 'no signature over data is by a key of the DNSKEY RRset';
}

export function has(keys: readonly KeyName[], { id }: KeyName): boolean {
  for (const key of keys) if (key.id === id) return true;
  return false;
}

function sameRrset(a: Rrset, b: Rrset): boolean {
  if (a.kind !== 'data' && b.kind !== 'data' && !sameKeys(a.keys, b.keys)) return false;
  return a.kind === 'ds' || b.kind === 'ds' || sameKeys(a.signers, b.signers);
}

function sameKeys(a: readonly KeyName[], b: readonly KeyName[]): boolean {
  return a.length === b.length && a.every((key) => has(b, key));
}

/** RRsets of data are no part of each other's validation: each is judged alone, with every DS and DNSKEY RRset. */
export interface Caches {
  readonly ds: ServedVersions<DsRrset>;
  readonly dnskey: ServedVersions<DnskeyRrset>;
  readonly data: readonly ServedVersions<DataRrset>[];
}

/**
 * The first bogus mix that a cache can have at `at`. Called at each change of any RRset it misses none: the spans of three
 * versions have a moment in common only if they have one when the last of them begins.
 * @param lost seconds for which validators do not keep keys, since a clock that jumped has used up the margin that is there for both
 */
export function bogusMix(
  caches: Caches,
  at: number,
  validator: Validator,
  lost = 0,
): (CachedMix & { why: string }) | undefined {
  const dnskeys = caches.dnskey.inCaches(at);
  const longest = dnskeys.reduce((most, { ttl }) => Math.max(most, ttl - lost), 0);
  for (const ds of caches.ds.sinceGone(at, longest)) {
    if (ds.rrset.keys.length === 0) continue;
    for (const dnskey of dnskeys) {
      if (ds.gone <= at && !(dnskey.since < ds.gone && at < ds.gone + dnskey.ttl - lost)) continue;
      for (const lane of caches.data) {
        for (const data of lane.inCaches(at)) {
          const why = bogusBecause({ ds, dnskey, data }, validator);
          if (why !== undefined) return { ds, dnskey, data, why };
        }
      }
    }
  }
  return undefined;
}
