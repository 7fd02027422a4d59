import type { DnssecPolicy } from '../conf/configuration.ts';

/** Clocks of validators may be behind by this much. BIND 9.18: an hour. */
const INCEPTION_OFFSET = 3600;

/** Times of signatures made at one moment, in Unix seconds. */
export interface SignatureTimes {
  readonly inception: number;
  /** Of zone data, before jitter. */
  readonly expiration: number;
  /** Of DNSKEY, CDS and CDNSKEY, which get no jitter. */
  readonly expirationDnskey: number;
  /** Expirations of zone data are up to this many seconds earlier, spread evenly; the SOA's is not (BIND 9.18). */
  readonly jitter: number;
  /** Signatures that expire before this time are replaced. */
  readonly refreshBefore: number;
}

/** What a policy says of signatures. Seconds. */
export type SignaturePolicy = Pick<
  DnssecPolicy,
  'signaturesValidity' | 'signaturesValidityDnskey' | 'signaturesRefresh' | 'signaturesJitter'
>;

/** When signatures that are made at `now` begin and end under a policy. */
export function signatureTimes(policy: SignaturePolicy, now: number): SignatureTimes {
  return {
    inception: now - INCEPTION_OFFSET,
    expiration: now + policy.signaturesValidity,
    expirationDnskey: now + policy.signaturesValidityDnskey,
    jitter: policy.signaturesJitter,
    // Replaced when the rest of the life is at most signatures-refresh.
    refreshBefore: now + policy.signaturesRefresh + 1,
  };
}

/** The moment when a signature that expires at `expiration` is due to be replaced. */
export function refreshTime(policy: DnssecPolicy, expiration: number): number {
  return expiration - policy.signaturesRefresh;
}

/** Seconds; what `refreshMargin` is at most. */
const LONGEST_MARGIN = 3600;

/**
 * Seconds before their refresh time at which signatures are replaced, so that none ever passes it; as much again is what one
 * round takes together, so that rounds stay rare. Of the time that a signature is used at least half is left.
 */
export function refreshMargin(policy: SignaturePolicy): number {
  const { signaturesValidity, signaturesValidityDnskey, signaturesJitter, signaturesRefresh } = policy;
  const use = Math.min(signaturesValidity - signaturesJitter, signaturesValidityDnskey) - signaturesRefresh;
  return Math.max(0, Math.min(LONGEST_MARGIN, Math.floor(use / 4)));
}
