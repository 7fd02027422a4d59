import { SignetError } from '../../base/error.ts';
import { equalOctets } from '../../base/octets.ts';
import { equalNames, MAX_NAME_LENGTH, type Name, uncheckedName } from '../../wire/name.ts';
import { nameToText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { Arena, NodeRef, RRsetRef, VersionRef } from './arena.ts';
import { byHash, byOwner, type NodeOrder } from './ordered-index.ts';
import { rrsetOf } from './version-builder.ts';
import { compareRdata, sortRdata } from './rdata-order.ts';
import { rrsetEnd } from './record-writer.ts';
import { TreeCursor } from './tree-cursor.ts';
import { VERSION } from './version.ts';
import { ZoneReader } from './zone-reader.ts';

/** Gets the records that differ. Owner and RDATA are valid during the call only. */
export interface DiffSink {
  deleted(owner: Name, type: number, ttl: number, rdata: Uint8Array): void;
  added(owner: Name, type: number, ttl: number, rdata: Uint8Array): void;
}

/**
 * Tells what one version has and the other has not, RRSIG and NSEC3 records included: the SOA records first when they
 * differ (deleted, then added), then both sides mixed in canonical order of owners, those of NSEC3 last. Records differ
 * also when only their TTL or the case of letters in their RDATA does. Time goes with the difference when one version
 * was made from the other by edits; otherwise all records are compared.
 * @throws SignetError DIFF_ZONES when they are versions of different zones
 */
export function diffVersions(arena: Arena, from: VersionRef, to: VersionRef, sink: DiffSink): void {
  if (from === to) return;
  new VersionDiff(arena, from, to, sink).run();
}

class VersionDiff {
  readonly #arena: Arena;
  readonly #from: ZoneReader;
  readonly #to: ZoneReader;
  readonly #sink: DiffSink;
  readonly #owner = new Uint8Array(MAX_NAME_LENGTH);

  constructor(arena: Arena, from: VersionRef, to: VersionRef, sink: DiffSink) {
    this.#arena = arena;
    this.#from = new ZoneReader(arena).open(from);
    this.#to = new ZoneReader(arena).open(to);
    this.#sink = sink;
    if (equalNames(this.#from.apex, this.#to.apex)) return;
    const zones = [this.#from.apex, this.#to.apex].map(nameToText);
    throw new SignetError('DIFF_ZONES', `versions of ${zones.join(' and ')} cannot be compared: take one zone`, {
      from: zones[0],
      to: zones[1],
    });
  }

  run(): void {
    this.#soa();
    this.#trees(VERSION.TREE, byOwner);
    this.#trees(VERSION.HASH_TREE, byHash);
  }

  #soa(): void {
    const a = rrsetOf(this.#arena.u32, this.#from.apexNode, TYPE.SOA);
    const b = rrsetOf(this.#arena.u32, this.#to.apexNode, TYPE.SOA);
    if (a !== b) this.#data(this.#from.apexNode, a, this.#to.apexNode, b);
  }

  #trees(root: number, order: NodeOrder): void {
    const { u32 } = this.#arena;
    const a = new TreeCursor(this.#arena);
    const b = new TreeCursor(this.#arena);
    a.root = u32[this.#from.version + root];
    b.root = u32[this.#to.version + root];
    a.first();
    b.first();
    let nodeA = moveToDifference(a, b);
    let nodeB = b.peek();
    while (nodeA !== 0 || nodeB !== 0) {
      const place = nodeA === 0 ? 1 : nodeB === 0 ? -1 : order(this.#arena, nodeA, nodeB);
      if (place <= 0) a.next();
      if (place >= 0) b.next();
      this.#nodes(place <= 0 ? nodeA : 0, place >= 0 ? nodeB : 0);
      nodeA = moveToDifference(a, b);
      nodeB = b.peek();
    }
  }

  /** Two nodes with the same owner, or one (the other 0). RRsets are by ascending type. */
  #nodes(a: NodeRef, b: NodeRef): void {
    const countA = a === 0 ? 0 : this.#from.rrsetCount(a);
    const countB = b === 0 ? 0 : this.#to.rrsetCount(b);
    for (let i = 0, j = 0; i < countA || j < countB;) {
      const rrsetA = i < countA ? this.#from.rrsetAt(a, i) : 0;
      const rrsetB = j < countB ? this.#to.rrsetAt(b, j) : 0;
      const typeA = rrsetA === 0 ? 0x10000 : this.#from.type(rrsetA);
      const typeB = rrsetB === 0 ? 0x10000 : this.#to.type(rrsetB);
      if (typeA <= typeB) i++;
      if (typeB <= typeA) j++;
      this.#rrsets(a, typeA <= typeB ? rrsetA : 0, b, typeB <= typeA ? rrsetB : 0);
    }
  }

  #rrsets(a: NodeRef, rrsetA: RRsetRef, b: NodeRef, rrsetB: RRsetRef): void {
    if (rrsetA === rrsetB || (rrsetA !== 0 && rrsetB !== 0 && this.#sameOctets(rrsetA, rrsetB))) return;
    // The SOA record was told first.
    const type = this.#from.type(rrsetA || rrsetB);
    if (type !== TYPE.SOA || !this.#isApex(a, b)) this.#data(a, rrsetA, b, rrsetB);
    this.#signatures(a, rrsetA, b, rrsetB);
  }

  #isApex(a: NodeRef, b: NodeRef): boolean {
    return (a !== 0 && a === this.#from.apexNode) || (b !== 0 && b === this.#to.apexNode);
  }

  #sameOctets(a: RRsetRef, b: RRsetRef): boolean {
    const { u8, u32 } = this.#arena;
    const length = rrsetEnd(u8, u32, a) - 4 * a;
    if (length !== rrsetEnd(u8, u32, b) - 4 * b) return false;
    for (let i = 0; i < length; i++) if (u8[4 * a + i] !== u8[4 * b + i]) return false;
    return true;
  }

  #data(a: NodeRef, rrsetA: RRsetRef, b: NodeRef, rrsetB: RRsetRef): void {
    const before = rrsetA === 0 ? [] : this.#from.rdataAll(rrsetA);
    const after = rrsetB === 0 ? [] : this.#to.rdataAll(rrsetB);
    this.#records(this.#from.type(rrsetA || rrsetB), a, rrsetA, before, b, rrsetB, after);
  }

  #signatures(a: NodeRef, rrsetA: RRsetRef, b: NodeRef, rrsetB: RRsetRef): void {
    const before = rrsetA === 0 ? [] : sortRdata(TYPE.RRSIG, this.#from.signaturesAll(rrsetA));
    const after = rrsetB === 0 ? [] : sortRdata(TYPE.RRSIG, this.#to.signaturesAll(rrsetB));
    this.#records(TYPE.RRSIG, a, rrsetA, before, b, rrsetB, after);
  }

  /** Merges two lists in canonical order. */
  #records(
    type: number,
    a: NodeRef,
    rrsetA: RRsetRef,
    before: readonly Uint8Array[],
    b: NodeRef,
    rrsetB: RRsetRef,
    after: readonly Uint8Array[],
  ): void {
    const ttlA = rrsetA === 0 ? 0 : this.#from.ttl(rrsetA);
    const ttlB = rrsetB === 0 ? 0 : this.#to.ttl(rrsetB);
    for (let i = 0, j = 0; i < before.length || j < after.length;) {
      const place = i >= before.length ? 1 : j >= after.length ? -1 : compareWhole(type, before[i], after[j]);
      const isShared = place === 0 && ttlA === ttlB && equalOctets(before[i], after[j]);
      if (place <= 0 && !isShared) this.#sink.deleted(this.#ownerOf(this.#from, a), type, ttlA, before[i]);
      if (place >= 0 && !isShared) this.#sink.added(this.#ownerOf(this.#to, b), type, ttlB, after[j]);
      if (place <= 0) i++;
      if (place >= 0) j++;
    }
  }

  #ownerOf(reader: ZoneReader, node: NodeRef): Name {
    return uncheckedName(this.#owner.subarray(0, reader.copyOwner(node, this.#owner, 0)));
  }
}

function compareWhole(type: number, a: Uint8Array, b: Uint8Array): number {
  return compareRdata(type, a, 0, a.length, b, 0, b.length);
}

/** Moves both cursors over all that the trees share; returns the next node of the first, 0 at its end. */
function moveToDifference(a: TreeCursor, b: TreeCursor): NodeRef {
  for (;;) {
    const node = a.peek();
    if (node === 0 || node !== b.peek()) return node;
    if (!skipSharedPage(a, b)) {
      a.next();
      b.next();
    }
  }
}

/** Skips the largest page that both cursors are at the beginning of; false when there is none. */
function skipSharedPage(a: TreeCursor, b: TreeCursor): boolean {
  for (let levelA = 0; levelA < a.depth; levelA++) {
    const page = a.pageBegunAt(levelA);
    if (page === 0) continue;
    for (let levelB = 0; levelB < b.depth; levelB++) {
      if (b.pageBegunAt(levelB) !== page) continue;
      a.skipPage(levelA);
      b.skipPage(levelB);
      return true;
    }
  }
  return false;
}
