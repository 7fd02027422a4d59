import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  checkName,
  equalNames,
  isWithin,
  labelCount,
  lowerName,
  MAX_NAME_LENGTH,
  nameKey,
  nameLengthAt,
  parentName,
  prependLabel,
  rightmostLabels,
  ROOT,
  uncheckedName,
  wildcardOf,
} from '../../src/wire/name.ts';
import { mustName, nameFromText, nameToShortText, nameToText } from '../../src/wire/name-text.ts';
import { MalformedError, Reader } from '../../src/wire/reader.ts';
import { anyName } from './names.ts';

describe('RFC 1035 section 3.1: names', () => {
  test('any octets survive text and back', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const text = nameToText(name);
        assert.match(text, /^[!-~]+$/, 'only printable characters');
        assert.deepEqual(mustName(text), Uint8Array.from(name));
      }),
    );
  });

  test('escapes are those of BIND', () => {
    assert.equal(
      nameToText(mustName('a\\000b\\255.c\\.d.\\"\\(\\)\\;\\\\\\@\\$.e\\032f.')),
      'a\\000b\\255.c\\.d.\\"\\(\\)\\;\\\\\\@\\$.e\\032f.',
    );
    assert.equal(nameToShortText(mustName('www.example.')), 'www.example');
    assert.equal(nameToShortText(ROOT), '.');
  });

  const faults: readonly (readonly [string, string])[] = [
    ['', 'empty name'],
    ['a..b', 'empty label'],
    ['.a', 'empty label'],
    [`${'a'.repeat(64)}.`, 'label too long'],
    [`${'a'.repeat(63)}.`.repeat(4), 'name too long'],
    ['a.'.repeat(128), 'name too long'],
    ['a\\25', 'bad escape'],
    ['a\\256.', 'bad escape'],
    ['a\\', 'bad escape'],
  ];
  for (const [text, fault] of faults)
    test(`"${text.slice(0, 20)}" is refused: ${fault}`, () => assert.equal(nameFromText(text), fault));

  test('the longest name has 255 octets', () => {
    const name = mustName(`${`${'a'.repeat(63)}.`.repeat(3)}${'b'.repeat(61)}.`);
    assert.equal(name.length, MAX_NAME_LENGTH);
    assert.equal(nameFromText(`${`${'a'.repeat(63)}.`.repeat(3)}${'b'.repeat(62)}.`), 'name too long');
  });

  test('relative names go under the origin, and "@" is it', () => {
    const origin = mustName('example.');
    assert.equal(nameToText(mustName('www', origin)), 'www.example.');
    assert.equal(nameToText(mustName('@', origin)), 'example.');
    assert.equal(nameToText(mustName('\\@', origin)), '\\@.example.');
    assert.equal(nameToText(mustName('www.', origin)), 'www.');
  });

  test('parents, suffixes and wildcards', () => {
    const name = mustName('a.b.example.');
    assert.equal(labelCount(name), 3);
    assert.equal(nameToText(parentName(name)), 'b.example.');
    assert.equal(nameToText(rightmostLabels(name, 1)), 'example.');
    assert.equal(nameToText(wildcardOf(name) ?? ROOT), '*.a.b.example.');
    assert.equal(prependLabel(new Uint8Array(64), ROOT), undefined);
    assert.ok(isWithin(mustName('A.B.EXAMPLE.'), mustName('b.example.')));
    assert.ok(!isWithin(mustName('ab.example.'), mustName('b.example.')), 'label borders count');
    assert.ok(isWithin(name, ROOT));
  });

  test('RFC 4343: letters are equal in both cases, other octets are not', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const upper = uncheckedName(name.map((octet) => (octet >= 0x61 && octet <= 0x7a ? octet - 32 : octet)));
        // Length octets are below 64, so none of them is taken for a letter.
        assert.ok(equalNames(name, upper));
        assert.equal(nameKey(name), nameKey(upper));
        assert.deepEqual(lowerName(name), lowerName(upper));
      }),
    );
    assert.ok(!equalNames(mustName('\\192.'), mustName('\\224.')));
  });
});

describe('RFC 1035 section 4.1.4: compressed names', () => {
  const read = (octets: number[], at = 0): string => nameToText(new Reader(Uint8Array.from(octets), at).name());

  test('pointers are followed backwards', () => {
    assert.equal(read([1, 0x61, 0, 1, 0x62, 0xc0, 0], 3), 'b.a.');
    const reader = new Reader(Uint8Array.of(1, 0x61, 0, 1, 0x62, 0xc0, 0, 9), 3);
    reader.name();
    assert.equal(reader.uint8(), 9, 'reading goes on behind the pointer');
  });

  const bad: readonly (readonly [string, number[], number])[] = [
    ['to itself', [0xc0, 0], 0],
    ['forward', [0xc0, 2, 0], 0],
    ['in a circle', [1, 0x61, 0xc0, 0], 0],
    ['into the name it is in', [0, 1, 0x61, 0xc0, 1], 1],
    ['cut off', [0, 0xc0], 1],
    ['to reserved label types', [0x40, 0xc0, 0], 1],
    ['missing: cut off label', [3, 0x61], 0],
    ['missing: no root', [1, 0x61], 0],
  ];
  for (const [what, octets, at] of bad)
    test(`pointer ${what}`, () => assert.throws(() => read(octets, at), MalformedError));

  test('chains of pointers end after as many as a name can need', () => {
    // Octet 0 is the root; from octet 1 on every two octets point to the pointer before them.
    const octets = new Uint8Array(16383);
    for (let at = 1; at + 1 < octets.length; at += 2) {
      const target = at === 1 ? 0 : at - 2;
      octets.set([0xc0 | (target >> 8), target & 0xff], at);
    }
    assert.equal(new Reader(octets, 1 + 2 * 127).name().length, 1, '128 pointers');
    assert.throws(() => new Reader(octets, 1 + 2 * 128).name(), MalformedError);
    assert.throws(() => new Reader(octets, 16381).name(), MalformedError);
  });

  test('any octets are a name or malformed, and a name is one that fits', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (octets, at) => {
        try {
          const name = new Reader(octets, Math.min(at, octets.length)).name();
          assert.ok(checkName(name) !== undefined);
        } catch (error) {
          assert.ok(error instanceof MalformedError);
        }
      }),
    );
  });

  test('an uncompressed name has the length that is read', () => {
    fc.assert(fc.property(anyName, (name) => assert.equal(nameLengthAt(name), name.length)));
    assert.equal(nameLengthAt(Uint8Array.of(0xc0, 0)), -1);
    assert.equal(nameLengthAt(Uint8Array.of(5, 1)), -1);
  });
});

describe('Reader', () => {
  test('refuses to read past its end, even where octets follow', () => {
    const reader = new Reader(Uint8Array.of(1, 2, 3, 4), 0, 2);
    assert.equal(reader.uint16(), 0x0102);
    for (const read of [() => reader.uint8(), () => reader.uint16(), () => reader.uint32(), () => reader.take(1)])
      assert.throws(read, MalformedError);
    assert.equal(reader.rest().length, 0);
  });
});
