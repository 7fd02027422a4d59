import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { SeededRandom } from '../../../src/base/random.ts';
import { fromHex, toHex } from '../../../src/base/octets.ts';
import { decodeEncryptedKey, encodeEncryptedKey } from '../../../src/hsm/crypto/encrypted-key.ts';
import { unwrapKey, wrapKey } from '../../../src/hsm/crypto/key-wrap.ts';

/** RFC 5649 section 4.1 over AES in ECB mode, by its letter; for keys of any AES length, as its examples need it. */
function wrapByLetter(kek: Uint8Array, plain: Uint8Array): Uint8Array {
  const encrypt = (block: Uint8Array): Buffer<ArrayBuffer> => {
    const cipher = createCipheriv(`aes-${kek.length * 8}-ecb`, kek, null).setAutoPadding(false);
    return Buffer.from(Buffer.concat([cipher.update(block), cipher.final()]));
  };
  const padded = Buffer.alloc(Math.ceil(plain.length / 8) * 8);
  padded.set(plain);
  let a: Buffer = Buffer.from([0xa6, 0x59, 0x59, 0xa6, 0, 0, plain.length >> 8, plain.length]);
  if (padded.length === 8) return encrypt(Buffer.concat([a, padded]));
  const n = padded.length / 8;
  const r = Array.from({ length: n }, (_, i) => padded.subarray(i * 8, i * 8 + 8));
  for (let j = 0; j < 6; j++)
    for (let i = 0; i < n; i++) {
      const block = encrypt(Buffer.concat([a, r[i]]));
      const t = n * j + i + 1;
      a = Buffer.from(block.subarray(0, 8));
      a.writeUInt32BE((a.readUInt32BE(4) ^ t) >>> 0, 4);
      r[i] = block.subarray(8);
    }
  return Buffer.concat([a, ...r]);
}

const kek = createHash('sha256').update('a key-encryption key').digest();

describe('AES key wrap with padding, RFC 5649', () => {
  test('section 6: the examples, by the letter of section 4', () => {
    const key = fromHex('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8')!;
    const wrap20 = '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a';
    assert.equal(toHex(wrapByLetter(key, fromHex('c37b7e6492584340bed12207808941155068f738')!)), wrap20);
    assert.equal(toHex(wrapByLetter(key, fromHex('466f7250617369')!)), 'afbeb0f07dfbf5419200f2ccb50bb24f');
  });

  test('every length: the same octets as by the letter, and back', () => {
    const random = new SeededRandom(5649);
    for (let length = 1; length <= 300; length++) {
      const plain = random.fill(new Uint8Array(length));
      const wrapped = wrapKey(kek, plain);
      assert.equal(toHex(wrapped), toHex(wrapByLetter(kek, plain)));
      assert.equal(wrapped.length, 8 + Math.ceil(length / 8) * 8);
      assert.equal(toHex(unwrapKey(kek, wrapped)), toHex(plain));
    }
  });

  test('any bit that is changed, and another key, are found', () => {
    const wrapped = wrapKey(kek, new TextEncoder().encode('thirty-one octets of a secret..'));
    for (let bit = 0; bit < wrapped.length * 8; bit++) {
      const changed = wrapped.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      assert.throws(() => unwrapKey(kek, changed), { code: 'HAL_KEYWRAP_BAD_MAGIC' });
    }
    assert.throws(() => unwrapKey(createHash('sha256').digest(), wrapped), { code: 'HAL_KEYWRAP_BAD_MAGIC' });
  });

  test('a length field or padding that is wrong is found', () => {
    // Made by AES in ECB mode: a single block with a length of 9, of 0, and with padding that is not zero.
    for (const block of ['a65959a600000009', 'a65959a600000000', 'a65959a6ffffffff', 'a65959a500000003']
      .map((aiv) => `${aiv}0102030000000000`)
      .concat('a65959a6000000030102030000000001')) {
      // prettier-ignore
      const cipher = createCipheriv('aes-256-ecb', kek, null).setAutoPadding(false);
      const wrapped = Buffer.concat([cipher.update(fromHex(block)!), cipher.final()]);
      assert.throws(() => unwrapKey(kek, wrapped), { code: 'HAL_KEYWRAP_BAD_MAGIC' }, block);
    }
  });

  test('lengths that no wrapped key has', () => {
    for (const length of [0, 1, 8, 15, 17, 23])
      assert.throws(() => unwrapKey(kek, new Uint8Array(length)), { code: 'HAL_KEYWRAP_BAD_LENGTH' });
    assert.throws(() => wrapKey(kek, new Uint8Array()), { code: 'HAL_KEYWRAP_BAD_LENGTH' });
    for (const length of [0, 16, 24, 33])
      assert.throws(() => wrapKey(new Uint8Array(length), new Uint8Array(8)), { code: 'HAL_MASTERKEY_BAD_LENGTH' });
  });

  test('a long secret', () => {
    const plain = new SeededRandom(1).fill(new Uint8Array(100_001));
    assert.equal(toHex(unwrapKey(kek, wrapKey(kek, plain))), toHex(plain));
  });
});

describe('EncryptedPrivateKeyInfo', () => {
  test('has the identifiers of the vendor: no parameters', () => {
    assert.equal(
      toHex(encodeEncryptedKey('aes256-wrap-pad', Uint8Array.of(1, 2))),
      '3011300b060960864801650304013004020102',
    );
    assert.equal(toHex(encodeEncryptedKey('rsa', Uint8Array.of(9))), '3010300b06092a864886f70d010101040109');
  });

  test('is read back, with NULL parameters, too', () => {
    const octets = new SeededRandom(2).fill(new Uint8Array(700));
    for (const kind of ['rsa', 'aes256-wrap-pad'] as const)
      assert.equal(toHex(decodeEncryptedKey(kind, encodeEncryptedKey(kind, octets))), toHex(octets));
    assert.equal(toHex(decodeEncryptedKey('rsa', fromHex('3012300d06092a864886f70d0101010500040109')!)), '09');
  });

  test('whatever else is refused', () => {
    const good = encodeEncryptedKey('rsa', new Uint8Array(20));
    const failing = [
      new Uint8Array(),
      good.subarray(0, -1),
      Buffer.concat([good, Buffer.of(0)]),
      new Uint8Array(20_000),
    ];
    for (const der of failing) assert.throws(() => decodeEncryptedKey('rsa', der), { code: 'HAL_ASN1_PARSE_FAILED' });
    assert.throws(() => decodeEncryptedKey('aes256-wrap-pad', good), { code: 'HAL_ASN1_PARSE_FAILED' });
    for (let at = 0; at < 17; at++) {
      const changed = good.slice();
      changed[at] ^= 0x21;
      assert.throws(() => decodeEncryptedKey('rsa', changed), { code: 'HAL_ASN1_PARSE_FAILED' }, `octet ${at}`);
    }
  });
});
