import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { concatOctets, fromHex } from '../../../src/base/octets.ts';
import { derBitString, derElement, derInteger, derSequence, Tag } from '../../../src/hsm/crypto/der.ts';
import { readOuterKey } from '../../../src/hsm/crypto/key-der.ts';
import { HalError } from '../../../src/hsm/hal-status.ts';
import { builtEngine } from './built-engine.ts';
import { SAMPLE_KINDS } from './sample-keys.ts';

/* Keys of foreign origin: PKEY_LOAD and imports bring whatever octets a client likes. */

const engine = builtEngine();
const samples = await Promise.all(
  SAMPLE_KINDS.map(async ({ name, spec }) => ({ name, key: await engine.generate(spec) })),
);
const hashsig = await engine.generate({ kind: 'hashsig', levels: 2, lms: 5, lmots: 4, flags: 0 });
const ders = [...samples, { name: 'HSS', key: hashsig }].flatMap(({ name, key }) => [
  { name: `${name}, private`, der: key.privateDer },
  { name: `${name}, public`, der: key.spki },
]);

const FAULTS = new Set(['HAL_ASN1_PARSE_FAILED', 'HAL_UNSUPPORTED_KEY', 'HAL_KEY_NOT_ON_CURVE']);

/** Reads, checks and uses: nothing but these errors may come of it. */
function tryKey(der: Uint8Array): boolean {
  try {
    engine.inspect(der);
    return true;
  } catch (error) {
    assert.ok(error instanceof HalError && FAULTS.has(error.code), String(error));
    return false;
  }
}

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', ''))!;
const oid = (text: string): Uint8Array => derElement(Tag.OID, hex(text));
const algorithm = (...parts: readonly Uint8Array[]): Uint8Array => derSequence(...parts);
const RSA = algorithm(oid('2a864886f70d010101'), derElement(Tag.NULL));
const P256 = oid('2a8648ce3d030107');
const P384 = oid('2b81040022');
const EC = algorithm(oid('2a8648ce3d0201'), P256);
const octetString = (octets: Uint8Array): Uint8Array => derElement(Tag.OCTET_STRING, octets);
const rsaPublic = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array =>
  derSequence(RSA, derBitString(derSequence(derElement(Tag.INTEGER, modulus), derElement(Tag.INTEGER, exponent))));
const odd = (octets: number): Uint8Array => concatOctets([Uint8Array.of(0), new Uint8Array(octets).fill(0xff)]);
const F4 = Uint8Array.of(1, 0, 1);
const ecPrivate = (...parts: readonly Uint8Array[]): Uint8Array =>
  derSequence(
    derInteger(0),
    EC,
    octetString(derSequence(derInteger(1), octetString(new Uint8Array(32).fill(1)), ...parts)),
  );

describe('keys that are refused, and how', () => {
  const cases: readonly (readonly [string, Uint8Array, string])[] = [
    ['no octets', new Uint8Array(), 'HAL_ASN1_PARSE_FAILED'],
    ['an empty sequence', derSequence(), 'HAL_ASN1_PARSE_FAILED'],
    ['noise', new Uint8Array(500).fill(0x30), 'HAL_ASN1_PARSE_FAILED'],
    ['a megabyte', derSequence(derElement(Tag.OCTET_STRING, new Uint8Array(2 << 20))), 'HAL_ASN1_PARSE_FAILED'],
    ['an indefinite length', hex('30800000'), 'HAL_ASN1_PARSE_FAILED'],
    ['a length of 2^32 - 1', hex('3084ffffffff00'), 'HAL_ASN1_PARSE_FAILED'],
    ['a length in nine octets', hex('3089010000000000000000'), 'HAL_ASN1_PARSE_FAILED'],
    ['an unknown algorithm', derSequence(algorithm(oid('2a8648ce380401')), derBitString(F4)), 'HAL_UNSUPPORTED_KEY'],
    ['RSASSA-PSS', derSequence(algorithm(oid('2a864886f70d01010a')), derBitString(F4)), 'HAL_UNSUPPORTED_KEY'],
    ['X25519', derSequence(algorithm(oid('2b656e')), derBitString(new Uint8Array(32))), 'HAL_UNSUPPORTED_KEY'],
    [
      'secp256k1',
      derSequence(algorithm(oid('2a8648ce3d0201'), oid('2b8104000a')), derBitString(F4)),
      'HAL_UNSUPPORTED_KEY',
    ],
    ['explicit curve parameters', derSequence(algorithm(oid('2a8648ce3d0201'), derSequence(derInteger(1))), derBitString(F4)), 'HAL_UNSUPPORTED_KEY'], // prettier-ignore
    ['implicit curve parameters', derSequence(algorithm(oid('2a8648ce3d0201'), derElement(Tag.NULL)), derBitString(F4)), 'HAL_UNSUPPORTED_KEY'], // prettier-ignore
    [
      'a compressed point',
      derSequence(EC, derBitString(concatOctets([Uint8Array.of(2), new Uint8Array(32)]))),
      'HAL_UNSUPPORTED_KEY',
    ],
    ['the point at infinity', derSequence(EC, derBitString(new Uint8Array(1))), 'HAL_ASN1_PARSE_FAILED'],
    [
      'a hybrid point',
      derSequence(EC, derBitString(concatOctets([Uint8Array.of(6), new Uint8Array(64)]))),
      'HAL_ASN1_PARSE_FAILED',
    ],
    [
      'a point of another curve',
      derSequence(EC, derBitString(concatOctets([Uint8Array.of(4), new Uint8Array(96)]))),
      'HAL_ASN1_PARSE_FAILED',
    ],
    ['RSA of 1016 bits', rsaPublic(odd(127), F4), 'HAL_UNSUPPORTED_KEY'],
    ['RSA of 4104 bits', rsaPublic(odd(513), F4), 'HAL_UNSUPPORTED_KEY'],
    ['an even modulus', rsaPublic(concatOctets([odd(127), Uint8Array.of(0xfe)]), F4), 'HAL_UNSUPPORTED_KEY'],
    ['exponent 1', rsaPublic(odd(256), Uint8Array.of(1)), 'HAL_UNSUPPORTED_KEY'],
    ['exponent 0', rsaPublic(odd(256), Uint8Array.of(0)), 'HAL_UNSUPPORTED_KEY'],
    ['an even exponent', rsaPublic(odd(256), Uint8Array.of(4)), 'HAL_UNSUPPORTED_KEY'],
    ['an exponent of 72 bits', rsaPublic(odd(256), new Uint8Array(9).fill(0x7f)), 'HAL_UNSUPPORTED_KEY'],
    ['a negative modulus', rsaPublic(new Uint8Array(256).fill(0xff), F4), 'HAL_ASN1_PARSE_FAILED'],
    ['a number with leading zeros', rsaPublic(odd(256), Uint8Array.of(0, 1, 0, 1)), 'HAL_ASN1_PARSE_FAILED'],
    ['two curves', ecPrivate(derElement(Tag.CONTEXT_0, P384)), 'HAL_UNSUPPORTED_KEY'],
    ['a public part of another key', ecPrivate(derElement(Tag.CONTEXT_1, derBitString(concatOctets([Uint8Array.of(4), new Uint8Array(64).fill(1)])))), 'HAL_KEY_NOT_ON_CURVE'], // prettier-ignore
    ['Ed25519 of 31 octets', hex(`302d020100300506032b65700421041f${'11'.repeat(31)}`), 'HAL_ASN1_PARSE_FAILED'],
    ['Ed25519 with parameters', derSequence(derInteger(0), algorithm(oid('2b6570'), derElement(Tag.NULL)), octetString(octetString(new Uint8Array(32)))), 'HAL_ASN1_PARSE_FAILED'], // prettier-ignore
    ['PKCS#8 of version 2', derSequence(derInteger(2), RSA, octetString(F4)), 'HAL_ASN1_PARSE_FAILED'],
    [
      'an encrypted PKCS#8',
      derSequence(derSequence(oid('608648016503040130')), octetString(F4)),
      'HAL_UNSUPPORTED_KEY',
    ],
    ['an HSS key of nine levels', hashsigPublic(9), 'HAL_UNSUPPORTED_KEY'],
    ['an HSS key of no levels', hashsigPublic(0), 'HAL_UNSUPPORTED_KEY'],
  ];
  for (const [name, der, code] of cases)
    test(name, () => {
      assert.throws(() => engine.inspect(der), { code });
    });

  function hashsigPublic(levels: number): Uint8Array {
    const spki = hashsig.spki.slice();
    spki[spki.length - 57] = levels;
    return spki;
  }

  test('public and private halves are not taken for each other', () => {
    const { key } = samples[0];
    assert.throws(() => engine.open(key.spki), { code: 'HAL_UNSUPPORTED_KEY' });
    assert.throws(() => engine.verify(key.privateDer, 1, new Uint8Array(1), new Uint8Array(1)), {
      code: 'HAL_UNSUPPORTED_KEY',
    });
  });

  test('RSA whose private numbers belong to another key', () => {
    const [first, second] = [0, 1].map(() =>
      generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'jwk' }),
    );
    const fields = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const;
    const number = (text: string): Uint8Array => derElement(Tag.INTEGER, positive(Buffer.from(text, 'base64url')));
    const mixed = fields.map((field) => number((field === 'n' || field === 'e' ? first : second)[field]!));
    const der = derSequence(derInteger(0), RSA, octetString(derSequence(derInteger(0), ...mixed)));
    assert.throws(() => engine.inspect(der), { code: 'HAL_UNSUPPORTED_KEY' });
    const whole = fields.map((field) => number(first[field]!));
    assert.equal(
      engine.inspect(derSequence(derInteger(0), RSA, octetString(derSequence(derInteger(0), ...whole)))).type,
      1,
    );
    for (let i = 0; i < 8; i++) {
      const zeroed = whole.toSpliced(i, 1, derInteger(0));
      assert.throws(() => engine.inspect(derSequence(derInteger(0), RSA, octetString(derSequence(derInteger(0), ...zeroed)))), { code: 'HAL_UNSUPPORTED_KEY' }); // prettier-ignore
    }
  });
});

function positive(octets: Uint8Array): Uint8Array {
  return octets[0] >= 0x80 ? concatOctets([Uint8Array.of(0), octets]) : octets;
}

describe('keys that are taken in other spellings', () => {
  test('RSA without NULL, and PKCS#8 with attributes', () => {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const body = derSequence(
      derElement(Tag.INTEGER, positive(Buffer.from(jwk.n!, 'base64url'))),
      derElement(Tag.INTEGER, F4),
    );
    assert.equal(engine.inspect(derSequence(algorithm(oid('2a864886f70d010101')), derBitString(body))).type, 2);
    const scalar = octetString(octetString(new Uint8Array(32).fill(9)));
    const ed = algorithm(oid('2b6570'));
    assert.equal(engine.inspect(derSequence(derInteger(0), ed, scalar, derElement(Tag.CONTEXT_0))).type, 9);
  });

  test('RFC 5958: the public key attached, when it is the right one', () => {
    const seed = new Uint8Array(32).fill(9);
    const ed = algorithm(oid('2b6570'));
    const plain = derSequence(derInteger(0), ed, octetString(octetString(seed)));
    const publicKey = readOuterKey(engine.inspect(plain).spki).statedPublicKey!;
    const attached = (key: Uint8Array): Uint8Array =>
      derSequence(
        derInteger(1),
        ed,
        octetString(octetString(seed)),
        derElement(Tag.PRIMITIVE_1, new Uint8Array(1), key),
      );
    assert.equal(engine.inspect(attached(publicKey)).type, 9);
    const other = publicKey.slice();
    other[0] ^= 1;
    assert.throws(() => engine.inspect(attached(other)), HalError);
  });
});

describe('any octets', () => {
  for (const { name, der } of ders)
    test(`${name}: cut short anywhere`, () => {
      for (let length = 0; length < der.length; length += der.length > 400 ? 7 : 1)
        assert.equal(tryKey(der.slice(0, length)), false, `${length} of ${der.length} octets`);
      assert.equal(tryKey(concatOctets([der, Uint8Array.of(0)])), false);
    });

  for (const { name, der } of ders)
    test(`${name}: octets changed`, () => {
      const change = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }));
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
          const changed = Uint8Array.from(der);
          for (const [at, by] of changes) changed[at] ^= by;
          tryKey(changed);
        }),
        { seed: 5958, numRuns: 150 },
      );
    });

  test('noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        tryKey(octets);
        assert.equal(tryKey(derSequence(octets)), false);
      }),
      { seed: 5208, numRuns: 1000 },
    );
  });
});
