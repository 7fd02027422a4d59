import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nsec3Hash } from '../../src/crypto/nsec3-hash.ts';
import { AddressMatcher, NO_KEY } from '../../src/server/address-match.ts';
import { Nsec3Hasher } from '../../src/server/nsec3-hash.ts';
import type { AddressMatchList } from '../../src/server/server-tables.ts';
import { ZoneIndex } from '../../src/server/zone-index.ts';
import { mustName } from '../../src/wire/name-text.ts';

describe('address match lists', () => {
  const environment = {
    localhost: [{ address: Uint8Array.of(127, 0, 0, 1), length: 32 }],
    localnets: [{ address: Uint8Array.of(192, 0, 2, 0), length: 24 }],
    keys: [{ name: mustName('first.key.'), algorithm: 'hmac-sha256', secret: new Uint8Array(8) }],
  };
  const prefix = (text: string, negated = false): AddressMatchList[number] => {
    const [address, length] = text.split('/');
    return {
      kind: 'prefix',
      address: Uint8Array.from(address.split('.').map(Number)),
      length: Number(length),
      negated,
    };
  };
  const accepts = (list: AddressMatchList, text: string, key = NO_KEY): boolean => {
    const address = Uint8Array.from(text.split('.').map(Number));
    return new AddressMatcher(list, environment).accepts(address, 0, address.length, key);
  };

  test('the first element that matches decides', () => {
    const list = [prefix('10.1.0.0/16', true), prefix('10.0.0.0/8')];
    assert.deepEqual(
      ['10.1.2.3', '10.2.2.3', '11.0.0.1'].map((one) => accepts(list, one)),
      [false, true, false],
    );
    assert.equal(accepts(list.toReversed(), '10.1.2.3'), true);
  });

  test('any, none and their negations', () => {
    const one = (kind: 'any' | 'none', negated: boolean): boolean => accepts([{ kind, negated }], '10.0.0.1');
    assert.deepEqual(
      [one('any', false), one('any', true), one('none', false), one('none', true)],
      [true, false, false, true],
    );
    assert.equal(accepts([], '10.0.0.1'), false);
  });

  test('a negated list is no way in by double negation', () => {
    const inner: AddressMatchList = [prefix('10.0.0.0/8', true), { kind: 'any', negated: false }];
    assert.equal(accepts([{ kind: 'list', list: inner, negated: true }], '10.0.0.1'), false);
    const outer: AddressMatchList = [
      { kind: 'list', list: inner, negated: true },
      { kind: 'any', negated: false },
    ];
    assert.deepEqual(
      ['10.0.0.1', '11.0.0.1'].map((one) => accepts(outer, one)),
      [true, false],
    );
  });

  test('localhost, localnets and keys', () => {
    assert.equal(accepts([{ kind: 'localhost', negated: false }], '127.0.0.1'), true);
    assert.equal(accepts([{ kind: 'localnets', negated: false }], '192.0.2.200'), true);
    assert.equal(
      accepts(
        [
          { kind: 'localnets', negated: true },
          { kind: 'any', negated: false },
        ],
        '192.0.2.200',
      ),
      false,
    );
    assert.equal(accepts([{ kind: 'key', name: 'FIRST.key', negated: false }], '10.0.0.1', 0), true);
    assert.equal(accepts([{ kind: 'key', name: 'FIRST.key', negated: false }], '10.0.0.1'), false);
    assert.throws(() => accepts([{ kind: 'key', name: 'no.key', negated: false }], '10.0.0.1'), {
      code: 'KEY_UNKNOWN',
    });
  });

  test('a prefix matches its family only, bit by bit', () => {
    const zero = { kind: 'prefix', address: new Uint8Array(16), length: 0, negated: false } as const;
    assert.equal(accepts([zero], '1.2.3.4'), false);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128), fc.nat(127), (address, length, bit) => {
        const matcher = new AddressMatcher([{ kind: 'prefix', address, length, negated: false }], environment);
        const other = address.slice();
        other[bit >> 3] ^= 0x80 >> (bit & 7);
        assert.equal(matcher.accepts(address, 0, 16, NO_KEY), true);
        assert.equal(matcher.accepts(other, 0, 16, NO_KEY), bit >= length);
      }),
    );
  });
});

describe('zone selection', () => {
  const names = ['.', 'test.', 'a.test.', 'b.a.test.', ...Array.from({ length: 3000 }, (_, i) => `zone${i}.example.`)];
  const index = new ZoneIndex(names.map((name) => mustName(name)));
  const find = (name: string, parentSide = false): string | undefined =>
    names[index.find(mustName(name), 0, parentSide)];

  test('the longest apex wins, whatever the case', () => {
    assert.equal(find('x.B.A.TEST.'), 'b.a.test.');
    assert.equal(find('xa.test.'), 'test.');
    assert.equal(find('www.zone2999.example.'), 'zone2999.example.');
    assert.equal(find('example.'), '.');
    assert.equal(new ZoneIndex([mustName('test.')]).find(mustName('example.'), 0, false), -1);
  });

  test('RFC 4035 section 3.1.4.1: for DS the zone above is taken at an apex, if we have it', () => {
    assert.deepEqual(
      [find('b.a.test.', true), find('x.b.a.test.', true), find('test.', true)],
      ['a.test.', 'b.a.test.', '.'],
    );
    assert.equal(new ZoneIndex([mustName('test.')]).find(mustName('test.'), 0, true), 0);
  });
});

test('RFC 5155 section 5: the hash without allocation is the hash', () => {
  const hasher = new Nsec3Hasher();
  const octets = fc.uint8Array({ minLength: 1, maxLength: 63 });
  const property = fc.property(
    fc.array(octets, { maxLength: 3 }),
    fc.uint8Array({ maxLength: 255 }),
    fc.nat(20),
    (labels, salt, iterations) => {
      const name = Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]);
      hasher.salt.set(salt);
      hasher.saltLength = salt.length;
      hasher.iterations = iterations;
      assert.deepEqual(Uint8Array.from(hasher.compute(name)), Uint8Array.from(nsec3Hash(name, salt, iterations)));
    },
  );
  fc.assert(property, { numRuns: 300 });
});
