import type { Arena, NodeRef, RRsetRef } from './arena.ts';
import type { Extent } from './extent-pool.ts';

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
}

export declare class NodeWriter {
  constructor(arena: Arena, claim: WriterClaim);
  /** Starts a node of the main tree. */
  beginNode(owner: Uint8Array, at?: number): void;
  /** Starts an NSEC3 node. */
  beginHashed(hash: Uint8Array): void;
  /** Copies the whole RRset with its signatures. */
  copyRRset(rrset: RRsetRef): void;
  /** Starts an RRset with the RDATA of another, without its signatures; then signature() and endRRset(). */
  beginRRsetLike(rrset: RRsetRef): void;
  beginRRset(type: number, ttl: number): void;
  /** RDATA in canonical order. */
  rdata(octets: Uint8Array, start?: number, end?: number): void;
  /** Whole RRSIG RDATA, after all rdata(). */
  signature(octets: Uint8Array, start?: number, end?: number): void;
  endRRset(): void;
  /** All at once; sorts and drops duplicates. */
  writeRRset(type: number, ttl: number, rdatas: readonly Uint8Array[], signatures?: readonly Uint8Array[]): void;
  endNode(): NodeRef;
  written(): WrittenExtents;
}
