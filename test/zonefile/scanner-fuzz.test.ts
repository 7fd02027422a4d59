import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mustName } from '../../src/wire/name-text.ts';
import { FULL_STYLE, MasterFilePrinter } from '../../src/zonefile/printer.ts';
import { MasterFileScanner, type ScanResult } from '../../src/zonefile/scanner.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { zonePool } from '../zones/zone-pool.ts';

/** What a text holds, in full style; owners may be anywhere. */
function canonicalText(text: Buffer, files: Readonly<Record<string, string>> = {}): ScanResult & { text: Buffer } {
  const pieces: Uint8Array[] = [];
  const printer = new MasterFilePrinter({ style: FULL_STYLE }, (piece) => pieces.push(piece));
  const scanner = new MasterFileScanner(
    { file: 'zone.db', origin: mustName('example.net.'), defaultTtl: 60 },
    {
      disk: MemoryDisk.readOnly(files),
      sink: {
        record(owner, ownerLength, type, ttl, rdata, length) {
          printer.node(owner.subarray(0, ownerLength));
          printer.record(type, ttl, rdata, 0, length);
        },
      },
    },
  );
  const result = scanner.scan(text);
  printer.finish();
  return { ...result, text: Buffer.concat(pieces) };
}

/**
 * The promise for any octets: reading ends with records and faults, each fault has a place in a file, and the records that
 * were taken print as a text that reads back without fault as the same records.
 */
function keepsPromise(text: Buffer, files: Readonly<Record<string, string>> = {}): void {
  const first = canonicalText(text, files);
  for (const fault of first.faults) {
    assert.ok(fault.position.line >= 1 && fault.position.column >= 1, fault.message);
    assert.ok(fault.message.length < 2000);
  }
  assert.ok(first.faults.length <= 1202);
  const second = canonicalText(first.text);
  assert.deepEqual(
    second.faults.map((fault) => fault.message),
    [],
  );
  assert.equal(second.records, first.records);
  assert.deepEqual(second.text, first.text);
}

test('every zone of the pool prints and reads back', () => {
  for (const { files } of zonePool()) keepsPromise(Buffer.from(files['zone.db'], 'latin1'), files);
});

test('any octets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => keepsPromise(Buffer.from(octets))),
    { numRuns: 1000 },
  );
});

const MARKS = [
  '\n',
  '\n',
  '\n',
  ' ',
  '\t',
  '(',
  ')',
  '"',
  ';',
  '\\',
  '\\"',
  '\\000',
  '\\255',
  '\\256',
  '\r\n',
  '@',
  '.',
];
const TYPES = 'A AAAA TXT MX NS SOA CNAME TYPE300 RRSIG NSEC NSEC3 DS DNSKEY LOC APL SVCB HTTPS CAA NAPTR HIP';
const OTHERS =
  '* a b.c example. 300 1h IN CH \\# 192.0.2.1 ::1 10 0 abcd $TTL $ORIGIN $INCLUDE $GENERATE 1-3 x$ ${1,2,d} inc';
const WORDS = [...MARKS, ...TYPES.split(' '), ...OTHERS.split(' '), 'alpn=h2', 'AAAA='];

test('any sequence of the words of master files', () => {
  const text = fc.array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom('', ' ', ' ')), { maxLength: 60 });
  fc.assert(
    fc.property(text, (words) =>
      keepsPromise(Buffer.from(words.flat().join(''), 'latin1'), { inc: 'i A 192.0.2.9\n$INCLUDE inc\n' }),
    ),
    { numRuns: 1500 },
  );
});

test('zones of the pool with octets changed, put in and taken out', () => {
  const pool = zonePool().filter(({ title }) => !title.includes('registry'));
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.nat(4),
    put: fc.constantFrom(...WORDS),
  });
  fc.assert(
    fc.property(fc.nat(pool.length - 1), fc.array(change, { minLength: 1, maxLength: 6 }), (index, changes) => {
      const { files } = pool[index];
      let text = files['zone.db'];
      for (const { at, drop, put } of changes) {
        const place = Math.floor(at * text.length);
        text = text.slice(0, place) + put + text.slice(place + drop);
      }
      keepsPromise(Buffer.from(text, 'latin1'), files);
    }),
    { numRuns: 200 },
  );
});
