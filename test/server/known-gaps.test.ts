import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { randomBelow, SeededRandom } from '../../src/base/random.ts';
import { Answerer, type ClientContext } from '../../src/server/answer.ts';
import { CounterRow } from '../../src/server/statistics.ts';
import { makeQuery, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { type FixtureRecord, scanZone, withDenial, ZoneFixture } from './zone-fixture.ts';

const APEX = 'gaps.test.';
const random = new SeededRandom(Number(process.env['SIGNET_SEED'] ?? 7583));
const below = (limit: number): number => randomBelow(random, limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)];

/** Few letters, so that names are near each other, equal but for case, or above and below each other. */
const label = (): string => Array.from({ length: 1 + below(3) }, () => pick('abcABC*'.split(''))).join('');
const name = (): string => Array.from({ length: 1 + (below(3) === 0 ? 1 + below(2) : 0) }, label).join('.');

/** A signed zone with hosts, empty non-terminals, delegations, aliases and wildcards, at random. */
function records(): FixtureRecord[] {
  const lines = ['@ SOA ns h 1 1 1 1 1', '@ NS ns', 'ns A 192.0.2.1'];
  if (below(4) === 0) lines.push('* TXT "anything"');
  if (below(6) === 0) lines.push('@ DNAME elsewhere.test.');
  const owners = new Set(Array.from({ length: below(12) }, () => name().toLowerCase()));
  for (const owner of owners)
    lines.push(`${owner} ${pick(['A 192.0.2.2', 'TXT "t"', 'NS ns.elsewhere.test.', `CNAME ${name()}`])}`);
  return withDenial(APEX, scanZone(APEX, `$TTL 60\n${lines.join('\n')}\n`), { kind: 'nsec' });
}

test('RFC 4035 section 3.1.3: answers from known gaps are those that a search gives, over versions that come and go', () => {
  const fixture = new ZoneFixture();
  const store = fixture.add(APEX, records());
  const dependencies = { arena: fixture.arena, clock: new SimulatedClock(0) };
  const make = (): Answerer => new Answerer(fixture.tables(), { ...dependencies, counters: CounterRow.alone() });
  const knowing = make();
  const client: ClientContext = {
    address: Uint8Array.of(192, 0, 2, 77),
    addressAt: 0,
    addressLength: 4,
    destination: Uint8Array.of(127, 0, 0, 1),
    overTcp: true,
    encrypted: false,
    keepaliveTimeout: 0,
    now: 0,
  };
  const outs = [new Uint8Array(65_535), new Uint8Array(65_535)];
  const opt = { udpSize: 4096, version: 0, dnssecOk: true, options: [] };
  const codes = new Map<number, number>();
  for (let zone = 0; zone < 60; zone++) {
    const loader = store.load();
    for (const { owner, type, ttl, rdata } of records()) loader.add(owner, 0, type, ttl, rdata, 0, rdata.length);
    store.publish(loader.finish());
    // Every answerer is new to the version for its first question, and has found nothing yet.
    for (let i = 0; i < 150; i++) {
      const question = {
        name: mustName(`${name()}.${APEX}`),
        type: typeCode(pick(['A', 'TXT', 'DS'])),
        class: CLASS.IN,
      };
      const query = writeMessage(makeQuery(below(65_536), question, 0, opt));
      const length = knowing.answer(query, query.length, outs[0], client);
      const searched = make().answer(query, query.length, outs[1], client);
      assert.deepEqual(outs[0].subarray(0, length), outs[1].subarray(0, searched), `question ${i} of zone ${zone}`);
      const code = outs[0][3] & 15;
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  assert.ok(codes.get(0)! > 500 && codes.get(3)! > 500, `hardly any: ${JSON.stringify([...codes])}`);
});
