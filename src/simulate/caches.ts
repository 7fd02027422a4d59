/*
 * What resolvers may hold. Each RRset is a row of versions; one is somewhere from the moment the first server has it until the
 * last server has the next one and then its TTL is over:
 *
 *     version 1  |=========== served ===========|-- behind secondary --|------ TTL ------|
 *     version 2                                 |================ served ================ ...
 *                                               '-- here a resolver may have either ----'
 *
 * A resolver may hold any DS, DNSKEY RRset and zone data that are somewhere at the same time. RFC 4035 section 5 says which of
 * these mixes validate; for each algorithm in the DS RRset the strict reading is taken (section 2.2), which some validators take.
 */

/** The DNSKEY RRset: ids of its keys, and of those that signed it. */
export interface KeySet {
  readonly keys: readonly string[];
  readonly signers: readonly string[];
}

interface Version<T> {
  readonly value: T;
  /** Unix seconds. */
  readonly from: number;
  /** Infinity while a server has it. */
  until: number;
}

/** A mix that a validator refuses. */
export interface Danger {
  /** Unix seconds; `until` is Infinity when nothing ends it. */
  readonly from: number;
  readonly until: number;
  readonly problem: Problem;
}

export type Problem =
  /** No key of this algorithm in the DS RRset is in the DNSKEY RRset and signed it. */
  | {
      readonly kind: 'no trusted dnskey';
      readonly algorithm: number;
      readonly ds: readonly string[];
      readonly dnskey: KeySet;
    }
  /** The DS RRset promises an algorithm that zone data are not signed with. */
  | { readonly kind: 'unsigned data'; readonly algorithm: number; readonly ds: readonly string[] }
  /** Zone data are signed by a key that the DNSKEY RRset does not have. */
  | {
      readonly kind: 'unknown signer';
      readonly signer: string;
      readonly dnskey: KeySet;
      readonly ds: readonly string[];
    }
  /** A signature is served after its end, or before its beginning. */
  | { readonly kind: 'expired signatures' }
  | { readonly kind: 'signatures not valid yet' };

/** How long what is replaced stays somewhere, in seconds. */
export interface Lag {
  /** Until the last server has the next version. */
  readonly servers: number;
  readonly ttl: number;
}

interface Found {
  readonly from: number;
  readonly problem: Problem;
  readonly versions: readonly Version<unknown>[];
}

/** Versions of all RRsets of one zone and its DS, and the mixes that go wrong. Times may only go forward. */
export class Caches {
  readonly #algorithmOf: (key: string) => number;
  #ds: Version<readonly string[]>[] = [];
  #dnskey: Version<KeySet>[] = [];
  /** By algorithm; undefined: data without a signature of it. */
  readonly #data = new Map<number, Version<string | undefined>[]>();
  readonly #found: Found[] = [];

  #isFirst: boolean;

  /** @param wasSigned the zone is signed when the simulation begins: nothing older is in caches */
  constructor(algorithmOf: (key: string) => number, wasSigned: boolean) {
    this.#algorithmOf = algorithmOf;
    this.#isFirst = wasSigned;
    if (!wasSigned) this.#dnskey = [{ value: { keys: [], signers: [] }, from: -Infinity, until: Infinity }];
  }

  /** The parent's first server has these DS records from `from` on, its last one from `complete` on; old ones live for `ttl` then. */
  serveDs(keys: readonly string[], from: number, complete: number, ttl: number): void {
    if (sameKeys(this.#ds.at(-1)?.value, keys)) return;
    this.#ds = replace(this.#ds, keys, from, complete + ttl);
    this.#check(from);
  }

  serveDnskey(set: KeySet, now: number, lag: Lag): void {
    const last = this.#dnskey.at(-1)?.value;
    if (last && sameKeys(last.keys, set.keys) && sameKeys(last.signers, set.signers)) return;
    this.#dnskey = replace(this.#dnskey, set, now, now + lag.servers + lag.ttl);
    this.#check(now);
  }

  /**
   * What signs zone data. An algorithm that nothing is said of any more has no signatures.
   * @param signers by algorithm: every key that some RRset has a signature of; undefined: some RRset has none
   */
  serveData(signers: ReadonlyMap<number, readonly (string | undefined)[]>, now: number, lag: Lag): void {
    for (const algorithm of signers.keys())
      // What there was before the first signature of an algorithm may be in caches, too.
      if (!this.#data.has(algorithm)) this.#data.set(algorithm, this.#isFirst ? [] : [unsignedBefore(now, lag)]);
    this.#isFirst = false;
    for (const [algorithm, versions] of this.#data) {
      const keys = signers.get(algorithm) ?? [];
      this.#data.set(algorithm, withSigners(versions, keys.length === 0 ? [undefined] : keys, now, lag));
    }
    this.#check(now);
  }

  /** A mix that is not found here, as expired signatures. */
  report(problem: Problem, from: number, until: number): void {
    this.#found.push({ from, problem, versions: [{ value: undefined, from, until }] });
  }

  /** All mixes that go wrong, in order of time; those of one kind that touch are one. */
  dangers(): Danger[] {
    const all = this.#found
      .map(({ from, problem, versions }) => ({ from, until: Math.min(...versions.map((one) => one.until)), problem }))
      .filter(({ from, until }) => until > from)
      .toSorted((a, b) => a.from - b.from);
    return mergeTouching(all);
  }

  #check(now: number): void {
    this.#ds = this.#ds.filter(({ until }) => until > now);
    this.#dnskey = this.#dnskey.filter(({ until }) => until > now);
    for (const [algorithm, versions] of this.#data)
      this.#data.set(
        algorithm,
        versions.filter(({ until }) => until > now),
      );
    for (const ds of this.#ds) {
      for (const algorithm of new Set(ds.value.map(this.#algorithmOf))) this.#checkAlgorithm(ds, algorithm, now);
    }
  }

  #checkAlgorithm(ds: Version<readonly string[]>, algorithm: number, now: number): void {
    const trusted = ds.value.filter((key) => this.#algorithmOf(key) === algorithm);
    const add = (problem: Problem, versions: readonly Version<unknown>[]): void => {
      const isKnown = this.#found.some((one) => versions.every((version) => one.versions.includes(version)));
      const from = Math.max(now, ...versions.map((version) => version.from));
      if (!isKnown) this.#found.push({ from, problem, versions });
    };
    for (const dnskey of this.#dnskey) {
      const { keys, signers } = dnskey.value;
      if (!trusted.some((key) => keys.includes(key) && signers.includes(key)))
        add({ kind: 'no trusted dnskey', algorithm, ds: ds.value, dnskey: dnskey.value }, [ds, dnskey]);
    }
    for (const data of this.#data.get(algorithm) ?? []) {
      const signer = data.value;
      if (signer === undefined) {
        add({ kind: 'unsigned data', algorithm, ds: ds.value }, [ds, data]);
        continue;
      }
      for (const dnskey of this.#dnskey)
        if (!dnskey.value.keys.includes(signer))
          add({ kind: 'unknown signer', signer, dnskey: dnskey.value, ds: ds.value }, [ds, data, dnskey]);
    }
  }
}

function replace<T>(versions: readonly Version<T>[], value: T, from: number, until: number): Version<T>[] {
  const last = versions.at(-1);
  if (last) last.until = until;
  return [...versions, { value, from, until: Infinity }];
}

function unsignedBefore(now: number, lag: Lag): Version<string | undefined> {
  return { value: undefined, from: -Infinity, until: now + lag.servers + lag.ttl };
}

function withSigners(
  versions: readonly Version<string | undefined>[],
  signers: readonly (string | undefined)[],
  now: number,
  lag: Lag,
): Version<string | undefined>[] {
  const served = versions.filter(({ until }) => until === Infinity);
  for (const one of served) if (!signers.includes(one.value)) one.until = now + lag.servers + lag.ttl;
  const fresh = signers.filter((signer) => !served.some(({ value }) => value === signer));
  return [...versions, ...fresh.map((value) => ({ value, from: now, until: Infinity }))];
}

function sameKeys(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((key) => b.includes(key));
}

/** Many mixes go wrong for the same reason: a person wants to read of one. */
function mergeTouching(dangers: readonly Danger[]): Danger[] {
  const merged: Danger[] = [];
  for (const danger of dangers) {
    const at = merged.findIndex((one) => one.problem.kind === danger.problem.kind && danger.from <= one.until);
    if (at < 0) merged.push(danger);
    else merged[at] = { ...merged[at], until: Math.max(merged[at].until, danger.until) };
  }
  return merged;
}
