/** What the threads that verify a zone are told: plain data. */
export interface VerifyPlan {
  readonly version: number;
  readonly now: number;
  /** DNSKEY RDATA of the apex that may have made signatures (zone keys, not revoked). */
  readonly dnskeys: readonly Uint8Array[];
  /** Algorithms that every authoritative RRset has to be signed with. */
  readonly algorithms: readonly number[];
  readonly nsec: boolean;
  /** NSEC3PARAM RDATA of the complete chains that the apex promises. */
  readonly nsec3: readonly Uint8Array[];
  readonly legacy: boolean;
  /** Faults that one task lists at most; further ones are counted. */
  readonly faultLimit: number;
}

/** Nodes [from, to) in canonical order. */
export interface VerifyTask {
  readonly from: number;
  readonly to: number;
}
