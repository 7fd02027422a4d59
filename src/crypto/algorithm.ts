/** DNSSEC algorithms (IANA "DNS Security Algorithm Numbers") and what we do with each. */

export type KeyKind = 'rsa' | 'ec' | 'eddsa';

/** How node:crypto is asked for signatures of an algorithm; only algorithms that can be computed at all have it. */
export interface Computation {
  /** Digest name, undefined for EdDSA that digests by itself. */
  readonly digest: 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512' | undefined;
  /** JWK curve name, for elliptic curves. */
  readonly curve?: 'P-256' | 'P-384' | 'Ed25519' | 'Ed448';
  /** Octets of the public key field of a DNSKEY; undefined for RSA. */
  readonly publicKeyLength?: number;
  /** Octets of the private scalar or seed; undefined for RSA. */
  readonly privateKeyLength?: number;
  /** Octets of a signature; undefined for RSA, where it is the modulus's length. */
  readonly fixedSignatureLength?: number;
}

export interface DnssecAlgorithm {
  readonly number: number;
  /** As BIND prints and reads it. */
  readonly mnemonic: string;
  /** undefined: known by name only, nothing can be computed. */
  readonly keyKind: KeyKind | undefined;
  readonly computation: Computation | undefined;
  /** Octets of every signature by this DNSKEY; undefined when the algorithm or the key cannot sign. */
  signatureLength(dnskeyRdata: Uint8Array): number | undefined;
  /** True when a DNSKEY of it may newly be put in a zone. */
  readonly mayPublish: boolean;
  readonly maySign: boolean;
  readonly mayVerify: boolean;
  /** True when the lab switch lifts the refusal: documents from the time of these algorithms can be tested with it. */
  readonly labLegacy: boolean;
  /** Why signing is refused, with the RFC that says so; undefined when `maySign`. */
  readonly refusal: string | undefined;
}

/** Lifts the refusal of algorithms 1, 5 and 7, for laboratories: the tools' --lab-legacy. Default false. */
export interface LegacyOptions {
  readonly labLegacy?: boolean;
}

const RSA_SHA1: Computation = { digest: 'sha1' };
const SHA1_REFUSAL = 'signing with SHA-1 is forbidden (RFC 9905 section 2)';
const DSA_REFUSAL = 'DSA must neither sign nor validate (RFC 8624 section 3.1, RFC 9904)';

const ALGORITHMS: readonly DnssecAlgorithm[] = [
  legacy(1, 'RSAMD5', { digest: 'md5' }, false, 'MD5 must neither sign nor validate (RFC 6725 section 2, RFC 8624)'),
  unusable(2, 'DH', 'Diffie-Hellman keys cannot sign (RFC 4034 appendix A.1)'),
  unusable(3, 'DSA', DSA_REFUSAL),
  legacy(5, 'RSASHA1', RSA_SHA1, true, SHA1_REFUSAL),
  unusable(6, 'NSEC3DSA', DSA_REFUSAL),
  legacy(7, 'NSEC3RSASHA1', RSA_SHA1, true, SHA1_REFUSAL),
  usable(8, 'RSASHA256', 'rsa', { digest: 'sha256' }),
  usable(10, 'RSASHA512', 'rsa', { digest: 'sha512' }),
  unusable(12, 'ECCGOST', 'GOST R 34.10-2001 must neither sign nor validate (RFC 9906, RFC 8624 section 3.1)'),
  usable(13, 'ECDSAP256SHA256', 'ec', elliptic('sha256', 'P-256', 64, 32, 64)),
  usable(14, 'ECDSAP384SHA384', 'ec', elliptic('sha384', 'P-384', 96, 48, 96)),
  usable(15, 'ED25519', 'eddsa', elliptic(undefined, 'Ed25519', 32, 32, 64)),
  usable(16, 'ED448', 'eddsa', elliptic(undefined, 'Ed448', 57, 57, 114)),
  unusable(17, 'SM2SM3', 'SM2 is not supported here (RFC 9563 is informational)'),
  unusable(23, 'ECC-GOST12', 'GOST R 34.10-2012 is not supported here (RFC 9558 is informational)'),
  unusable(252, 'INDIRECT', 'the number is reserved for indirect keys (RFC 4034 appendix A.1)'),
  unusable(253, 'PRIVATEDNS', 'private algorithms are not supported here (RFC 4034 appendix A.1.1)'),
  unusable(254, 'PRIVATEOID', 'private algorithms are not supported here (RFC 4034 appendix A.1.1)'),
];

/** Other spellings that BIND reads (dnssec-keygen -a), and IANA's where it differs. */
const ALIASES: Readonly<Record<string, string>> = {
  ECDSA256: 'ECDSAP256SHA256',
  ECDSA384: 'ECDSAP384SHA384',
  'RSASHA1-NSEC3-SHA1': 'NSEC3RSASHA1',
  'DSA-NSEC3-SHA1': 'NSEC3DSA',
  'ECC-GOST': 'ECCGOST',
};

export function algorithmByNumber(number: number): DnssecAlgorithm | undefined {
  return ALGORITHMS.find((algorithm) => algorithm.number === number);
}

/** By mnemonic, alias or decimal number; letters in either case. */
export function algorithmByName(text: string): DnssecAlgorithm | undefined {
  if (/^\d{1,3}$/.test(text)) return algorithmByNumber(Number(text));
  const upper = text.toUpperCase();
  const mnemonic = ALIASES[upper] ?? upper;
  return ALGORITHMS.find((algorithm) => algorithm.mnemonic === mnemonic);
}

/** The mnemonic, or the number for algorithms without one, as BIND prints it. */
export function algorithmText(number: number): string {
  return algorithmByNumber(number)?.mnemonic ?? String(number);
}

/** Why `number` may not sign, or undefined when it may. */
export function signingRefusal(number: number, options: LegacyOptions = {}): string | undefined {
  const algorithm = algorithmByNumber(number);
  if (!algorithm) return `algorithm ${number} is not known (RFC 4034 appendix A.1)`;
  if (algorithm.maySign || (algorithm.labLegacy && options.labLegacy)) return undefined;
  return `algorithm ${number} (${algorithm.mnemonic}): ${algorithm.refusal}`;
}

/** Why signatures of `number` are not looked at, or undefined when they are. */
export function verifyingRefusal(number: number, options: LegacyOptions = {}): string | undefined {
  const algorithm = algorithmByNumber(number);
  if (!algorithm) return `algorithm ${number} is not known (RFC 4034 appendix A.1)`;
  if (algorithm.mayVerify || (algorithm.labLegacy && options.labLegacy)) return undefined;
  return `algorithm ${number} (${algorithm.mnemonic}): ${algorithm.refusal}`;
}

function elliptic(
  digest: Computation['digest'],
  curve: NonNullable<Computation['curve']>,
  publicKeyLength: number,
  privateKeyLength: number,
  fixedSignatureLength: number,
): Computation {
  return { digest, curve, publicKeyLength, privateKeyLength, fixedSignatureLength };
}

function usable(number: number, mnemonic: string, keyKind: KeyKind, computation: Computation): DnssecAlgorithm {
  return {
    number,
    mnemonic,
    keyKind,
    computation,
    signatureLength: (rdata) => computation.fixedSignatureLength ?? modulusLength(rdata),
    mayPublish: true,
    maySign: true,
    mayVerify: true,
    labLegacy: false,
    refusal: undefined,
  };
}

function legacy(number: number, mnemonic: string, computation: Computation, mayVerify: boolean, refusal: string) {
  const algorithm = usable(number, mnemonic, 'rsa', computation);
  return { ...algorithm, mayPublish: false, maySign: false, mayVerify, labLegacy: true, refusal };
}

function unusable(number: number, mnemonic: string, refusal: string): DnssecAlgorithm {
  return {
    number,
    mnemonic,
    keyKind: undefined,
    computation: undefined,
    signatureLength: () => undefined,
    mayPublish: false,
    maySign: false,
    mayVerify: false,
    labLegacy: false,
    refusal,
  };
}

/** Octets of an RSA modulus without leading zeros (RFC 3110 section 2), undefined when the key has none. */
function modulusLength(rdata: Uint8Array): number | undefined {
  let at = 4;
  const short = rdata[at++];
  const exponentLength = short === 0 ? rdata[at++] * 256 + rdata[at++] : short;
  at += exponentLength;
  while (rdata[at] === 0) at++;
  return rdata.length > at ? rdata.length - at : undefined;
}
