import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGenerateRange } from '../../src/zonefile/generate.ts';
import { scanText } from './scan-text.ts';

function owners(lhs: string, range = '1-1'): string[] {
  const scanned = scanText(`$TTL 9\n$GENERATE ${range} ${lhs} A 1.1.1.1\n`);
  assert.deepEqual(scanned.messages, []);
  return scanned.lines.map((line) => line.slice(0, line.indexOf('.example. ')));
}

test('$GENERATE counts from start to stop by step', () => {
  assert.deepEqual(owners('a$', '0-20/10'), ['a0', 'a10', 'a20']);
  assert.deepEqual(owners('a$', '1-20/10'), ['a1', 'a11']);
});

test('offset, width and base', () => {
  assert.deepEqual(owners('a${5}.${-10}.${0,0,d}.${-4661,5}', '4660-4661'), [
    'a4665.4650.4660.-0001',
    'a4666.4651.4661.00000',
  ]);
  assert.deepEqual(owners('a${0,3,x}-${0,0,X}-${0,4,o}', '10-11'), ['a00a-A-0012', 'a00b-B-0013']);
  assert.deepEqual(owners('z${-5,4,x}', '0-1'), ['zfffffffb', 'zfffffffc']);
});

test('nibbles go from the last to the first, and the width counts the dots', () => {
  for (const [width, expected] of [
    [0, 'c1z'],
    [2, 'c1.z'],
    [3, 'c1.0z'],
    [4, 'c1.0.z'],
    [5, 'c1.0.0z'],
  ] as const) {
    assert.deepEqual(owners(`c\${0,${width},n}z`), [expected]);
  }
  assert.deepEqual(owners('a${0,7,n}', '43981-43981'), ['ad.c.b.a']);
  assert.deepEqual(owners('a${0,7,N}', '43981-43981'), ['aD.C.B.A']);
});

test('"$$" and "\\$" are dollar signs, other escapes stay', () => {
  assert.deepEqual(owners('a$$y'), ['a\\$y']);
  assert.deepEqual(owners('a\\$$$y'), ['a\\$\\$y']);
  assert.deepEqual(owners('a\\065$y'), ['aA1y']);
});

test('TTL and class may stand before the type; RDATA of several words is quoted', () => {
  const scanned = scanText('$TTL 9\n$GENERATE 1-2 a$ 60 IN MX "$ b$"\n$generate 1-1 c$ in 1h TXT "\\"x y\\" $"\n');
  assert.deepEqual(scanned.lines, [
    'a1.example. 60 MX 1 b1.example.',
    'a2.example. 60 MX 2 b2.example.',
    'c1.example. 3600 TXT "x y" "1"',
  ]);
});

test('the owner before is the owner again behind $GENERATE', () => {
  assert.equal(scanText('$TTL 9\nq A 1.1.1.1\n$GENERATE 1-2 w$ A 1.1.1.1\n TXT x\n').lines[3], 'q.example. 9 TXT "x"');
});

test('faults name the line of the directive', () => {
  for (const wrong of [
    '$GENERATE',
    '$GENERATE 1-2 a$',
    '$GENERATE 1-2 a$ A',
    '$GENERATE 2-1 a$ A 1.1.1.$',
    '$GENERATE 1-2/0 a$ A 1.1.1.$',
    '$GENERATE 0-2147483648 a$ A 1.1.1.$',
    '$GENERATE 0-2147483647 a$ A 1.1.1.$',
    '$GENERATE x a$ A 1.1.1.$',
    '$GENERATE 1-2 a${0,3,q} A 1.1.1.1',
    '$GENERATE 1-2 a${ A 1.1.1.1',
    '$GENERATE 1-2 a${0,999} A 1.1.1.1',
    '$GENERATE 1-2 a${a} A 1.1.1.1',
    '$GENERATE 2147483646-2147483647 z${5} A 1.1.1.1',
    '$GENERATE 254-258 a$ A 1.1.1.$',
    '$GENERATE 1-2 a$ A 1.1.1.1 more',
    '$GENERATE 1-2 a$ XX 1.1.1.1',
  ]) {
    const scanned = scanText(`$TTL 9\n\n${wrong}\nb A 1.1.1.1\n`);
    assert.equal(scanned.errors, 1, wrong);
    assert.equal(scanned.faults[0].position.line, 3, wrong);
    assert.equal(scanned.lines.at(-1), 'b.example. 9 A 1.1.1.1', wrong);
  }
});

test('ranges', () => {
  assert.deepEqual(parseGenerateRange('1-5/2'), { start: 1, stop: 5, step: 2 });
  assert.deepEqual(parseGenerateRange('0-0'), { start: 0, stop: 0, step: 1 });
  for (const wrong of ['', '1', '1-', '-1', '1-2-3', '1-2/', '0x1-2', ' 1-2'])
    assert.equal(parseGenerateRange(wrong), undefined);
});
