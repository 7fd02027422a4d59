import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Caches } from '../../src/simulate/caches.ts';
import type { DataSigners, KeySet, Lag } from '../../src/simulate/caches.ts';
import { bogusMix, ServedVersions } from '../policy/histories/caches.ts';
import type { DataRrset, DnskeyRrset, DsRrset, KeyName } from '../policy/histories/caches.ts';

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

test("RFC 8078 section 4: a zone may lose its signatures when no DS is in caches, nor keys that it led to (Unbound's key cache)", () => {
  for (const [wait, ttl, isSound] of [
    [200, 100, true],
    [199, 100, false],
    // The longer TTL of before is in caches for as long as the keys could be, whatever the RRset is served with now.
    [130, 30, false],
  ] as const) {
    const caches = zone();
    caches.serveDs([], 1000, 1000, 100);
    const lag = { servers: 10, ttl: 100 };
    if (ttl !== 100) caches.serveDnskey({ keys: ['k1', 'z1'], signers: ['k1'] }, 1050, lag, ttl);
    caches.serveDnskey({ keys: [], signers: [] }, 1000 + wait, lag);
    caches.serveData(new Map(), 1000 + wait, lag);
    const dangers = caches.dangers();
    assert.equal(dangers.length === 0, isSound, `${wait} ${ttl}`);
    if (isSound) continue;
    const [{ from, until, problem }] = dangers;
    assert.ok(problem.kind === 'unsigned data' && problem.isKept);
    assert.deepEqual([from, until, problem.ds], [1000 + wait, ttl === 100 ? 1200 : 1160, ['k1']]);
  }
});

test('a zone that had a longer TTL before the simulation begins has keys with it in caches', () => {
  for (const [wait, isSound] of [
    [150, false],
    [310, true],
  ] as const) {
    const caches = new Caches((key) => ALGORITHMS[key], true);
    caches.serveDs(['k1'], 0, 0, 100);
    caches.serveDnskey({ keys: ['k1', 'z1'], signers: ['k1'] }, 0, { servers: 10, ttl: 300 }, 20);
    caches.serveData(new Map([[13, { signing: ['z1'], retiring: [] }]]), 0, LAG);
    caches.serveDs([], 10, 10, 100);
    caches.serveDnskey({ keys: [], signers: [] }, wait, { servers: 10, ttl: 20 });
    caches.serveData(new Map(), wait, LAG);
    assert.equal(caches.dangers().length === 0, isSound, String(wait));
  }
});

test('a DNSKEY RRset that came when no cache had the DS any more was never validated by it, nor one that the DS does not lead to', () => {
  for (const keys of [['z1'], ['k2', 'z1']]) {
    const caches = zone();
    caches.serveDs([], 1000, 1000, 100);
    caches.serveDnskey({ keys, signers: keys.slice(0, 1) }, keys.length === 1 ? 1100 : 1099, { servers: 0, ttl: 0 });
    caches.serveData(new Map(), 1100, { servers: 0, ttl: 0 });
    const after = caches.dangers().filter(({ until }) => until > 1100);
    assert.deepEqual(after, [], keys.join());
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

const named = (ids: readonly string[]): KeyName[] => ids.map((id) => ({ id, algorithm: ALGORITHMS[id] }));
const DNSKEYS: readonly KeySet[] = [
  { keys: [], signers: [] },
  { keys: ['k1', 'z1'], signers: ['k1'] },
  { keys: ['k1', 'z1', 'z2'], signers: ['k1'] },
  { keys: ['k1', 'k2', 'z1', 'z2'], signers: ['k1', 'k2'] },
  { keys: ['k1', 'z1', 'k8', 'z8'], signers: ['k1', 'k8'] },
  { keys: ['k8', 'z8'], signers: ['k8'] },
];

/** One more version of something, so many seconds after the last. */
const version = fc.record({
  after: fc.nat(60),
  ttl: fc.nat(40),
  delay: fc.nat(20),
  what: fc.oneof(
    fc.record({ ds: fc.constantFrom([], ['k1'], ['k1', 'k2'], ['k8']) }),
    fc.record({ dnskey: fc.constantFrom(...DNSKEYS) }),
    fc.record({ data: fc.constantFrom([], ['z1'], ['z1', 'z2'], ['z2'], ['z1', 'z8'], ['z8']) }),
  ),
});

test('RFC 4035 section 5: the first danger is where the model resolver of the histories finds its first bogus mix', () => {
  const seen = new Map<string, number>();
  const survives = (history: readonly Version[]): void => {
    const both = new BothModels();
    for (const one of [...INTRODUCTION, ...history]) {
      both.serve(one);
      const why = both.bogus();
      const dangers = both.caches.dangers().filter(({ from, until }) => from <= both.now && both.now < until);
      assert.equal(dangers.length > 0, why !== undefined, `${both.now}: ${why}`);
      if (why === undefined) continue;
      const isKept = dangers.every(({ problem }) => problem.kind === 'unsigned data' && problem.isKept);
      for (const kind of isKept ? ['kept'] : dangers.map(({ problem }) => problem.kind))
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      return;
    }
    seen.set('none', (seen.get('none') ?? 0) + 1);
  };
  fc.assert(fc.property(fc.array(version, { maxLength: 12 }), survives), { numRuns: 3000, seed: 4035 });
  for (const kind of ['none', 'kept', 'no trusted dnskey', 'unsigned data', 'unknown signer'])
    assert.ok((seen.get(kind) ?? 0) >= 10, `${kind}: ${seen.get(kind)}`);
});

/** A zone that is signed and then gets a DS. */
const INTRODUCTION: readonly Version[] = [
  { after: 0, ttl: 30, delay: 0, what: { data: ['z1'] } },
  { after: 100, ttl: 30, delay: 0, what: { dnskey: DNSKEYS[1] } },
  { after: 100, ttl: 10, delay: 0, what: { ds: ['k1'] } },
];

type Version = typeof version extends fc.Arbitrary<infer T> ? T : never;

/** The same versions, served to both. */
class BothModels {
  readonly caches = new Caches((key) => ALGORITHMS[key], false);
  now = 0;
  readonly #ds = new ServedVersions<DsRrset>({ kind: 'ds', keys: [] }, 0, Infinity);
  readonly #dnskey = new ServedVersions<DnskeyRrset>({ kind: 'dnskey', keys: [], signers: [] }, 0);
  readonly #data = new ServedVersions<DataRrset>({ kind: 'data', signers: [] }, 0);

  serve({ after, ttl, delay, what }: Version): void {
    this.now += after;
    const { now } = this;
    const lag = (served: { readonly current: { readonly ttl: number } }): Lag => ({
      servers: delay,
      ttl: served.current.ttl,
    });
    if ('ds' in what) {
      this.caches.serveDs(what.ds, now, now + delay, this.#ds.current.ttl);
      // Only what it leads to makes another version of a DS RRset here.
      if (!isSame(this.#ds.current.rrset.keys, what.ds))
        this.#ds.replace({ kind: 'ds', keys: named(what.ds) }, ttl, now, delay);
    } else if ('dnskey' in what) {
      const { keys, signers } = what.dnskey;
      this.caches.serveDnskey(what.dnskey, now, lag(this.#dnskey), ttl);
      this.#dnskey.replace({ kind: 'dnskey', keys: named(keys), signers: named(signers) }, ttl, now, delay);
    } else {
      const of = (algorithm: number): DataSigners => ({
        signing: what.data.filter((key) => ALGORITHMS[key] === algorithm),
        retiring: [],
      });
      this.caches.serveData(new Map([8, 13].map((algorithm) => [algorithm, of(algorithm)])), now, lag(this.#data));
      this.#data.replace({ kind: 'data', signers: named(what.data) }, this.#data.current.ttl || ttl, now, delay);
    }
  }

  bogus(): string | undefined {
    return bogusMix({ ds: this.#ds, dnskey: this.#dnskey, data: [this.#data] }, this.now, 'strict')?.why;
  }
}

const isSame = (keys: readonly KeyName[], ids: readonly string[]): boolean =>
  keys.length === ids.length && keys.every(({ id }) => ids.includes(id));
