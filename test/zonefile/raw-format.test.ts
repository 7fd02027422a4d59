import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { uncheckedName } from '../../src/wire/name.ts';
import { recordType } from '../../src/wire/rdata/registry.ts';
import { typeText } from '../../src/wire/type-text.ts';
import { readRawZone, type RawReadResult } from '../../src/zonefile/raw-reader.ts';
import { RawWriter, type RawHeader } from '../../src/zonefile/raw-writer.ts';

const ZONE = mustName('example.');

function readLines(octets: Uint8Array, options = {}): RawReadResult & { lines: string[] } {
  const lines: string[] = [];
  const result = readRawZone(
    octets,
    { file: 'zone.raw', zone: ZONE, ...options },
    {
      record(owner, ownerLength, type, ttl, rdata, length) {
        const name = nameToText(uncheckedName(owner.slice(0, ownerLength)));
        lines.push(`${name} ${ttl} ${typeText(type)} ${recordType(type).toText(rdata.slice(0, length))}`);
      },
    },
  );
  return { ...result, lines };
}

function sample(header: RawHeader): Buffer {
  const pieces: Uint8Array[] = [];
  const writer = new RawWriter(header, (piece) => pieces.push(piece));
  writer.rrset(ZONE, 6, 0, 3600);
  const names = [...mustName('ns.example.'), ...mustName('h.example.')];
  writer.record(Uint8Array.of(...names, ...Array.from({ length: 20 }, (_, i) => (i % 4 === 3 ? 1 : 0))));
  writer.rrset(mustName('a.example.'), 1, 0, 60);
  writer.record(Uint8Array.of(192, 0, 2, 1));
  writer.record(Uint8Array.of(9, 9, 192, 0, 2, 2, 9), 2, 6);
  writer.finish();
  return Buffer.concat(pieces);
}

const LINES = [
  'example. 3600 SOA ns.example. h.example. 1 1 1 1 1',
  'a.example. 60 A 192.0.2.1',
  'a.example. 60 A 192.0.2.2',
];

test('what the writer writes the reader reads, in both versions', () => {
  for (const version of [0, 1] as const) {
    const result = readLines(sample({ version, written: 1_700_000_000 }));
    assert.deepEqual(result.faults, []);
    assert.deepEqual(result.lines, LINES);
    assert.equal(result.written, 1_700_000_000);
    assert.equal(result.sourceSerial, undefined);
  }
});

test('the source serial is kept in version 1', () => {
  assert.equal(readLines(sample({ version: 1, written: 1, sourceSerial: 0 })).sourceSerial, 0);
  assert.equal(readLines(sample({ version: 1, written: 1, sourceSerial: 4_000_000_000 })).sourceSerial, 4_000_000_000);
});

test('other formats and versions are refused by name', () => {
  const patched = (at: number, value: number): string => {
    const octets = sample({ version: 1, written: 1 });
    octets.writeUInt32BE(value, at);
    return readLines(octets).faults[0].what;
  };
  assert.match(patched(0, 3), /map format is not supported/);
  assert.match(patched(0, 1), /not raw/);
  assert.match(patched(4, 2), /raw format version 2 is not supported/);
  assert.match(readLines(Buffer.from('$TTL 3600\n@ SOA')).faults[0].what, /not raw/);
});

test('another zone, another class, and a TTL above the maximum are refused', () => {
  const octets = sample({ version: 1, written: 1 });
  assert.match(readLines(octets, { zone: mustName('other.') }).faults[0].what, /not at top of zone/);
  assert.match(readLines(octets, { zoneClass: 3 }).faults[0].what, /class 1 is not the zone's/);
  assert.match(readLines(octets, { maxTtl: 100 }).faults[0].what, /TTL 3600 exceeds configured max-zone-ttl 100/);
});

test('a file cut anywhere but between RRsets is an error, never a crash', () => {
  const octets = sample({ version: 1, written: 1 });
  const ends = new Set([24, 24 + octets.readUInt32BE(24), octets.length]);
  for (let length = 0; length <= octets.length; length++) {
    assert.equal(readLines(octets.subarray(0, length)).errors, ends.has(length) ? 0 : 1, `cut at ${length}`);
  }
});

test('whatever octets change, the reader gives a verdict and every record it hands on is well formed', () => {
  const original = sample({ version: 1, written: 1 });
  const change = fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(change, (changes) => {
      const octets = Buffer.from(original);
      for (const [at, value] of changes) octets[at] = value;
      const result = readLines(octets);
      assert.ok(result.errors <= 1);
      assert.equal(result.lines.length, result.records);
      assert.ok(result.records <= octets.length);
    }),
    { numRuns: 2000 },
  );
});
