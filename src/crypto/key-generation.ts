import { generateKeyPair, generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { concatOctets } from '../base/octets.ts';
import { SignetError } from '../base/error.ts';
import { algorithmByNumber, signingRefusal, type DnssecAlgorithm, type LegacyOptions } from './algorithm.ts';
import { dnskeyRdata } from './dnskey.ts';
import { privateKeyMaterial, RSA_FIELDS, type PrivateKeyMaterial } from './private-key.ts';
import { encodeRsa, RSA_MAX_MODULUS_BITS } from './public-key.ts';

/** Shortest RSA modulus that is made; BIND 9.18: 1024. */
export const RSA_LEAST_NEW_BITS = 1024;
/** BIND 9.18 uses F4. */
const RSA_PUBLIC_EXPONENT = 65537;

export interface KeyGenerationRequest extends LegacyOptions {
  readonly algorithm: number;
  /** DNSKEY flags: 256 ZSK, 257 KSK or CSK. */
  readonly flags: number;
  /** RSA modulus length; ignored for elliptic curves. */
  readonly bits?: number;
}

/**
 * A new key pair; its DNSKEY is in the material.
 * @throws SignetError ALGORITHM_REFUSED, KEY_SIZE
 */
export function generateKey(request: KeyGenerationRequest): PrivateKeyMaterial {
  const algorithm = algorithmOf(request);
  const jwk = newPrivateKey(algorithm, request.bits).export({ format: 'jwk' });
  return algorithm.keyKind === 'rsa' ? rsaMaterial(request, jwk) : ellipticMaterial(request, jwk);
}

/** The same; an RSA key, which takes a tenth of a second and more, is made in another thread. Rejects as it throws. */
export async function generateKeyInBackground(request: KeyGenerationRequest): Promise<PrivateKeyMaterial> {
  if (algorithmOf(request).keyKind !== 'rsa') return generateKey(request);
  const { privateKey } = await generateKeyPairInBackground('rsa', rsaOptions(request.bits));
  return rsaMaterial(request, privateKey.export({ format: 'jwk' }));
}

const generateKeyPairInBackground = promisify(generateKeyPair);

function algorithmOf(request: KeyGenerationRequest): DnssecAlgorithm {
  const refusal = signingRefusal(request.algorithm, request);
  if (refusal === undefined) return algorithmByNumber(request.algorithm)!;
  const message = `no key was made: ${refusal}; use algorithm 13 (ECDSAP256SHA256)`;
  throw new SignetError('ALGORITHM_REFUSED', message, { algorithm: request.algorithm });
}

function newPrivateKey(algorithm: DnssecAlgorithm, bits: number | undefined): KeyObject {
  switch (algorithm.computation!.curve) {
    case 'P-256':
    case 'P-384':
      return generateKeyPairSync('ec', { namedCurve: algorithm.computation!.curve }).privateKey;
    case 'Ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'Ed448':
      return generateKeyPairSync('ed448').privateKey;
    case undefined:
      return generateKeyPairSync('rsa', rsaOptions(bits)).privateKey;
  }
}

const rsaOptions = (bits: number | undefined): { modulusLength: number; publicExponent: number } => ({
  modulusLength: checkBits(bits),
  publicExponent: RSA_PUBLIC_EXPONENT,
});

function checkBits(bits: number | undefined): number {
  if (bits !== undefined && bits >= RSA_LEAST_NEW_BITS && bits <= RSA_MAX_MODULUS_BITS) return bits;
  const message = `an RSA key has ${RSA_LEAST_NEW_BITS} to ${RSA_MAX_MODULUS_BITS} bits, not ${bits}`;
  throw new SignetError('KEY_SIZE', message, { bits });
}

function rsaMaterial(request: KeyGenerationRequest, jwk: webcrypto.JsonWebKey): PrivateKeyMaterial {
  const numbers = [jwk.n, jwk.e, jwk.d, jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map(fromBase64Url);
  const fields = Object.fromEntries(RSA_FIELDS.map((field, i) => [field, numbers[i]]));
  const publicKey = encodeRsa({ modulus: numbers[0], exponent: numbers[1] });
  return privateKeyMaterial(request.algorithm, dnskeyRdata(request.flags, request.algorithm, publicKey), fields);
}

function ellipticMaterial(request: KeyGenerationRequest, jwk: webcrypto.JsonWebKey): PrivateKeyMaterial {
  const publicKey = concatOctets(jwk.y === undefined ? [fromBase64Url(jwk.x)] : [jwk.x, jwk.y].map(fromBase64Url));
  const dnskey = dnskeyRdata(request.flags, request.algorithm, publicKey);
  return privateKeyMaterial(request.algorithm, dnskey, { PrivateKey: fromBase64Url(jwk.d) });
}

function fromBase64Url(text: string | undefined): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text!, 'base64url'));
}
