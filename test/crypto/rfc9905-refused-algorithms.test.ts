import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SignetError } from '../../src/base/error.ts';
import { algorithmByName, algorithmByNumber, signingRefusal, verifyingRefusal } from '../../src/crypto/algorithm.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { Verifier } from '../../src/crypto/verify.ts';

const DATA = new Uint8Array([1, 2, 3]);

/** Number and the document that the refusal to sign must name. */
const REFUSED = [
  [1, /RFC 6725/],
  [3, /RFC 8624/],
  [5, /RFC 9905/],
  [6, /RFC 8624/],
  [7, /RFC 9905/],
  [12, /RFC 9906/],
] as const;

for (const [number, document] of REFUSED)
  it(`algorithm ${number} makes no key, and the refusal names the document`, () => {
    assert.match(signingRefusal(number) ?? '', document);
    assert.throws(
      () => generateKey({ algorithm: number, flags: 257, bits: 1024 }),
      (fault: SignetError) => fault.code === 'ALGORITHM_REFUSED' && document.test(fault.message),
    );
    assert.equal(algorithmByNumber(number)?.mayPublish, false);
  });

it('5 and 7 verify, 1, 3, 6 and 12 do not', () => {
  for (const number of [5, 7]) assert.equal(verifyingRefusal(number), undefined);
  for (const number of [1, 3, 6, 12]) assert.ok(verifyingRefusal(number));
});

for (const number of [1, 5, 7])
  it(`the lab switch lets algorithm ${number} sign and verify`, () => {
    const key = generateKey({ algorithm: number, flags: 257, bits: 1024, labLegacy: true });
    assert.throws(() => new LocalSigner(key), { code: 'ALGORITHM_REFUSED' });
    const signature = new LocalSigner(key, { labLegacy: true }).sign(DATA);
    assert.ok(new Verifier(key.dnskey, { labLegacy: true }).verify(DATA, signature));
    assert.equal(new Verifier(key.dnskey).verify(DATA, signature), number !== 1);
  });

it('the lab switch lifts nothing else', () => {
  for (const number of [3, 6, 12, 17, 253]) assert.ok(signingRefusal(number, { labLegacy: true }));
});

it('unknown numbers are named', () => {
  assert.match(signingRefusal(99) ?? '', /99/);
  assert.match(new Verifier(new Uint8Array([1, 1, 3, 99, 1, 2, 3])).fault ?? '', /99/);
});

it('names, aliases and numbers find the algorithm in either case', () => {
  for (const [text, number] of [
    ['ecdsap256sha256', 13],
    ['ECDSA256', 13],
    ['ecdsa384', 14],
    ['Ed25519', 15],
    ['RSASHA1-NSEC3-SHA1', 7],
    ['nsec3rsasha1', 7],
    ['8', 8],
  ] as const)
    assert.equal(algorithmByName(text)?.number, number);
  for (const text of ['', 'RSA', '4', '999', '-8']) assert.equal(algorithmByName(text), undefined);
});
