import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AddressMatch, AddressMatchList } from '../../src/conf/configuration.ts';
import { matchesAddress } from '../../src/control/match-address.ts';

const prefix = (text: string, length: number, negated = false): AddressMatch => ({
  kind: 'prefix',
  negated,
  address: Uint8Array.from(text.split('.'), Number),
  length,
});
const address = (text: string): Uint8Array => Uint8Array.from(text.split('.'), Number);

test('the first element that matches decides', () => {
  const list: AddressMatchList = [prefix('192.0.2.7', 32, true), prefix('192.0.2.0', 24), prefix('198.51.100.0', 25)];
  for (const [text, expected] of [
    ['192.0.2.7', false],
    ['192.0.2.8', true],
    ['198.51.100.127', true],
    ['198.51.100.128', false],
    ['203.0.113.1', false],
  ] as const) {
    assert.equal(matchesAddress(list, address(text)), expected, text);
  }
});

test('any, none, localhost, keys and lists in lists', () => {
  const here = address('127.0.0.1');
  assert.equal(matchesAddress([{ kind: 'any', negated: false }], here), true);
  assert.equal(matchesAddress([{ kind: 'none', negated: false }], here), false);
  assert.equal(matchesAddress([{ kind: 'localhost', negated: false }], here), true);
  assert.equal(matchesAddress([{ kind: 'localnets', negated: false }], here), true);
  assert.equal(matchesAddress([{ kind: 'localhost', negated: false }], address('192.0.2.1')), false);
  assert.equal(matchesAddress([{ kind: 'key', name: 'k', negated: false }], here), false);
  assert.equal(matchesAddress([{ kind: 'list', negated: false, list: [prefix('127.0.0.0', 8)] }], here), true);
  assert.equal(matchesAddress([{ kind: 'list', negated: true, list: [prefix('127.0.0.0', 8)] }], here), false);
  assert.equal(matchesAddress([prefix('0.0.0.0', 0)], new Uint8Array(16)), false, 'the families are apart');
  assert.equal(matchesAddress([], here), false);
});
