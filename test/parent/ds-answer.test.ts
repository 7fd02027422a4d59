import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { judgeDsAnswer } from '../../src/parent/ds-answer.ts';
import { mentionsKey, publishesKey } from '../../src/parent/ds-match.ts';
import { judgeReply, makeRequest } from '../../src/parent/exchange.ts';
import { SimulatedClock } from '../../src/base/clock.ts';
import { FLAG } from '../../src/wire/header.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { answerTo, record, soaOf } from './test-agent.ts';

const ZONE = mustName('child.example.');
const QUESTION = { name: ZONE, type: TYPE.DS, class: CLASS.IN };
const QUERY = makeQuery(7, QUESTION);
const { dnskey: KEY } = generateKey({ algorithm: 13, flags: 257 });
const { dnskey: OTHER } = generateKey({ algorithm: 13, flags: 257 });
const DS = dsRdata(ZONE, KEY, 2);

/** What an answer with these parts is taken for. */
const judge = (parts: Partial<Message>): ReturnType<typeof judgeDsAnswer> =>
  judgeDsAnswer(parseMessage(answerTo({ message: QUERY }, parts)), ZONE);

function faultOf(parts: Partial<Message>): string {
  const judged = judge(parts);
  assert.equal(judged.kind, 'fault');
  return judged.kind === 'fault' ? judged.fault : '';
}

test('S-075 the DS RRset of the zone, from an authoritative server or a resolver', () => {
  const answers = [record('CHILD.example.', TYPE.DS, DS, 100), record('other.example.', TYPE.DS, DS, 900)];
  for (const flags of [FLAG.QR | FLAG.AA, FLAG.QR | FLAG.RA]) {
    const judged = judge({ flags, answers });
    assert.ok(judged.kind === 'DS');
    assert.deepEqual([judged.ttl, judged.records.length], [100, 1]);
  }
  assert.match(faultOf({ flags: FLAG.QR, answers }), /neither authoritative for the parent zone nor a resolver/);
});

test('RFC 2308 that there is no DS needs the SOA of a zone above', () => {
  const judged = judge({ authorities: [soaOf('example.', 60)] });
  assert.ok(judged.kind === 'no DS');
  assert.equal(judged.ttl, 60);
  assert.match(faultOf({}), /neither with a DS nor with an SOA/);
  assert.match(
    faultOf({ authorities: [record('child.example.', TYPE.NS, Uint8Array.of(1, 97, 0))] }),
    /neither with a DS/,
  );
});

test('RFC 4035 section 3.1.4.1 a server of the zone itself, or of an unrelated one, does not speak for the parent', () => {
  assert.match(faultOf({ authorities: [soaOf('child.example.')] }), /from the zone child\.example, which is not above/);
  assert.match(faultOf({ authorities: [soaOf('other.')] }), /from the zone other, which is not above/);
});

test('errors and aliases are named', () => {
  assert.match(faultOf({ rcode: RCODE.SERVFAIL }), /it answers SERVFAIL/);
  assert.match(faultOf({ rcode: RCODE.REFUSED }), /it answers REFUSED/);
  assert.match(faultOf({ rcode: RCODE.NXDOMAIN, authorities: [soaOf('example.')] }), /it answers NXDOMAIN/);
  assert.match(faultOf({ answers: [record('child.example.', TYPE.CNAME, Uint8Array.of(0))] }), /an alias/);
});

test('S-073 a DS of the key is one with its tag, its algorithm and its digest', () => {
  const sha384 = dsRdata(ZONE, KEY, 4);
  assert.ok(publishesKey(ZONE, KEY, [dsRdata(ZONE, OTHER, 2), DS]) && publishesKey(ZONE, KEY, [sha384]));
  assert.ok(!publishesKey(ZONE, KEY, []) && !publishesKey(ZONE, KEY, [dsRdata(ZONE, OTHER, 2)]));
  const forged = Uint8Array.from(DS);
  forged[20] ^= 1;
  assert.ok(!publishesKey(ZONE, KEY, [forged]) && !mentionsKey(ZONE, KEY, [forged]));
  assert.ok(!publishesKey(mustName('other.'), KEY, [DS]));
  assert.ok(!publishesKey(ZONE, KEY, [DS.subarray(0, 30)]));
});

test('RFC 9905 a DS with SHA-1 alone publishes no key, yet is one that must go', () => {
  const sha1 = dsRdata(ZONE, KEY, 1);
  assert.ok(!publishesKey(ZONE, KEY, [sha1]) && mentionsKey(ZONE, KEY, [sha1]));
  // A digest that is unknown here may be known to validators.
  const unknown = Uint8Array.of(DS[0], DS[1], DS[2], 9, 1, 2, 3);
  assert.ok(!publishesKey(ZONE, KEY, [unknown]) && mentionsKey(ZONE, KEY, [unknown]));
});

const REQUEST = makeRequest(writeMessage(QUERY), QUERY.id, QUESTION, undefined, 0);
const CLOCK = new SimulatedClock(0);

/** Whether any octets at all make an agent say that it has the DS. */
function hasKey(octets: Uint8Array): boolean {
  const reply = judgeReply(octets, REQUEST, CLOCK);
  if (reply.kind !== 'answer') return false;
  const judged = judgeDsAnswer(reply.message, ZONE);
  return judged.kind === 'DS' && publishesKey(ZONE, KEY, judged.records.map(({ rdata }) => rdata)); // prettier-ignore
}

test('no octets make the reader throw, and only the whole DS in the answer section is one', () => {
  const good = answerTo({ message: QUERY }, { answers: [record(ZONE, TYPE.DS, DS)], authorities: [soaOf('example.')] });
  assert.ok(hasKey(good));
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(good.length), (changes, length) => {
      const octets = good.slice(0, length);
      for (const [at, bits] of changes) if (at < length) octets[at] ^= bits;
      if (!hasKey(octets)) return;
      // The octets of the digest are there, unharmed.
      assert.ok(Buffer.from(octets).includes(Buffer.from(DS)));
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => assert.ok(!hasKey(octets))),
    { numRuns: 2000 },
  );
});

test('an answer of 65,535 octets full of records is read in bounded time and counts for what it is', () => {
  const many = Array.from({ length: 1200 }, (_, i) => {
    const rdata = Uint8Array.from(DS);
    rdata[8] = i >> 8;
    rdata[9] = i;
    return record(ZONE, TYPE.DS, rdata);
  });
  const octets = answerTo({ message: QUERY }, { answers: [...many, record(ZONE, TYPE.DS, DS)] });
  assert.ok(octets.length > 50_000);
  assert.ok(hasKey(octets));
});
