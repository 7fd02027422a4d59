import assert from 'node:assert/strict';
import test from 'node:test';
import { Parent } from '../../src/simulate/parent.ts';
import type { ParentManner } from '../../src/simulate/parent.ts';

const MANNER: ParentManner = { delay: 100, propagation: 60, flaps: undefined };

/** What happens at the parent: time, whether all servers have it, and the keys. */
function life(parent: Parent, most = 20): [time: number, kind: string, keys: string][] {
  const moments: [number, string, string][] = [];
  for (let i = 0; i < most && parent.next !== undefined; i++) {
    const at = parent.next;
    const { kind, change } = parent.advance();
    moments.push([at, kind, change.keys.join()]);
  }
  return moments;
}

test('RFC 7344 section 6.1: a parent follows CDS after its delay, its servers within its propagation', () => {
  const parent = new Parent(['a'], 0);
  parent.ask(['b'], 1000, MANNER);
  assert.deepEqual([parent.next, parent.seen('a'), parent.seen('b'), parent.gone('b')], [1040, 0, undefined, 0]);
  parent.advance();
  // Some servers have the old DS RRset, some the new one: neither key is at all of them, or at none.
  assert.deepEqual([parent.seen('a'), parent.seen('b'), parent.gone('a'), parent.gone('b')], Array(4).fill(undefined));
  assert.deepEqual(life(parent), [[1100, 'complete', 'b']]);
  assert.deepEqual([parent.seen('b'), parent.gone('a'), parent.seen('a')], [1100, 1100, undefined]);
});

test('RFC 7344: no CDS asks for no change; RFC 8078: DELETE asks for no DS', () => {
  const parent = new Parent(['a'], 0);
  parent.ask(undefined, 10, MANNER);
  parent.ask(['a'], 20, MANNER);
  assert.equal(parent.next, undefined);
  parent.ask('delete', 30, MANNER);
  assert.deepEqual(life(parent).at(-1), [130, 'complete', '']);
  assert.equal(parent.gone('a'), 130);
});

test('a request that is taken back before the parent acts is forgotten', () => {
  const parent = new Parent(['a'], 0);
  parent.ask(['b'], 1000, MANNER);
  parent.ask(['a'], 1010, MANNER);
  assert.equal(parent.next, undefined);
});

test('what the parent has begun it carries through, and then it follows the last request', () => {
  const parent = new Parent(['a'], 0);
  parent.ask(['b'], 1000, MANNER);
  parent.advance();
  parent.ask(['a'], 1050, MANNER);
  const expected = [
    [1100, 'complete', 'b'],
    [1100, 'begins', 'a'],
    [1150, 'complete', 'a'],
  ];
  assert.deepEqual(life(parent), expected);
});

test('a parent that never acts does when it comes to its senses', () => {
  const parent = new Parent([], 0);
  parent.ask(['a'], 1000, { ...MANNER, delay: undefined });
  assert.equal(parent.next, undefined);
  parent.changeManner(5000, MANNER);
  assert.deepEqual(life(parent).at(-1), [5100, 'complete', 'a']);
});

test('a parent that flaps takes its change back as often as it is told to, and keeps it in the end', () => {
  const parent = new Parent(['a'], 0);
  parent.ask(['b'], 1000, { ...MANNER, flaps: { period: 500, times: 2 } });
  const complete = life(parent).filter(([, kind]) => kind === 'complete');
  assert.deepEqual(
    complete.map(([at, , keys]) => [at, keys]),
    [
      [1100, 'b'],
      [1660, 'a'],
      [2160, 'b'],
      [2660, 'a'],
      [3160, 'b'],
    ],
  );
  assert.equal(parent.seen('b'), 3160);
});
