import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromBase32Hex, toBase32Hex } from '../../src/base/base32hex.ts';
import { fromBase64, toBase64 } from '../../src/base/base64.ts';
import {
  compareOctets,
  concatOctets,
  copyOctets,
  equalOctets,
  fromHex,
  latin1Octets,
  latin1Text,
  toHex,
} from '../../src/base/octets.ts';

const ascii = (text: string): Uint8Array => latin1Octets(text);

describe('RFC 4648 section 7: base 32 hex without padding', () => {
  const vectors = {
    '': '',
    f: 'co',
    fo: 'cpng',
    foo: 'cpnmu',
    foob: 'cpnmuog',
    fooba: 'cpnmuoj1',
    foobar: 'cpnmuoj1e8',
  };
  for (const [plain, encoded] of Object.entries(vectors))
    test(`"${plain}" (RFC 4648 section 10)`, () => {
      assert.equal(toBase32Hex(ascii(plain)), encoded);
      assert.deepEqual(fromBase32Hex(encoded.toUpperCase()), ascii(plain));
    });

  test('any octets survive', () => {
    fc.assert(fc.property(fc.uint8Array(), (octets) => assert.deepEqual(fromBase32Hex(toBase32Hex(octets)), octets)));
  });

  for (const text of ['w0', 'c', 'cp0', 'cpn', 'cpnmuo', 'c1', 'co======', 'c o'])
    test(`"${text}" is refused`, () => assert.equal(fromBase32Hex(text), undefined));
});

describe('RFC 4648 section 4: base 64', () => {
  const vectors = {
    '': '',
    f: 'Zg==',
    fo: 'Zm8=',
    foo: 'Zm9v',
    foob: 'Zm9vYg==',
    fooba: 'Zm9vYmE=',
    foobar: 'Zm9vYmFy',
  };
  for (const [plain, encoded] of Object.entries(vectors))
    test(`"${plain}" (RFC 4648 section 10)`, () => {
      assert.equal(toBase64(ascii(plain)), encoded);
      assert.deepEqual(fromBase64(encoded), ascii(plain));
    });

  test('any octets survive, views of larger arrays too', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(10), (octets, skip) => {
        assert.deepEqual(fromBase64(toBase64(octets.subarray(skip))), octets.slice(skip));
      }),
    );
  });

  for (const text of ['Zg', 'Zg=', 'Zg===', 'Zh==', 'Zm9=', 'Z===', 'Zm 9v', 'Zm-v', '=Zg='])
    test(`"${text}" is refused`, () => assert.equal(fromBase64(text), undefined));
});

describe('octets', () => {
  test('hexadecimal digits in either case', () => {
    fc.assert(fc.property(fc.uint8Array(), (octets) => assert.deepEqual(fromHex(toHex(octets).toUpperCase()), octets)));
    for (const text of ['0', '0g', ' 00', '0x00']) assert.equal(fromHex(text), undefined);
  });

  test('order is that of left-justified octets (RFC 4034 section 6.3)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (a, b) => {
        assert.equal(Math.sign(compareOctets(a, b)), Buffer.compare(a, b));
        assert.equal(equalOctets(a, b), Buffer.compare(a, b) === 0);
      }),
    );
  });

  test('joining and copying', () => {
    assert.deepEqual(concatOctets([ascii('ab'), ascii(''), ascii('c')]), ascii('abc'));
    const target = ascii('.....');
    assert.equal(copyOctets(ascii('abcd'), 1, 3, target, 2), 4);
    assert.equal(latin1Text(target), '..bc.');
    assert.equal(latin1Text(ascii('a\xffb'), 1, 2), '\xff');
  });
});
