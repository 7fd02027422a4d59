import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { decodeDnskey, encodeDnskey } from '../../src/wire/rdata/dnskey.ts';
import { CDNSKEY_DELETE, decodeCdnskey } from '../../src/wire/rdata/cdnskey.ts';
import { CDS_DELETE, decodeCds } from '../../src/wire/rdata/cds.ts';
import { decodeDs, encodeDs } from '../../src/wire/rdata/ds.ts';
import { decodeNsec, encodeNsec, nsecHas } from '../../src/wire/rdata/nsec.ts';
import { decodeNsec3, encodeNsec3, nsec3Has } from '../../src/wire/rdata/nsec3.ts';
import { decodeNsec3Param, encodeNsec3Param } from '../../src/wire/rdata/nsec3param.ts';
import { decodeRrsig, encodeRrsig } from '../../src/wire/rdata/rrsig.ts';
import { decodeSoa, encodeSoa, soaSerial, withSoaSerial } from '../../src/wire/rdata/soa.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';

const rdata = (type: number, text: string): Uint8Array => rdataFromText(type, text, mustName('.'));

test('decoded forms make the RDATA that they were decoded from', () => {
  const cases: readonly (readonly [number, string, (octets: Uint8Array) => Uint8Array])[] = [
    [TYPE.SOA, 'ns. host. 4294967295 2 3 4 5', (octets) => encodeSoa(decodeSoa(octets))],
    [TYPE.DS, `60485 5 1 ${'2B'.repeat(20)}`, (octets) => encodeDs(decodeDs(octets))],
    [TYPE.DNSKEY, '257 3 13 AQIDBA==', (octets) => encodeDnskey(decodeDnskey(octets))],
    [
      TYPE.NSEC,
      'host.example. A MX RRSIG NSEC TYPE1234',
      (octets) => encodeNsec(decodeNsec(octets).next, decodeNsec(octets).types),
    ],
    [TYPE.NSEC3PARAM, '1 0 12 AABBCCDD', (octets) => encodeNsec3Param(decodeNsec3Param(octets))],
    [TYPE.RRSIG, 'A 5 3 86400 20300101000000 20290101000000 2642 example. AQID', (o) => encodeRrsig(decodeRrsig(o))],
    [
      TYPE.NSEC3,
      '1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG',
      (octets) => encodeNsec3(decodeNsec3(octets)),
    ],
  ];
  for (const [type, text, again] of cases) {
    const octets = rdata(type, text);
    assert.deepEqual(Uint8Array.from(again(octets)), Uint8Array.from(octets), text);
  }
});

test('RFC 4034 section 4.1: the types of an NSEC', () => {
  const nsec = rdata(TYPE.NSEC, 'host.example. A MX RRSIG NSEC TYPE1234');
  assert.equal(nameToText(decodeNsec(nsec).next), 'host.example.');
  assert.deepEqual(decodeNsec(nsec).types, [1, 15, 46, 47, 1234]);
  assert.deepEqual(
    [nsecHas(nsec, 15), nsecHas(nsec, 1234), nsecHas(nsec, 2), nsecHas(nsec, 1235)],
    [true, true, false, false],
  );
});

test('RFC 5155 section 3: the fields of an NSEC3', () => {
  const nsec3 = rdata(TYPE.NSEC3, '1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG');
  const { hashAlgorithm, flags, iterations, salt, nextHash, types } = decodeNsec3(nsec3);
  assert.deepEqual([hashAlgorithm, flags, iterations, nextHash.length, types], [1, 1, 12, 20, [1, 46]]);
  assert.deepEqual([...salt], [0xaa, 0xbb, 0xcc, 0xdd]);
  assert.deepEqual([nsec3Has(nsec3, 46), nsec3Has(nsec3, 2)], [true, false]);
});

test('RFC 1035 section 3.3.13: the serial of an SOA, and another in its place', () => {
  const soa = rdata(TYPE.SOA, 'ns. host. 4294967295 2 3 4 5');
  assert.equal(soaSerial(soa), 4294967295);
  assert.equal(decodeSoa(withSoaSerial(soa, 7)).serial, 7);
  assert.equal(soaSerial(soa), 4294967295, 'the original stays');
});

test('RFC 8078 section 4: the CDS and CDNSKEY that ask for removal', () => {
  assert.deepEqual(Uint8Array.from(CDS_DELETE), Uint8Array.from(rdata(TYPE.CDS, '0 0 0 00')));
  assert.deepEqual(Uint8Array.from(CDNSKEY_DELETE), Uint8Array.from(rdata(TYPE.CDNSKEY, '0 3 0 AA==')));
  assert.equal(decodeCds(CDS_DELETE).algorithm, 0);
  assert.equal(decodeCdnskey(CDNSKEY_DELETE).algorithm, 0);
});
