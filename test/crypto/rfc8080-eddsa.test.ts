import assert from 'node:assert/strict';
import { it } from 'node:test';
import { concatOctets } from '../../src/base/octets.ts';
import { toHex } from '../../src/base/octets.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { privateKeyMaterial } from '../../src/crypto/private-key.ts';
import { Verifier } from '../../src/crypto/verify.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { base64, dnskey, signedData } from './vectors.ts';

/** Signatures as printed in section 6: they were made with a labels field of 3; erratum 4935 has those for 2. */
const EXAMPLES = [
  {
    algorithm: 15,
    tag: 3613,
    private: 'ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=',
    key: 'l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=',
    printed: 'Edk+IB9KNNWg0HAjm7FazXyrd5m3Rk8zNZbvNpAcM+eysqcUOMIjWoevFkjH5GaMWeG96GUVZu6ECKOQmemHDg==',
    corrected: 'oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==',
    ds: '3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b',
  },
  {
    algorithm: 15,
    tag: 35217,
    private: 'DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=',
    key: 'zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=',
    printed: '5LL2obmzdqjWI+Xto5eP5adXt/T5tMhasWvwcyW4L3SzfcRawOle9bodhC+oip9ayUGjY9T/rL4rN3bOuESGDA==',
    corrected: 'zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==',
    ds: '401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c',
  },
  {
    algorithm: 16,
    tag: 9713,
    private: 'xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5EiA9x8wWbDDct/U3FhYWA',
    key: '3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA',
    printed: `Nmc0rgGKpr3GKYXcB1JmqqS4NYwhmechvJTqVzt3jR+Qy/lSLFoIk1L+9e39GPL+5tVzDPN3f9kAwiu8KCuPPjtl
      227ayaCZtRKZuJax7n9NuYlZJIusX0SOIOKBGzG+yWYtz1/jjbzl5GGkWvREUCUA`,
  },
  {
    algorithm: 16,
    tag: 38353,
    private: 'WEykD3ht3MHkU8iH4uVOLz8JLwtRBSqiBoM6fF72+Mrp/u5gjxuB1DV6NnPO2BlZdz4hdSTkOdOA',
    key: 'kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA',
    printed: `+JjANio/LIzp7osmMYE5XD3H/YES8kXs5Vb9H8MjPS8OAGZMD37+LsCIcjg5ivt0d4Om/UaqETEAsJjaYe56CEQP
      5lhRWuD2ivBqE0zfwJTyp4WqvpULbpvaukswvv/WNEFxzEYQEIm9+xDlXj4pMAMA`,
  },
];

for (const example of EXAMPLES) {
  const rdata = dnskey(257, example.algorithm, example.key);
  const data = (labels: number): Uint8Array =>
    signedData({
      owner: 'example.com.',
      type: 15,
      algorithm: example.algorithm,
      labels,
      ttl: 3600,
      expiration: '20150819220000',
      inception: '20150729220000',
      tag: example.tag,
      signer: 'example.com.',
      rdata: concatOctets([new Uint8Array([0, 10]), mustName('mail.example.com.')]),
    });

  it(`algorithm ${example.algorithm}, key ${example.tag}: tag, DS and both signatures (section 6)`, () => {
    assert.equal(keyTag(rdata), example.tag);
    if (example.ds) assert.equal(toHex(dsRdata(mustName('example.com.'), rdata, 2)).slice(8), example.ds);
    const material = privateKeyMaterial(example.algorithm, rdata, { PrivateKey: base64(example.private) });
    const signer = new LocalSigner(material);
    assert.deepEqual(Uint8Array.from(signer.sign(data(3))), base64(example.printed));
    assert.ok(new Verifier(rdata).verify(data(3), base64(example.printed)));
    if (example.corrected) assert.deepEqual(Uint8Array.from(signer.sign(data(2))), base64(example.corrected));
    assert.ok(!new Verifier(rdata).verify(data(2), base64(example.printed)));
  });
}
