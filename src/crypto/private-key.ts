import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto';
import { inspect } from 'node:util';
import { equalOctets } from '../base/octets.ts';
import { SignetError } from '../base/error.ts';
import { algorithmByNumber, algorithmText, type Computation } from './algorithm.ts';
import { DNSKEY_HEADER } from './dnskey.ts';
import { keyTag } from './key-tag.ts';
import { importPublicKey, parseRsa, publicJwk, toBase64Url, withoutLeadingZeros } from './public-key.ts';

/** Names of private key fields as in BIND's v1.3 files: big-endian numbers, EdDSA seeds, or texts for keys in a token. */
export type PrivateField = (typeof RSA_FIELDS)[number] | 'PrivateKey' | 'Engine' | 'Label';

export const RSA_FIELDS = [
  'Modulus',
  'PublicExponent',
  'PrivateExponent',
  'Prime1',
  'Prime2',
  'Exponent1',
  'Exponent2',
  'Coefficient',
] as const;

/**
 * A private key as plain data: it survives a structured clone on its way to a signing thread. Made by
 * `privateKeyMaterial` only, which also keeps the fields out of logs (util.inspect and JSON).
 */
export interface PrivateKeyMaterial {
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  /** RDATA of the DNSKEY that belongs to it. */
  readonly dnskey: Uint8Array;
  readonly fields: Readonly<Partial<Record<PrivateField, Uint8Array>>>;
}

/**
 * @throws SignetError PRIVATE_KEY_INCOMPLETE, PRIVATE_KEY_MALFORMED or PRIVATE_KEY_MISMATCH (an RSA modulus other than
 * the DNSKEY's). Whether a private number really belongs to the public one only LocalSigner finds out.
 */
export function privateKeyMaterial(
  algorithm: number,
  dnskey: Uint8Array,
  fields: PrivateKeyMaterial['fields'],
): PrivateKeyMaterial {
  const material = { algorithm, dnskey: Uint8Array.from(dnskey), fields: { ...fields } };
  if (!isTokenKey(material)) checkFields(material);
  return concealSecrets(material);
}

/** True for a key whose private half is in a PKCS#11 token: its file has Engine and Label in place of numbers. */
export function isTokenKey(material: PrivateKeyMaterial): boolean {
  return material.fields.Label !== undefined || material.fields.Engine !== undefined;
}

/** Makes util.inspect and JSON show that there is a secret, not the secret. Structured clone ignores both marks. */
export function concealSecrets<T extends PrivateKeyMaterial>(material: T): T {
  const text = '[private key]';
  Object.defineProperty(material.fields, inspect.custom, { value: () => text, configurable: true });
  Object.defineProperty(material.fields, 'toJSON', { value: () => text, configurable: true });
  return material;
}

/**
 * The key for node:crypto.
 * @throws SignetError PRIVATE_KEY_IN_TOKEN, PRIVATE_KEY_INCOMPLETE or PRIVATE_KEY_MALFORMED; never with a secret in it
 */
export function importPrivateKey(material: PrivateKeyMaterial): KeyObject {
  if (isTokenKey(material)) {
    const message = `${describe(material)} is in a PKCS#11 token (Engine/Label); signing with it needs the PKCS#11 signer`;
    throw new SignetError('PRIVATE_KEY_IN_TOKEN', message, facts(material));
  }
  const computation = checkFields(material);
  const jwk = computation.curve ? ellipticJwk(material, computation) : rsaJwk(material.fields);
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    // OpenSSL checks that scalar and point belong together. Its error could quote the secret: left out.
    const isMalformed = computation.curve === undefined || !importPublicKey(material.dnskey).ok;
    throw isMalformed ? malformed(material, 'its numbers make no valid key') : mismatched(material);
  }
}

function checkFields(material: PrivateKeyMaterial): Computation {
  const computation = algorithmByNumber(material.algorithm)?.computation;
  if (!computation) throw malformed(material, 'its algorithm is not supported');
  if (material.dnskey[3] !== material.algorithm) throw mismatched(material);
  const needed: readonly PrivateField[] = computation.curve ? ['PrivateKey'] : RSA_FIELDS;
  for (const field of needed) if (!material.fields[field]?.length) throw incomplete(material, field);
  const publicKey = publicJwk(material.dnskey, computation);
  if (typeof publicKey === 'string') throw malformed(material, publicKey);
  if (computation.curve) checkScalarLength(material, computation);
  else checkModulus(material);
  return computation;
}

function checkScalarLength(material: PrivateKeyMaterial, computation: Computation): void {
  const length = material.fields.PrivateKey!.length;
  const isSeed = computation.digest === undefined;
  // A scalar may come without its leading zeros (older BIND); an EdDSA seed is no number and has its full length.
  const fits = isSeed ? length === computation.privateKeyLength : length <= computation.privateKeyLength!;
  if (!fits) throw malformed(material, `PrivateKey has ${length} octets, not ${computation.privateKeyLength}`);
}

function checkModulus(material: PrivateKeyMaterial): void {
  const rsa = parseRsa(material.dnskey.subarray(DNSKEY_HEADER));
  if (typeof rsa === 'string') throw malformed(material, rsa);
  const matches =
    equalOctets(withoutLeadingZeros(material.fields.Modulus!), rsa.modulus) &&
    equalOctets(withoutLeadingZeros(material.fields.PublicExponent!), rsa.exponent);
  if (!matches) throw mismatched(material);
}

function rsaJwk(fields: PrivateKeyMaterial['fields']): webcrypto.JsonWebKey {
  const [n, e, d, p, q, dp, dq, qi] = RSA_FIELDS.map((field) => toBase64Url(withoutLeadingZeros(fields[field]!)));
  return { kty: 'RSA', n, e, d, p, q, dp, dq, qi };
}

function ellipticJwk(material: PrivateKeyMaterial, computation: Computation): webcrypto.JsonWebKey {
  const scalar = material.fields.PrivateKey!;
  const padded = new Uint8Array(computation.privateKeyLength!);
  padded.set(scalar, padded.length - scalar.length);
  const publicKey = publicJwk(material.dnskey, computation) as webcrypto.JsonWebKey;
  return { ...publicKey, d: toBase64Url(padded) };
}

/** "key 12345 (ECDSAP256SHA256)": how messages name a key. */
export function describe(material: PrivateKeyMaterial): string {
  return `key ${keyTag(material.dnskey)} (${algorithmText(material.algorithm)})`;
}

function facts(material: PrivateKeyMaterial): { tag: number; algorithm: number } {
  return { tag: keyTag(material.dnskey), algorithm: material.algorithm };
}

function incomplete(material: PrivateKeyMaterial, field: PrivateField): SignetError {
  const message = `the private part of ${describe(material)} lacks ${field}; restore the .private file from a backup`;
  return new SignetError('PRIVATE_KEY_INCOMPLETE', message, { ...facts(material), field });
}

function malformed(material: PrivateKeyMaterial, reason: string): SignetError {
  const message = `the private part of ${describe(material)} cannot be used: ${reason}; restore it from a backup`;
  return new SignetError('PRIVATE_KEY_MALFORMED', message, { ...facts(material), reason });
}

export function mismatched(material: PrivateKeyMaterial): SignetError {
  const message = `the private part of ${describe(material)} belongs to another key; restore both files from a backup`;
  return new SignetError('PRIVATE_KEY_MISMATCH', message, facts(material));
}
