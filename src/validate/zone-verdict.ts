/** What can be wrong with a signed zone. */
export type ZoneFaultCode =
  | 'NO_SOA'
  | 'NO_DNSKEY'
  | 'DNSKEY_UNSIGNED'
  | 'SOA_UNSIGNED'
  | 'NO_SELF_SIGNED_KSK'
  | 'REVOKED_KEY_NOT_SELF_SIGNED'
  | 'KEY_ROLE_MISSING'
  | 'NO_DENIAL_CHAIN'
  | 'DENIAL_UNSIGNED'
  | 'NO_SIGNATURES'
  | 'NO_CORRECT_SIGNATURE'
  | 'STRAY_SIGNATURE'
  | 'STRAY_NSEC'
  | 'STRAY_NSEC3'
  | 'NSEC_MISSING'
  | 'NSEC_MULTIPLE'
  | 'NSEC_NEXT_NAME'
  | 'NSEC_TYPES'
  | 'NSEC3_MISSING'
  | 'NSEC3_TYPES'
  | 'NSEC3_PARAMETERS'
  | 'NSEC3_NEXT_HASH';

/** Why no signature of an algorithm counts for an RRset: the best of those that there are. */
export type SignatureTrouble =
  'missing' | 'unknown key' | 'wrong signer' | 'wrong labels' | 'wrong TTL' | 'expired' | 'not yet valid' | 'bogus';

/** One fault. An error makes a validator refuse something; a notice is only not as it should be. */
export interface ZoneFault {
  readonly code: ZoneFaultCode;
  readonly severity: 'error' | 'notice';
  /** Presentation form without the final dot, as in the text; undefined for faults of the zone as a whole. */
  readonly owner?: string;
  readonly type?: number;
  readonly algorithm?: number;
  readonly trouble?: SignatureTrouble;
  /** The line that BIND 9.18's dnssec-verify prints for it, where it has one. */
  readonly text: string;
}

/** Keys of one role and algorithm in the DNSKEY RRset. */
export interface KeyCounts {
  active: number;
  standBy: number;
  revoked: number;
}

export interface AlgorithmCounts {
  readonly algorithm: number;
  readonly ksks: KeyCounts;
  readonly zsks: KeyCounts;
}

export interface ZoneVerdict {
  /** No errors. */
  readonly ok: boolean;
  /** At most as many as asked for, errors of the apex first, then in canonical order; then notices among them. */
  readonly faults: readonly ZoneFault[];
  /** All errors found, listed or not. */
  readonly errorCount: number;
  /** Keys of the DNSKEY RRset by algorithm and role, by ascending algorithm. */
  readonly counts: readonly AlgorithmCounts[];
  /** Algorithms that every RRset has to be signed with: those of self-signed KSKs. Empty when there is none. */
  readonly algorithms: readonly number[];
  /** Algorithms that some RRset or chain lacks a good signature of. */
  readonly incompleteAlgorithms: readonly number[];
  /** Whether every NSEC or NSEC3 is there and right. */
  readonly denialComplete: boolean;
  /** True when the keys allowed no look at the rest of the zone. */
  readonly stoppedAtKeys: boolean;
  readonly signaturesVerified: number;
}
