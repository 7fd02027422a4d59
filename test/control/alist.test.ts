import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Alist, type AlistValue, decodeAlist, encodeAlist } from '../../src/control/alist.ts';

const octets = fc.uint8Array({ maxLength: 40 });
const { alist } = fc.letrec<{ value: AlistValue; alist: Alist }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', maxDepth: 4 }, octets, fc.array(tie('value'), { maxLength: 4 }), tie('alist')),
  alist: fc
    .dictionary(fc.string({ minLength: 1, maxLength: 20, unit: 'binary-ascii' }), tie('value'), { maxKeys: 4 })
    .map((fields) => new Map(Object.entries(fields))),
}));

test('an alist comes back as it went', () => {
  fc.assert(fc.property(alist, (original) => assert.deepEqual(decodeAlist(encodeAlist(original)), original)));
});

test('any octets are an alist that encodes to the same octets, or no alist', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), alist.map(encodeAlist).chain(damaged)), (hostile) => {
      const decoded = decodeAlist(hostile);
      if (decoded !== undefined) assert.deepEqual(encodeAlist(decoded), new Uint8Array(hostile));
    }),
  );
});

function damaged(whole: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.nat(Math.max(0, whole.length - 1)), fc.nat(255)).map(([at, octet]) => {
    const copy = new Uint8Array(whole);
    if (copy.length > 0) copy[at] = octet;
    return copy;
  });
}

test('nesting beyond what peers send is refused, not followed', () => {
  let value: AlistValue = new Uint8Array(1);
  for (let depth = 0; depth < 2000; depth++) value = [value];
  assert.equal(decodeAlist(encodeAlist(new Map([['deep', value]]))), undefined);
});

test('a key that comes twice is refused', () => {
  const once = encodeAlist(new Map([['type', new Uint8Array([1])]]));
  assert.equal(decodeAlist(new Uint8Array([...once, ...once])), undefined);
});
