import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanText } from './scan-text.ts';

const SOA = '@ SOA a b 1 2 3 4 300';

function ttls(text: string): number[] {
  return scanText(text).lines.map((line) => Number(line.split(' ')[1]));
}

test('RFC 2308 4: $TTL holds for records without a TTL, until the next', () => {
  assert.deepEqual(ttls('$TTL 60\na A 1.1.1.1\nb 5 A 1.1.1.1\nc A 1.1.1.1\n$TTL 2h\nd A 1.1.1.1\n'), [60, 5, 60, 7200]);
});

test('RFC 1035 5.1: without $TTL the last TTL holds, which is told once', () => {
  const scanned = scanText(`@ 50 SOA a b 1 2 3 4 300\nx A 1.1.1.1\ny 9 A 1.1.1.1\nz A 1.1.1.1\n`);
  assert.deepEqual(
    scanned.lines.map((line) => line.split(' ')[1]),
    ['50', '50', '9', '9'],
  );
  assert.deepEqual(scanned.messages, ['zone.db:2:5: using RFC1035 TTL semantics']);
});

test('SOA without any TTL: its minimum is the default, as in BIND', () => {
  const scanned = scanText(`${SOA}\nx A 1.1.1.1\ny 9 A 1.1.1.1\nz A 1.1.1.1\n`);
  assert.deepEqual(
    scanned.lines.map((line) => line.split(' ')[1]),
    ['300', '300', '9', '300'],
  );
});

test('a first record that is no SOA and has no TTL refuses the zone, once', () => {
  const scanned = scanText('x A 1.1.1.1\ny A 1.1.1.1\n');
  assert.deepEqual(scanned.messages, ['zone.db:1:5: no TTL specified; zone rejected']);
  assert.equal(scanned.records, 0);
});

test('units add up; a number without unit behind a unit is no TTL', () => {
  assert.deepEqual(ttls('a 1w2d3h4m5s A 1.1.1.1\nb 1H30M A 1.1.1.1\nc 1d1d A 1.1.1.1\n'), [788645, 5400, 172800]);
  for (const wrong of ['1h30', '1x', '4294967296', '99999999999w']) {
    assert.match(scanText(`a ${wrong} A 1.1.1.1\n`).messages[0], /unknown RR type/);
  }
});

test('RFC 2181 8: a TTL with the highest bit set is taken as zero', () => {
  const scanned = scanText('a 2147483648 A 1.1.1.1\nb 2147483647 A 1.1.1.1\n');
  assert.deepEqual(
    scanned.lines.map((line) => line.split(' ')[1]),
    ['0', '2147483647'],
  );
  assert.match(scanned.messages[0], /2147483648 > MAXTTL, setting TTL to 0/);
});

test('RFC 2181 5.2: consecutive records of an RRset get the TTL of the first; RRSIGs by type covered', () => {
  const rrsig = (type: string): string => `RRSIG ${type} 8 2 3600 20380101000000 20200101000000 1 example. AAAA`;
  const scanned = scanText(
    `a 60 A 1.1.1.1\n 90 A 1.1.1.2\n 70 TXT x\n 60 ${rrsig('A')}\n 70 ${rrsig('TXT')}\n 80 ${rrsig('A')}\n`,
  );
  assert.deepEqual(
    scanned.lines.map((line) => line.split(' ')[1]),
    ['60', '60', '70', '60', '70', '60'],
  );
  assert.deepEqual(scanned.messages, [
    'zone.db:2:7: TTL set to prior TTL (60)',
    'zone.db:6:63: TTL set to prior TTL (60)',
  ]);
});

test('S-056 a TTL above max-zone-ttl is an error that names it', () => {
  const scanned = scanText('a 60 A 1.1.1.1\nb 61 A 1.1.1.1\n', { maxTtl: 60 });
  assert.deepEqual(scanned.messages, ['zone.db:2:8: TTL 61 exceeds configured max-zone-ttl 60']);
  assert.equal(scanned.records, 1);
});
