import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answerFreshness } from '../../src/server/answer-freshness.ts';
import { makeQuery, type Message, type ResourceRecord, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';

const record = (type: number, ttl: number, text: string): ResourceRecord => ({
  owner: mustName('x.example.'),
  type,
  class: CLASS.IN,
  ttl,
  rdata: rdataFromText(type, text),
});
const a = (ttl: number): ResourceRecord => record(TYPE.A, ttl, '192.0.2.1');
const soa = (ttl: number, minimum: number): ResourceRecord =>
  record(TYPE.SOA, ttl, `ns.example. h.example. 1 2 3 4 ${minimum}`);
const ns = (ttl: number): ResourceRecord => record(TYPE.NS, ttl, 'ns.example.');

function freshness(sections: Partial<Message>): number | undefined {
  const query = makeQuery(1, { name: mustName('x.example.'), type: TYPE.A, class: CLASS.IN });
  return answerFreshness(writeMessage({ ...query, flags: 0x8400, ...sections }));
}

test('RFC 8484 section 5.1: an answer is fresh for the smallest TTL of its answer section', () => {
  assert.equal(freshness({ answers: [a(300), a(77), a(100)], authorities: [ns(5)] }), 77);
  assert.equal(freshness({ answers: [a(0)] }), 0);
  fc.assert(
    fc.property(fc.array(fc.nat(0x7fffffff), { minLength: 1, maxLength: 20 }), (ttls) => {
      assert.equal(
        freshness({ answers: ttls.map(a), authorities: [soa(1, 1)], additionals: [a(0)] }),
        Math.min(...ttls),
      );
    }),
  );
});

test('RFC 8484 section 5.1, RFC 2308 section 5: a negative answer is fresh for its negative TTL', () => {
  assert.equal(freshness({ authorities: [soa(300, 200)] }), 200);
  assert.equal(freshness({ authorities: [ns(7), soa(100, 200)] }), 100);
});

test('nothing says how long a referral, a refusal or a truncated answer is fresh', () => {
  assert.equal(freshness({ authorities: [ns(300)] }), undefined);
  assert.equal(freshness({}), undefined);
  assert.equal(freshness({ answers: [a(300)], flags: 0x8600 }), undefined);
});
