import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign as nodeSign,
  verify as nodeVerify,
} from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { fromHex, toHex } from '../../../src/base/octets.ts';
import { Der } from '../../../src/hsm/crypto/der.ts';
import { digestFacts, digestInfo } from '../../../src/hsm/crypto/digest-info.ts';
import type { NewKey } from '../../../src/hsm/crypto/key-engine.ts';
import type { KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { Curve, DigestAlgorithm, KeyType, Mechanism } from '../../../src/hsm/hal-constants.ts';
import { builtEngine } from './built-engine.ts';
import { ec, rsa, SAMPLE_KINDS } from './sample-keys.ts';

const engine = builtEngine();
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-crypto-'));
after(() => fs.rmSync(directory, { recursive: true }));

const message = new TextEncoder().encode('example. 3600 IN SOA ns hostmaster 1 2 3 4 5');
const HASHES: ReadonlyMap<Mechanism, string> = new Map([
  [Mechanism.SHA1_RSA_PKCS, 'sha1'],
  [Mechanism.SHA256_RSA_PKCS, 'sha256'],
  [Mechanism.SHA384_RSA_PKCS, 'sha384'],
  [Mechanism.SHA512_RSA_PKCS, 'sha512'],
  [Mechanism.ECDSA_SHA1, 'sha1'],
  [Mechanism.ECDSA_SHA224, 'sha224'],
  [Mechanism.ECDSA_SHA256, 'sha256'],
  [Mechanism.ECDSA_SHA384, 'sha384'],
  [Mechanism.ECDSA_SHA512, 'sha512'],
]);

function hash(name: string, data: Uint8Array): Uint8Array {
  return createHash(name).update(data).digest();
}

/** What the mechanism of a sample is to be given for `message`. */
function inputFor(mechanism: Mechanism): Uint8Array {
  if (mechanism === Mechanism.EDDSA) return message;
  const digest = hash('sha256', message);
  return mechanism === Mechanism.ECDSA ? digest : digestInfo(DigestAlgorithm.SHA256, digest);
}

/** node:crypto's opinion of a signature over `data`. */
function judged(key: NewKey, hashName: string | null, data: Uint8Array, signature: Uint8Array): boolean {
  const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
  return nodeVerify(hashName, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
}

for (const { name, spec, mechanism, length } of SAMPLE_KINDS)
  describe(`S-344 ${name}`, async () => {
    const key = await engine.generate(spec);
    const hashName = mechanism === Mechanism.EDDSA ? null : 'sha256';

    test('what it signs, node:crypto and the engine itself verify', () => {
      using opened = engine.open(key.privateDer);
      for (let i = 0; i < 20; i++) {
        const signature = opened.sign(mechanism, inputFor(mechanism));
        assert.equal(signature.length, length);
        assert.ok(judged(key, hashName, message, signature));
        assert.ok(engine.verify(key.spki, mechanism, inputFor(mechanism), signature));
      }
    });

    test('a changed signature, message or length is not valid', () => {
      using opened = engine.open(key.privateDer);
      const input = inputFor(mechanism);
      const signature = opened.sign(mechanism, input);
      for (const at of [0, 1, length >> 1, length - 1]) {
        const changed = signature.slice();
        changed[at] ^= 1;
        assert.equal(engine.verify(key.spki, mechanism, input, changed), false);
      }
      const other = Uint8Array.from(input);
      other[other.length - 1] ^= 1;
      assert.equal(engine.verify(key.spki, mechanism, other, signature), false);
      for (const cut of [0, 1, length - 1])
        assert.equal(engine.verify(key.spki, mechanism, input, signature.slice(0, cut)), false);
      for (const longer of [length + 1, 2 * length, 100_000]) {
        const padded = new Uint8Array(longer);
        padded.set(signature);
        assert.equal(engine.verify(key.spki, mechanism, input, padded), false);
      }
      assert.equal(engine.verify(key.spki, mechanism, input, new Uint8Array(length)), false);
      assert.equal(engine.verify(key.spki, mechanism, input, new Uint8Array(length).fill(0xff)), false);
    });

    test('inspecting either half gives type, curve and the public half', () => {
      const ofPrivate = engine.inspect(key.privateDer);
      const ofPublic = engine.inspect(key.spki);
      const curve = spec.kind === 'ec' ? spec.curve : Curve.NONE;
      assert.deepEqual([ofPrivate.type, ofPrivate.curve], [key.type, curve]);
      assert.deepEqual([ofPublic.type, ofPublic.curve], [key.type + 1, curve]);
      assert.equal(toHex(ofPrivate.spki), toHex(key.spki));
      assert.equal(toHex(ofPublic.spki), toHex(key.spki));
    });

    test('mechanisms of other kinds are refused', () => {
      using opened = engine.open(key.privateDer);
      const ownKind = key.type === KeyType.RSA_PRIVATE ? 'RSA' : key.type === KeyType.EC_PRIVATE ? 'ECDSA' : 'EDDSA';
      for (const [label, other] of Object.entries(Mechanism)) {
        if (label.includes(ownKind)) continue;
        assert.throws(() => opened.sign(other, new Uint8Array(32)), { code: 'HAL_UNSUPPORTED_KEY' }, label);
        assert.throws(() => engine.verify(key.spki, other, new Uint8Array(32), new Uint8Array(length)), { code: 'HAL_UNSUPPORTED_KEY' }); // prettier-ignore
      }
      assert.throws(() => opened.sign(0xffff as Mechanism, message), { code: 'HAL_UNSUPPORTED_KEY' });
    });

    test('it holds a copy: the octets it was opened from may be cleared', () => {
      for (const der of [Uint8Array.from(key.privateDer), Buffer.from(key.privateDer)]) {
        using opened = engine.open(der);
        der.fill(0);
        assert.ok(engine.verify(key.spki, mechanism, inputFor(mechanism), opened.sign(mechanism, inputFor(mechanism))));
      }
    });

    test('a key that was let go computes nothing', () => {
      const opened = engine.open(key.privateDer);
      opened[Symbol.dispose]();
      opened[Symbol.dispose]();
      assert.throws(() => opened.sign(mechanism, inputFor(mechanism)), { code: 'ERR_HSM_KEY_CLOSED' });
    });

    test('openssl(1) verifies', () => {
      using opened = engine.open(key.privateDer);
      const file = (suffix: string): string => path.join(directory, `${name}.${suffix}`);
      fs.writeFileSync(file('pub'), key.spki);
      fs.writeFileSync(file('sig'), asOpenssl(key.type, opened.sign(mechanism, inputFor(mechanism))));
      fs.writeFileSync(file('in'), hashName === null ? message : hash('sha256', message));
      const options = ['pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', file('pub'), '-in', file('in'), '-sigfile', file('sig')]; // prettier-ignore
      if (hashName === null) options.push('-rawin');
      if (key.type === KeyType.RSA_PRIVATE) options.push('-pkeyopt', 'digest:sha256');
      const { status, stdout, stderr } = spawnSync('openssl', options, { encoding: 'utf8', timeout: 300_000 });
      assert.equal(status, 0, stdout + stderr);
    });
  });

/** openssl(1) reads ECDSA signatures in DER. */
function asOpenssl(type: KeyType, signature: Uint8Array): Uint8Array {
  if (type !== KeyType.EC_PRIVATE) return signature;
  const half = signature.length / 2;
  const integer = (octets: Uint8Array): string => {
    let hex = toHex(octets).replace(/^(00)+/, '');
    if (hex === '' || Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
    return `02${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`;
  };
  const body = integer(signature.subarray(0, half)) + integer(signature.subarray(half));
  const length = body.length / 2;
  return fromHex(`30${length >= 0x80 ? '81' : ''}${length.toString(16).padStart(2, '0')}${body}`)!;
}

describe('mechanisms that hash the message', async () => {
  const keys = { rsa: await engine.generate(rsa(1024)), ec: await engine.generate(ec(Curve.P384)) };
  for (const [mechanism, hashName] of HASHES)
    test(`0x${mechanism.toString(16)}: ${hashName}`, () => {
      const key = mechanism < 0x1000 ? keys.rsa : keys.ec;
      using opened = engine.open(key.privateDer);
      for (const data of [message, new Uint8Array(), randomBytes(20_000)]) {
        const signature = opened.sign(mechanism, data);
        assert.ok(judged(key, hashName, data, signature));
        assert.ok(engine.verify(key.spki, mechanism, data, signature));
        assert.equal(engine.verify(key.spki, mechanism, Buffer.concat([data, Buffer.of(0)]), signature), false);
      }
    });

  test('RSA PKCS#1 v1.5 is the same as node:crypto computes (RFC 8017 section 8.2.1)', () => {
    using opened = engine.open(keys.rsa.privateDer);
    const privateKey = createPrivateKey({ key: Buffer.from(keys.rsa.privateDer), format: 'der', type: 'pkcs8' });
    for (const hashName of ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const) {
      const algorithm = { sha1: 1, sha224: 2, sha256: 3, sha384: 6, sha512: 7 }[hashName];
      const signature = opened.sign(Mechanism.RSA_PKCS, digestInfo(algorithm, hash(hashName, message)));
      assert.equal(toHex(signature), toHex(nodeSign(hashName, message, privateKey)));
    }
  });

  test('RSA_PKCS signs what it is given, up to 11 octets below the modulus', () => {
    using opened = engine.open(keys.rsa.privateDer);
    for (const length of [1, 36, 117]) {
      const data = randomBytes(length);
      assert.ok(engine.verify(keys.rsa.spki, Mechanism.RSA_PKCS, data, opened.sign(Mechanism.RSA_PKCS, data)));
    }
    assert.throws(() => opened.sign(Mechanism.RSA_PKCS, randomBytes(118)), { code: 'HAL_RESULT_TOO_LONG' });
    assert.throws(() => opened.sign(Mechanism.RSA_PKCS, randomBytes(65536)), { code: 'HAL_RESULT_TOO_LONG' });
    assert.throws(() => opened.sign(Mechanism.RSA_PKCS, new Uint8Array()), { code: 'HAL_BAD_ARGUMENTS' });
  });
});

describe('ECDSA digests of any length (FIPS 186-5 section 6.4.1)', () => {
  const hashes = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];
  for (const curve of [Curve.P256, Curve.P384, Curve.P521])
    for (const hashName of hashes)
      test(`curve ${curve}, ${hashName}: leftmost bits when longer than the order, as it is when shorter`, async () => {
        const key = await engine.generate(ec(curve));
        using opened = engine.open(key.privateDer);
        const signature = opened.sign(Mechanism.ECDSA, hash(hashName, message));
        assert.ok(judged(key, hashName, message, signature));
        assert.ok(engine.verify(key.spki, Mechanism.ECDSA, hash(hashName, message), signature));
      });

  test('a digest without octets is refused', async () => {
    const key = await engine.generate(ec(Curve.P256));
    using opened = engine.open(key.privateDer);
    assert.throws(() => opened.sign(Mechanism.ECDSA, new Uint8Array()), { code: 'HAL_BAD_ARGUMENTS' });
    assert.throws(() => engine.verify(key.spki, Mechanism.ECDSA, new Uint8Array(), new Uint8Array(64)), {
      code: 'HAL_BAD_ARGUMENTS',
    });
  });

  test('nonces differ: equal digests give different signatures', async () => {
    const key = await engine.generate(ec(Curve.P256));
    using opened = engine.open(key.privateDer);
    const seen = new Set(
      Array.from({ length: 100 }, () => toHex(opened.sign(Mechanism.ECDSA, new Uint8Array(32).fill(7))).slice(0, 64)),
    );
    assert.equal(seen.size, 100);
  });
});

describe('generation', () => {
  const failing: readonly (readonly [string, KeySpec, string])[] = [
    ['RSA below 1024 bits', rsa(1016), 'HAL_BAD_ARGUMENTS'],
    ['RSA above 4096 bits', rsa(4104), 'HAL_BAD_ARGUMENTS'],
    ['RSA of bits that are no octets', rsa(2047), 'HAL_BAD_ARGUMENTS'],
    ['RSA with exponent 3', { kind: 'rsa', bits: 2048, exponent: Uint8Array.of(3), flags: 0 }, 'HAL_UNSUPPORTED_KEY'],
    ['RSA without exponent', { kind: 'rsa', bits: 2048, exponent: new Uint8Array(4), flags: 0 }, 'HAL_UNSUPPORTED_KEY'],
    ['no curve', ec(Curve.NONE), 'HAL_UNSUPPORTED_KEY'],
    ['an unknown curve', ec(99 as Curve), 'HAL_UNSUPPORTED_KEY'],
    ['no levels', { kind: 'hashsig', levels: 0, lms: 5, lmots: 4, flags: 0 }, 'HAL_UNSUPPORTED_KEY'],
    ['nine levels', { kind: 'hashsig', levels: 9, lms: 5, lmots: 4, flags: 0 }, 'HAL_UNSUPPORTED_KEY'],
    ['an unknown LMS type', { kind: 'hashsig', levels: 1, lms: 10, lmots: 4, flags: 0 }, 'HAL_UNSUPPORTED_KEY'],
    ['an unknown LM-OTS type', { kind: 'hashsig', levels: 1, lms: 5, lmots: 0, flags: 0 }, 'HAL_UNSUPPORTED_KEY'],
  ];
  for (const [name, spec, code] of failing)
    test(`${name}: ${code}`, () => assert.rejects(engine.generate(spec), { code }));

  test('the exponent may have leading zeros', async () => {
    const key = await engine.generate({ kind: 'rsa', bits: 1024, exponent: Uint8Array.of(0, 1, 0, 1), flags: 0 });
    assert.equal(key.type, KeyType.RSA_PRIVATE);
  });

  test('RSA-4096, the longest', async () => {
    const key = await engine.generate(rsa(4096));
    using opened = engine.open(key.privateDer);
    const signature = opened.sign(Mechanism.SHA512_RSA_PKCS, message);
    assert.equal(signature.length, 512);
    assert.ok(judged(key, 'sha512', message, signature));
    assert.equal(toHex(engine.inspect(key.privateDer).spki), toHex(key.spki));
  });
});

describe('digest algorithms', () => {
  test('identifiers are those of RFC 8017', () => {
    assert.equal(toHex(digestFacts(DigestAlgorithm.SHA256)!.identifier), '300d06096086480165030402010500');
    assert.equal(digestFacts(DigestAlgorithm.NONE), undefined);
    assert.equal(digestFacts(8), undefined);
    for (const algorithm of [1, 2, 3, 4, 5, 6, 7]) {
      const facts = digestFacts(algorithm)!;
      const info = digestInfo(algorithm, hash(facts.hash, message));
      const body = new Der(info).sequence();
      body.sequence();
      assert.equal(toHex(body.take(0x04)), toHex(hash(facts.hash, message)));
    }
    assert.throws(() => digestInfo(3, new Uint8Array(31)), { code: 'HAL_BAD_ARGUMENTS' });
    assert.throws(() => digestInfo(0, new Uint8Array(32)), { code: 'HAL_BAD_ARGUMENTS' });
  });
});

describe('key-encryption keys by RSA (RFC 8017 section 7.2)', async () => {
  const key = await engine.generate(rsa(1024));
  const { encryptToKekek } = await import('../../../src/hsm/crypto/encrypted-key.ts');

  test('what was encrypted to the key comes out', () => {
    using opened = engine.open(key.privateDer);
    for (const length of [1, 16, 32, 117]) {
      const kek = randomBytes(length);
      assert.equal(toHex(opened.decryptKey(encryptToKekek(key.spki, kek), length)), toHex(kek));
    }
  });

  test('another length, other padding or noise give random octets of the length asked for: no oracle', async () => {
    const { constants, publicEncrypt } = await import('node:crypto');
    using opened = engine.open(key.privateDer);
    const kek = randomBytes(32);
    const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
    const raw = (head: readonly number[], fill: number): Uint8Array => {
      const em = new Uint8Array(128).fill(fill);
      em.set(head);
      em[128 - 33] = 0;
      em.set(kek, 96);
      return publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, em);
    };
    assert.equal(toHex(opened.decryptKey(raw([0, 2], 5), 32)), toHex(kek), 'the well-formed one');
    const bad: Uint8Array[] = [
      raw([0, 1], 5),
      raw([0, 2], 0),
      raw([0, 2, 5, 5, 5, 5, 5, 5, 5, 5, 0], 5),
      encryptToKekek(key.spki, randomBytes(31)),
      encryptToKekek(key.spki, randomBytes(33)),
      new Uint8Array(128),
      new Uint8Array(128).fill(0xff),
    ];
    for (const encrypted of bad) {
      const first = opened.decryptKey(encrypted, 32);
      assert.equal(first.length, 32);
      assert.notEqual(toHex(first), toHex(kek));
      assert.notEqual(toHex(first), toHex(opened.decryptKey(encrypted, 32)));
    }
  });

  test('lengths that cannot be are refused', async () => {
    using opened = engine.open(key.privateDer);
    for (const length of [0, 127, 129])
      assert.throws(() => opened.decryptKey(new Uint8Array(length), 32), { code: 'HAL_BAD_ARGUMENTS' });
    for (const length of [0, 118, 5000])
      assert.throws(() => opened.decryptKey(new Uint8Array(128), length), { code: 'HAL_BAD_ARGUMENTS' });
    const other = await engine.generate(ec(Curve.P256));
    using point = engine.open(other.privateDer);
    assert.throws(() => point.decryptKey(new Uint8Array(64), 32), { code: 'HAL_UNSUPPORTED_KEY' });
    assert.throws(() => encryptToKekek(other.spki, new Uint8Array(32)), { code: 'HAL_UNSUPPORTED_KEY' });
  });
});
