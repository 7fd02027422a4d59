import assert from 'node:assert/strict';
import { it } from 'node:test';
import { concatOctets } from '../../src/base/octets.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { Verifier } from '../../src/crypto/verify.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { base64, dnskey, signedData } from './vectors.ts';

const ZSK = dnskey(
  256,
  5,
  `AQOy1bZVvpPqhg4j7EJoM9rI3ZmyEx2OzDBVrZy/lvI5CQePxXHZS4i8dANH4DX3tbHol61ek8EFMcsGXxKciJFHyhl94C+NwILQdzsUlSFovBZsyl
   /NX6yEbtw/xN9ZNcrbYvgjjZ/UVPZIySFNsgEYvh0z2542lzMKR4Dh8uZffQ==`,
);

const WILDCARD_MX = {
  owner: '*.w.example.',
  type: 15,
  algorithm: 5,
  labels: 2,
  ttl: 3600,
  expiration: '20040509183619',
  inception: '20040409183619',
  tag: 38519,
  signer: 'example.',
  rdata: concatOctets([new Uint8Array([0, 1]), mustName('ai.example.')]),
};

const SIGNATURE = base64(`OMK8rAZlepfzLWW75Dxd63jy2wswESzxDKG2f9AMN1CytCd10cYISAxfAdvXSZ7xujKAtPbctvOQ2ofO7AZJ+d01
  EeeQTVBPq4/6KCWhqe2XTjnkVLNvvhnc0u28aoSsG0+4InvkkOHknKxw4kX18MMR34i8lC36SR5xBni8vHI=`);

it('RSASHA1 verifies: the wildcard MX of RFC 4035 appendix B.6', () => {
  assert.equal(keyTag(ZSK), 38519);
  const verifier = new Verifier(ZSK);
  assert.equal(verifier.fault, undefined);
  assert.ok(verifier.verify(signedData(WILDCARD_MX), SIGNATURE));
  assert.ok(!verifier.verify(signedData({ ...WILDCARD_MX, labels: 3 }), SIGNATURE));
  assert.ok(!verifier.verify(signedData({ ...WILDCARD_MX, owner: 'a.z.w.example.' }), SIGNATURE));
});
