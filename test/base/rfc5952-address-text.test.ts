import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, isPrefix, parseIpv4, parseIpv6 } from '../../src/base/address-text.ts';

test('RFC 5952: the text of any address means that address, mapped ones included', () => {
  const octet = fc.oneof(fc.constant(0), fc.constant(255), fc.nat(255));
  for (const [length, parse] of [
    [4, parseIpv4],
    [16, parseIpv6],
  ] as const)
    fc.assert(
      fc.property(fc.array(octet, { minLength: length, maxLength: length }), (list) => {
        const octets = Uint8Array.from(list);
        assert.deepEqual(parse(formatAddress(octets)), octets);
      }),
    );
  assert.equal(formatAddress(parseIpv6('::FFFF:192.0.2.1')!), '::ffff:192.0.2.1');
});

test('RFC 4291 section 2.2: all forms', () => {
  assert.deepEqual(parseIpv6('64:ff9b::192.0.2.1'), parseIpv6('64:ff9b:0:0:0:0:c000:0201'));
  assert.deepEqual(parseIpv6('::'), new Uint8Array(16));
  assert.deepEqual(parseIpv6('1::'), Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  for (const text of ['fe80::1%eth0', '1::2::3', '12345::', '::1.2.3', '1.2.3.4', ''])
    assert.equal(parseIpv6(text), undefined, text);
  for (const text of ['1.2.3', '1.2.3.256', '::1', '01.2.3.4 ']) assert.equal(parseIpv4(text), undefined, text);
});

test('a prefix has no bits behind its length', () => {
  assert.ok(isPrefix(Uint8Array.of(192, 0, 2, 128), 25));
  assert.ok(!isPrefix(Uint8Array.of(192, 0, 2, 128), 24));
});
