import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto';
import { concatOctets } from '../base/octets.ts';
import { algorithmByNumber, type Computation } from './algorithm.ts';
import { DNSKEY_HEADER, DNSKEY_PROTOCOL, dnskeyAlgorithm } from './dnskey.ts';

/** RFC 5702 section 2 and RFC 3110 section 2: at most 4096 bits; fewer than 512 were never allowed. */
export const RSA_MAX_MODULUS_BITS = 4096;
const RSA_MIN_MODULUS_BITS = 512;
/** RFC 5702 section 2.2. */
const RSASHA512_MIN_MODULUS_BITS = 1024;
/** Work grows with the exponent; no known signer uses more than 33 bits, and OpenSSL stops at 64 for long keys. */
const RSA_MAX_EXPONENT_BITS = 64;

export interface RsaPublicKey {
  readonly exponent: Uint8Array;
  readonly modulus: Uint8Array;
}

export type PublicKeyResult =
  | { readonly ok: true; readonly key: KeyObject; readonly computation: Computation; readonly signatureLength: number }
  | { readonly ok: false; readonly fault: string };

/** The public key of a DNSKEY RDATA of any origin, or what is wrong with it. Never throws. */
export function importPublicKey(rdata: Uint8Array): PublicKeyResult {
  const fault = checkHeader(rdata);
  if (fault) return { ok: false, fault };
  const algorithm = algorithmByNumber(dnskeyAlgorithm(rdata));
  const computation = algorithm?.computation;
  if (!computation) return { ok: false, fault: `algorithm ${dnskeyAlgorithm(rdata)} is not supported` };
  const jwk = publicJwk(rdata, computation);
  if (typeof jwk === 'string') return { ok: false, fault: jwk };
  const signatureLength = algorithm.signatureLength(rdata);
  if (signatureLength === undefined) return { ok: false, fault: 'the key is truncated' };
  try {
    // OpenSSL refuses points that are not on the curve, and the point at infinity cannot be written as x and y.
    return { ok: true, key: createPublicKey({ key: jwk, format: 'jwk' }), computation, signatureLength };
  } catch {
    return { ok: false, fault: `the public key is no valid ${computation.curve ?? 'RSA'} key` };
  }
}

function checkHeader(rdata: Uint8Array): string | undefined {
  if (rdata.length <= DNSKEY_HEADER) return 'the key is truncated';
  // RFC 4034 section 2.1.2: any other value makes the key invalid.
  if (rdata[2] !== DNSKEY_PROTOCOL) return `protocol ${rdata[2]} is not ${DNSKEY_PROTOCOL}`;
  return undefined;
}

/** The key as JWK, or what is wrong with it. */
export function publicJwk(rdata: Uint8Array, computation: Computation): webcrypto.JsonWebKey | string {
  const octets = rdata.subarray(DNSKEY_HEADER);
  if (computation.curve === undefined) {
    const rsa = parseRsa(octets);
    if (typeof rsa === 'string') return rsa;
    const fault = checkRsa(rsa, dnskeyAlgorithm(rdata));
    return fault ?? { kty: 'RSA', n: toBase64Url(rsa.modulus), e: toBase64Url(rsa.exponent) };
  }
  const { curve, publicKeyLength } = computation;
  if (octets.length !== publicKeyLength)
    return `a ${curve} public key has ${publicKeyLength} octets, this has ${octets.length}`;
  if (computation.digest === undefined) return { kty: 'OKP', crv: curve, x: toBase64Url(octets) };
  // RFC 6605 section 4: Q is x | y, without the octet that says "uncompressed".
  const half = publicKeyLength / 2;
  return { kty: 'EC', crv: curve, x: toBase64Url(octets.subarray(0, half)), y: toBase64Url(octets.subarray(half)) };
}

/**
 * Exponent and modulus (RFC 3110 section 2): exponent length in one octet, or in two after a zero octet. Leading zeros are
 * forbidden there but other validators take them, so they are dropped.
 */
export function parseRsa(octets: Uint8Array): RsaPublicKey | string {
  const isLong = octets[0] === 0;
  const start = isLong ? 3 : 1;
  if (octets.length < start) return 'the RSA key is truncated';
  const length = isLong ? (octets[1] << 8) | octets[2] : octets[0];
  const exponent = withoutLeadingZeros(octets.subarray(start, start + length));
  const modulus = withoutLeadingZeros(octets.subarray(start + length));
  if (exponent.length === 0) return 'the RSA public exponent is missing';
  if (modulus.length === 0) return 'the RSA modulus is missing';
  return { exponent, modulus };
}

/** The public key field for exponent and modulus (RFC 3110 section 2). */
export function encodeRsa(key: RsaPublicKey): Uint8Array<ArrayBuffer> {
  const exponent = withoutLeadingZeros(key.exponent);
  const length = exponent.length;
  const head = length < 256 ? [length] : [0, length >> 8, length & 0xff];
  return concatOctets([new Uint8Array(head), exponent, withoutLeadingZeros(key.modulus)]);
}

function checkRsa(rsa: RsaPublicKey, algorithm: number): string | undefined {
  const bits = bitLength(rsa.modulus);
  const least = algorithm === 10 ? RSASHA512_MIN_MODULUS_BITS : RSA_MIN_MODULUS_BITS;
  if (bits < least) return `an RSA modulus of ${bits} bits is below ${least} (RFC 5702 section 2)`;
  if (bits > RSA_MAX_MODULUS_BITS)
    return `an RSA modulus of ${bits} bits is above ${RSA_MAX_MODULUS_BITS} (RFC 3110 section 2)`;
  const exponentBits = bitLength(rsa.exponent);
  if (exponentBits > RSA_MAX_EXPONENT_BITS)
    return `an RSA public exponent of ${exponentBits} bits is above ${RSA_MAX_EXPONENT_BITS}`;
  const isOne = exponentBits === 1;
  if (isOne || (rsa.exponent.at(-1)! & 1) === 0) return 'the RSA public exponent is even or 1';
  return undefined;
}

/** Bits of a big-endian number without leading zero octets. */
function bitLength(octets: Uint8Array): number {
  return octets.length === 0 ? 0 : octets.length * 8 - (Math.clz32(octets[0]) - 24);
}

/** Key size in bits as BIND states it ("Length" of state files): the modulus's, or the curve's. */
export function keyBits(rdata: Uint8Array): number | undefined {
  const computation = algorithmByNumber(dnskeyAlgorithm(rdata))?.computation;
  if (!computation) return undefined;
  if (computation.curve) return CURVE_BITS[computation.curve];
  const rsa = parseRsa(rdata.subarray(DNSKEY_HEADER));
  return typeof rsa === 'string' ? undefined : bitLength(rsa.modulus);
}

const CURVE_BITS = { 'P-256': 256, 'P-384': 384, Ed25519: 256, Ed448: 456 } as const;

export function withoutLeadingZeros(octets: Uint8Array): Uint8Array {
  let at = 0;
  while (at < octets.length && octets[at] === 0) at++;
  return octets.subarray(at);
}

export function toBase64Url(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64url');
}
