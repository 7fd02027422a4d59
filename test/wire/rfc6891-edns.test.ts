import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  clientSubnetText,
  decodeClientSubnet,
  decodeCookie,
  decodeKeepalive,
  decodeOptions,
  encodeClientSubnet,
  encodeKeepalive,
  encodeOptions,
  paddingFor,
} from '../../src/wire/edns.ts';
import { decodeExtendedError, encodeExtendedError, extendedErrorText } from '../../src/wire/extended-error.ts';
import { MalformedError } from '../../src/wire/reader.ts';

describe('RFC 6891: options', () => {
  test('any list of options survives', () => {
    const options = fc.array(
      fc.record({ code: fc.nat(65535), data: fc.uint8Array({ maxLength: 40 }) }, { noNullPrototype: true }),
      { maxLength: 6 },
    );
    fc.assert(fc.property(options, (list) => assert.deepEqual(decodeOptions(encodeOptions(list)), list)));
  });

  test('an option longer than the rest is malformed', () => {
    assert.throws(() => decodeOptions(Uint8Array.of(0, 3, 0, 2, 1)), MalformedError);
    assert.throws(() => decodeOptions(Uint8Array.of(0, 3, 0)), MalformedError);
  });
});

describe('RFC 7871: client subnet', () => {
  test('192.0.2.0/24 and 2001:db8::/33', () => {
    const four = Uint8Array.of(0, 1, 24, 0, 192, 0, 2);
    assert.equal(clientSubnetText(decodeClientSubnet(four)), '192.0.2.0/24/0');
    const six = decodeClientSubnet(Uint8Array.of(0, 2, 33, 0, 0x20, 1, 0xd, 0xb8, 0x80));
    assert.equal(clientSubnetText(six), '2001:db8:8000::/33/0');
    assert.deepEqual(encodeClientSubnet(decodeClientSubnet(four)), four);
  });

  const bad: readonly (readonly [string, number[]])[] = [
    ['unknown family', [0, 3, 0, 0]],
    ['prefix too long', [0, 1, 33, 0, 1, 2, 3, 4, 5]],
    ['address too long for the prefix', [0, 1, 8, 0, 1, 2]],
    ['address too short for the prefix', [0, 1, 24, 0, 1, 2]],
    ['bits behind the prefix', [0, 1, 9, 0, 1, 0x40]],
  ];
  for (const [what, octets] of bad)
    test(what, () => assert.throws(() => decodeClientSubnet(Uint8Array.from(octets)), MalformedError));
});

describe('other options', () => {
  test('RFC 7873: cookies of 8, and of 16 to 40 octets', () => {
    assert.equal(decodeCookie(new Uint8Array(8)).server.length, 0);
    assert.equal(decodeCookie(new Uint8Array(24)).server.length, 16);
    for (const length of [0, 7, 9, 15, 41]) assert.throws(() => decodeCookie(new Uint8Array(length)), MalformedError);
  });

  test('RFC 7828: keepalive in tenths of a second', () => {
    assert.deepEqual(encodeKeepalive(30), Uint8Array.of(1, 44));
    assert.equal(decodeKeepalive(Uint8Array.of(1, 44)), 30);
    assert.equal(decodeKeepalive(new Uint8Array(0)), undefined);
    assert.throws(() => decodeKeepalive(new Uint8Array(1)), MalformedError);
  });

  test('RFC 8467: padding makes the length a multiple of the block', () => {
    for (let length = 12; length < 600; length++) {
      const padding = paddingFor(length, 468);
      assert.equal((length + 4 + padding) % 468, 0);
      assert.ok(padding < 468);
    }
  });

  test('RFC 8914: extended errors', () => {
    const error = { code: 7, text: 'signature expired 2 days ago' };
    assert.deepEqual(decodeExtendedError(encodeExtendedError(error)), error);
    assert.equal(extendedErrorText(error), '7 (Signature Expired): (signature expired 2 days ago)');
    assert.equal(extendedErrorText({ code: 4711, text: '' }), '4711');
    assert.deepEqual(
      decodeExtendedError(Uint8Array.of(0, 1, 0x61, 0)),
      { code: 1, text: 'a' },
      'a null at the end is tolerated',
    );
    assert.throws(() => decodeExtendedError(Uint8Array.of(1)), MalformedError);
  });
});
