import type { PrivateKeyMaterial } from '../crypto/private-key.ts';

/** A key that is used to sign, and what it signs. */
export interface SigningKey {
  /** DNSKEY RDATA, as the zone publishes it (with the REVOKE bit when it is revoked). */
  readonly dnskey: Uint8Array;
  readonly tag: number;
  readonly algorithm: number;
  /** Signs the DNSKEY, CDS and CDNSKEY RRsets. */
  readonly signsKeys: boolean;
  /** Signs all other RRsets. */
  readonly signsZone: boolean;
  readonly private: PrivateKeyMaterial;
}

/** How the non-existence of names is proved. */
export type Denial =
  | { readonly kind: 'nsec' }
  | { readonly kind: 'nsec3'; readonly iterations: number; readonly salt: Uint8Array; readonly optOut: boolean }
  | { readonly kind: 'none' };

/** What the apex shall show; an empty list means that the RRset shall not be there. */
export interface KeyRRsets {
  readonly dnskey: Uint8Array[];
  readonly cds: Uint8Array[];
  readonly cdnskey: Uint8Array[];
  readonly ttl: number;
}

/**
 * What becomes of a signature in the input whose key does not sign any more. A published but inactive key's signatures
 * and those of a key that is not in the DNSKEY RRset may still be in use by caches (RFC 6781 section 4.1.1).
 */
export interface OldSignatures {
  /** Keep until they expire what keys in the DNSKEY RRset made that are not among the signing keys. */
  readonly keepInactive: boolean;
  /** Keep until they expire what keys made that are not in the DNSKEY RRset. */
  readonly keepUnpublished: boolean;
}

/** Everything that decides how a signed version looks, besides the zone's own data. Times are Unix seconds. */
export interface SigningParameters {
  readonly inception: number;
  /** Of signatures without jitter, except over DNSKEY, CDS and CDNSKEY. */
  readonly expiration: number;
  /** Of signatures over DNSKEY, CDS and CDNSKEY. */
  readonly expirationDnskey: number;
  /** Seconds that an expiration is at most earlier. */
  readonly jitter: number;
  /** Signatures that expire before this time are replaced. */
  readonly refreshBefore: number;
  readonly denial: Denial;
  /** TTL of NSEC and NSEC3; by default the lesser of the SOA's minimum and its TTL (RFC 9077 section 3). */
  readonly denialTtl?: number;
  readonly keyRRsets: KeyRRsets;
  readonly keys: readonly SigningKey[];
  /**
   * DNSKEY RDATA of keys that sign zone data no more, while what they signed is replaced as it comes due (RFC 7583 section 3.2.1,
   * Dsgn): until then such a signature stands for one of a key of the same algorithm that signs now. All are in the DNSKEY RRset.
   */
  readonly retiring?: readonly Uint8Array[];
  /**
   * DNSKEY RDATA of keys whose private half is not at hand, although the DNSKEY, CDS and CDNSKEY RRsets need their signatures: those
   * that are there stay, whenever they end. Makes sense only while these RRsets stay as they are.
   */
  readonly lacking?: readonly Uint8Array[];
  /** By default neither kind is kept. */
  readonly oldSignatures?: OldSignatures;
  /** The moment by which old signatures count as expired or not yet valid; `inception` by default. */
  readonly now?: number;
  /** Lets algorithms 5 and 7 (and 1) sign, in laboratories. */
  readonly labLegacy?: boolean;
}

/** What a run of the signer did, in the words of dnssec-signzone's `-t`. */
export interface SigningStatistics {
  /** Signatures made. */
  generated: number;
  /** Signatures taken over because they are still good. */
  retained: number;
  /** Signatures of the input that are not in the result. */
  dropped: number;
  /** Signatures of the input that were checked with their key, by outcome. */
  verified: number;
  refuted: number;
}

export function emptyStatistics(): SigningStatistics {
  return { generated: 0, retained: 0, dropped: 0, verified: 0, refuted: 0 };
}

export function addStatistics(to: SigningStatistics, from: SigningStatistics): void {
  to.generated += from.generated;
  to.retained += from.retained;
  to.dropped += from.dropped;
  to.verified += from.verified;
  to.refuted += from.refuted;
}
