import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareOctets } from '../../../src/base/octets.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { recordType } from '../../../src/wire/rdata/registry.ts';
import { rdataFromText } from '../../../src/wire/rdata-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { compareRdata } from '../../../src/zone/store/rdata-order.ts';
import { RecordSpace } from '../../../src/zone/store/record-space.ts';
import { RecordWriter } from '../../../src/zone/store/record-writer.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { APEX, load, newStore, soaRecord } from './model.ts';

// RRSIG and NSEC are kept without the fields that follow from the RRset and the zone. What comes out is what went in.

const apexes = fc.constantFrom(APEX, mustName('ZONE.example.'), mustName('example.'), mustName('a.zone.example.'));

/** RDATA around the limits of the forms: octets of any kind, long ones, and ones that look compact but are not. */
const rdata: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(0, 1, 8190, 8191, 8192, 16383, 16384, 32768, 65535).map((n) => new Uint8Array(n).fill(0xaa)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 63 }), apexes, fc.uint8Array({ maxLength: 40 }))
    .map(([label, apex, rest]) => Uint8Array.from([label.length, ...label, ...apex, ...rest])),
  fc
    .tuple(fc.constantFrom(1, 47), fc.constantFrom(300, 301), apexes, fc.constantFrom(0, 64, 256, 8200))
    .map(([type, ttl, apex, length]) =>
      Uint8Array.from([
        0,
        type,
        8,
        2,
        0,
        0,
        ttl >> 8,
        ttl,
        9,
        8,
        7,
        6,
        5,
        4,
        3,
        2,
        1,
        0,
        ...apex,
        ...new Uint8Array(length),
      ]),
    ),
);

test('RDATA and RRSIGs of any content come back as they were', () => {
  const zone = newStore();
  const reader = new ZoneReader(zone.arena).open(load(zone.store, [soaRecord(1)]));
  const used = zone.pool.usedOctets;
  fc.assert(
    fc.property(
      fc.constantFrom(TYPE.A, TYPE.NSEC, TYPE.NS, TYPE.TXT),
      fc.array(rdata, { maxLength: 4 }),
      fc.array(rdata, { maxLength: 4 }),
      (type, datas, signatures) => {
        if (datas.length + signatures.length === 0) return;
        const space = new RecordSpace(zone.arena, zone.pool);
        const writer = new RecordWriter(space, APEX);
        const rrset = writer.writeRRset(type, 300, datas, signatures);
        const copy = writer.copyRRset(rrset);
        for (const ref of [rrset, copy]) {
          assert.equal(reader.type(ref), type);
          assert.equal(reader.ttl(ref), 300);
          checkSet(type, reader.rdataAll(ref), datas);
          checkSet(TYPE.RRSIG, reader.signaturesAll(ref), signatures);
          assert.equal(reader.rdataCount(ref), reader.rdataAll(ref).length);
          assert.equal(reader.signatureCount(ref), reader.signaturesAll(ref).length);
        }
        if (datas.length > 0) {
          writer.beginRRsetLike(rrset);
          for (const signature of reader.signaturesAll(rrset)) writer.signature(signature);
          const like = writer.endRRset();
          assert.deepEqual(reader.rdataAll(like), reader.rdataAll(rrset));
          assert.deepEqual(reader.signaturesAll(like), reader.signaturesAll(rrset));
        }
        for (const extent of space.extents) zone.pool.free(extent);
      },
    ),
    { numRuns: 300 },
  );
  assert.equal(zone.pool.usedOctets, used);
});

/** `found` are those of `given`, in canonical order, once each. */
function checkSet(type: number, found: readonly Uint8Array[], given: readonly Uint8Array[]): void {
  for (const [i, one] of found.entries()) {
    assert.ok(given.some((other) => compareOctets(one, other) === 0));
    if (i > 0) assert.ok(compareRdata(type, found[i - 1], 0, found[i - 1].length, one, 0, one.length) < 0);
  }
  for (const one of given)
    assert.ok(found.some((other) => compareRdata(type, other, 0, other.length, one, 0, one.length) === 0));
}

test('S-013 fields of a signature are read from both of its forms', () => {
  const { arena, store } = newStore();
  const signer = [APEX, mustName('example.')];
  const owner = mustName('h.zone.example.');
  const signatures = signer.map((name) =>
    Uint8Array.from([0, 1, 13, 3, 0, 0, 1, 44, 0x6a, 1, 2, 3, 0x69, 4, 5, 6, 0x12, 0x34, ...name, 1, 2, 3]),
  );
  const records = signatures.map((data) => ({ owner, type: TYPE.RRSIG, ttl: 300, rdata: data }));
  const address = { owner, type: TYPE.A, ttl: 300, rdata: Uint8Array.of(1, 2, 3, 4) };
  const reader = new ZoneReader(arena).open(load(store, [soaRecord(1), address, ...records]));
  const rrset = reader.rrset(reader.find(owner), TYPE.A);
  let count = 0;
  for (let p = reader.firstSignature(rrset); p !== 0; p = reader.nextSignature(p), count++) {
    assert.equal(reader.signatureExpiration(p), 0x6a010203);
    assert.equal(reader.signatureInception(p), 0x69040506);
    assert.equal(reader.signatureKeyTag(p), 0x1234);
    assert.equal(reader.signatureAlgorithm(p), 13);
  }
  assert.equal(count, 2);
});

/** One line of text for each type with names in its RDATA, and some without. */
const TEXTS: readonly [number, string][] = [
  [1, '192.0.2.1'],
  [2, 'Ns.Example.'],
  [3, 'Ns.Example.'],
  [4, 'Ns.Example.'],
  [5, 'Ns.Example.'],
  [6, 'Ns.Example. H.Example. 66 2 3 4 5'],
  [7, 'Ns.Example.'],
  [8, 'Ns.Example.'],
  [9, 'Ns.Example.'],
  [12, 'Ns.Example.'],
  [13, 'CPU "OS A"'],
  [14, 'Ns.Example. H.Example.'],
  [15, '65 Mail.Example.'],
  [16, '"Text ABC"'],
  [17, 'Ns.Example. H.Example.'],
  [18, '1 Ns.Example.'],
  [21, '65 Ns.Example.'],
  [26, '65 Ns.Example. H.Example.'],
  [33, '65 66 67 Ns.Example.'],
  [35, '65 66 "U" "ABC" "!A!B!" Ns.Example.'],
  [36, '65 Ns.Example.'],
  [39, 'Ns.Example.'],
  [46, 'A 13 2 65 20260101000000 20250101000000 65 Ns.Example. QUJD'],
  [47, 'Ns.Example. A NS'],
  [48, '257 3 13 QUJD'],
  [52, '3 1 1 4142'],
  [64, '65 Ns.Example. alpn=H2'],
  [99, '"Text ABC"'],
];

test('S-011 the order of RDATA is that of their canonical forms, for each type', () => {
  for (const [type, text] of TEXTS) {
    const one = rdataFromText(type, text);
    const other = rdataFromText(
      type,
      text.replaceAll('Example', 'eXAMPLE').replaceAll('Ns', 'nS').replaceAll('Mail', 'mail'),
    );
    const canonical = recordType(type).canonical;
    for (let i = 0; i < one.length; i++) {
      // One octet changed in what is not a length: the orders agree on the two.
      const changed = Uint8Array.from(other);
      if (changed[i] > 0x40) changed[i] ^= 1;
      for (const [a, b] of [
        [one, other],
        [one, changed],
        [changed, one],
      ]) {
        const found = Math.sign(compareRdata(type, a, 0, a.length, b, 0, b.length));
        assert.equal(found, Math.sign(compareOctets(canonical(a), canonical(b))), `type ${type}, octet ${i}`);
      }
    }
  }
});
