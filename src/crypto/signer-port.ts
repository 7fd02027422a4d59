/**
 * A private key that can sign, wherever it lives (in this process, in a worker, in an HSM).
 * Signatures are in DNSSEC form: RSA as the integer, ECDSA as r|s (RFC 6605), EdDSA as is (RFC 8080).
 */
export interface Signer {
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  /** RDATA of the DNSKEY that verifies what this signs. */
  readonly dnskey: Uint8Array;
  /** Length in octets of every signature it makes. */
  readonly signatureLength: number;
  sign(data: Uint8Array): Uint8Array;
}
