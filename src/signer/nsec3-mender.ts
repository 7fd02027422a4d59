import { compareOctets, concatOctets, toHex } from '../base/octets.ts';
import { NSEC3_HASH_LENGTH, nsec3Hash } from '../crypto/nsec3-hash.ts';
import { isWithin, nameKey, type Name } from '../wire/name.ts';
import { TYPE } from '../wire/type-codes.ts';
import { NODE } from '../zone/store/layout.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { nsec3Head } from './apex-rrsets.ts';
import { nsec3Collision } from './hash-records.ts';
import { OPT_OUT } from './hash-slice.ts';
import { collectTypes } from './name-slice.ts';
import { roleOf, type NodeRole } from './node-role.ts';
import { addApexTypes, type ChainChange } from './nsec-mender.ts';
import { nsec3Owner } from './nsec3-owner.ts';
import { isSameRdataAs } from './same-rdata.ts';
import type { Denial } from './signing-parameters.ts';
import { MAX_BITMAP_LENGTH, TypeSet } from './type-set.ts';
import type { AffectedName } from './version-update.ts';

type Nsec3Denial = Extract<Denial, { kind: 'nsec3' }>;

/**
 * Mends the NSEC3 chain after a change of data: adds, removes and changes the records of affected names and of the empty
 * non-terminals above them, and leads the records before them to the right next hash.
 * @throws SignetError NSEC3_COLLISION when a new name has the hash of another
 */
export function mendNsec3(
  before: ZoneReader,
  middle: ZoneReader,
  affected: readonly AffectedName[],
  ttl: number,
  denial: Nsec3Denial,
  change: ChainChange,
): void {
  const wishes = new Wishes(middle, affected, denial.optOut);
  const chain = new HashChain(middle);
  const bitmaps = new Map<string, Uint8Array>();
  for (const name of affected) {
    const hash = nsec3Hash(name.owner, denial.salt, denial.iterations);
    const isThere = middle.findHash(hash) !== 0;
    const isWanted = wishes.wants(name);
    if (isWanted && isThere && !mayHaveHad(before, name, denial.optOut)) throw nsec3Collision(hash);
    if (isWanted) {
      if (!isThere && chain.isAdded(hash)) throw nsec3Collision(hash);
      bitmaps.set(toHex(hash), bitmapOf(middle, name));
      chain.keep(hash, !isThere);
    } else if (isThere && mayHaveHad(before, name, denial.optOut)) {
      chain.remove(hash);
      change.remove(nsec3Owner(hash, middle.apex), TYPE.NSEC3);
    }
  }
  chain.settle();
  const head = nsec3Head(denial.optOut ? OPT_OUT : 0, denial.iterations, denial.salt);
  for (const hash of chain.toMend()) {
    const bitmap = bitmaps.get(toHex(hash)) ?? chain.bitmapAt(hash);
    const length = new Uint8Array([NSEC3_HASH_LENGTH]);
    const rdata = concatOctets([head, length, chain.next(hash), bitmap]);
    const node = middle.findHash(hash);
    const found = node === 0 ? 0 : middle.rrset(node, TYPE.NSEC3);
    if (found !== 0 && middle.ttl(found) === ttl && isSameRdataAs(middle, found, [rdata])) continue;
    change.set({ owner: nsec3Owner(hash, middle.apex), type: TYPE.NSEC3, ttl, rdatas: [rdata] });
  }
}

/** Whether an NSEC3 with the hash of this name was the name's own in the version before. */
function mayHaveHad(before: ZoneReader, { roleBefore }: AffectedName, optOut: boolean): boolean {
  if (before.hashCount === 0 || roleBefore === 'none' || roleBefore === 'occluded') return false;
  return !(optOut && roleBefore === 'insecure delegation');
}

/** Which names get an NSEC3. */
class Wishes {
  readonly #reader: ZoneReader;
  readonly #optOut: boolean;
  /** Ancestors of affected names that have one: with opt-out these need no search. */
  readonly #leading = new Set<string>();

  constructor(reader: ZoneReader, affected: readonly AffectedName[], optOut: boolean) {
    this.#reader = reader;
    this.#optOut = optOut;
    if (!optOut) return;
    for (const { owner, roleAfter } of affected) if (isSure(roleAfter)) this.#lead(owner);
  }

  #lead(owner: Name): void {
    const { apex } = this.#reader;
    for (let at = 0; owner.length - at > apex.length; at += owner[at] + 1)
      this.#leading.add(nameKey(owner.subarray(at) as Name));
  }

  wants({ owner, roleAfter }: AffectedName): boolean {
    if (roleAfter === 'none' || roleAfter === 'occluded') return false;
    if (isSure(roleAfter) || !this.#optOut) return true;
    // RFC 5155 section 7.1 with errata 3441: an empty non-terminal that only leads to insecure delegations has none.
    return roleAfter === 'empty' && (this.#leading.has(nameKey(owner)) || leadsToSure(this.#reader, owner));
  }
}

function isSure(role: NodeRole | 'none'): boolean {
  return role === 'authoritative' || role === 'secure delegation';
}

function leadsToSure(reader: ZoneReader, owner: Name): boolean {
  reader.seek(owner);
  for (let node = reader.next(); node !== 0; node = reader.next()) {
    if (isSure(roleOf(reader, node))) return isWithin(reader.owner(node), owner);
    if (!isWithin(reader.owner(node), owner)) return false;
  }
  return false;
}

function bitmapOf(reader: ZoneReader, { owner, roleAfter }: AffectedName): Uint8Array {
  const types = new TypeSet();
  const bitmap = new Uint8Array(MAX_BITMAP_LENGTH);
  if (roleAfter === 'none' || roleAfter === 'empty') return bitmap.subarray(0, 0);
  const node = reader.find(owner);
  collectTypes(reader, node, roleAfter, types);
  if (reader.nodeFlags(node) & NODE.APEX) addApexTypes(reader, types);
  if (isSure(roleAfter)) types.add(TYPE.RRSIG);
  return bitmap.subarray(0, types.write(bitmap, 0));
}

/** The chain of hashes as it will be: that of a version, less what is removed, with what is added. */
class HashChain {
  readonly #reader: ZoneReader;
  readonly #removed = new Set<string>();
  readonly #kept = new Map<string, Uint8Array>();
  readonly #addedKeys = new Set<string>();
  #added: Uint8Array[] = [];

  constructor(reader: ZoneReader) {
    this.#reader = reader;
  }

  keep(hash: Uint8Array, isNew: boolean): void {
    const copy = Uint8Array.from(hash);
    this.#kept.set(toHex(hash), copy);
    if (!isNew) return;
    this.#added.push(copy);
    this.#addedKeys.add(toHex(hash));
  }

  isAdded(hash: Uint8Array): boolean {
    return this.#addedKeys.has(toHex(hash));
  }

  remove(hash: Uint8Array): void {
    this.#removed.add(toHex(hash));
  }

  /** To be called when all is said. */
  settle(): void {
    this.#added = this.#added.toSorted(compareOctets);
    const changed = [...this.#added, ...[...this.#removed].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')))];
    for (const hash of changed) {
      const previous = this.#previous(hash);
      if (previous) this.#kept.set(toHex(previous), previous);
    }
  }

  /** Hashes whose records may have to change. */
  toMend(): Uint8Array[] {
    return [...this.#kept.values()];
  }

  /** The hash after this one; the chain is a circle. */
  next(hash: Uint8Array): Uint8Array {
    const inVersion = this.#nextInVersion(hash);
    const added = this.#added[this.#rank(hash, 1)] ?? this.#added[0];
    if (!inVersion) return added ?? hash;
    if (!added) return inVersion;
    return comesFirst(hash, added, inVersion) ? added : inVersion;
  }

  #previous(hash: Uint8Array): Uint8Array | undefined {
    const inVersion = this.#previousInVersion(hash);
    const added = this.#added[this.#rank(hash, 0) - 1] ?? this.#added.at(-1);
    if (!inVersion) return added;
    // Round the whole circle back to the hash itself: nothing added is nearer than the version's.
    if (!added || compareOctets(added, hash) === 0) return inVersion;
    // Seen from the hash backwards: the one that the other comes before is nearer.
    return comesFirst(hash, inVersion, added) ? added : inVersion;
  }

  /** Number of added hashes before this one, or, with `and` 1, up to it. */
  #rank(hash: Uint8Array, and: 0 | 1): number {
    let low = 0;
    let high = this.#added.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareOctets(this.#added[middle], hash) < and) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #previousInVersion(hash: Uint8Array): Uint8Array | undefined {
    let here = hash;
    for (let steps = this.#removed.size; steps >= 0; steps--) {
      const node = this.#reader.coveringHash(here);
      if (node === 0) return undefined;
      here = this.#hashOf(node);
      if (!this.#removed.has(toHex(here))) return here;
    }
    return undefined;
  }

  #nextInVersion(hash: Uint8Array): Uint8Array | undefined {
    const exact = this.#reader.findHash(hash);
    let node = exact === 0 ? this.#reader.coveringHash(hash) : exact;
    for (let steps = this.#removed.size; node !== 0 && steps >= 0; steps--) {
      const following = this.#nextHashField(node);
      if (!this.#removed.has(toHex(following))) return following;
      node = this.#reader.findHash(following);
    }
    return undefined;
  }

  /** RFC 5155 section 3.2: salt length at octet 4, then salt, hash length, next hashed owner name. */
  #nextHashField(node: number): Uint8Array {
    const rdata = this.#reader.rdataAll(this.#reader.rrset(node, TYPE.NSEC3))[0];
    const at = 5 + rdata[4] + 1;
    return rdata.slice(at, at + NSEC3_HASH_LENGTH);
  }

  bitmapAt(hash: Uint8Array): Uint8Array {
    const rdata = this.#reader.rdataAll(this.#reader.rrset(this.#reader.findHash(hash), TYPE.NSEC3))[0];
    return rdata.subarray(5 + rdata[4] + 1 + NSEC3_HASH_LENGTH);
  }

  #hashOf(node: number): Uint8Array {
    const hash = new Uint8Array(NSEC3_HASH_LENGTH);
    this.#reader.copyHash(node, hash, 0);
    return hash;
  }
}

/** True when, going up from `start` round the circle, `a` is met before `b`; `start` itself is met last. */
function comesFirst(start: Uint8Array, a: Uint8Array, b: Uint8Array): boolean {
  const aIsAfter = compareOctets(a, start) > 0;
  const bIsAfter = compareOctets(b, start) > 0;
  if (aIsAfter !== bIsAfter) return aIsAfter;
  return compareOctets(a, b) < 0;
}
