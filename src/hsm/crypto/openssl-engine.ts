import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { equalOctets } from '../../base/octets.ts';
import { Curve, KeyType, Mechanism } from '../hal-constants.ts';
import { HalError, HalStatus, halStatusName } from '../hal-status.ts';
import type { KeySpec } from '../device/crypto-device.ts';
import { Der, derBitString, derElement, derInteger, derSequence, Tag } from './der.ts';
import {
  hssParameters,
  hssPublicKey,
  type HssPrivateKey,
  readHssPrivateKey,
  writeHssPrivateKey,
} from './hashsig/hss-key.ts';
import { HssSigner } from './hashsig/hss-signer.ts';
import { verifyHss } from './hashsig/hss-verify.ts';
import { LmsTree } from './hashsig/lms-tree.ts';
import { ID_LENGTH, N } from './hashsig/parameters.ts';
import { HASHSIG_OID, keyTypeOf, type OuterKey, readOuterKey, RSA_MAX_BITS, RSA_MIN_BITS } from './key-der.ts';
import type { GenerateOptions, InspectedKey, KeyEngine, NewKey, PrivateKey } from './key-engine.ts';
import type { NativeKey, NativeKeys } from './native-keys.ts';
import type { TestedRandom } from './tested-random.ts';

const makeKeyPair = promisify(generateKeyPair);

/** DER of both halves, as generateKeyPair gives it. */
interface DerPair {
  readonly privateKey: Buffer;
  readonly publicKey: Buffer;
}
const ENCODING = {
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  publicKeyEncoding: { type: 'spki', format: 'der' },
} as const;

const EC_NAMES: ReadonlyMap<Curve, string> = new Map([
  [Curve.P256, 'P-256'],
  [Curve.P384, 'P-384'],
  [Curve.P521, 'P-521'],
]);

/** Octets of the longest SubjectPublicKeyInfo (RSA-4096: 550) and of the longest signature (512), rounded up. */
const SCRATCH_OCTETS = 1024;

/** Keys in OpenSSL's memory, over native/hsm; hash-based ones by our own code. */
export class OpensslEngine implements KeyEngine {
  readonly name = 'openssl';
  readonly version = process.versions.openssl;
  readonly #native: NativeKeys;
  readonly #random: TestedRandom;

  constructor(dependencies: { readonly native: NativeKeys; readonly random: TestedRandom }) {
    this.#native = dependencies.native;
    this.#random = dependencies.random;
  }

  async generate(spec: KeySpec, options: GenerateOptions = {}): Promise<NewKey> {
    // OpenSSL takes random octets from its own generator, which the same kernel seeds.
    this.#random.check();
    options.signal?.throwIfAborted();
    if (spec.kind === 'hashsig') return this.#generateHashsig(spec, options);
    const { privateKey, publicKey } = await makePair(spec);
    const type =
      spec.kind === 'rsa' ? KeyType.RSA_PRIVATE : isEdwards(spec.curve) ? KeyType.ED_PRIVATE : KeyType.EC_PRIVATE;
    return { type, curve: spec.kind === 'rsa' ? Curve.NONE : spec.curve, privateDer: privateKey, spki: publicKey };
  }

  inspect(der: Uint8Array): InspectedKey {
    const outer = readOuterKey(der);
    const facts = { type: keyTypeOf(outer), curve: outer.curve };
    if (outer.kind === 'hashsig')
      return { ...facts, spki: outer.isPrivate ? spkiOfHss(hssKeyOf(der)) : Uint8Array.from(der) };
    return { ...facts, spki: outer.isPrivate ? this.#publicHalf(der, outer) : this.#publicKey(der, outer) };
  }

  open(privateDer: Uint8Array): PrivateKey {
    const outer = readOuterKey(privateDer);
    if (!outer.isPrivate) throw new HalError(HalStatus.UNSUPPORTED_KEY, 'a public key can neither sign nor decrypt');
    if (outer.kind === 'hashsig')
      return new HashsigPrivateKey(new HssSigner(this.#native, hssKeyOf(privateDer), pkcs8OfHss));
    const key = this.#native.openPrivate(privateDer);
    if (typeof key === 'number') throw unusable(key);
    return new OpensslPrivateKey(this.#native, key);
  }

  verify(spki: Uint8Array, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean {
    const outer = readOuterKey(spki);
    if (outer.isPrivate) throw new HalError(HalStatus.UNSUPPORTED_KEY, 'a signature is verified with a public key');
    if (outer.kind === 'hashsig') {
      checkHashsigMechanism(mechanism);
      return verifyHss(this.#native, outer.statedPublicKey!, data, signature);
    }
    const key = this.#openPublic(spki, outer);
    const status = this.#native.verify(key, mechanism, data, signature);
    this.#native.close(key);
    if (status === HalStatus.OK) return true;
    if (status === HalStatus.INVALID_SIGNATURE) return false;
    throw refused(status, mechanism);
  }

  /** The public half of a private key, whose numbers are checked: this takes milliseconds. */
  #publicHalf(der: Uint8Array, outer: OuterKey): Uint8Array {
    const key = this.#native.openPrivate(der);
    if (typeof key === 'number') throw unusable(key, outer);
    try {
      const status = this.#native.check(key);
      if (status !== HalStatus.OK) throw unusable(status, outer);
      const spki = this.#spki(key);
      if (
        outer.statedPublicKey !== undefined &&
        !equalOctets(readOuterKey(spki).statedPublicKey!, outer.statedPublicKey)
      )
        throw unusable(HalStatus.KEY_NOT_ON_CURVE, outer);
      return spki;
    } finally {
      this.#native.close(key);
    }
  }

  #publicKey(der: Uint8Array, outer: OuterKey): Uint8Array {
    const key = this.#openPublic(der, outer);
    const spki = this.#spki(key);
    this.#native.close(key);
    return spki;
  }

  #openPublic(spki: Uint8Array, outer: OuterKey): NativeKey {
    const key = this.#native.openPublic(spki);
    if (typeof key === 'number') throw unusable(key, outer);
    return key;
  }

  #spki(key: NativeKey): Uint8Array {
    const out = new Uint8Array(SCRATCH_OCTETS);
    const length = this.#native.publicKey(key, out);
    if (length < 0) throw unusable(-length as HalStatus);
    return out.slice(0, length);
  }

  async #generateHashsig(spec: KeySpec & { readonly kind: 'hashsig' }, options: GenerateOptions): Promise<NewKey> {
    const parameters = hssParameters(spec.levels, spec.lms, spec.lmots);
    const id = this.#random.fill(new Uint8Array(ID_LENGTH));
    const seed = this.#random.fill(new Uint8Array(N));
    const tree = new LmsTree(this.#native, parameters.lms, parameters.lmots, { id, seed }, new Uint8Array());
    const all = 2 ** parameters.lms.h;
    try {
      await tree.generate((done) => options.progress?.(done, all), options.signal);
      const lower = Array.from({ length: parameters.levels - 1 }, () => new Uint8Array());
      const position = Array.from({ length: parameters.levels }, () => 0);
      const key = { ...parameters, id, seed, root: tree.root, position, caches: [tree.cache, ...lower] };
      return { type: KeyType.HASHSIG_PRIVATE, curve: Curve.NONE, privateDer: pkcs8OfHss(key), spki: spkiOfHss(key) };
    } finally {
      seed.fill(0);
    }
  }
}

/** OpenSSL's memory holds it; `close` overwrites it. */
class OpensslPrivateKey implements PrivateKey {
  readonly state = undefined;
  readonly #native: NativeKeys;
  readonly #key: NativeKey;

  constructor(native: NativeKeys, key: NativeKey) {
    this.#native = native;
    this.#key = key;
  }

  sign(mechanism: Mechanism, data: Uint8Array): Uint8Array {
    const length = this.#native.sign(this.#key, mechanism, data, scratch);
    if (length < 0) throw refused(-length as HalStatus, mechanism);
    return scratch.slice(0, length);
  }

  decryptKey(encrypted: Uint8Array, length: number): Uint8Array {
    const key = new Uint8Array(length);
    const status = this.#native.decrypt(this.#key, encrypted, key);
    if (status === HalStatus.OK) return key;
    const message = `${encrypted.length} octets are no key of ${length} octets under this key (${halStatusName(status)})`;
    throw new HalError(status, message);
  }

  [Symbol.dispose](): void {
    this.#native.close(this.#key);
  }
}

/** Signatures are no secret, and every caller is in this thread. */
const scratch = new Uint8Array(SCRATCH_OCTETS);

class HashsigPrivateKey implements PrivateKey {
  readonly state: HssSigner;

  constructor(signer: HssSigner) {
    this.state = signer;
  }

  sign(mechanism: Mechanism, data: Uint8Array): Uint8Array {
    checkHashsigMechanism(mechanism);
    return this.state.sign(data);
  }

  decryptKey(): Uint8Array {
    throw new HalError(HalStatus.UNSUPPORTED_KEY, 'a hash-based key cannot decrypt');
  }

  [Symbol.dispose](): void {
    this.state.clear();
  }
}

function makePair(spec: KeySpec & { readonly kind: 'rsa' | 'ec' }): Promise<DerPair> {
  if (spec.kind === 'rsa') {
    checkRsaSpec(spec.bits, spec.exponent);
    return makeKeyPair('rsa', { modulusLength: spec.bits, publicExponent: 65537, ...ENCODING });
  }
  if (spec.curve === Curve.ED25519) return makeKeyPair('ed25519', ENCODING);
  if (spec.curve === Curve.ED448) return makeKeyPair('ed448', ENCODING);
  const namedCurve = EC_NAMES.get(spec.curve);
  if (namedCurve === undefined)
    throw new HalError(
      HalStatus.UNSUPPORTED_KEY,
      `curve ${spec.curve} is none of P-256, P-384, P-521, Ed25519 and Ed448`,
    );
  return makeKeyPair('ec', { namedCurve, paramEncoding: 'named', ...ENCODING });
}

function checkRsaSpec(bits: number, exponent: Uint8Array): void {
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS || bits % 8 !== 0)
    throw new HalError(
      HalStatus.BAD_ARGUMENTS,
      `an RSA key has ${RSA_MIN_BITS} to ${RSA_MAX_BITS} bits, a multiple of 8, not ${bits}`,
    );
  const digits = exponent.subarray(exponent.findIndex((octet) => octet !== 0));
  if (!equalOctets(digits, Uint8Array.of(1, 0, 1)))
    throw new HalError(HalStatus.UNSUPPORTED_KEY, 'the public exponent of a new RSA key is 65537');
}

function isEdwards(curve: Curve): boolean {
  return curve === Curve.ED25519 || curve === Curve.ED448;
}

function checkHashsigMechanism(mechanism: Mechanism): void {
  if (mechanism !== Mechanism.HSS) throw refused(HalStatus.UNSUPPORTED_KEY, mechanism);
}

/** The hash-based key in a PKCS#8 that readOuterKey has accepted. */
function hssKeyOf(der: Uint8Array): HssPrivateKey {
  const body = new Der(der).sequence();
  body.small();
  body.sequence();
  return readHssPrivateKey(body.take(Tag.OCTET_STRING));
}

function pkcs8OfHss(key: HssPrivateKey): Uint8Array {
  const inner = writeHssPrivateKey(key);
  const algorithm = derSequence(derElement(Tag.OID, HASHSIG_OID));
  const octets = derElement(Tag.OCTET_STRING, inner);
  const der = derSequence(derInteger(0), algorithm, octets);
  inner.fill(0);
  octets.fill(0);
  return der;
}

/** RFC 9708 section 4: the key as it is, without an OCTET STRING around it. */
function spkiOfHss(key: HssPrivateKey): Uint8Array {
  return derSequence(derSequence(derElement(Tag.OID, HASHSIG_OID)), derBitString(hssPublicKey(key, key.id, key.root)));
}

/** OpenSSL refuses a key whose DER is in order: for a curve that is a point, or a scalar, that is not right. */
function unusable(status: HalStatus, outer?: OuterKey): HalError {
  const isPoint =
    outer?.kind === 'ec' && (status === HalStatus.ASN1_PARSE_FAILED || status === HalStatus.KEY_NOT_ON_CURVE);
  if (isPoint) return new HalError(HalStatus.KEY_NOT_ON_CURVE, 'the key is not valid on its curve; make it again');
  const message = 'the key cannot be used: its numbers make no valid key; make it again, or restore it from a backup';
  return new HalError(status, message);
}

function refused(status: HalStatus, mechanism: Mechanism): HalError {
  const name = `mechanism 0x${mechanism.toString(16)}`;
  if (status === HalStatus.UNSUPPORTED_KEY) return new HalError(status, `the key cannot be used with ${name}`);
  if (status === HalStatus.RESULT_TOO_LONG)
    return new HalError(status, `what is to be signed is too long for the key (${name})`);
  return new HalError(status, `${name} was not computed (${halStatusName(status)})`);
}
