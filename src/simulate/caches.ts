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
 *
 * A validator may also keep the keys that a DS led to for the TTL of their RRset, and not look at the DS meanwhile (Unbound's key
 * cache). So data are judged by a DS and a DNSKEY RRset that met, for that TTL longer than the DS is somewhere.
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

/** Who signs zone data with one algorithm. */
export interface DataSigners {
  /** Each RRset has as many signatures as these are. */
  readonly signing: readonly string[];
  /** What they signed stands in for a signature of another until it comes due. */
  readonly retiring: readonly string[];
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
  /** The DS RRset promises an algorithm that zone data are not signed with; `isKept`: no cache has it any more, only the keys that it led to. */
  | {
      readonly kind: 'unsigned data';
      readonly algorithm: number;
      readonly ds: readonly string[];
      readonly isKept: boolean;
    }
  /** Zone data are signed by a key that the DNSKEY RRset does not have. */
  | {
      readonly kind: 'unknown signer';
      readonly signers: readonly string[];
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

/** A time that begins, and ends when what it is made of has ended. */
interface Span {
  readonly from: number;
  readonly until: number;
}

interface Found {
  readonly from: number;
  readonly problem: Problem;
  readonly spans: readonly Span[];
}

/** A DNSKEY RRset, with the TTL in seconds that it is served with. */
interface ServedKeys extends KeySet {
  readonly ttl: number;
}

/** What a validator goes by: DS records of one algorithm, and a DNSKEY RRset that was somewhere at the same time. */
class Entry implements Span {
  readonly ds: Version<readonly string[]>;
  readonly dnskey: Version<ServedKeys>;
  readonly algorithm: number;
  /** One of the DS records leads to a key that signed the DNSKEY RRset. */
  readonly isTrusted: boolean;

  constructor(ds: Entry['ds'], dnskey: Entry['dnskey'], algorithm: number, algorithmOf: (key: string) => number) {
    this.ds = ds;
    this.dnskey = dnskey;
    this.algorithm = algorithm;
    const { keys, signers } = dnskey.value;
    const trusted = ds.value.filter((key) => algorithmOf(key) === algorithm);
    this.isTrusted = trusted.some((key) => keys.includes(key) && signers.includes(key));
  }

  get from(): number {
    return Math.max(this.ds.from, this.dnskey.from);
  }

  get until(): number {
    return Math.min(this.dnskey.until, this.ds.until + (this.isTrusted ? this.dnskey.value.ttl : 0));
  }
}

/** Versions of all RRsets of one zone and its DS, and the mixes that go wrong. Times may only go forward. */
export class Caches {
  readonly #algorithmOf: (key: string) => number;
  #ds: Version<readonly string[]>[] = [];
  #dnskey: Version<ServedKeys>[] = [];
  #entries: Entry[] = [];
  /** By algorithm: the signers that some RRset has signatures of; none: an RRset without a signature of it. */
  readonly #data = new Map<number, Version<readonly string[]>[]>();
  readonly #found: Found[] = [];

  #isFirst: boolean;

  /** @param wasSigned the zone is signed when the simulation begins: nothing older is in caches */
  constructor(algorithmOf: (key: string) => number, wasSigned: boolean) {
    this.#algorithmOf = algorithmOf;
    this.#isFirst = wasSigned;
    if (!wasSigned) this.#dnskey = [{ value: { keys: [], signers: [], ttl: 0 }, from: -Infinity, until: Infinity }];
  }

  /** The parent's first server has these DS records from `from` on, its last one from `complete` on; old ones live for `ttl` then. */
  serveDs(keys: readonly string[], from: number, complete: number, ttl: number): void {
    if (sameKeys(this.#ds.at(-1)?.value, keys)) return;
    this.#ds = replace(this.#ds, keys, from, complete + ttl);
    this.#check(from);
  }

  /** @param ttl seconds that the DNSKEY RRset is served with; default that of what is replaced */
  serveDnskey(set: KeySet, now: number, lag: Lag, ttl = lag.ttl): void {
    const last = this.#dnskey.at(-1);
    if (last === undefined && lag.ttl > ttl) {
      // A zone that was signed has had a longer TTL until now.
      const before = { ...set, ttl: lag.ttl };
      this.#dnskey = [{ value: before, from: -Infinity, until: now + lag.servers + lag.ttl }];
    } else if (last && last.value.ttl === ttl && isSameSet(last.value, set)) return;
    this.#dnskey = replace(this.#dnskey, { ...set, ttl }, now, now + lag.servers + lag.ttl);
    this.#check(now);
  }

  /** What signs zone data, by algorithm. An algorithm that nothing is said of any more has no signatures. */
  serveData(signers: ReadonlyMap<number, DataSigners>, now: number, lag: Lag): void {
    const algorithms = new Set([...this.#data.keys(), ...signers.keys()]);
    for (const algorithm of algorithms) {
      // What there was before the first signature of an algorithm may be in caches, too.
      const before = this.#data.get(algorithm) ?? (this.#isFirst ? [] : [unsigned()]);
      const { signing, retiring } = signers.get(algorithm) ?? { signing: [], retiring: [] };
      const served = before.filter(({ until }) => until === Infinity).map(({ value }) => value);
      const first = this.#isFirst ? retiring.map((key) => [key]) : [];
      const kept = [...served, ...first].map((one) => handOver(one, signing, retiring));
      this.#data.set(algorithm, withVariants(before, [signing, ...kept], now, lag));
    }
    this.#isFirst = false;
    this.#check(now);
  }

  /** A mix that is not found here, as expired signatures. */
  report(problem: Problem, from: number, until: number): void {
    this.#found.push({ from, problem, spans: [{ from, until }] });
  }

  /** All mixes that go wrong, in order of time; those of one kind that touch are one. */
  dangers(): Danger[] {
    const all = this.#found
      .map(({ from, problem, spans }) => ({ from, until: Math.min(...spans.map((one) => one.until)), problem }))
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
    this.#entries = [...this.#entries.filter(({ until }) => until > now), ...this.#newEntries()];
    for (const entry of this.#entries) this.#checkEntry(entry, now);
  }

  /** What is somewhere now and has not met before. */
  #newEntries(): Entry[] {
    return this.#ds.flatMap((ds) =>
      this.#dnskey
        .filter((dnskey) => !this.#entries.some((entry) => entry.ds === ds && entry.dnskey === dnskey))
        .flatMap((dnskey) =>
          [...new Set(ds.value.map(this.#algorithmOf))].map(
            (algorithm) => new Entry(ds, dnskey, algorithm, this.#algorithmOf),
          ),
        ),
    );
  }

  #checkEntry(entry: Entry, now: number): void {
    const { algorithm, isTrusted } = entry;
    const [ds, dnskey] = [entry.ds.value, entry.dnskey.value];
    if (!isTrusted) this.#add(now, { kind: 'no trusted dnskey', algorithm, ds, dnskey }, [entry]);
    for (const data of this.#dataOf(algorithm)) {
      const signers = data.value;
      if (signers.length === 0) {
        const isKept = entry.ds.until <= now;
        this.#add(now, { kind: 'unsigned data', algorithm, ds, isKept }, [entry, data]);
      } else if (!signers.some((signer) => dnskey.keys.includes(signer)))
        this.#add(now, { kind: 'unknown signer', signers, dnskey, ds }, [entry, data]);
    }
  }

  /** An algorithm that nothing was ever said of has signed nothing. */
  #dataOf(algorithm: number): readonly Version<readonly string[]>[] {
    if (!this.#isFirst && !this.#data.has(algorithm)) this.#data.set(algorithm, [unsigned()]);
    return this.#data.get(algorithm) ?? [];
  }

  #add(now: number, problem: Problem, spans: readonly Span[]): void {
    const isKnown = this.#found.some(
      (one) => one.problem.kind === problem.kind && spans.every((span) => one.spans.includes(span)),
    );
    if (!isKnown) this.#found.push({ from: Math.max(now, ...spans.map(({ from }) => from)), problem, spans });
  }
}

function replace<T>(versions: readonly Version<T>[], value: T, from: number, until: number): Version<T>[] {
  const last = versions.at(-1);
  if (last) last.until = until;
  return [...versions, { value, from, until: Infinity }];
}

const unsigned = (): Version<readonly string[]> => ({ value: [], from: -Infinity, until: Infinity });

/**
 * What becomes of the signatures of an RRset when other keys sign: those that still sign stay, those of retiring keys stand in for what
 * is missing, and the rest is made anew at once.
 */
function handOver(signers: readonly string[], signing: readonly string[], retiring: readonly string[]): string[] {
  const good = signing.filter((key) => signers.includes(key));
  const missing = signing.filter((key) => !signers.includes(key));
  const standIns = signers.filter((key) => retiring.includes(key)).slice(0, missing.length);
  return [...good, ...standIns, ...missing.slice(standIns.length)];
}

function withVariants(
  versions: readonly Version<readonly string[]>[],
  variants: readonly (readonly string[])[],
  now: number,
  lag: Lag,
): Version<readonly string[]>[] {
  const result = [...versions];
  for (const one of result)
    if (one.until === Infinity && !variants.some((variant) => sameKeys(one.value, variant)))
      one.until = now + lag.servers + lag.ttl;
  for (const value of variants)
    if (!result.some((one) => one.until === Infinity && sameKeys(one.value, value)))
      result.push({ value, from: now, until: Infinity });
  return result;
}

const isSameSet = (a: KeySet, b: KeySet): boolean => sameKeys(a.keys, b.keys) && sameKeys(a.signers, b.signers);

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
