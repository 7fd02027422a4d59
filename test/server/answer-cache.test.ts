import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../src/base/clock.ts';
import { randomBelow, SeededRandom } from '../../src/base/random.ts';
import { Answerer, type ClientContext } from '../../src/server/answer.ts';
import { AnswerCache, type AnswerFacts } from '../../src/server/answer-cache.ts';
import { CounterRow, readServerCounts } from '../../src/server/statistics.ts';
import { makeQuery, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { type FixtureRecord, scanZone, withDenial, ZoneFixture } from './zone-fixture.ts';

const FACTS: AnswerFacts = { slot: 7, version: 8, versionId: 9, type: 1, outcome: 0, flags: 3, zone: 4 };
const whole = (octets: Uint8Array): DataView => new DataView(octets.buffer);

/** What the cache gives for a query, or undefined. */
function lookUp(cache: AnswerCache, query: Uint8Array): Uint8Array | undefined {
  if (!cache.find(query, query.length, whole(query))) return undefined;
  const out = new Uint8Array(4096);
  const length = cache.copy(out, whole(out), 0);
  return out.slice(2, length);
}

function offer(cache: AnswerCache, query: Uint8Array, answer: Uint8Array): void {
  cache.find(query, query.length, whole(query));
  cache.keep(query, query.length, answer, answer.length, FACTS);
}

describe('answers that are kept', () => {
  test('what comes a second time is kept, with what is counted for it', () => {
    const cache = new AnswerCache(1 << 16, 1);
    const query = Uint8Array.from({ length: 41 }, (_, i) => i);
    const answer = Uint8Array.from({ length: 203 }, (_, i) => 255 - i);
    offer(cache, query, answer);
    assert.equal(lookUp(cache, query), undefined);
    offer(cache, query, answer);
    query[0] = 99; // the id is nobody's business
    assert.deepEqual(lookUp(cache, query), answer.slice(2));
    assert.deepEqual(cache.facts, FACTS);
    query[40] ^= 1;
    assert.equal(lookUp(cache, query), undefined);
    query[40] ^= 1;
    cache.clear();
    assert.equal(lookUp(cache, query), undefined);
  });

  test('queries and answers that are long are not kept', () => {
    const cache = new AnswerCache(1 << 16, 1);
    for (const [queryOctets, answerOctets] of [
      [321, 600],
      [40, 1401],
    ]) {
      const query = new Uint8Array(queryOctets);
      for (let i = 0; i < 3; i++) offer(cache, query, new Uint8Array(answerOctets));
      assert.equal(lookUp(cache, query), undefined);
    }
  });

  test('whatever is kept and written over, an answer is the one that was kept last for the very query', () => {
    const step = fc.record({ query: fc.nat(400), answer: fc.integer({ min: 12, max: 1400 }), twice: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 400 }), fc.nat(0xffff), (steps, seed) => {
        const cache = new AnswerCache(1 << 16, seed);
        const kept = new Map<number, Uint8Array>();
        let found = 0;
        for (const [time, { query: number, answer: length, twice }] of steps.entries()) {
          const query = new Uint8Array(17 + (number % 40)).fill(number & 255, 2);
          query[12] = number >> 8;
          const answer = new Uint8Array(length).fill(time);
          const before = kept.get(number);
          for (let i = twice ? 0 : 1; i < 2; i++) offer(cache, query, answer);
          const now = lookUp(cache, query);
          if (now === undefined) continue;
          found++;
          // The last offer counts when the query was seen before; otherwise what was there stays.
          if (!equal(now, answer.slice(2))) assert.deepEqual(now, before);
          kept.set(number, now);
        }
        return found >= 0;
      }),
      { numRuns: 60 },
    );
  });

  test('places that count over their end, and a ring that is full many times', () => {
    const cache = new AnswerCache(1 << 16, 5);
    const random = new SeededRandom(3);
    let hits = 0;
    for (let i = 0; i < 60_000; i++) {
      const query = new Uint8Array(30);
      const number = randomBelow(random, 300);
      query[5] = number;
      query[6] = number >> 8;
      const answer = new Uint8Array(12 + (number % 700)).fill(number);
      const found = lookUp(cache, query);
      if (found === undefined) cache.keep(query, query.length, answer, answer.length, FACTS);
      else {
        assert.deepEqual(found, answer.slice(2));
        hits++;
      }
    }
    assert.ok(hits > 1000);
  });
});

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const text = fs.readFileSync(new URL('../data/rfc4035-example.zone', import.meta.url), 'latin1');
const NAMES = [
  'example.',
  'ns1.example.',
  'X.w.example.',
  'x.w.example.',
  'a.example.',
  'b.example.',
  'ns1.b.example.',
];
const MORE = ['ai.example.', 'absent.example.', 'a.z.w.example.', 'other.test.', '*.w.example.', 'xx.example.'];
const TYPES = ['A', 'AAAA', 'MX', 'NS', 'SOA', 'DS', 'DNSKEY', 'ANY', 'TXT', 'NSEC'];

/** The zone with other addresses and serial at each version. */
function records(version: number): FixtureRecord[] {
  const changed = text
    .replaceAll('192.0.2.', `10.${version}.2.`)
    .replace('1081539377', String(1_081_539_377 + version));
  return withDenial('example.', scanZone('example.', changed), { kind: 'nsec' });
}

test('S-020 with and without kept answers all is the same: answers and counters, over versions that come and go', () => {
  const fixture = new ZoneFixture();
  const store = fixture.add('example.', records(0));
  const clock = new SimulatedClock(1_081_540_000);
  const rows = [CounterRow.share(1), CounterRow.share(1)];
  const [plain, caching] = rows.map(
    (shared, i) =>
      new Answerer(fixture.tables(), {
        arena: fixture.arena,
        counters: CounterRow.at(shared, 0),
        clock,
        cacheOctets: i * (1 << 17),
      }),
  );
  const random = new SeededRandom(11);
  const below = (limit: number): number => randomBelow(random, limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const outs = [new Uint8Array(65_535), new Uint8Array(65_535)];
  for (let i = 0; i < 20_000; i++) {
    if (i % 500 === 499) {
      const loader = store.load();
      for (const { owner, type, ttl, rdata } of records(below(200)))
        loader.add(owner, 0, type, ttl, rdata, 0, rdata.length);
      store.publish(loader.finish());
    }
    const name = mustName(below(8) === 0 ? pick(MORE) : pick(NAMES));
    const opt = { udpSize: pick([512, 1232, 4096]), version: 0, dnssecOk: below(2) === 0, options: [] };
    const question = { name, type: typeCode(below(3) === 0 ? pick(TYPES) : 'A'), class: CLASS.IN };
    const query = writeMessage(makeQuery(below(65_536), question, below(2) * 0x0100, below(4) === 0 ? undefined : opt));
    const client: ClientContext = {
      address: Uint8Array.of(192, 0, 2, 77),
      addressAt: 0,
      addressLength: 4,
      destination: Uint8Array.of(127, 0, 0, 1),
      overTcp: below(10) === 0,
      encrypted: false,
      keepaliveTimeout: 0,
      now: 1_081_540_000,
    };
    const lengths = [plain, caching].map((answerer, k) => answerer.answer(query, query.length, outs[k], client));
    assert.equal(lengths[1], lengths[0]);
    if (lengths[0] > 0)
      assert.deepEqual(outs[1].subarray(0, lengths[1]), outs[0].subarray(0, lengths[0]), `question ${i}`);
  }
  assert.deepEqual(readServerCounts(rows[1]), readServerCounts(rows[0]));
});
