import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mustName } from '../../src/wire/name-text.ts';
import type { TextStyle } from '../../src/wire/rdata/record-type.ts';
import { recordType } from '../../src/wire/rdata/registry.ts';
import { Writer } from '../../src/wire/writer.ts';
import { OctetBuilder } from '../../src/zonefile/octet-builder.ts';
import {
  EXPLICIT_TTL_STYLE,
  FULL_STYLE,
  MasterFilePrinter,
  RELATIVE_STYLE,
  type PrinterStyle,
} from '../../src/zonefile/printer.ts';
import { writeRdata } from '../../src/zonefile/rdata-octets.ts';
import { zonePool } from '../zones/zone-pool.ts';
import { MasterFileScanner } from '../../src/zonefile/scanner.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

/** Calls `visit` with every record of a pool zone. */
function eachRecord(visit: (owner: Uint8Array, type: number, ttl: number, rdata: Uint8Array) => void): void {
  for (const { zone, files } of zonePool()) {
    const apex = mustName(zone);
    const scanner = new MasterFileScanner(
      { file: 'zone.db', origin: apex, zone: apex },
      {
        disk: MemoryDisk.readOnly(files),
        sink: {
          record: (owner, ownerLength, type, ttl, rdata, length) =>
            visit(owner.slice(0, ownerLength), type, ttl, rdata.slice(0, length)),
        },
      },
    );
    assert.equal(scanner.scan(Buffer.from(files['zone.db'], 'latin1')).errors, 0);
  }
}

function printed(work: (printer: MasterFilePrinter) => void, style: PrinterStyle): string {
  const pieces: Uint8Array[] = [];
  const printer = new MasterFilePrinter({ style }, (piece) => pieces.push(piece));
  work(printer);
  printer.finish();
  return Buffer.concat(pieces).toString('latin1');
}

test('the fast writers give the text of the record types', () => {
  const styles: TextStyle[] = [
    { multiline: false, chunk: 56, chunkSeparator: ' ' },
    { multiline: true, chunk: 44, chunkSeparator: '\n\t\t\t\t', comments: true },
    { multiline: true, chunk: 36, chunkSeparator: '\n\t\t\t\t\t', comments: true },
  ];
  let fast = 0;
  eachRecord((_owner, type, _ttl, rdata) => {
    for (const style of styles) {
      const pieces: Uint8Array[] = [];
      const out = new OctetBuilder((piece) => pieces.push(piece));
      const separator = Buffer.from(style.chunkSeparator, 'latin1');
      if (!writeRdata(type, rdata, 0, rdata.length, out, { ...style, separator })) continue;
      out.flush();
      fast++;
      assert.equal(Buffer.concat(pieces).toString('latin1'), recordType(type).toText(rdata, style));
    }
  });
  assert.ok(fast > 1000);
});

test('the fast writers agree for any RRSIG and NSEC3', () => {
  const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
  const style: TextStyle = { multiline: false, chunk: 56, chunkSeparator: ' ' };
  const same = (type: number, rdata: Uint8Array): void => {
    const pieces: Uint8Array[] = [];
    const out = new OctetBuilder((piece) => pieces.push(piece));
    writeRdata(type, rdata, 0, rdata.length, out, { ...style, separator: Uint8Array.of(0x20) });
    out.flush();
    assert.equal(Buffer.concat(pieces).toString('latin1'), recordType(type).toText(rdata, style));
  };
  fc.assert(
    fc.property(octets(18, 18), octets(1, 300), (fixed, signature) => {
      same(46, Uint8Array.of(...fixed, ...mustName('a\\.b.example.'), ...signature));
    }),
  );
  fc.assert(
    fc.property(octets(4, 4), octets(0, 40), octets(1, 40), octets(0, 10), (head, salt, hash, window) => {
      const bitmap = window.length === 0 || window.at(-1) === 0 ? [] : [0, window.length, ...window];
      same(50, Uint8Array.of(...head, salt.length, ...salt, hash.length, ...hash, ...bitmap));
    }),
  );
});

test('S-021 full style: one whole record a line, in columns', () => {
  const text = printed((printer) => {
    printer.node(mustName('example.'));
    printer.record(1, 3600, Uint8Array.of(192, 0, 2, 1));
    printer.record(1, 5, Uint8Array.of(192, 0, 2, 1));
    printer.node(mustName('a-name-that-is-longer-than-the-column-of-ttl.example.'));
    printer.record(16, 788645, Uint8Array.of(1, 0x78));
  }, FULL_STYLE);
  assert.equal(
    text,
    'example.\t\t\t\t      3600 IN A\t\t192.0.2.1\n' +
      'example.\t\t\t\t      5\tIN A\t\t192.0.2.1\n' +
      'a-name-that-is-longer-than-the-column-of-ttl.example. 788645 IN\tTXT "x"\n',
  );
});

test('S-021 relative style: $ORIGIN, $TTL and omitted owners', () => {
  const text = printed((printer) => {
    printer.origin(mustName('.'));
    printer.node(mustName('example.'));
    printer.record(2, 86400, mustName('ns.example.'));
    printer.record(1, 60, Uint8Array.of(192, 0, 2, 1));
    printer.origin(mustName('example.'));
    printer.node(mustName('www.example.'));
    printer.record(5, 60, mustName('example.'));
  }, RELATIVE_STYLE);
  assert.equal(
    text,
    '$ORIGIN .\n$TTL 86400\t; 1 day\nexample\t\t\tIN NS\tns.example.\n$TTL 60\t; 1 minute\n\t\t\tA\t192.0.2.1\n' +
      '$ORIGIN example.\nwww\t\t\tCNAME\texample.\n',
  );
});

test('explicit TTL style, as dnssec-signzone writes: class and owner once a name', () => {
  const text = printed((printer) => {
    printer.line('; a header\n');
    printer.node(mustName('example.'));
    printer.record(2, 3600, mustName('ns.example.'));
    printer.record(1, 300, Uint8Array.of(192, 0, 2, 1));
    printer.node(mustName('q.y.z.example.'));
    printer.record(1, 3600, Uint8Array.of(1, 1, 1, 1));
  }, EXPLICIT_TTL_STYLE);
  assert.equal(
    text,
    '; a header\nexample.\t\t3600\tIN NS\tns.example.\n\t\t\t300\tA\t192.0.2.1\nq.y.z.example.\t\t3600\tIN A\t1.1.1.1\n',
  );
});

test('a comment says when the first signature of an RRset expires', () => {
  const rrsig = (expiration: string): Uint8Array => {
    const out = new Writer();
    const text = `A 8 2 3600 ${expiration} 20200101000000 1 example. AAAA`;
    const zone = mustName('example.');
    const scanner = new MasterFileScanner(
      { file: 'x', origin: zone },
      {
        disk: MemoryDisk.readOnly({}),
        sink: { record: (_o, _l, _t, _ttl, rdata, length) => out.bytes(rdata.subarray(0, length)) },
      },
    );
    scanner.scan(Buffer.from(`a 60 RRSIG ${text}\n`));
    return out.finish();
  };
  const text = printed((printer) => {
    printer.node(mustName('a.example.'));
    printer.record(46, 60, rrsig('20380101000000'));
    printer.record(46, 60, rrsig('20370101000000'));
    printer.endSignatures();
    printer.record(1, 60, Uint8Array.of(1, 1, 1, 1));
    printer.endSignatures();
  }, FULL_STYLE);
  assert.deepEqual(
    text.split('\n').map((line) => (line.startsWith(';') ? line : '')),
    ['', '', '; resign=20370101000000', '', ''],
  );
});

test('numbers, base 64, hexadecimal and base 32 of any octets', () => {
  const built = (work: (out: OctetBuilder) => void): string => {
    let text = '';
    const out = new OctetBuilder((piece) => (text += Buffer.from(piece).toString('latin1')));
    work(out);
    out.flush();
    return text;
  };
  fc.assert(
    fc.property(fc.nat(0xffffffff), (value) =>
      assert.equal(
        built((out) => out.decimal(value)),
        String(value),
      ),
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
      const none = new Uint8Array(0);
      const buffer = Buffer.from(octets);
      assert.equal(
        built((out) => out.base64(octets, 0, octets.length, 4000, none)),
        buffer.toString('base64'),
      );
      assert.equal(
        built((out) => out.hex(octets, 0, octets.length, 0, none)),
        buffer.toString('hex').toUpperCase(),
      );
    }),
  );
  const spaced = built((out) => out.base64(new Uint8Array(90), 0, 90, 56, Uint8Array.of(0x20)));
  assert.deepEqual(
    spaced.split(' ').map((word) => word.length),
    [56, 56, 8],
  );
});
