import type { FoldedName } from '../../wire/folded-name.ts';
import { MAX_NAME_LENGTH, uncheckedName, type Name } from '../../wire/name.ts';
import type { MessageBuilder } from '../../wire/message-writer.ts';
import { HEAD, type Arena, type NodeRef, type RRsetRef, type VersionRef } from './arena.ts';
import { findOwner } from './hash-index.ts';
import {
  MAX_SECTION_OCTETS,
  NODE,
  NSEC3_HASH_OCTETS,
  nodeHeadFlags,
  nodeOwnerAt,
  nodeOwnerLength,
  nodeRRsetCount,
  RRSET_HEAD_OCTETS,
} from './layout.ts';
import { LookupName } from './owner-order.ts';
import {
  copyEntry,
  entryEnd,
  entryLength,
  isLastEntry,
  signatureAlgorithmAt,
  signatureTimesAt,
  writeEntry,
} from './rdata-entry.ts';
import { HashKey, OwnerKey, SubtreeEndKey, TreeCursor } from './tree-cursor.ts';
import { DENIALS, VERSION, type Denial } from './version.ts';

/** Octets of an NSEC3 owner's first label: 32 digits after the length (RFC 5155 section 1.3). */
const HASH_LABEL_OCTETS = 33;
const BASE32HEX = Uint8Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUV', (character) => character.charCodeAt(0));

/**
 * Look-ups in one version at a time. A reader object belongs to one thread and may be opened on any version of any zone
 * of the arena; nothing but the methods that say so allocates. Names are uncompressed wire form in any case, beginning
 * at `at`; a name outside the zone, or octets that are no name, find nothing (0).
 *
 * In a thread that does not own the zone, hold a ReaderEpoch from loading the slot to the last use of a ref.
 */
export class ZoneReader {
  readonly arena: Arena;
  version: VersionRef = 0;
  /** Another for each version, whereas a ref is used again. */
  versionId = 0;
  apexLabels = 0;
  serial = 0;
  nodeCount = 0;
  recordCount = 0;
  /** Number of NSEC3 owners. */
  hashCount = 0;
  apexNode: NodeRef = 0;
  /** What the apex shows: NSEC3PARAM, else NSEC. */
  denial: Denial = 'none';
  /** Labels of what closestEncloser found, the root not counted. */
  matchedLabels = 0;
  readonly #u8: Uint8Array;
  readonly #u32: Uint32Array;
  readonly #seed: number;
  readonly #apexOctets = new Uint8Array(MAX_NAME_LENGTH);
  readonly #apexView = new DataView(this.#apexOctets.buffer);
  #apexLength = 0;
  #apex: Name | undefined;
  #index = 0;
  readonly #name = new LookupName();
  readonly #ownerKey = new OwnerKey(this.#name);
  /** Of `encloserOf`. */
  readonly #asked = new LookupName();
  readonly #askedKey = new OwnerKey(this.#asked);
  readonly #subtreeEndKey = new SubtreeEndKey(this.#name);
  readonly #hashKey = new HashKey();
  readonly #cursor: TreeCursor;
  readonly #hashCursor: TreeCursor;
  /** For look-ups that must not move the built-in cursors. */
  readonly #place: TreeCursor;
  readonly #hashPlace: TreeCursor;

  constructor(arena: Arena) {
    this.arena = arena;
    this.#u8 = arena.u8;
    this.#u32 = arena.u32;
    this.#seed = arena.u32[HEAD.HASH_SEED];
    this.#cursor = new TreeCursor(arena);
    this.#hashCursor = new TreeCursor(arena);
    this.#place = new TreeCursor(arena);
    this.#hashPlace = new TreeCursor(arena);
  }

  /** Allocates nothing. `version` is a ref from a store or a slot, not 0. */
  open(version: VersionRef): this {
    const u32 = this.#u32;
    const apex = u32[version + VERSION.APEX];
    this.version = version;
    this.versionId = u32[version + VERSION.ID];
    this.#copyApex(4 * (version + VERSION.WORDS), apex & 0xff);
    this.apexLabels = (apex >>> 8) & 0xff;
    this.denial = DENIALS[(apex >>> 16) & 0xff];
    this.serial = u32[version + VERSION.SERIAL];
    this.nodeCount = u32[version + VERSION.NODES];
    this.recordCount = u32[version + VERSION.RECORDS];
    this.hashCount = u32[version + VERSION.HASHES];
    this.apexNode = u32[version + VERSION.APEX_NODE];
    this.#index = u32[version + VERSION.INDEX];
    this.#cursor.root = this.#place.root = u32[version + VERSION.TREE];
    this.#hashCursor.root = this.#hashPlace.root = u32[version + VERSION.HASH_TREE];
    return this;
  }

  #copyApex(at: number, length: number): void {
    const octets = this.#apexOctets;
    let same = length === this.#apexLength;
    for (let i = 0; i < length; i++) {
      const octet = this.#u8[at + i];
      if (octets[i] !== octet) same = false;
      octets[i] = octet;
    }
    this.#apexLength = length;
    if (!same) this.#apex = undefined;
  }

  /** A copy, made on the first use after another zone was open. */
  get apex(): Name {
    return (this.#apex ??= uncheckedName(this.#apexOctets.slice(0, this.#apexLength)));
  }

  #setName(name: Uint8Array, at: number): boolean {
    return this.#name.set(name, at, this.#apexOctets, this.#apexLength, this.apexLabels, this.#seed);
  }

  // Names

  /** The node with this owner, empty non-terminals included, NSEC3 owners not. */
  find(name: Uint8Array, at = 0): NodeRef {
    return this.#setName(name, at) ? findOwner(this.arena, this.#index, this.#name, this.#name.labels) : 0;
  }

  /**
   * The deepest node that is the name or an ancestor of it (RFC 4592 section 3.3.1). A node's ancestors are all there,
   * so halving the number of labels finds it with seven probes at most.
   */
  closestEncloser(name: Uint8Array, at = 0): NodeRef {
    return this.#setName(name, at) ? this.#enclose(this.#name) : 0;
  }

  /** The same for a name that is known to be in the zone, and does not change before `predecessorOfAsked`. */
  encloserOf(name: FoldedName): NodeRef {
    this.#asked.use(name, this.apexLabels, this.#seed);
    return this.#enclose(this.#asked);
  }

  #enclose(name: LookupName): NodeRef {
    let low = 0;
    let high = name.labels;
    let node = findOwner(this.arena, this.#index, name, high);
    if (node !== 0) low = high;
    else {
      node = this.apexNode;
      high--;
    }
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      const found = findOwner(this.arena, this.#index, name, middle);
      if (found === 0) high = middle - 1;
      else {
        low = middle;
        node = found;
      }
    }
    this.matchedLabels = this.apexLabels + low;
    return node;
  }

  /** The last node strictly before the name in canonical order, empty non-terminals included; 0 for the apex. */
  predecessor(name: Uint8Array, at = 0): NodeRef {
    if (!this.#setName(name, at)) return 0;
    this.#place.seek(this.#ownerKey);
    return this.#place.previous();
  }

  /** The predecessor of the name that `encloserOf` was asked for last. */
  predecessorOfAsked(): NodeRef {
    this.#place.seek(this.#askedKey);
    return this.#place.previous();
  }

  /** The node behind `predecessorOfAsked`, to be asked for right after it; 0 at the end of the zone. */
  followerOfAsked(): NodeRef {
    this.#place.next();
    return this.#place.next();
  }

  /** Where the arena has the label of a node's owner that is next to the apex; 0 for the apex itself. */
  labelBelowApex(node: NodeRef): number {
    const head = this.#u32[node];
    const { u8 } = this.arena;
    let at = nodeOwnerAt(node, head);
    const end = at + nodeOwnerLength(head);
    if (at === end) return 0;
    for (let next = at + u8[at] + 1; next < end; next += u8[next] + 1) at = next;
    return at;
  }

  // The built-in cursor over the main tree stands between two nodes.

  /** Goes before the name, or before where it would be. A name outside the zone leaves no next and no previous node. */
  seek(name: Uint8Array, at = 0): void {
    if (this.#setName(name, at)) this.#cursor.seek(this.#ownerKey);
    else this.#cursor.root = this.#u32[this.version + VERSION.TREE];
  }

  first(): void {
    this.#cursor.first();
  }

  last(): void {
    this.#cursor.last();
  }

  next(): NodeRef {
    return this.#cursor.next();
  }

  previous(): NodeRef {
    return this.#cursor.previous();
  }

  /** Goes before the node with this index in canonical order (0 is the apex); false when there is none. */
  seekIndex(index: number): boolean {
    return this.#cursor.seekIndex(index);
  }

  /** The node with this index in canonical order, 0 when there is none. */
  nodeAt(index: number): NodeRef {
    return this.#place.seekIndex(index) ? this.#place.next() : 0;
  }

  /** Number of nodes before the name in canonical order; undefined when it is outside the zone. */
  rank(name: Uint8Array, at = 0): number | undefined {
    if (!this.#setName(name, at)) return undefined;
    this.#place.seek(this.#ownerKey);
    return this.#place.index();
  }

  /** Nodes at the name and below it; they follow each other in canonical order. 0 outside the zone. */
  subtreeSize(name: Uint8Array, at = 0): number {
    if (!this.#setName(name, at)) return 0;
    this.#place.seek(this.#ownerKey);
    const from = this.#place.index();
    this.#place.seek(this.#subtreeEndKey);
    return this.#place.index() - from;
  }

  // NSEC3 nodes

  /** The NSEC3 node with this hash. */
  findHash(hash: Uint8Array): NodeRef {
    if (hash.length !== NSEC3_HASH_OCTETS) return 0;
    this.#hashKey.hash = hash;
    this.#hashPlace.seekHash(this.#hashKey);
    const node = this.#hashPlace.next();
    return node !== 0 && this.#hashKey.compareWith(this.arena, node) === 0 ? node : 0;
  }

  /**
   * The NSEC3 node whose hash is the last before this one; before the first it is the last of all, whose next hashed
   * owner wraps round (RFC 5155 section 7.1). 0 without NSEC3. The node with this very hash does not cover it.
   */
  coveringHash(hash: Uint8Array): NodeRef {
    if (hash.length !== NSEC3_HASH_OCTETS || this.hashCount === 0) return 0;
    this.#hashKey.hash = hash;
    this.#hashPlace.seekHash(this.#hashKey);
    const node = this.#hashPlace.previous();
    if (node !== 0) return node;
    this.#hashPlace.last();
    return this.#hashPlace.previous();
  }

  firstHash(): void {
    this.#hashCursor.first();
  }

  nextHash(): NodeRef {
    return this.#hashCursor.next();
  }

  /** Goes before the NSEC3 node with this index in hash order; false when there is none. */
  seekHashIndex(index: number): boolean {
    return this.#hashCursor.seekIndex(index);
  }

  hashAt(index: number): NodeRef {
    return this.#hashPlace.seekIndex(index) ? this.#hashPlace.next() : 0;
  }

  /** Copies the 20 octets of an NSEC3 node's hash; returns the position after them. */
  copyHash(node: NodeRef, out: Uint8Array, at: number): number {
    const from = nodeOwnerAt(node, this.#u32[node]);
    for (let i = 0; i < NSEC3_HASH_OCTETS; i++) out[at + i] = this.#u8[from + i];
    return at + NSEC3_HASH_OCTETS;
  }

  // Nodes

  /** NODE flags. */
  nodeFlags(node: NodeRef): number {
    return nodeHeadFlags(this.#u32[node]);
  }

  /** Octets of the whole owner name. */
  ownerLength(node: NodeRef): number {
    const head = this.#u32[node];
    const hashed = (nodeHeadFlags(head) & NODE.HASHED) !== 0;
    return (hashed ? HASH_LABEL_OCTETS : nodeOwnerLength(head)) + this.#apexLength;
  }

  /** Labels of the whole owner name, the root not counted. */
  ownerLabels(node: NodeRef): number {
    const head = this.#u32[node];
    if ((nodeHeadFlags(head) & NODE.HASHED) !== 0) return this.apexLabels + 1;
    let at = nodeOwnerAt(node, head);
    let labels = this.apexLabels;
    for (const end = at + nodeOwnerLength(head); at < end; at += this.#u8[at] + 1) labels++;
    return labels;
  }

  /** Writes the owner name in wire form; returns the position after it. */
  copyOwner(node: NodeRef, out: Uint8Array, at: number): number {
    const head = this.#u32[node];
    const from = nodeOwnerAt(node, head);
    if ((nodeHeadFlags(head) & NODE.HASHED) !== 0) at = this.#copyHashLabel(from, out, at);
    else for (let i = from, end = from + nodeOwnerLength(head); i < end;) out[at++] = this.#u8[i++];
    for (let i = 0; i < this.#apexLength; i++) out[at++] = this.#apexOctets[i];
    return at;
  }

  /**
   * Appends the owner to a message as labels and a pointer to the apex.
   * @returns false when the name needs more than that (MessageBuilder.nameBelowApex); nothing is written then
   */
  writeOwner(node: NodeRef, message: MessageBuilder): boolean {
    const head = this.#u32[node];
    const at = nodeOwnerAt(node, head);
    if ((nodeHeadFlags(head) & NODE.HASHED) !== 0) {
      this.#copyHashLabel(at, this.#hashLabel, 0);
      return message.nameBelowApex(this.#hashLabel, this.#hashLabelView, 0, HASH_LABEL_OCTETS, 0);
    }
    const end = at + nodeOwnerLength(head);
    let last = at;
    for (let next = at; next < end; next += this.#u8[next] + 1) last = next;
    return message.nameBelowApex(this.#u8, this.arena.view, at, end, last);
  }
  readonly #hashLabel = new Uint8Array(HASH_LABEL_OCTETS);
  readonly #hashLabelView = new DataView(this.#hashLabel.buffer);

  /** True when the labels of the owner left of the apex are octets[start, start + length), in this very case. */
  hasOwner(node: NodeRef, octets: Uint8Array, start: number, length: number): boolean {
    const head = this.#u32[node];
    const at = nodeOwnerAt(node, head);
    if (nodeOwnerLength(head) !== length) return false;
    for (let i = 0; i < length; i++) if (this.#u8[at + i] !== octets[start + i]) return false;
    return true;
  }

  /** True when the apex in the very octets of the zone is octets[at, ...). */
  isApex(octets: Uint8Array, at: number): boolean {
    for (let i = 0; i < this.#apexLength; i++) if (octets[at + i] !== this.#apexOctets[i]) return false;
    return true;
  }

  #copyHashLabel(from: number, out: Uint8Array, at: number): number {
    out[at++] = HASH_LABEL_OCTETS - 1;
    for (let i = 0; i < NSEC3_HASH_OCTETS; i += 5) {
      const high = (this.#u8[from + i] << 12) | (this.#u8[from + i + 1] << 4) | (this.#u8[from + i + 2] >> 4);
      const low = ((this.#u8[from + i + 2] & 15) << 16) | (this.#u8[from + i + 3] << 8) | this.#u8[from + i + 4];
      for (let shift = 15; shift >= 0; shift -= 5) out[at++] = BASE32HEX[(high >> shift) & 31];
      for (let shift = 15; shift >= 0; shift -= 5) out[at++] = BASE32HEX[(low >> shift) & 31];
    }
    return at;
  }

  /** The owner name as a copy. */
  owner(node: NodeRef): Name {
    const name = new Uint8Array(this.ownerLength(node));
    this.copyOwner(node, name, 0);
    return uncheckedName(name);
  }

  // RRsets

  rrsetCount(node: NodeRef): number {
    return nodeRRsetCount(this.#u32[node]);
  }

  /** By ascending type. */
  rrsetAt(node: NodeRef, index: number): RRsetRef {
    return this.#u32[node + 1 + index];
  }

  /** The RRset of this type, or 0. One that holds only RRSIGs (data they cover are missing) has rdataCount 0. */
  rrset(node: NodeRef, type: number): RRsetRef {
    const u32 = this.#u32;
    const end = node + 1 + nodeRRsetCount(u32[node]);
    for (let i = node + 1; i < end; i++) {
      const rrset = u32[i];
      const here = u32[rrset] >>> 16;
      if (here === type) return rrset;
      if (here > type) return 0;
    }
    return 0;
  }

  type(rrset: RRsetRef): number {
    return this.#u32[rrset] >>> 16;
  }

  ttl(rrset: RRsetRef): number {
    return this.#u32[rrset + 1];
  }

  rdataCount(rrset: RRsetRef): number {
    return this.#u32[rrset] & 0xffff;
  }

  signatureCount(rrset: RRsetRef): number {
    return this.#u32[rrset + 2] >>> 22;
  }

  // Positions in an RRset: for (let p = r.firstRdata(rrset); p !== 0; p = r.nextRdata(p))

  firstRdata(rrset: RRsetRef): number {
    return this.rdataCount(rrset) === 0 ? 0 : 4 * rrset + RRSET_HEAD_OCTETS;
  }

  nextRdata(position: number): number {
    return isLastEntry(this.#u8, position) ? 0 : entryEnd(this.#u8, position);
  }

  firstSignature(rrset: RRsetRef): number {
    const counts = this.#u32[rrset + 2];
    return counts >>> 22 === 0 ? 0 : 4 * rrset + RRSET_HEAD_OCTETS + (counts & MAX_SECTION_OCTETS);
  }

  nextSignature(position: number): number {
    return isLastEntry(this.#u8, position) ? 0 : entryEnd(this.#u8, position);
  }

  /** Octets of the RDATA (of a signature: of the whole RRSIG RDATA). */
  rdataLength(position: number): number {
    return entryLength(this.#u8, position, this.#apexLength);
  }

  /** Writes the RDATA in uncompressed wire form; returns the position after it. */
  copyRdata(position: number, out: Uint8Array, at: number): number {
    return copyEntry(this.#u8, this.#u32, position, this.#apexOctets, this.#apexLength, out, at);
  }

  /** Appends the RDATA to a message, names in it uncompressed; octets over the message's limit are counted, not written. */
  writeRdata(position: number, message: MessageBuilder): void {
    writeEntry(this.arena, position, this.#apexOctets, this.#apexView, this.#apexLength, message);
  }

  /** The 32 bits of the field (RFC 4034 section 3.1.5 tells how to compare them). */
  signatureExpiration(position: number): number {
    return this.#uint32(signatureTimesAt(this.#u8, position));
  }

  signatureInception(position: number): number {
    return this.#uint32(signatureTimesAt(this.#u8, position) + 4);
  }

  signatureKeyTag(position: number): number {
    const at = signatureTimesAt(this.#u8, position) + 8;
    return (this.#u8[at] << 8) | this.#u8[at + 1];
  }

  signatureAlgorithm(position: number): number {
    return this.#u8[signatureAlgorithmAt(this.#u8, position)];
  }

  /** Copies, in canonical order. */
  rdataAll(rrset: RRsetRef): Uint8Array[] {
    return this.#copies(this.firstRdata(rrset));
  }

  /** Copies of the RRSIG RDATA. */
  signaturesAll(rrset: RRsetRef): Uint8Array[] {
    return this.#copies(this.firstSignature(rrset));
  }

  #copies(first: number): Uint8Array[] {
    const all: Uint8Array[] = [];
    for (let position = first; position !== 0; position = this.nextRdata(position)) {
      const rdata = new Uint8Array(this.rdataLength(position));
      this.copyRdata(position, rdata, 0);
      all.push(rdata);
    }
    return all;
  }

  #uint32(at: number): number {
    const u8 = this.#u8;
    return ((u8[at] << 24) | (u8[at + 1] << 16) | (u8[at + 2] << 8) | u8[at + 3]) >>> 0;
  }
}
