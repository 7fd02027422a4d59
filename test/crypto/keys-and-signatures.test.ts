import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { it } from 'node:test';
import fc from 'fast-check';
import { toBase64 } from '../../src/base/base64.ts';
import { concatOctets, toHex } from '../../src/base/octets.ts';
import { algorithmByNumber } from '../../src/crypto/algorithm.ts';
import { dnskeyRdata } from '../../src/crypto/dnskey.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { privateKeyMaterial, type PrivateKeyMaterial } from '../../src/crypto/private-key.ts';
import { encodeRsa, importPublicKey, keyBits, parseRsa } from '../../src/crypto/public-key.ts';
import { Verifier } from '../../src/crypto/verify.ts';

const ALGORITHMS = [8, 10, 13, 14, 15, 16];
const BITS: Readonly<Record<number, number>> = { 8: 1024, 10: 1024, 13: 256, 14: 384, 15: 256, 16: 456 };
const KEYS = new Map(ALGORITHMS.map((algorithm) => [algorithm, generateKey({ algorithm, flags: 257, bits: 1024 })]));

for (const [algorithm, key] of KEYS) {
  it(`S-012 algorithm ${algorithm}: signs from a clone, over a view of shared memory`, () => {
    const signer = new LocalSigner(structuredClone(key));
    const data = new Uint8Array(new SharedArrayBuffer(100)).subarray(7, 93).fill(5);
    const signature = signer.sign(data);
    assert.equal(signature.length, signer.signatureLength);
    assert.equal(algorithmByNumber(algorithm)?.signatureLength(key.dnskey), signature.length);
    const verifier = new Verifier(key.dnskey);
    assert.ok(verifier.verify(data, signature));
    assert.ok(!verifier.verify(data.subarray(1), signature));
    assert.ok(!verifier.verify(data, concatOctets([signature, new Uint8Array(1)])));
    assert.equal(keyBits(key.dnskey), BITS[algorithm]);
  });

  it(`S-016 (part) algorithm ${algorithm}: secrets are in no inspection, JSON or error`, () => {
    const secret = Object.entries(key.fields).filter(([name]) => name !== 'Modulus' && name !== 'PublicExponent');
    const clone = structuredClone(key);
    const texts = [key, clone, new LocalSigner(key), new LocalSigner(clone)].flatMap((one) => [
      inspect(one, { depth: 9 }),
      JSON.stringify(one),
    ]);
    texts.push(failure({ ...clone, fields: { ...clone.fields, ...broken(clone) } }));
    for (const [, octets] of secret)
      for (const text of texts)
        for (const form of [toBase64(octets).slice(0, 12), toHex(octets).slice(0, 12), octets.slice(0, 5).join(', ')])
          assert.ok(!text.includes(form));
  });

  it(`algorithm ${algorithm}: the private half of another key is refused`, () => {
    const other = generateKey({ algorithm, flags: 257, bits: 1024 });
    assert.throws(() => new LocalSigner({ ...key, fields: other.fields }), { code: 'PRIVATE_KEY_MISMATCH' });
  });
}

/** Fields that make no key. */
function broken(key: PrivateKeyMaterial): PrivateKeyMaterial['fields'] {
  return key.fields.PrivateKey
    ? { PrivateKey: new Uint8Array(key.fields.PrivateKey.length + 1) }
    : { Prime1: new Uint8Array(2) };
}

/** What is shown of the error that a key without use gives. */
function failure(key: PrivateKeyMaterial): string {
  let shown = '';
  assert.throws(
    () => new LocalSigner(key),
    (fault) => {
      shown = inspect(fault, { depth: 9 });
      return true;
    },
  );
  return shown;
}

it('a private key without a field says which', () => {
  const { fields, dnskey } = KEYS.get(8)!;
  assert.throws(() => privateKeyMaterial(8, dnskey, { ...fields, Prime2: undefined }), {
    code: 'PRIVATE_KEY_INCOMPLETE',
    message: /Prime2/,
  });
  assert.throws(() => privateKeyMaterial(13, dnskey, fields), { code: 'PRIVATE_KEY_MISMATCH' });
});

it('S-246 a key in a token is known, and signing with it names the missing part', () => {
  const { dnskey } = KEYS.get(13)!;
  const material = privateKeyMaterial(13, dnskey, { Engine: Buffer.from('pkcs11\0'), Label: Buffer.from('ksk\0') });
  assert.throws(() => new LocalSigner(material), { code: 'PRIVATE_KEY_IN_TOKEN', message: /PKCS#11/ });
});

it('an ECDSA scalar without its leading zeros is the same key', () => {
  for (;;) {
    const key = generateKey({ algorithm: 13, flags: 257 });
    const scalar = key.fields.PrivateKey!;
    if (scalar[0] !== 0) continue;
    const short = privateKeyMaterial(13, key.dnskey, { PrivateKey: scalar.subarray(1) });
    assert.ok(new Verifier(key.dnskey).verify(new Uint8Array(3), new LocalSigner(short).sign(new Uint8Array(3))));
    return;
  }
});

it('RFC 3110 section 2: exponent lengths in one octet and in three, leading zeros', () => {
  const { exponent, modulus } = parseRsa(KEYS.get(8)!.dnskey.subarray(4)) as {
    exponent: Uint8Array;
    modulus: Uint8Array;
  };
  const data = new Uint8Array([9]);
  const signature = new LocalSigner(KEYS.get(8)!).sign(data);
  const long = concatOctets([new Uint8Array([0, 0, 3]), exponent, modulus]);
  const zeros = concatOctets([new Uint8Array([5, 0, 0]), exponent, new Uint8Array(2), modulus]);
  for (const form of [long, zeros]) {
    assert.ok(new Verifier(dnskeyRdata(257, 8, form)).verify(data, signature));
    assert.equal(algorithmByNumber(8)?.signatureLength(dnskeyRdata(257, 8, form)), 128);
  }
  assert.deepEqual(
    encodeRsa({ exponent: new Uint8Array(256).fill(1), modulus }).subarray(0, 3),
    new Uint8Array([0, 1, 0]),
  );
});

it('RSA keys that cost too much or are no keys are refused with the reason', () => {
  const key = (exponent: number[], bits: number): Uint8Array => {
    const modulus = new Uint8Array(bits / 8).fill(0xff);
    return dnskeyRdata(257, 8, encodeRsa({ exponent: new Uint8Array(exponent), modulus }));
  };
  for (const [rdata, reason] of [
    [key([3], 8192), /above 4096/],
    [key([3], 504), /below 512/],
    [key([1, 0, 0, 0, 0, 0, 0, 0, 1], 1024), /exponent of 65 bits/],
    [key([4], 1024), /even/],
    [key([1], 1024), /even or 1/],
    [dnskeyRdata(257, 8, new Uint8Array([3, 1, 0, 1])), /modulus is missing/],
    [dnskeyRdata(257, 8, new Uint8Array([0, 1])), /truncated/],
    [dnskeyRdata(257, 8, new Uint8Array(0)), /truncated/],
  ] as const)
    assert.match(new Verifier(rdata).fault ?? '', reason);
});

it('RFC 4034 section 2.1.2: a protocol other than 3 makes the key invalid', () => {
  const rdata = Uint8Array.from(KEYS.get(13)!.dnskey);
  rdata[2] = 2;
  assert.match(new Verifier(rdata).fault ?? '', /protocol 2/);
});

it('hostile DNSKEY and signature octets give a verdict, never a throw', () => {
  const algorithm = fc.constantFrom(0, 1, 3, 5, 7, 8, 10, 12, 13, 14, 15, 16, 253, 255);
  const key = fc.oneof(fc.uint8Array({ maxLength: 140 }), fc.uint8Array({ minLength: 64, maxLength: 64 }));
  fc.assert(
    fc.property(
      algorithm,
      key,
      fc.uint8Array({ maxLength: 130 }),
      fc.uint8Array(),
      (number, octets, signature, data) => {
        const rdata = dnskeyRdata(257, number, octets);
        assert.equal(new Verifier(rdata).verify(data, signature), false);
        const result = importPublicKey(rdata.subarray(0, rdata.length % 7));
        assert.equal(result.ok, false);
      },
    ),
    { numRuns: 300 },
  );
});

it('hostile signatures of good keys do not verify', () => {
  for (const key of KEYS.values()) {
    const verifier = new Verifier(key.dnskey);
    const length = new LocalSigner(key).signatureLength;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: length, maxLength: length }), (signature) => {
        assert.equal(verifier.verify(new Uint8Array(4), signature), false);
      }),
      { numRuns: 30 },
    );
    for (const fill of [0, 0xff])
      assert.equal(verifier.verify(new Uint8Array(4), new Uint8Array(length).fill(fill)), false);
  }
});
