import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { keyTag } from '../crypto/key-tag.ts';
import { TYPE } from '../wire/type-codes.ts';
import { fingerprintOf } from './expiry-summary.ts';
import { signsType } from './rrset-signer.ts';
import type { SigningParameters } from './signing-parameters.ts';

/*
 * Which keys have signed the zone data of a version. A version that the signer made for the keys K and the retiring keys R is
 * covered by them: every signed RRset has, for each algorithm, as many signatures as K has keys of it, each by a key of K or R.
 * While a ZSK is replaced, R holds the old one and RRsets change over one by one as they come due.
 */

/** Keys by "algorithm/tag". */
interface Coverage {
  readonly fingerprint: string;
  readonly keys: readonly string[];
  readonly all: readonly string[];
}

const coverages = new WeakMap<Arena, Map<VersionRef, Coverage>>();
/** Versions remembered at most: the zones of a large server. The oldest are forgotten and, if need be, looked through again. */
const REMEMBERED = 65536;

/** The version was made for these parameters, or looked through and found to fit them. */
export function rememberCoverage(arena: Arena, version: VersionRef, parameters: SigningParameters): void {
  let known = coverages.get(arena);
  if (!known) coverages.set(arena, (known = new Map<VersionRef, Coverage>()));
  known.delete(version);
  const fingerprint = fingerprintOf(new ZoneReader(arena).open(version));
  known.set(version, { fingerprint, ...namesOf(parameters) });
  if (known.size > REMEMBERED) known.delete(known.keys().next().value!);
}

/**
 * True when it follows from what is remembered that all signatures are by keys of the parameters and none is missing: then only their
 * ends need to be looked at. False when that is not known.
 */
export function isCovered(reader: ZoneReader, parameters: SigningParameters): boolean {
  const known = recall(reader);
  if (known === undefined) return false;
  const wanted = namesOf(parameters);
  // As many signatures as before in each algorithm, and none by a key that is no longer among those of the parameters.
  return isSameCount(known.keys, wanted.keys) && known.all.every((name) => wanted.all.includes(name));
}

/** All keys that may have signed the version, as "algorithm/tag"; undefined when that is not known. */
export function coveringKeys(reader: ZoneReader): readonly string[] | undefined {
  return recall(reader)?.all;
}

function recall(reader: ZoneReader): Coverage | undefined {
  const known = coverages.get(reader.arena)?.get(reader.version);
  return known?.fingerprint === fingerprintOf(reader) ? known : undefined;
}

function namesOf(parameters: SigningParameters): { keys: string[]; all: string[] } {
  const keys = parameters.keys
    .filter((key) => signsType(key, TYPE.SOA))
    .map(({ algorithm, tag }) => `${algorithm}/${tag}`);
  const retiring = (parameters.retiring ?? []).map((dnskey) => `${dnskey[3]}/${keyTag(dnskey)}`);
  return { keys, all: [...keys, ...retiring] };
}

function isSameCount(a: readonly string[], b: readonly string[]): boolean {
  const algorithms = (names: readonly string[]): string =>
    names
      .map((name) => name.split('/')[0])
      .toSorted()
      .join();
  return algorithms(a) === algorithms(b);
}

/** Looks at the signers of one RRset after the other. */
export class SignerCheck {
  /** By algorithm: signatures that are wanted, and those seen at the RRset at hand. */
  readonly #wanted = new Uint8Array(256);
  readonly #seen = new Uint8Array(256);
  readonly #algorithms: readonly number[];
  /** Algorithm and tag of all keys that may have signed. */
  readonly #allowed: ReadonlySet<number>;
  #isForeign = false;

  constructor(parameters: SigningParameters) {
    const { keys, all } = namesOf(parameters);
    const numbersOf = (name: string): number[] => name.split('/').map(Number);
    for (const name of keys) this.#wanted[numbersOf(name)[0]]++;
    this.#algorithms = [...new Set(all.map((name) => numbersOf(name)[0]))];
    this.#allowed = new Set(all.map(numbersOf).map(([algorithm, tag]) => algorithm * 65536 + tag));
  }

  begin(): void {
    this.#isForeign = false;
    for (const algorithm of this.#algorithms) this.#seen[algorithm] = 0;
  }

  see(algorithm: number, tag: number): void {
    if (this.#allowed.has(algorithm * 65536 + tag)) this.#seen[algorithm]++;
    else this.#isForeign = true;
  }

  /** True when the signatures seen since `begin` are as many as wanted, and by the right keys. */
  fits(): boolean {
    if (this.#isForeign) return false;
    for (const algorithm of this.#algorithms) if (this.#seen[algorithm] !== this.#wanted[algorithm]) return false;
    return true;
  }
}
