import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanText } from './scan-text.ts';

test('RFC 3597 5: the examples of the RFC', () => {
  const scanned = scanText(
    '$TTL 9\na.example. CLASS1 TYPE731 \\# 6 abcd (\n ef 01 23 45 )\nb TYPE62347 \\# 0\ne IN A \\# 4 0A000001\n',
  );
  assert.deepEqual(scanned.messages, []);
  assert.deepEqual(scanned.lines, [
    'a.example. 9 TYPE731 \\# 6 ABCDEF012345',
    'b.example. 9 TYPE62347 \\# 0',
    'e.example. 9 A 10.0.0.1',
  ]);
});

test('RFC 3597 5: known types may be named by their number', () => {
  assert.deepEqual(scanText('$TTL 9\ne class1 type1 10.0.0.2\n').lines, ['e.example. 9 A 10.0.0.2']);
});

test('the length must be that of the data, and data must be RDATA of a known type', () => {
  for (const wrong of [
    'TYPE731 \\# 2 abc',
    'TYPE731 \\# 3 abcd',
    'TYPE731 \\# 1 abcd',
    'A \\# 3 010203',
    'NS \\# 2 C000',
    'TYPE731 x',
  ]) {
    const scanned = scanText(`$TTL 9\na ${wrong}\n`);
    assert.equal(scanned.errors, 1, wrong);
    assert.equal(scanned.records, 0, wrong);
  }
});

test('"\\#" without a number behind it, or in quotes, is text', () => {
  const scanned = scanText('$TTL 9\na TXT \\# foo\nb TXT "\\#" 3\nc TXT \\#3\n');
  assert.deepEqual(scanned.lines, ['a.example. 9 TXT "#" "foo"', 'b.example. 9 TXT "#" "3"', 'c.example. 9 TXT "#3"']);
});
