import { fromHex, equalOctets } from '../../base/octets.ts';
import { Curve, KeyType } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { Der, DerFault, Tag } from './der.ts';
import { hssPublicKeyFault, readHssPrivateKey } from './hashsig/hss-key.ts';

/*
 * What a key of foreign origin is, before OpenSSL sees it: PrivateKeyInfo (RFC 5208, RFC 5958) or SubjectPublicKeyInfo (RFC 5280) of the
 * kinds that the HSM knows, strictly encoded, every number within its bounds. Named curves only; points uncompressed.
 */

export type KeyKind = 'rsa' | 'ec' | 'ed' | 'hashsig';

export interface OuterKey {
  readonly kind: KeyKind;
  readonly curve: Curve;
  readonly isPrivate: boolean;
  /** The public half that the DER itself states, SubjectPublicKeyInfo's bit string; undefined when it states none. */
  readonly statedPublicKey: Uint8Array | undefined;
}

/** PKCS#8 of RSA-4096 has 2,373 octets; of a hash-based key with cached nodes much more. */
const MAX_KEY_OCTETS = 16384;
const MAX_HASHSIG_OCTETS = 1 << 20;

export const RSA_MIN_BITS = 1024;
export const RSA_MAX_BITS = 4096;
/** As the DNSSEC side (src/crypto/public-key.ts): work grows with the exponent. */
const RSA_MAX_EXPONENT_OCTETS = 8;

interface CurveFacts {
  readonly curve: Curve;
  /** Octets of a scalar, and of a coordinate. */
  readonly size: number;
}

const RSA_OID = '2a864886f70d010101';
const EC_OID = '2a8648ce3d0201';
const CURVE_OIDS: ReadonlyMap<string, CurveFacts> = new Map([
  ['2a8648ce3d030107', { curve: Curve.P256, size: 32 }],
  ['2b81040022', { curve: Curve.P384, size: 48 }],
  ['2b81040023', { curve: Curve.P521, size: 66 }],
]);
/** RFC 8410 section 3. */
const EDWARDS_OIDS: ReadonlyMap<string, CurveFacts> = new Map([
  ['2b6570', { curve: Curve.ED25519, size: 32 }],
  ['2b6571', { curve: Curve.ED448, size: 57 }],
]);
/** id-alg-hss-lms-hashsig, 1.2.840.113549.1.9.16.3.17 (RFC 9708 section 4). */
export const HASHSIG_OID = fromHex('2a864886f70d0109100311')!;
const HASHSIG_OID_TEXT = '2a864886f70d0109100311';

/** @throws HalError ASN1_PARSE_FAILED, UNSUPPORTED_KEY */
export function readOuterKey(der: Uint8Array): OuterKey {
  try {
    if (der.length > MAX_HASHSIG_OCTETS) throw new DerFault(`it has ${der.length} octets`);
    const outer = new Der(der);
    const body = outer.sequence();
    outer.end();
    const key = body.peek() === Tag.INTEGER ? readPrivate(body) : readPublic(body);
    if (key.kind !== 'hashsig' && der.length > MAX_KEY_OCTETS) throw new DerFault(`it has ${der.length} octets`);
    return key;
  } catch (error) {
    if (!(error instanceof DerFault)) throw error;
    const message = `the key is neither PKCS#8 nor SubjectPublicKeyInfo in DER: ${error.message}`;
    throw new HalError(HalStatus.ASN1_PARSE_FAILED, message);
  }
}

/** RSA_PRIVATE for a private RSA key, and so on. */
export function keyTypeOf(key: OuterKey): KeyType {
  switch (key.kind) {
    case 'rsa':
      return key.isPrivate ? KeyType.RSA_PRIVATE : KeyType.RSA_PUBLIC;
    case 'ec':
      return key.isPrivate ? KeyType.EC_PRIVATE : KeyType.EC_PUBLIC;
    case 'ed':
      return key.isPrivate ? KeyType.ED_PRIVATE : KeyType.ED_PUBLIC;
    case 'hashsig':
      return key.isPrivate ? KeyType.HASHSIG_PRIVATE : KeyType.HASHSIG_PUBLIC;
  }
}

interface AlgorithmFacts extends Partial<CurveFacts> {
  readonly kind: KeyKind;
}

function readAlgorithm(body: Der): AlgorithmFacts {
  const sequence = body.sequence();
  const oid = text(sequence.take(Tag.OID));
  if (oid === RSA_OID) {
    // RFC 3279 section 2.3.1: NULL; some leave it out.
    if (sequence.peek() !== undefined && sequence.take(Tag.NULL).length > 0) throw new DerFault('NULL is not empty');
    sequence.end();
    return { kind: 'rsa' };
  }
  if (oid === EC_OID) {
    // RFC 5480 section 2.1.1: specifiedCurve and implicitCurve MUST NOT be used.
    if (sequence.peek() !== Tag.OID) throw unsupported('its curve has no name');
    const facts = CURVE_OIDS.get(text(sequence.take(Tag.OID)));
    if (facts === undefined) throw unsupported('its curve is none of P-256, P-384 and P-521');
    sequence.end();
    return { kind: 'ec', ...facts };
  }
  // RFC 8410 section 3 and RFC 9708 section 4: parameters are absent.
  sequence.end();
  if (oid === HASHSIG_OID_TEXT) return { kind: 'hashsig', curve: Curve.NONE };
  const facts = EDWARDS_OIDS.get(oid);
  if (facts === undefined) throw unsupported('its algorithm is none of RSA, ECDSA, Ed25519, Ed448 and HSS/LMS');
  return { kind: 'ed', ...facts };
}

function readPublic(body: Der): OuterKey {
  const { kind, curve = Curve.NONE, size = 0 } = readAlgorithm(body);
  const key = body.bitString();
  body.end();
  checkPublic(kind, size, key);
  return { kind, curve, isPrivate: false, statedPublicKey: key };
}

function checkPublic(kind: KeyKind, size: number, key: Uint8Array): void {
  if (kind === 'rsa') checkRsaPublic(key);
  if (kind === 'ec') checkPoint(key, size);
  if (kind === 'ed' && key.length !== size) throw new DerFault(`a public key has ${key.length} octets, not ${size}`);
  if (kind !== 'hashsig') return;
  const fault = hssPublicKeyFault(key);
  if (fault !== undefined) throw unsupported(fault);
}

/** RSAPublicKey, RFC 8017 appendix A.1.1. */
function checkRsaPublic(key: Uint8Array): void {
  const outer = new Der(key);
  const numbers = outer.sequence();
  outer.end();
  checkRsaNumbers(numbers.unsigned(), numbers.unsigned());
  numbers.end();
}

function checkRsaNumbers(modulus: Uint8Array, exponent: Uint8Array): void {
  const bits = modulus.length === 0 ? 0 : modulus.length * 8 - (Math.clz32(modulus[0]) - 24);
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) throw unsupported(`its RSA modulus has ${bits} bits, not ${RSA_MIN_BITS} to ${RSA_MAX_BITS}`); // prettier-ignore
  if ((modulus.at(-1)! & 1) === 0) throw unsupported('its RSA modulus is even');
  const isOdd = ((exponent.at(-1) ?? 0) & 1) === 1;
  if (exponent.length > RSA_MAX_EXPONENT_OCTETS || !isOdd || (exponent.length === 1 && exponent[0] === 1))
    throw unsupported('its RSA public exponent is even, 1, or above 64 bits');
}

/** RFC 5480 section 2.2: the uncompressed form is mandatory; other forms are optional, and not taken here. */
function checkPoint(point: Uint8Array, size: number): void {
  if (point[0] === 2 || point[0] === 3) throw unsupported('its point is compressed');
  if (point[0] !== 4 || point.length !== 1 + 2 * size) throw new DerFault('a point has another form or length');
}

function readPrivate(body: Der): OuterKey {
  const version = body.small();
  if (version > 1) throw new DerFault(`version ${version} is not known`);
  const { kind, curve = Curve.NONE, size = 0 } = readAlgorithm(body);
  const inner = body.take(Tag.OCTET_STRING);
  body.optional(Tag.CONTEXT_0);
  const attached = version === 1 && body.peek() === Tag.PRIMITIVE_1 ? body.bitString(Tag.PRIMITIVE_1) : undefined;
  body.end();
  if (attached !== undefined) checkPublic(kind, size, attached);
  const stated = statedByInner(kind, curve, size, inner);
  if (stated !== undefined && attached !== undefined && !equalOctets(stated, attached))
    throw unsupported('it states two different public keys');
  return { kind, curve, isPrivate: true, statedPublicKey: attached ?? stated };
}

function statedByInner(kind: KeyKind, curve: Curve, size: number, inner: Uint8Array): Uint8Array | undefined {
  switch (kind) {
    case 'rsa':
      checkRsaPrivate(inner);
      return undefined;
    case 'ec':
      return checkEcPrivate(curve, size, inner);
    case 'ed':
      checkEdPrivate(size, inner);
      return undefined;
    case 'hashsig':
      readHssPrivateKey(inner);
      return undefined;
  }
}

/** RSAPrivateKey, RFC 8017 appendix A.1.2, with two primes. No number may be longer than the modulus. */
function checkRsaPrivate(inner: Uint8Array): void {
  const outer = new Der(inner);
  const numbers = outer.sequence();
  outer.end();
  if (numbers.small() !== 0) throw unsupported('its RSA modulus has more than two primes');
  const modulus = numbers.unsigned();
  checkRsaNumbers(modulus, numbers.unsigned());
  for (let i = 0; i < 6; i++) {
    const number = numbers.unsigned();
    if (number.length > modulus.length || number.length === 0)
      throw unsupported('an RSA number is 0 or above the modulus');
  }
  numbers.end();
}

/** ECPrivateKey, RFC 5915; gives its public part. */
function checkEcPrivate(curve: Curve, size: number, inner: Uint8Array): Uint8Array | undefined {
  const outer = new Der(inner);
  const body = outer.sequence();
  outer.end();
  if (body.small() !== 1) throw new DerFault('the version of an EC key is not 1');
  // RFC 5915 section 3: as long as the order. Some leave out leading zeros, which changes nothing.
  const scalar = body.take(Tag.OCTET_STRING);
  if (scalar.length === 0 || scalar.length > size)
    throw new DerFault(`a scalar has ${scalar.length} octets, not ${size}`);
  const parameters = body.optional(Tag.CONTEXT_0);
  if (parameters !== undefined) {
    const named = new Der(parameters);
    if (named.peek() !== Tag.OID) throw unsupported('its curve has no name');
    if (CURVE_OIDS.get(text(named.take(Tag.OID)))?.curve !== curve) throw unsupported('it names two different curves');
    named.end();
  }
  const explicit = body.optional(Tag.CONTEXT_1);
  body.end();
  if (explicit === undefined) return undefined;
  const point = new Der(explicit);
  const key = point.bitString();
  point.end();
  checkPoint(key, size);
  return key;
}

/** CurvePrivateKey, RFC 8410 section 7. */
function checkEdPrivate(size: number, inner: Uint8Array): void {
  const outer = new Der(inner);
  const { length } = outer.take(Tag.OCTET_STRING);
  outer.end();
  if (length !== size) throw new DerFault(`a private key has ${length} octets, not ${size}`);
}

function text(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('hex');
}

function unsupported(reason: string): HalError {
  return new HalError(HalStatus.UNSUPPORTED_KEY, `the key cannot be used here: ${reason}`);
}
