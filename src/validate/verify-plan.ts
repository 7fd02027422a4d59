import type { VersionRef } from '../zone/store/arena.ts';
import type { ZoneFault } from './zone-verdict.ts';

/** What the threads that verify a zone are told: plain data. */
export interface VerifyPlan {
  readonly version: VersionRef;
  /** Unix seconds. */
  readonly now: number;
  /** DNSKEY RDATA whose signatures count. */
  readonly dnskeys: readonly Uint8Array[];
  /** Algorithms that every RRset has to be signed with. */
  readonly algorithms: readonly number[];
  /** Whether there is an NSEC chain. */
  readonly nsec: boolean;
  /** NSEC3PARAM RDATA of each complete chain. */
  readonly nsec3: readonly Uint8Array[];
  readonly labLegacy: boolean;
  /** Faults that one task lists at most; further ones are counted. */
  readonly faultLimit: number;
}

/** Nodes [from, to) in canonical order, or NSEC3 nodes [from, to) in hash order. */
export interface VerifyTask {
  readonly kind: 'names' | 'hashed';
  readonly from: number;
  readonly to: number;
}

export interface VerifyResult {
  readonly faults: readonly ZoneFault[];
  readonly errors: number;
  /** Algorithms that some RRset lacks. */
  readonly lacking: readonly number[];
  /** For each chain the hashes that names of the slice account for, 20 octets each. */
  readonly accounted: readonly Uint8Array[];
  readonly verified: number;
}
