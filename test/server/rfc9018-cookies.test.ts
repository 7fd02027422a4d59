import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COOKIE, CookieJar } from '../../src/server/cookies.ts';
import { SipHash } from '../../src/server/siphash.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const SECRET = hex('e5e973e5a6b2a43f48e7dc849e37bfcf');
const SECOND = hex('dd3bdf9344b678b185a6f5cb60fca715');

function examine(jar: CookieJar, cookie: Uint8Array, address: Uint8Array, now: number) {
  const status = jar.examine(cookie, 0, cookie.length, address, 0, address.length, now);
  return { status, answer: Buffer.from(jar.answer).toString('hex') };
}

test('SipHash-2-4: the test vectors of its authors, lengths 0 to 15', () => {
  const hash = new SipHash(Uint8Array.from({ length: 16 }, (_, i) => i));
  const octets = Uint8Array.from({ length: 64 }, (_, i) => i);
  const expected: Record<number, string> = { 0: '310e0edd47db6f72', 8: '6224939a79f5f593', 15: 'e545be4961ca29a1' };
  for (const [length, text] of Object.entries(expected)) {
    hash.hash(octets, 0, Number(length));
    const result = Buffer.alloc(8);
    result.writeInt32LE(hash.low, 0);
    result.writeInt32LE(hash.high, 4);
    assert.equal(result.toString('hex'), text, `length ${length}`);
  }
});

test('RFC 9018 appendix A.1: learning a new server cookie', () => {
  const jar = new CookieJar([SECRET]);
  assert.deepEqual(examine(jar, hex('2464c4abcf10c957'), Uint8Array.of(198, 51, 100, 100), 1_559_731_985), {
    status: COOKIE.NEW,
    answer: '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
  });
});

test('RFC 9018 appendix A.2: the same client learns a renewed server cookie', () => {
  const jar = new CookieJar([SECRET]);
  const cookie = hex('2464c4abcf10c957010000005cf79f111f8130c3eee29480');
  assert.deepEqual(examine(jar, cookie, Uint8Array.of(198, 51, 100, 100), 1_559_734_385), {
    status: COOKIE.GOOD,
    answer: '2464c4abcf10c957010000005cf7a871d4a564a1442aca77',
  });
});

test('RFC 9018 appendix A.3: reserved octets that are set are hashed as they are, and clear in the successor', () => {
  const jar = new CookieJar([SECRET]);
  const cookie = hex('fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5');
  const address = Uint8Array.of(203, 0, 113, 203);
  assert.equal(examine(jar, cookie, address, 0x5cf78f71).status, COOKIE.GOOD);
  // The appendix answers when the cookie is nearly two hours old, which section 4.3 no longer takes.
  assert.deepEqual(examine(jar, cookie, address, 1_559_734_700), {
    status: COOKIE.BAD_TIME,
    answer: 'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
  });
});

test('RFC 9018 appendix A.4: a cookie by the secret before is good and renewed with the new one', () => {
  const jar = new CookieJar([hex('445536bcd2513298075a5d379663c962'), SECOND]);
  const address = hex('20010db80220000159ded0f4876982b8');
  const cookie = hex('22681ab97d52c298010000005cf7c57926556bd0934c72f8');
  assert.deepEqual(examine(jar, cookie, address, 1_559_741_961), {
    status: COOKIE.GOOD,
    answer: '22681ab97d52c298010000005cf7c609a6bb79d16625507a',
  });
});

test('RFC 9018 section 4.3: an hour of age, five minutes ahead, and renewal after half an hour', () => {
  const address = Uint8Array.of(192, 0, 2, 1);
  const made = 2_000_000_000;
  const jar = new CookieJar([SECRET]);
  const cookie = hex(examine(jar, hex('0102030405060708'), address, made).answer);
  const at = (now: number): number => examine(jar, cookie, address, now).status;
  assert.equal(at(made + 3600), COOKIE.GOOD);
  assert.equal(at(made + 3601), COOKIE.BAD_TIME);
  assert.equal(at(made - 300), COOKIE.GOOD);
  assert.equal(at(made - 301), COOKIE.BAD_TIME);
  assert.equal(examine(jar, cookie, address, made + 1800).answer, Buffer.from(cookie).toString('hex'));
  assert.notEqual(examine(jar, cookie, address, made + 1801).answer, Buffer.from(cookie).toString('hex'));
  assert.equal(examine(jar, cookie, Uint8Array.of(192, 0, 2, 2), made).status, COOKIE.NO_MATCH);
});

test('RFC 7873 section 5.2: no octets but those that we made are a good cookie', () => {
  const jar = new CookieJar([SECRET, SECOND]);
  const now = 1_800_000_000;
  const lengths = fc.oneof(fc.constant(8), fc.constant(24), fc.integer({ min: 16, max: 40 }));
  const cookies = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  const addresses = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(cookies, addresses, fc.nat(23), (cookie, address, flipped) => {
      assert.notEqual(examine(jar, cookie, address, now).status, COOKIE.GOOD);
      const made = hex(examine(jar, cookie, address, now).answer);
      assert.deepEqual(made.subarray(0, 8), cookie.subarray(0, 8));
      assert.equal(examine(jar, made, address, now).status, COOKIE.GOOD);
      made[flipped] ^= 1;
      assert.notEqual(examine(jar, made, address, now).status, COOKIE.GOOD);
    }),
  );
});
