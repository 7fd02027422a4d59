import * as crypto from 'node:crypto';
import type { InspectedKey, KeyEngine, NewKey, PrivateKey, SigningState } from '../../../src/hsm/crypto/key-engine.ts';
import type { KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { Curve, KeyType, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';

/**
 * A key engine over node:crypto, for tests of what is above it. ECDSA signs a hash of the digest, which is all the same here. Hash-based keys are a
 * counter with an HMAC: what matters is that no number signs twice, and `signatures` remembers them all.
 */
export class FakeEngine implements KeyEngine {
  readonly name = 'fake';
  readonly version = '1';
  /** Numbers that each hash-based key has signed with, over all handles. */
  readonly signatures = new Map<string, number[]>();
  opened = 0;
  closed = 0;

  async generate(spec: KeySpec): Promise<NewKey> {
    if (spec.kind === 'hashsig') return this.#generateHashBased(spec.flags);
    const pair = generatePair(spec);
    const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
    return {
      ...this.inspect(pair.privateKey.export({ format: 'der', type: 'pkcs8' })),
      privateDer: pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
      spki,
    };
  }

  #generateHashBased(total: number): NewKey {
    const seed = crypto.randomBytes(16);
    const left = total > 255 ? total : 40;
    return {
      type: KeyType.HASHSIG_PRIVATE,
      curve: Curve.NONE,
      privateDer: Buffer.from(`HSS ${seed.toString('hex')} 0 ${left}`),
      spki: Buffer.from(`HSS public ${seed.toString('hex')}`),
    };
  }

  inspect(der: Uint8Array): InspectedKey {
    const text = Buffer.from(der).toString('latin1');
    if (text.startsWith('HSS '))
      return {
        type: text.startsWith('HSS public') ? KeyType.HASHSIG_PUBLIC : KeyType.HASHSIG_PRIVATE,
        curve: Curve.NONE,
        spki: der,
      };
    const key = parse(der);
    const spki = (key.type === 'private' ? crypto.createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
    const curve = CURVES.get(key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? '') ?? Curve.NONE;
    const [priv, pub] =
      key.asymmetricKeyType === 'rsa'
        ? [KeyType.RSA_PRIVATE, KeyType.RSA_PUBLIC]
        : key.asymmetricKeyType === 'ec'
          ? [KeyType.EC_PRIVATE, KeyType.EC_PUBLIC]
          : [KeyType.ED_PRIVATE, KeyType.ED_PUBLIC];
    return { type: key.type === 'private' ? priv : pub, curve, spki };
  }

  open(privateDer: Uint8Array): PrivateKey {
    this.opened++;
    const onClose = (): void => void this.closed++;
    const text = Buffer.from(privateDer).toString('latin1');
    if (text.startsWith('HSS ')) return new FakeHashBased(text, this.signatures, onClose);
    const key = parse(privateDer);
    let isOpen = true;
    return {
      sign: (mechanism, data) => {
        if (!isOpen) throw new Error('a key was used after it was closed');
        return Uint8Array.from(signWith(key, mechanism, data));
      },
      decryptKey: (encrypted, length) => {
        try {
          const plain = crypto.privateDecrypt({ key, padding: crypto.constants.RSA_PKCS1_PADDING }, encrypted);
          if (plain.length === length) return plain;
        } catch {
          // No oracle: as if it had been something else.
        }
        return crypto.randomBytes(length);
      },
      state: undefined,
      [Symbol.dispose]: () => {
        if (isOpen) onClose();
        isOpen = false;
      },
    };
  }

  verify(spki: Uint8Array, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): boolean {
    const key = crypto.createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    if (mechanism !== mechanismOf(key)) throw new HalError(HalStatus.UNSUPPORTED_KEY, 'mechanism');
    if (key.asymmetricKeyType === 'ec')
      return crypto.verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
    if (key.asymmetricKeyType !== 'rsa') return crypto.verify(null, data, key, signature);
    try {
      return crypto.publicDecrypt({ key, padding: crypto.constants.RSA_PKCS1_PADDING }, signature).equals(data);
    } catch {
      return false;
    }
  }
}

const CURVES = new Map<string, Curve>([
  ['prime256v1', Curve.P256],
  ['secp384r1', Curve.P384],
  ['secp521r1', Curve.P521],
  ['ed25519', Curve.ED25519],
  ['ed448', Curve.ED448],
]);

function generatePair(spec: Exclude<KeySpec, { kind: 'hashsig' }>): {
  publicKey: crypto.KeyObject;
  privateKey: crypto.KeyObject;
} {
  if (spec.kind === 'rsa') {
    if (spec.bits < 1024 || spec.bits % 8 !== 0) throw new HalError(HalStatus.BAD_ARGUMENTS, 'bits');
    return crypto.generateKeyPairSync('rsa', { modulusLength: spec.bits });
  }
  const name = [...CURVES].find(([, curve]) => curve === spec.curve)?.[0];
  if (name === undefined) throw new HalError(HalStatus.UNSUPPORTED_KEY, 'curve');
  if (name === 'ed25519') return crypto.generateKeyPairSync('ed25519');
  if (name === 'ed448') return crypto.generateKeyPairSync('ed448');
  return crypto.generateKeyPairSync('ec', { namedCurve: name });
}

function parse(der: Uint8Array): crypto.KeyObject {
  const key = Buffer.from(der);
  try {
    return crypto.createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } catch {
    // Then it is public, or nothing.
  }
  try {
    return crypto.createPublicKey({ key, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new HalError(HalStatus.ASN1_PARSE_FAILED, 'not a key', {}, cause);
  }
}

function mechanismOf(key: crypto.KeyObject): Mechanism {
  if (key.asymmetricKeyType === 'rsa') return Mechanism.RSA_PKCS;
  return key.asymmetricKeyType === 'ec' ? Mechanism.ECDSA : Mechanism.EDDSA;
}

function signWith(key: crypto.KeyObject, mechanism: Mechanism, data: Uint8Array): Buffer {
  if (mechanism !== mechanismOf(key)) throw new HalError(HalStatus.UNSUPPORTED_KEY, 'mechanism');
  if (key.asymmetricKeyType === 'rsa')
    return crypto.privateEncrypt({ key, padding: crypto.constants.RSA_PKCS1_PADDING }, data);
  if (key.asymmetricKeyType === 'ec') return crypto.sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
  return crypto.sign(null, data, key);
}

class FakeHashBased implements PrivateKey {
  readonly #seed: string;
  readonly #signatures: Map<string, number[]>;
  readonly #onClose: () => void;
  readonly #total: number;
  #next: number;
  #reserved: number;
  #isOpen = true;
  readonly state: SigningState;

  constructor(text: string, signatures: Map<string, number[]>, onClose: () => void) {
    const [, seed, next, total] = text.split(' ');
    this.#seed = seed;
    this.#next = Number(next);
    this.#reserved = this.#next;
    this.#total = Number(total);
    this.#signatures = signatures;
    this.#onClose = onClose;
    const left = (): number => this.#total - this.#next;
    this.state = {
      get left() {
        return left();
      },
      reserve: (count) => {
        if (this.#reserved + count > this.#total) throw new HalError(HalStatus.HASHSIG_KEY_EXHAUSTED, 'exhausted');
        this.#reserved += count;
        return Buffer.from(`HSS ${this.#seed} ${this.#reserved} ${this.#total}`);
      },
      prepare: () => Promise.resolve(),
    };
  }

  sign(_: Mechanism, data: Uint8Array): Uint8Array {
    if (!this.#isOpen) throw new Error('a key was used after it was closed');
    if (this.#next >= this.#reserved) throw new HalError(HalStatus.ASSERTION_FAILED, 'not reserved');
    const used = this.#signatures.get(this.#seed) ?? [];
    this.#signatures.set(this.#seed, used);
    used.push(this.#next);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(this.#next++);
    return Buffer.concat([head, crypto.createHmac('sha256', this.#seed).update(head).update(data).digest()]);
  }

  decryptKey(): Uint8Array {
    throw new HalError(HalStatus.UNSUPPORTED_KEY, 'not RSA');
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) this.#onClose();
    this.#isOpen = false;
  }
}
