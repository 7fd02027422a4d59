import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_BITMAP_LENGTH, TypeSet } from '../../src/signer/type-set.ts';
import { bitmapTypes, writeBitmap } from '../../src/wire/rdata/type-bitmap.ts';
import { Writer } from '../../src/wire/writer.ts';
import { fromHex, toHex } from '../../src/base/octets.ts';
import { afterSubtree } from '../../src/signer/bearing-names.ts';
import { checkName, compareCanonicalNames, isWithin, uncheckedName, type Name } from '../../src/wire/name.ts';

function written(types: readonly number[]): Uint8Array {
  const set = new TypeSet();
  for (const type of types) set.add(type);
  const out = new Uint8Array(MAX_BITMAP_LENGTH).fill(0xff);
  return out.slice(0, set.write(out, 0));
}

test('RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234', () => {
  const expected = '0006400100000003041b000000000000000000000000000000000000000000000000000020';
  assert.equal(toHex(written([1, 15, 46, 47, 1234])), expected);
  assert.deepEqual(bitmapTypes(fromHex(expected)!), [1, 15, 46, 47, 1234]);
});

test('a set of types in any order, with repetitions, has the one bitmap of its types', () => {
  const type = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 65535 }));
  fc.assert(
    fc.property(fc.array(type, { maxLength: 100 }), (types) => {
      const sorted = [...new Set(types)].toSorted((a, b) => a - b);
      const writer = new Writer();
      writeBitmap(sorted, writer);
      assert.equal(toHex(written(types)), toHex(writer.finish()));
    }),
  );
});

const octet = fc.oneof(fc.constantFrom(0, 0x40, 0x41, 0x5a, 0x60, 0x61, 0x7a, 0xff), fc.integer({ min: 0, max: 255 }));
const label = fc.oneof(
  fc.array(octet, { minLength: 1, maxLength: 4 }),
  fc.array(octet, { minLength: 62, maxLength: 63 }),
  fc.constant(Array.from({ length: 63 }, () => 0xff)),
);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map(nameOf);

function nameOf(labels: readonly (readonly number[])[]): Name {
  const octets = labels.flatMap((one) => [one.length, ...one]);
  return uncheckedName(Uint8Array.of(...octets, 2, 0x7a, 0x7a, 0));
}

test('the name after a subtree is after all of it, and before every other name that is after the subtree', () => {
  fc.assert(
    fc.property(name, name, (a, b) => {
      fc.pre(checkName(a) !== undefined && checkName(b) !== undefined);
      const after = afterSubtree(a);
      if (isWithin(b, a)) assert.ok(compareCanonicalNames(b, after) < 0);
      else if (compareCanonicalNames(b, a) > 0) assert.ok(compareCanonicalNames(b, after) >= 0);
      else assert.ok(compareCanonicalNames(b, after) < 0);
    }),
    { numRuns: 2000 },
  );
});
