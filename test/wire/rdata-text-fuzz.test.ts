import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SignetError } from '../../src/base/error.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { faultOf } from '../../src/wire/rdata/generic.ts';
import { KNOWN_TYPES, recordType } from '../../src/wire/rdata/registry.ts';
import { bitmapHas, bitmapTypes, writeBitmap } from '../../src/wire/rdata/type-bitmap.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { Writer } from '../../src/wire/writer.ts';
import { rdataCases } from './rdata-cases.ts';

const ORIGIN = mustName('t.');

/** Words that mean something to some type, and words of any characters. */
const word = fc.oneof(
  fc.constantFrom(
    '1',
    '0',
    '255',
    '65536',
    '-',
    '.',
    '@',
    'foo.',
    'a..b',
    'A',
    'TYPE1',
    '1.2.3.4',
    '::1',
    'AAAA',
    'A===',
    '\\#',
    '\\',
    '"',
    '"a',
    'alpn=',
    'key1="',
    '20300101000000',
    'N',
    '1m',
    '!1:1.2.3.4/8',
    '0x',
    '1h',
  ),
  fc.string({ maxLength: 12, unit: 'binary-ascii' }),
  fc.string({ minLength: 250, maxLength: 300, unit: fc.constantFrom('a', '.', '\\', '7') }),
);

/** RDATA of the text, or undefined when it is refused. Anything but SignetError fails the test. */
function parse(code: number, text: string): Uint8Array | undefined {
  try {
    return rdataFromText(code, text, ORIGIN);
  } catch (error) {
    assert.ok(error instanceof SignetError, String(error));
    assert.equal(error.code, 'RDATA_SYNTAX');
    assert.ok(typeof error.facts['expected'] === 'string' && error.facts['expected'] !== '');
    return undefined;
  }
}

describe('text of every type', () => {
  for (const type of KNOWN_TYPES) {
    const lines = rdataCases()
      .filter((one) => one.code === type.code)
      .map((one) => one.text.split(' '));
    const words = fc.oneof(
      fc.array(word, { maxLength: 9 }),
      ...(lines.length === 0
        ? []
        : [
            fc
              .tuple(fc.constantFrom(...lines), fc.nat(20), word)
              .map(([line, at, other]) => line.with(at % line.length, other)),
          ]),
    );
    test(`any words as ${type.mnemonic} are refused by name or give RDATA of the type`, () => {
      fc.assert(
        fc.property(words, (list) => {
          const rdata = parse(type.code, list.join(' '));
          if (rdata === undefined) return;
          assert.equal(faultOf(type, rdata), undefined, 'what text gives is what messages may hold');
          recordType(type.code).toText(rdata);
        }),
        { numRuns: 80 },
      );
    });
  }

  test('a refused bitmap leaves nothing behind for the next', () => {
    assert.equal(parse(47, 'a. TYPE65000 A nonsense'), undefined);
    assert.deepEqual(parse(47, 'a. NS'), Uint8Array.of(1, 0x61, 0, 0, 1, 0x20));
  });

  test('errors say column, token and what was expected', () => {
    assert.throws(() => rdataFromText(15, '10 a..b'), {
      code: 'RDATA_SYNTAX',
      message: 'MX record, column 4: mail exchange (empty label) expected, found "a..b": correct the record\'s text',
    });
    assert.throws(() => rdataFromText(1, ''), /A record, column 1: IPv4 address expected, found the end/);
    assert.throws(() => rdataFromText(1, '1.2.3.4 x'), /column 9: end of the RDATA expected, found "x"/);
  });
});

describe('RFC 4034 section 4.1.2: type bitmaps', () => {
  test('hold what was put in, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(65535), { maxLength: 40 }),
        fc.array(fc.nat(65535), { maxLength: 20 }),
        (types, others) => {
          const out = new Writer();
          writeBitmap(types, out);
          const octets = out.finish();
          assert.deepEqual(
            bitmapTypes(octets),
            types.toSorted((a, b) => a - b),
          );
          for (const type of [...types, ...others])
            assert.equal(bitmapHas(octets, 0, octets.length, type), types.includes(type));
        },
      ),
    );
  });

  test('malformed ones have no types, and reading stays inside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(65535), (octets, type) => {
        bitmapHas(octets, 0, octets.length, type);
        assert.ok(bitmapTypes(octets).every((found) => found >= 0 && found <= 65535));
      }),
    );
  });
});
