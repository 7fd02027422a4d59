import { SignetError } from '../../base/error.ts';
import { type Arena, GRANULE_WORDS, type NodeRef, type RRsetRef } from './arena.ts';
import { type Extent, takeGranules } from './extent-pool.ts';
import { NODE, NSEC3_HASH_OCTETS, nodeOwnerAt, nodeOwnerLength } from './layout.ts';
import { RecordSpace } from './record-space.ts';
import { RecordWriter } from './record-writer.ts';

/** What ZoneStore.claim gives to a writer in another thread: plain data. */
export interface WriterClaim {
  readonly tag: number;
  readonly apex: Uint8Array;
  readonly extents: readonly Extent[];
}

/** What a writer hands back: plain data. */
export interface WrittenExtents {
  readonly tag: number;
  readonly extents: readonly Extent[];
  /** Words of the last extent that are written. */
  readonly lastUsed: number;
  /** Extents of the claim that were not needed. */
  readonly unused: readonly Extent[];
}

/** Room for what a claim's holder writes, in any thread. */
export function claimedSpace(arena: Arena, claim: WriterClaim): RecordSpace {
  const source = { take: (words: number) => takeGranules(arena, Math.ceil(words / GRANULE_WORDS), claim.tag) };
  return new RecordSpace(arena, source, claim.extents);
}

/**
 * Writes nodes for `ZoneStore.assemble`, in any thread. For each node: beginNode (or beginNodeLike, beginHashed), its
 * RRsets in any order of types, endNode.
 */
export class NodeWriter {
  readonly #arena: Arena;
  readonly #claim: WriterClaim;
  readonly #space: RecordSpace;
  readonly #writer: RecordWriter;
  readonly #owner = new Uint8Array(256);
  #ownerLength = 0;
  #flags = 0;
  readonly #rrsets: number[] = [];

  constructor(arena: Arena, claim: WriterClaim) {
    this.#arena = arena;
    this.#claim = claim;
    this.#space = claimedSpace(arena, claim);
    this.#writer = new RecordWriter(this.#space, claim.apex);
  }

  /** Starts a node of the main tree: the whole owner name, which ends with the apex, in wire form at `at`. */
  beginNode(owner: Uint8Array, at = 0): void {
    let end = at;
    while (owner[end] !== 0) end += owner[end] + 1;
    this.#begin(0, owner, at, end + 1 - at - this.#claim.apex.length);
  }

  /** Starts a node with the owner of another node of the zone. */
  beginNodeLike(node: NodeRef): void {
    const head = this.#arena.u32[node];
    this.#begin((head >>> 16) & NODE.HASHED, this.#arena.u8, nodeOwnerAt(node, head), nodeOwnerLength(head));
  }

  /** Starts an NSEC3 node: the 20 octets of the hash. */
  beginHashed(hash: Uint8Array, at = 0): void {
    this.#begin(NODE.HASHED, hash, at, NSEC3_HASH_OCTETS);
  }

  #begin(flags: number, octets: Uint8Array, at: number, length: number): void {
    this.#flags = flags;
    this.#ownerLength = length;
    this.#rrsets.length = 0;
    for (let i = 0; i < length; i++) this.#owner[i] = octets[at + i];
  }

  /** Copies an RRset with its signatures. */
  copyRRset(rrset: RRsetRef): void {
    this.#add(this.#writer.copyRRset(rrset));
  }

  /** Starts an RRset with the RDATA of another, without its signatures: then `signature` and `endRRset`. */
  beginRRsetLike(rrset: RRsetRef): void {
    this.#writer.beginRRsetLike(rrset);
  }

  beginRRset(type: number, ttl: number): void {
    this.#writer.beginRRset(type, ttl);
  }

  /** One RDATA; each comes behind the one before in canonical order. @throws SignetError RDATA_ORDER */
  rdata(octets: Uint8Array, start = 0, end = octets.length): void {
    this.#writer.rdata(octets, start, end);
  }

  /** One whole RRSIG RDATA, after all RDATA. */
  signature(octets: Uint8Array, start = 0, end = octets.length): void {
    this.#writer.signature(octets, start, end);
  }

  /** @throws SignetError RRSET_EMPTY, RRSET_TWICE */
  endRRset(): void {
    this.#add(this.#writer.endRRset());
  }

  /** A whole RRset: sorts, and drops duplicates. */
  writeRRset(type: number, ttl: number, rdatas: readonly Uint8Array[], signatures?: readonly Uint8Array[]): void {
    this.#add(this.#writer.writeRRset(type, ttl, rdatas, signatures));
  }

  /** Writes the node itself; one without RRsets is an empty non-terminal. */
  endNode(): NodeRef {
    return this.#writer.writeNode(this.#flags, this.#owner, 0, this.#ownerLength, this.#rrsets, this.#rrsets.length);
  }

  /** Hands over what was written; plain data. The writer must not be used afterwards. */
  written(): WrittenExtents {
    return {
      tag: this.#claim.tag,
      extents: this.#space.extents,
      lastUsed: this.#space.usedInLast,
      unused: this.#space.unused,
    };
  }

  /** Keeps refs by ascending type: a node has few. */
  #add(rrset: RRsetRef): void {
    const { u32 } = this.#arena;
    const type = u32[rrset] >>> 16;
    let i = this.#rrsets.length;
    while (i > 0 && u32[this.#rrsets[i - 1]] >>> 16 >= type) i--;
    if (i < this.#rrsets.length && u32[this.#rrsets[i]] >>> 16 === type)
      throw new SignetError('RRSET_TWICE', `a node was given two RRsets of type ${type}: give all records at once`, {
        type,
      });
    this.#rrsets.splice(i, 0, rrset);
  }
}
