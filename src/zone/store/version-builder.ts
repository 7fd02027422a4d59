import { soaSerial } from '../../wire/rdata/soa.ts';
import { SignetError } from '../../base/error.ts';
import type { Name } from '../../wire/name.ts';
import { nameToText } from '../../wire/name-text.ts';
import { TYPE } from '../../wire/type-codes.ts';
import type { Arena, NodeRef, VersionRef } from './arena.ts';
import { GrowingUint32 } from './growing.ts';
import { HashIndexWriter, type NodeChanges } from './hash-index.ts';
import { NODE, nodeOwnerAt, nodeOwnerLength, nodeRRsetCount, RRSET_HEAD_OCTETS } from './layout.ts';
import { byHash, byOwner, OrderedIndexWriter, type NodeOrder } from './ordered-index.ts';
import { equalFolded } from './owner-order.ts';
import { copyEntry, entryLength } from './rdata-entry.ts';
import { nodeWords, rrsetWords, type RecordWriter } from './record-writer.ts';
import { writeVersion, type Denial } from './version.ts';

/** What a version says about its apex node. */
export interface ApexFacts {
  readonly serial: number;
  readonly denial: Denial;
}

/** @throws SignetError ZONE_WITHOUT_SOA */
export function apexFacts(arena: Arena, apexNode: NodeRef, apex: Name): ApexFacts {
  const soa = apexNode === 0 ? 0 : rrsetOf(arena.u32, apexNode, TYPE.SOA);
  if (soa === 0 || (arena.u32[soa] & 0xffff) === 0)
    throw new SignetError('ZONE_WITHOUT_SOA', `zone ${nameToText(apex)} has no SOA record at its apex: add one`, {
      zone: nameToText(apex),
    });
  const position = 4 * soa + RRSET_HEAD_OCTETS;
  const length = entryLength(arena.u8, position, apex.length);
  const rdata = new Uint8Array(length);
  copyEntry(arena.u8, arena.u32, position, apex, apex.length, rdata, 0);
  const serial = soaSerial(rdata);
  const denial =
    rrsetOf(arena.u32, apexNode, TYPE.NSEC3PARAM) !== 0
      ? 'nsec3'
      : rrsetOf(arena.u32, apexNode, TYPE.NSEC) !== 0
        ? 'nsec'
        : 'none';
  return { serial, denial };
}

/** The RRset of a type at a node, or 0. */
export function rrsetOf(u32: Uint32Array, node: NodeRef, type: number): number {
  for (let i = 1, end = nodeRRsetCount(u32[node]); i <= end; i++) {
    const rrset = u32[node + i];
    if (u32[rrset] >>> 16 === type) return rrset;
  }
  return 0;
}

/** Records of a node, RRSIGs counted. */
export function recordsOf(u32: Uint32Array, node: NodeRef): number {
  let records = 0;
  for (let i = 1, end = nodeRRsetCount(u32[node]); i <= end; i++) {
    const rrset = u32[node + i];
    records += (u32[rrset] & 0xffff) + (u32[rrset + 2] >>> 22);
  }
  return records;
}

/** True when names below a node with these RRsets are not in the zone: a cut, or a DNAME (RFC 6672 section 2.4). */
export function hidesNamesBelow(
  u32: Uint32Array,
  rrsets: ArrayLike<number>,
  start: number,
  count: number,
  isApex: boolean,
): boolean {
  for (let i = start; i < start + count; i++) {
    const type = u32[rrsets[i]] >>> 16;
    if ((u32[rrsets[i]] & 0xffff) === 0) continue;
    if (type === TYPE.DNAME || (type === TYPE.NS && !isApex)) return true;
  }
  return false;
}

/** Flags of a node in the main tree but WILDCARD_CHILD. */
export function flagsOf(
  u32: Uint32Array,
  rrsets: ArrayLike<number>,
  start: number,
  count: number,
  isApex: boolean,
  occluded: boolean,
): number {
  if (isApex) return NODE.APEX;
  if (occluded) return NODE.OCCLUDED;
  for (let i = start; i < start + count; i++)
    if (u32[rrsets[i]] >>> 16 === TYPE.NS && (u32[rrsets[i]] & 0xffff) !== 0) return NODE.DELEGATION;
  return 0;
}

function isWildcardOwner(u8: Uint8Array, at: number, length: number): boolean {
  return length >= 2 && u8[at] === 1 && u8[at + 1] === 0x2a;
}

/**
 * Makes a version from new nodes in order: adds the empty non-terminals between them, sets all flags, and builds the
 * indexes. `nodes` begins with the apex; both lists are refs of nodes that no version has yet.
 * @throws SignetError NODES_ORDER, ZONE_WITHOUT_SOA
 */
export function buildVersion(writer: RecordWriter, nodes: Uint32Array, hashNodes: Uint32Array): VersionRef {
  const { space } = writer;
  const { arena } = space;
  const apex = writer.apex as Name;
  const facts = apexFacts(arena, firstIsApex(arena, nodes) ? nodes[0] : 0, apex);
  const all = new NonTerminals(writer).complete(nodes);
  markHashed(arena, hashNodes);
  let records = 0;
  let live = 0;
  for (const node of all) {
    records += recordsOf(arena.u32, node);
    live += wordsOf(arena, node);
  }
  for (const node of hashNodes) {
    records += recordsOf(arena.u32, node);
    live += wordsOf(arena, node);
  }
  const index = new HashIndexWriter(arena, space, inserted(all));
  const indexRoot = index.apply(0);
  const tree = buildTree(writer, all, byOwner);
  const hashTree = buildTree(writer, hashNodes, byHash);
  return writeVersion(space, {
    apex,
    apexLabels: labelsOf(apex),
    ...facts,
    nodes: all.length,
    records,
    hashes: hashNodes.length,
    tree: tree.root,
    hashTree: hashTree.root,
    index: indexRoot,
    apexNode: all[0],
    live: live + index.allocatedWords + tree.words + hashTree.words,
  });
}

/** Words of a node with its RRsets. */
function wordsOf(arena: Arena, node: NodeRef): number {
  const { u8, u32 } = arena;
  let words = nodeWords(u32, node);
  for (let i = 1, end = nodeRRsetCount(u32[node]); i <= end; i++) words += rrsetWords(u8, u32, u32[node + i]);
  return words;
}

function labelsOf(apex: Uint8Array): number {
  let labels = 0;
  for (let at = 0; apex[at] !== 0; at += apex[at] + 1) labels++;
  return labels;
}

function firstIsApex(arena: Arena, nodes: Uint32Array): boolean {
  return nodes.length > 0 && nodeOwnerLength(arena.u32[nodes[0]]) === 0;
}

function inserted(nodes: Uint32Array): NodeChanges {
  return { count: nodes.length, before: new Uint32Array(nodes.length), after: nodes };
}

function buildTree(writer: RecordWriter, nodes: Uint32Array, order: NodeOrder): { root: number; words: number } {
  const tree = new OrderedIndexWriter(writer.space.arena, writer.space, order, inserted(nodes));
  return { root: tree.apply(0), words: tree.allocatedWords };
}

function markHashed(arena: Arena, nodes: Uint32Array): void {
  for (let i = 0; i < nodes.length; i++) {
    if (i > 0 && byHash(arena, nodes[i - 1], nodes[i]) >= 0) outOfOrder('NSEC3', i);
    setFlags(arena.u32, nodes[i], NODE.HASHED);
  }
}

function outOfOrder(kind: string, index: number): never {
  throw new SignetError(
    'NODES_ORDER',
    `${kind} node ${index} is not behind the one before it in canonical order: sort the nodes, give each owner once`,
    { kind, index },
  );
}

function setFlags(u32: Uint32Array, node: NodeRef, flags: number): void {
  u32[node] = (u32[node] & 0xff00ffff) | (flags << 16);
}

/** One walk in canonical order, with the path from the apex to the present node at hand. */
class NonTerminals {
  readonly #writer: RecordWriter;
  readonly #arena: Arena;
  readonly #out = new GrowingUint32();
  /** Per depth (labels left of the apex): the node of the path, and whether it hides the names below it. */
  readonly #path = new Uint32Array(128);
  readonly #hides = new Uint8Array(128);
  /** Offsets of the labels of the present owner. */
  readonly #starts = new Uint8Array(128);

  constructor(writer: RecordWriter) {
    this.#writer = writer;
    this.#arena = writer.space.arena;
  }

  complete(nodes: Uint32Array): Uint32Array {
    let depthBefore = 0;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i];
      const { u32 } = this.#arena;
      if (i > 0 && byOwner(this.#arena, nodes[i - 1], node) >= 0) outOfOrder('zone', i);
      const at = nodeOwnerAt(node, u32[node]);
      const depth = this.#readLabels(at, at + nodeOwnerLength(u32[node]));
      const shared = i === 0 ? 0 : this.#sharedDepth(at, depth, Math.min(depth - 1, depthBefore));
      for (let missing = shared + 1; missing < depth; missing++) this.#addEmpty(node, depth, missing);
      this.#add(node, depth);
      depthBefore = depth;
    }
    return this.#out.view();
  }

  #readLabels(at: number, end: number): number {
    const { u8 } = this.#arena;
    let depth = 0;
    for (let here = at; here < end; here += u8[here] + 1) this.#starts[depth++] = here - at;
    return depth;
  }

  /** The deepest node of the path, at most at depth `limit`, that is an ancestor of the owner at `at`. */
  #sharedDepth(at: number, depth: number, limit: number): number {
    const { u8, u32 } = this.#arena;
    const end = at + this.#starts[depth - 1] + u8[at + this.#starts[depth - 1]] + 1;
    for (let shared = limit; shared > 0; shared--) {
      const ancestor = this.#path[shared];
      const from = at + this.#starts[depth - shared];
      const length = nodeOwnerLength(u32[ancestor]);
      if (length === end - from && equalFolded(u8, from, u8, nodeOwnerAt(ancestor, u32[ancestor]), length))
        return shared;
    }
    return 0;
  }

  #addEmpty(below: NodeRef, depth: number, missing: number): void {
    const { u8, u32 } = this.#arena;
    const at = nodeOwnerAt(below, u32[below]);
    const from = at + this.#starts[depth - missing];
    this.#add(this.#writer.writeNode(0, u8, from, at + nodeOwnerLength(u32[below]) - from, [], 0), missing);
  }

  #add(node: NodeRef, depth: number): void {
    const { u8, u32 } = this.#arena;
    const head = u32[node];
    const count = nodeRRsetCount(head);
    const occluded = depth > 0 && this.#hides[depth - 1] !== 0;
    setFlags(u32, node, flagsOf(u32, u32, node + 1, count, depth === 0, occluded));
    if (isWildcardOwner(u8, nodeOwnerAt(node, head), nodeOwnerLength(head)))
      u32[this.#path[depth - 1]] |= NODE.WILDCARD_CHILD << 16;
    this.#path[depth] = node;
    this.#hides[depth] = occluded || hidesNamesBelow(u32, u32, node + 1, count, depth === 0) ? 1 : 0;
    this.#out.push(node);
  }
}
