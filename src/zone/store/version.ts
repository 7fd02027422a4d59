import { HEAD, type VersionRef } from './arena.ts';
import type { RecordSpace } from './record-space.ts';

/*
 * A version: 11 words, then the octets of the apex's name.
 */
export const VERSION = {
  /** Apex: octets (8) | labels (8) | kind of denial (8). */
  APEX: 0,
  SERIAL: 1,
  NODES: 2,
  RECORDS: 3,
  HASHES: 4,
  /** Roots of the tree in canonical order, the tree in hash order, the hash index. */
  TREE: 5,
  HASH_TREE: 6,
  INDEX: 7,
  APEX_NODE: 8,
  /** Words of records and pages that this version needs. */
  LIVE: 9,
  /** Another for each version that was ever made, as long as fewer than 2^32 were: a ref is used again, this is not. */
  ID: 10,
  WORDS: 11,
} as const;

export const DENIALS = ['none', 'nsec', 'nsec3'] as const;
export type Denial = (typeof DENIALS)[number];

export interface VersionFields {
  readonly apex: Uint8Array;
  readonly apexLabels: number;
  readonly denial: Denial;
  readonly serial: number;
  readonly nodes: number;
  readonly records: number;
  readonly hashes: number;
  readonly tree: number;
  readonly hashTree: number;
  readonly index: number;
  readonly apexNode: number;
  readonly live: number;
}

export function writeVersion(space: RecordSpace, fields: VersionFields): VersionRef {
  const { u8, u32 } = space.arena;
  const { apex } = fields;
  const version = space.words(VERSION.WORDS + ((apex.length + 3) >> 2));
  u32[version + VERSION.APEX] = apex.length | (fields.apexLabels << 8) | (DENIALS.indexOf(fields.denial) << 16);
  u32[version + VERSION.SERIAL] = fields.serial;
  u32[version + VERSION.NODES] = fields.nodes;
  u32[version + VERSION.RECORDS] = fields.records;
  u32[version + VERSION.HASHES] = fields.hashes;
  u32[version + VERSION.TREE] = fields.tree;
  u32[version + VERSION.HASH_TREE] = fields.hashTree;
  u32[version + VERSION.INDEX] = fields.index;
  u32[version + VERSION.APEX_NODE] = fields.apexNode;
  u32[version + VERSION.LIVE] = fields.live;
  u32[version + VERSION.ID] = Atomics.add(u32, HEAD.VERSIONS, 1);
  u8.set(apex, 4 * (version + VERSION.WORDS));
  return version;
}
