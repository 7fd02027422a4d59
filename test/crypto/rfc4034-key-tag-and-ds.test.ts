import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { toHex } from '../../src/base/octets.ts';
import { SignetError } from '../../src/base/error.ts';
import { dsDigestByName, dsRdata } from '../../src/crypto/ds-digest.ts';
import { DNSKEY_FLAG, dnskeyFlags, withFlags } from '../../src/crypto/dnskey.ts';
import { keyTag, tagOfOtherRevocation } from '../../src/crypto/key-tag.ts';
import { AvoidedTags, keysCollide } from '../../src/keys/key-collision.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { dnskey } from './vectors.ts';

const DSKEY = dnskey(
  256,
  5,
  `AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMb
   CVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==`,
);
const OWNER = mustName('dskey.example.com.');

it('S-013 key tag of the example key (RFC 4034 section 5.4)', () => {
  assert.equal(keyTag(DSKEY), 60485);
});

it('S-013 algorithm 1 takes its tag from the modulus (RFC 4034 appendix B.1)', () => {
  const key = new Uint8Array([1, 0, 3, 1, 3, 1, 0, 1, 0xaa, 0xbb, 0x12, 0x34, 0x56]);
  assert.equal(keyTag(key), 0x1234);
  key[3] = 5;
  assert.notEqual(keyTag(key), 0x1234);
});

it('S-163 DS of the example key: SHA-1 (RFC 4034 section 5.4), SHA-256 (RFC 4509 section 2.3)', () => {
  assert.equal(toHex(dsRdata(OWNER, DSKEY, 1)), `ec450501${'2BB183AF5F22588179A53B0A98631FAD1A292118'.toLowerCase()}`);
  const sha256 = 'D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A'.toLowerCase();
  assert.equal(toHex(dsRdata(OWNER, DSKEY, 2)), `ec450502${sha256}`);
});

it('S-163 the case of the owner does not change the digest (RFC 4034 section 5.1.4)', () => {
  assert.deepEqual(dsRdata(mustName('DsKey.Example.COM.'), DSKEY, 2), dsRdata(OWNER, DSKEY, 2));
});

it('RFC 5933, RFC 9906: digest 3 and unknown ones are refused by number', () => {
  for (const digest of [0, 3, 5, 255])
    assert.throws(
      () => dsRdata(OWNER, DSKEY, digest),
      (fault: SignetError) => fault.code === 'DS_DIGEST_UNSUPPORTED' && fault.facts.digestType === digest,
    );
  assert.match(
    message(() => dsRdata(OWNER, DSKEY, 3)),
    /RFC 9906/,
  );
});

it('digests are found by name with or without hyphen', () => {
  for (const [text, number] of [
    ['sha-1', 1],
    ['SHA256', 2],
    ['Sha-384', 4],
    ['4', 4],
  ] as const)
    assert.equal(dsDigestByName(text)?.number, number);
  assert.equal(dsDigestByName('GOST'), undefined);
});

it('S-206 the revoked key is found at +128 whatever carries, for all tags', () => {
  // The sum over these RDATA runs through all tags, with and without a carry into the upper half.
  for (let tag = 0; tag < 65536; tag++) {
    const key = new Uint8Array([1, 1, 3, 13, 0xff, 0xff, tag >> 8, tag & 0xff]);
    const revoked = withFlags(key, dnskeyFlags(key) | DNSKEY_FLAG.REVOKE);
    const difference = (keyTag(revoked) - keyTag(key)) & 0xffff;
    if (difference !== 128 && difference !== 129) assert.fail(`tag ${keyTag(key)} became ${keyTag(revoked)}`);
    if (tagOfOtherRevocation(key) !== keyTag(revoked) || tagOfOtherRevocation(revoked) !== keyTag(key)) assert.fail();
    if (!new AvoidedTags([keyTag(revoked)]).collide(key) || !new AvoidedTags([keyTag(key)]).collide(revoked))
      assert.fail();
  }
});

it('S-208 keys collide when any of their tags, revoked or not, are equal', () => {
  const octets = fc.uint8Array({ minLength: 4, maxLength: 40 });
  const key = octets.map((tail) => new Uint8Array([1, 1, 3, 13, ...tail]));
  fc.assert(
    fc.property(key, key, (a, b) => {
      const tags = (one: Uint8Array): number[] => [keyTag(one), tagOfOtherRevocation(one)];
      assert.equal(
        keysCollide(a, b),
        tags(a).some((tag) => tags(b).includes(tag)),
      );
      if (keysCollide(a, b)) assert.ok(new AvoidedTags([keyTag(b)]).collide(a));
    }),
  );
  const one = new Uint8Array([1, 1, 3, 13, 0x10, 0x00]);
  const other = new Uint8Array([1, 1, 3, 13, 0x10, 0x80]);
  assert.equal((keyTag(other) - keyTag(one)) & 0xffff, 128);
  assert.ok(keysCollide(one, other) && keysCollide(one, one));
  assert.ok(!keysCollide(one, new Uint8Array([1, 1, 3, 13, 0x10, 0x01])));
});

function message(work: () => unknown): string {
  try {
    work();
  } catch (fault) {
    return (fault as Error).message;
  }
  return '';
}
