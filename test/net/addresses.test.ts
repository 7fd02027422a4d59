import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddress, parseAddress } from '../../src/net/address.ts';
import { hostAddresses } from '../../src/net/interfaces.ts';

test('addresses from text to octets and back', () => {
  const texts = [
    '192.0.2.1',
    '0.0.0.0',
    '::',
    '::1',
    '2001:db8::1',
    'fe80::1:0:0:1',
    '1::',
    '1:2:3:4:5:6:7:8',
    '1:0:3::8',
  ];
  for (const text of texts) assert.equal(formatAddress(parseAddress(text) as Uint8Array), text);
  assert.deepEqual(parseAddress('::ffff:192.0.2.1'), Uint8Array.of(192, 0, 2, 1));
  assert.deepEqual(parseAddress('fe80::1%eth0'), parseAddress('fe80::1'));
  for (const text of ['', '1.2.3', '256.1.1.1', ':::', 'host', '1:2'])
    assert.equal(parseAddress(text), undefined, text);
});

test('RFC 5952: any sixteen octets have a text that means them', () => {
  const octet = fc.oneof(fc.constant(0), fc.nat(255));
  const property = fc.property(fc.array(octet, { minLength: 16, maxLength: 16 }), (octets) => {
    fc.pre(!(octets.slice(0, 10).every((one) => one === 0) && octets[10] === 0xff && octets[11] === 0xff));
    assert.deepEqual(parseAddress(formatAddress(Uint8Array.from(octets))), Uint8Array.from(octets));
  });
  fc.assert(property);
});

test('the addresses of this host', () => {
  const loopback = hostAddresses().find(({ text }) => text === '127.0.0.1');
  assert.deepEqual([...(loopback?.address ?? [])], [127, 0, 0, 1]);
  assert.equal(loopback?.prefixLength, 8);
  const link = {
    address: 'fe80::5',
    netmask: '',
    family: 'IPv6',
    mac: '',
    internal: false,
    cidr: 'fe80::5/64',
    scopeid: 2,
  } as const;
  const [described] = hostAddresses({ eth7: [link] });
  assert.deepEqual([described.text, described.prefixLength], ['fe80::5%eth7', 64]);
});
