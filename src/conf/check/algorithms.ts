/** A DNSSEC algorithm as a policy may name it (IANA DNS Security Algorithm Numbers). */
export interface PolicyAlgorithm {
  readonly number: number;
  readonly mnemonic: string;
  /** Bits of a key: one size, or a range for RSA. */
  readonly bits: number | { readonly low: number; readonly high: number };
  /** Why it must not be used to sign; undefined when it may. */
  readonly refusal?: string;
}

// RFC 8017 allows any size; BIND 9.18 takes 1024 to 4096, and RFC 3110 section 4 ends at 4096.
const RSA = { low: 1024, high: 4096 };
const SHA1 = 'signing with SHA-1 is forbidden (RFC 9905 section 2)';
const DSA = 'DSA must not be used to sign (RFC 9904, RFC 8624 section 3.1)';
const GOST = 'GOST R 34.10-2001 must not be used to sign (RFC 9906, RFC 9904)';
const MD5 = 'RSA/MD5 must not be used (RFC 9904, RFC 6725)';

export const POLICY_ALGORITHMS: readonly PolicyAlgorithm[] = [
  { number: 1, mnemonic: 'RSAMD5', bits: RSA, refusal: MD5 },
  { number: 3, mnemonic: 'DSA', bits: 1024, refusal: DSA },
  { number: 5, mnemonic: 'RSASHA1', bits: RSA, refusal: SHA1 },
  { number: 6, mnemonic: 'NSEC3DSA', bits: 1024, refusal: DSA },
  { number: 7, mnemonic: 'NSEC3RSASHA1', bits: RSA, refusal: SHA1 },
  { number: 8, mnemonic: 'RSASHA256', bits: RSA },
  { number: 10, mnemonic: 'RSASHA512', bits: RSA },
  { number: 12, mnemonic: 'ECCGOST', bits: 512, refusal: GOST },
  { number: 13, mnemonic: 'ECDSAP256SHA256', bits: 256 },
  { number: 14, mnemonic: 'ECDSAP384SHA384', bits: 384 },
  { number: 15, mnemonic: 'ED25519', bits: 256 },
  { number: 16, mnemonic: 'ED448', bits: 456 },
];

/** By number or by mnemonic in any case. */
export function findPolicyAlgorithm(text: string): PolicyAlgorithm | undefined {
  const upper = text.toUpperCase();
  const number = /^\d{1,3}$/.test(text) ? Number(text) : -1;
  return POLICY_ALGORITHMS.find((one) => one.mnemonic === upper || one.number === number);
}

/** Digest types of DS and CDS (IANA). SHA-1 is for old documents only. */
const DIGESTS: ReadonlyMap<string, number> = new Map([
  ['sha-1', 1],
  ['sha1', 1],
  ['sha-256', 2],
  ['sha256', 2],
  ['sha-384', 4],
  ['sha384', 4],
]);

/** The digest type, or why it cannot be used. */
export function findDigestType(text: string): number | string {
  const number = DIGESTS.get(text.toLowerCase()) ?? (/^\d{1,3}$/.test(text) ? Number(text) : undefined);
  if (number === 2 || number === 4) return number;
  if (number === 1) return `digest type 1 (SHA-1) must not be used for CDS (RFC 9905 section 2)`;
  if (number === 3) return `digest type 3 (GOST R 34.11-94) must not be used for CDS (RFC 9906)`;
  return number === undefined || number > 255 ? `bad digest type ${text}` : `digest type ${number} is not supported`;
}
