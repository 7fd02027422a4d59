import fc from 'fast-check';
import { SeededRandom } from '../../../src/base/random.ts';
import {
  compareCanonicalNames,
  lowerName,
  type Name,
  nameKey,
  parentName,
  prependLabel,
} from '../../../src/wire/name.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { Arena, type VersionRef } from '../../../src/zone/store/arena.ts';
import { ExtentPool } from '../../../src/zone/store/extent-pool.ts';
import { NODE } from '../../../src/zone/store/layout.ts';
import { compareRdata } from '../../../src/zone/store/rdata-order.ts';
import { hashedOwner } from '../../../src/zone/store/zone-loader.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { ZoneStore } from '../../../src/zone/store/zone-store.ts';

/** A record as tests have it. */
export interface TestRecord {
  readonly owner: Name;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Uint8Array;
}

export const APEX = mustName('zone.example.');

export function newStore(apex: Name = APEX, mebibytes = 64): { arena: Arena; pool: ExtentPool; store: ZoneStore } {
  const arena = Arena.create(mebibytes << 20, new SeededRandom(7));
  const pool = new ExtentPool(arena);
  return { arena, pool, store: new ZoneStore({ apex }, { arena, extents: pool }) };
}

export function soaRecord(serial: number, apex: Name = APEX): TestRecord {
  const numbers = new Uint8Array(20);
  new DataView(numbers.buffer).setUint32(0, serial);
  return { owner: apex, type: TYPE.SOA, ttl: 3600, rdata: Uint8Array.from([...apex, ...apex, ...numbers]) };
}

export function load(store: ZoneStore, records: readonly TestRecord[]): VersionRef {
  const loader = store.load();
  for (const { owner, type, ttl, rdata } of records) loader.add(owner, 0, type, ttl, rdata, 0, rdata.length);
  return loader.finish();
}

/** What a node is expected to hold: per type covered the TTL, data and signatures, each sorted and as hexadecimal. */
export interface ModelRRset {
  ttl: number;
  rdatas: Uint8Array[];
  signatures: Uint8Array[];
}

/** The store as a map and sorted arrays: slow, and too simple to be wrong in the same way. */
export class Model {
  readonly main = new Map<string, { owner: Name; rrsets: Map<number, ModelRRset> }>();
  /** By hash as Latin-1. */
  readonly hashed = new Map<string, { owner: Name; rrsets: Map<number, ModelRRset> }>();

  static of(records: readonly TestRecord[]): Model {
    const model = new Model();
    for (const { owner, type, ttl, rdata } of records) model.add(owner, type, ttl, rdata, false);
    return model;
  }

  clone(): Model {
    const copy = new Model();
    for (const [key, { owner, rrsets }] of this.main) copy.main.set(key, { owner, rrsets: structuredClone(rrsets) });
    for (const [key, { owner, rrsets }] of this.hashed)
      copy.hashed.set(key, { owner, rrsets: structuredClone(rrsets) });
    return copy;
  }

  #rrset(owner: Name, type: number): ModelRRset {
    const tree = type === TYPE.NSEC3 ? this.hashed : this.main;
    const key = nameKey(owner);
    const node = tree.get(key) ?? { owner, rrsets: new Map<number, ModelRRset>() };
    tree.set(key, node);
    const rrset = node.rrsets.get(type) ?? { ttl: -1, rdatas: [], signatures: [] };
    node.rrsets.set(type, rrset);
    return rrset;
  }

  /** With `lastTtlWins` as edits do, otherwise as loads. */
  add(owner: Name, type: number, ttl: number, rdata: Uint8Array, lastTtlWins: boolean): void {
    const isSignature = type === TYPE.RRSIG;
    const rrset = this.#rrset(owner, isSignature ? (rdata[0] << 8) | rdata[1] : type);
    const isFirst = rrset.ttl < 0 || (!isSignature && rrset.rdatas.length === 0);
    const setsTtl = lastTtlWins && (!isSignature || rrset.rdatas.length === 0);
    if (isFirst || setsTtl) rrset.ttl = ttl;
    if (isSignature) insert(TYPE.RRSIG, rrset.signatures, rdata);
    else insert(type, rrset.rdatas, rdata);
  }

  delete(owner: Name, type: number, rdata: Uint8Array): void {
    const isSignature = type === TYPE.RRSIG;
    const rrset = this.#rrset(owner, isSignature ? (rdata[0] << 8) | rdata[1] : type);
    const list = isSignature ? rrset.signatures : rrset.rdatas;
    const at = list.findIndex((other) => compareRdata(type, other, 0, other.length, rdata, 0, rdata.length) === 0);
    if (at >= 0) list.splice(at, 1);
    this.prune();
  }

  set(owner: Name, type: number, ttl: number, rdatas: readonly Uint8Array[]): void {
    const rrset = this.#rrset(owner, type);
    rrset.ttl = ttl;
    rrset.signatures = [];
    rrset.rdatas = [];
    for (const rdata of rdatas) insert(type, rrset.rdatas, rdata);
    this.prune();
  }

  prune(): void {
    for (const tree of [this.main, this.hashed])
      for (const [key, node] of tree) {
        for (const [type, rrset] of node.rrsets)
          if (rrset.rdatas.length + rrset.signatures.length === 0) node.rrsets.delete(type);
        if (node.rrsets.size === 0) tree.delete(key);
      }
  }

  /** All names that exist, empty non-terminals included, in canonical order. */
  names(): Name[] {
    const names = new Map<string, Name>([[nameKey(APEX), APEX]]);
    for (const { owner } of this.main.values())
      for (let name = owner; name.length > APEX.length; name = parentName(name))
        if (!names.has(nameKey(name))) names.set(nameKey(name), name);
    return [...names.values()].sort(compareCanonicalNames);
  }

  hides(name: Name): boolean {
    const rrsets = this.main.get(nameKey(name))?.rrsets;
    const has = (type: number): boolean => (rrsets?.get(type)?.rdatas.length ?? 0) > 0;
    return has(TYPE.DNAME) || (has(TYPE.NS) && name.length > APEX.length);
  }

  flags(name: Name): number {
    const wildcard = prependLabel(Uint8Array.of(0x2a), name);
    const hasWildcard = wildcard !== undefined && this.names().some((other) => nameKey(other) === nameKey(wildcard));
    const extra = hasWildcard ? NODE.WILDCARD_CHILD : 0;
    if (name.length === APEX.length) return NODE.APEX | extra;
    for (let above = parentName(name); above.length >= APEX.length; above = parentName(above)) {
      if (this.hides(above)) return NODE.OCCLUDED | extra;
      if (above.length === APEX.length) break;
    }
    const ns = this.main.get(nameKey(name))?.rrsets.get(TYPE.NS);
    return (ns !== undefined && ns.rdatas.length > 0 ? NODE.DELEGATION : 0) | extra;
  }

  /** One line a record, for comparing. */
  lines(): string[] {
    const lines: string[] = [];
    for (const { owner, rrsets } of [...this.main.values(), ...this.hashed.values()])
      for (const [type, { ttl, rdatas, signatures }] of rrsets) {
        for (const rdata of rdatas) lines.push(line(owner, type, ttl, rdata));
        for (const rdata of signatures) lines.push(line(owner, TYPE.RRSIG, ttl, rdata));
      }
    return lines.sort();
  }
}

export function line(owner: Name, type: number, ttl: number, rdata: Uint8Array): string {
  return `${Buffer.from(lowerName(owner)).toString('hex')} ${type} ${ttl} ${Buffer.from(rdata).toString('hex')}`;
}

/** All records of a version, one line each. */
export function versionLines(arena: Arena, version: VersionRef): string[] {
  const reader = new ZoneReader(arena).open(version);
  const lines: string[] = [];
  const visit = (node: number): void => {
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const ttl = reader.ttl(rrset);
      for (const rdata of reader.rdataAll(rrset)) lines.push(line(reader.owner(node), reader.type(rrset), ttl, rdata));
      for (const rdata of reader.signaturesAll(rrset)) lines.push(line(reader.owner(node), TYPE.RRSIG, ttl, rdata));
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) visit(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) visit(node);
  return lines.sort();
}

function insert(type: number, list: Uint8Array[], rdata: Uint8Array): void {
  const order = (other: Uint8Array): number => compareRdata(type, other, 0, other.length, rdata, 0, rdata.length);
  if (list.some((other) => order(other) === 0)) return;
  const at = list.findIndex((other) => order(other) > 0);
  list.splice(at < 0 ? list.length : at, 0, rdata);
}

// Generators. Few labels, so that names meet, lie below each other and differ by case only.

const label = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('a', 'b', 'B', 'ab', '*', 'ns', 'z').map((text) => Buffer.from(text)) },
  { weight: 2, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 60, maxLength: 63 }) },
);

export const ownerName: fc.Arbitrary<Name> = fc.array(label, { maxLength: 4 }).map((labels) => {
  let name: Name = APEX;
  for (const one of labels) name = prependLabel(one, name) ?? name;
  return name;
});

const address = fc.integer({ min: 0, max: 3 }).map((last) => Uint8Array.of(192, 0, 2, last));
const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

function rrsigRdata(covered: number, ttl: number, signer: Name, signature: Uint8Array): Uint8Array {
  const fixed = Uint8Array.of(covered >> 8, covered, 13, 2, 0, 0, ttl >> 8, ttl, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
  return Uint8Array.from([...fixed, ...signer, ...signature]);
}

const ttl = fc.constantFrom(300, 3600);
const bitmap = Uint8Array.of(0, 6, 0x40, 1, 0, 0, 0, 3);
const signer = fc.constantFrom(APEX, mustName('other.example.'), mustName('ZONE.example.'), mustName('.'));

const hash = fc.tuple(octets(1), fc.constantFrom(0, 255)).map(([first, rest]) => {
  return Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? first[0] : rest));
});

export const record: fc.Arbitrary<TestRecord> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ owner: ownerName, type: fc.constant(TYPE.A), ttl, rdata: address }) },
  { weight: 2, arbitrary: fc.record({ owner: ownerName, type: fc.constant(TYPE.NS), ttl, rdata: ownerName }) },
  { weight: 1, arbitrary: fc.record({ owner: ownerName, type: fc.constant(TYPE.DNAME), ttl, rdata: ownerName }) },
  { weight: 1, arbitrary: fc.record({ owner: ownerName, type: fc.constant(TYPE.TXT), ttl, rdata: octets(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      owner: ownerName,
      type: fc.constant(TYPE.NSEC),
      ttl,
      rdata: fc.oneof(ownerName, signer).map((next) => Uint8Array.from([...next, ...bitmap])),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(ownerName, fc.constantFrom(1, 2, 47), ttl, ttl, signer, octets(4))
      .map(([owner, covered, recordTtl, originalTtl, name, signature]) => ({
        owner,
        type: TYPE.RRSIG,
        ttl: recordTtl,
        rdata: rrsigRdata(covered, originalTtl, name, signature),
      })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(hash, fc.boolean(), ttl, octets(4)).map(([owner, isSignature, recordTtl, rest]) => ({
      owner: hashedOwner(owner, APEX),
      type: isSignature ? TYPE.RRSIG : TYPE.NSEC3,
      ttl: recordTtl,
      rdata: isSignature ? rrsigRdata(TYPE.NSEC3, recordTtl, APEX, rest) : Uint8Array.from([1, 0, 0, 0, ...rest]),
    })),
  },
);
