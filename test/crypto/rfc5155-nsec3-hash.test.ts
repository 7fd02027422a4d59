import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { toBase32Hex } from '../../src/base/base32hex.ts';
import { nsec3Hash } from '../../src/crypto/nsec3-hash.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { hex } from './vectors.ts';

/** RFC 5155 appendix A: salt aabbccdd, 12 additional iterations. */
const APPENDIX_A: Readonly<Record<string, string>> = {
  'example.': '0p9mhaveqvm6t7vbl5lop2u3t2rp3tom',
  'a.example.': '35mthgpgcu1qg68fab165klnsnk3dpvl',
  'ai.example.': 'gjeqe526plbf1g8mklp59enfd789njgi',
  'ns1.example.': '2t7b4g4vsa5smi47k61mv5bv1a22bojr',
  'ns2.example.': 'q04jkcevqvmu85r014c7dkba38o0ji5r',
  'w.example.': 'k8udemvp1j2f7eg6jebps17vp3n8i58h',
  '*.w.example.': 'r53bq7cc2uvmubfu5ocmm6pers9tk9en',
  'x.w.example.': 'b4um86eghhds6nea196smvmlo4ors995',
  'y.w.example.': 'ji6neoaepv8b5o6k4ev33abha8ht9fgc',
  'x.y.w.example.': '2vptu5timamqttgl4luu9kg21e0aor3s',
  'xx.example.': 't644ebqk9bibcna874givr6joj62mlhv',
  '2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.': 'kohar7mbb8dc2ce8a9qvl8hon4k53uhi',
};

for (const [name, hash] of Object.entries(APPENDIX_A))
  it(`H(${name}) of appendix A`, () => {
    assert.equal(toBase32Hex(nsec3Hash(mustName(name), hex('aabbccdd'), 12)), hash);
    assert.equal(toBase32Hex(nsec3Hash(mustName(name.toUpperCase()), hex('aabbccdd'), 12)), hash);
  });

it('RFC 9276: no salt, no additional iterations', () => {
  const name = mustName('WWW.example.');
  const expected = createHash('sha1').update(Buffer.from('\x03www\x07example\x00', 'latin1')).digest();
  assert.deepEqual(Buffer.from(nsec3Hash(name, new Uint8Array(0), 0)), expected);
});

it('is IH(salt, x, k) of section 5 for every salt and count', () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(label, fc.uint8Array({ maxLength: 255 }), fc.integer({ min: 0, max: 20 }), (text, salt, iterations) => {
      const lower = text.map((octet) => (octet >= 65 && octet <= 90 ? octet + 32 : octet));
      let digest: Uint8Array = new Uint8Array([text.length, ...lower, 0]);
      for (let k = 0; k <= iterations; k++) digest = createHash('sha1').update(digest).update(salt).digest();
      const hash = nsec3Hash(new Uint8Array([text.length, ...text, 0]), salt, iterations);
      assert.deepEqual(Buffer.from(hash), digest);
    }),
  );
});
