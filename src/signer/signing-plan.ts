import type { VersionRef } from '../zone/store/arena.ts';
import type { WriterClaim, WrittenExtents } from '../zone/store/node-writer.ts';
import type { SigningParameters, SigningStatistics } from './signing-parameters.ts';

/** What every thread of one signing run knows: plain data. */
export interface SigningPlan {
  readonly parameters: SigningParameters;
  /** Has the data. What signing owns in it (RRSIG, NSEC, NSEC3, the apex's key RRsets) is not taken over. */
  readonly source: VersionRef;
  /** One of our own versions whose signatures over unchanged data are good; 0 to verify those of `source` instead. */
  readonly previous: VersionRef;
  /** TTL of NSEC and NSEC3 RRsets. */
  readonly denialTtl: number;
  /** SOA serial of the new version; undefined for the source's. */
  readonly serial: number | undefined;
  /** Any 32 bits; each slice derives its own jitter from it. */
  readonly jitterSeed: number;
  /** HashRecords in hash order, once they are sorted. */
  readonly hashes: SharedArrayBuffer | undefined;
}

/** Nodes [from, to) in canonical order, or NSEC3 records [from, to) in hash order. */
export interface SliceTask {
  readonly kind: 'names' | 'hashes';
  readonly from: number;
  readonly to: number;
  readonly claim: WriterClaim;
}

export interface SliceResult {
  /** Refs of the nodes written, in the order of the slice. */
  readonly nodes: Uint32Array;
  /** HashRecords of the names of the slice that get an NSEC3. */
  readonly hashes: Uint32Array;
  readonly written: WrittenExtents;
  readonly statistics: SigningStatistics;
  /** Earliest expiration among the slice's signatures; Infinity when it has none. */
  readonly earliest: number;
}
