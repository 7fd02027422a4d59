import assert from 'node:assert/strict';
import test from 'node:test';
import { Caches } from '../../src/simulate/caches.ts';

/*
 * Each case serves versions by hand at small times; servers are 10 seconds apart and every TTL is 100.
 */

const LAG = { servers: 10, ttl: 100 };
const ALGORITHMS: Readonly<Record<string, number>> = { k1: 13, k2: 13, z1: 13, z2: 13, k8: 8, z8: 8 };

function zone(): Caches {
  const caches = new Caches((key) => ALGORITHMS[key], true);
  caches.serveDs(['k1'], 0, 0, 100);
  serve(caches, ['k1', 'z1'], ['k1'], ['z1'], 0);
  return caches;
}

function serve(
  caches: Caches,
  keys: readonly string[],
  signers: readonly string[],
  data: readonly string[],
  now: number,
): void {
  caches.serveDnskey({ keys, signers }, now, LAG);
  caches.serveData(new Map([[13, { signing: data, retiring: [] }]]), now, LAG);
}

test('RFC 4035 section 5: a zone that does not change is never bogus', () => {
  assert.deepEqual(zone().dangers(), []);
});

test('RFC 6781 section 4.1.1.1: a pre-published ZSK that waits for the TTL is sound, one second less is not', () => {
  for (const [wait, isSound] of [
    [110, true],
    [109, false],
  ] as const) {
    const caches = zone();
    serve(caches, ['k1', 'z1', 'z2'], ['k1'], ['z1'], 1000);
    serve(caches, ['k1', 'z1', 'z2'], ['k1'], ['z2'], 1000 + wait);
    assert.equal(caches.dangers().length === 0, isSound, String(wait));
  }
});

test('RFC 6781 section 4.1.1.1: the old ZSK may leave when its signatures have left the caches', () => {
  for (const [wait, isSound] of [
    [110, true],
    [109, false],
  ] as const) {
    const caches = zone();
    serve(caches, ['k1', 'z1', 'z2'], ['k1'], ['z1'], 1000);
    serve(caches, ['k1', 'z1', 'z2'], ['k1'], ['z2'], 2000);
    serve(caches, ['k1', 'z2'], ['k1'], ['z2'], 2000 + wait);
    const dangers = caches.dangers();
    assert.equal(dangers.length === 0, isSound, String(wait));
    if (isSound) continue;
    const [{ from, until, problem }] = dangers;
    assert.deepEqual([from, until, problem.kind], [2109, 2110, 'unknown signer']);
  }
});

test('RFC 6781 section 4.1.2: a KSK may leave when the DS that leads to it has left the caches', () => {
  for (const [wait, isSound] of [
    [100, true],
    [99, false],
  ] as const) {
    const caches = zone();
    serve(caches, ['k1', 'k2', 'z1'], ['k1', 'k2'], ['z1'], 1000);
    caches.serveDs(['k2'], 2000, 2060, 100);
    serve(caches, ['k2', 'z1'], ['k2'], ['z1'], 2060 + wait);
    const kinds = caches.dangers().map(({ problem }) => problem.kind);
    assert.deepEqual(kinds, isSound ? [] : ['no trusted dnskey']);
  }
});

test('a DS whose DNSKEY is not known everywhere is found at the first of the parent’s servers', () => {
  const caches = zone();
  serve(caches, ['k1', 'k2', 'z1'], ['k1', 'k2'], ['z1'], 1000);
  caches.serveDs(['k2'], 1109, 1200, 100);
  const [danger] = caches.dangers();
  assert.deepEqual([danger.from, danger.until, danger.problem.kind], [1109, 1110, 'no trusted dnskey']);
});

test('RFC 4035 section 2.2: an algorithm in the DS RRset has to sign everything that a cache may have', () => {
  const caches = zone();
  const data = new Map([
    [13, { signing: ['z1'], retiring: [] }],
    [8, { signing: ['z8'], retiring: [] }],
  ]);
  caches.serveDnskey({ keys: ['k1', 'z1', 'k8', 'z8'], signers: ['k1', 'k8'] }, 1000, LAG);
  caches.serveData(data, 1000, LAG);
  caches.serveDs(['k8'], 1109, 1109, 100);
  const kinds = caches.dangers().map(({ problem }) => problem.kind);
  assert.deepEqual(new Set(kinds), new Set(['no trusted dnskey', 'unsigned data', 'unknown signer']));
});

test('RFC 8078 section 4: a zone may lose its signatures when no DS is in caches', () => {
  for (const [wait, isSound] of [
    [100, true],
    [99, false],
  ] as const) {
    const caches = zone();
    caches.serveDs([], 1000, 1000, 100);
    caches.serveDnskey({ keys: [], signers: [] }, 1000 + wait, LAG);
    caches.serveData(new Map(), 1000 + wait, LAG);
    assert.equal(caches.dangers().length === 0, isSound, String(wait));
  }
});

test('a zone that was unsigned has its unsigned data in caches when it begins', () => {
  const caches = new Caches((key) => ALGORITHMS[key], false);
  serve(caches, ['k1', 'z1'], ['k1'], ['z1'], 0);
  caches.serveDs(['k1'], 109, 109, 100);
  const kinds = caches.dangers().map(({ problem }) => problem.kind);
  assert.deepEqual(new Set(kinds), new Set(['no trusted dnskey', 'unsigned data', 'unknown signer']));
});

test('RFC 7583 section 3.2.1: signatures of a retiring key stand in for new ones, and go at once where new ones are', () => {
  const both = new Map([[13, { signing: ['z1', 'z2'], retiring: [] }]]);
  const standIn = new Map([[13, { signing: ['z2'], retiring: ['z1'] }]]);
  for (const [first, isSound] of [
    [both, true],
    [new Map([[13, { signing: ['z1'], retiring: [] }]]), false],
  ] as const) {
    const caches = zone();
    caches.serveDnskey({ keys: ['k1', 'z1', 'z2'], signers: ['k1'] }, 1000, LAG);
    caches.serveData(first, 2000, LAG);
    caches.serveData(standIn, 3000, LAG);
    // Both have signed each RRset for long when the first retires: nothing needs its DNSKEY any more.
    caches.serveDnskey({ keys: ['k1', 'z2'], signers: ['k1'] }, 3001, LAG);
    assert.equal(caches.dangers().length === 0, isSound);
  }
});

test('what nothing ends lasts for ever, and what goes wrong in many ways at once is told of once', () => {
  const caches = zone();
  serve(caches, ['k2', 'z1', 'z2'], ['k2'], ['z1'], 1000);
  serve(caches, ['k2', 'z2'], ['k2'], ['z2'], 1001);
  const lost = caches.dangers().filter(({ problem }) => problem.kind === 'no trusted dnskey');
  assert.equal(lost.length, 1);
  assert.deepEqual([lost[0].from, lost[0].until], [1000, Infinity]);
});
