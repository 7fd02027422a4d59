import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { EdnsOption } from '../../src/wire/edns.ts';
import { FLAG } from '../../src/wire/header.ts';
import { makeQuery, readMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { QueryView, VERDICT } from '../../src/wire/query-view.ts';
import { MalformedError } from '../../src/wire/reader.ts';
import { CLASS, OPCODE, TYPE } from '../../src/wire/type-codes.ts';

const QUESTION = { name: mustName('www.Example.'), type: TYPE.AAAA, class: CLASS.IN };

/** A query with an empty record whose owner is that pointer. */
function withRecordOf(...pointer: readonly number[]): Uint8Array {
  return Uint8Array.of(...query(), ...pointer, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0).with(11, 1);
}

function query(options?: readonly EdnsOption[]): Uint8Array {
  const edns = options && { udpSize: 1400, version: 0, dnssecOk: true, options };
  return writeMessage(makeQuery(0xabcd, QUESTION, FLAG.RD | FLAG.CD, edns));
}

const option = (code: number, length: number): EdnsOption => ({ code, data: new Uint8Array(length).fill(7) });

describe('QueryView', () => {
  test('reads header, question and OPT in place', () => {
    const view = new QueryView();
    const octets = query([option(3, 0), option(10, 24), option(11, 0), option(12, 5)]);
    assert.equal(view.parse(octets), VERDICT.OK);
    assert.equal(view.id, 0xabcd);
    assert.equal(view.opcode, OPCODE.QUERY);
    assert.ok(view.wantsRecursion && view.checkingDisabled);
    assert.deepEqual(octets.slice(view.nameAt, view.nameAt + view.nameLength), Uint8Array.from(QUESTION.name));
    assert.deepEqual([view.type, view.class], [TYPE.AAAA, CLASS.IN]);
    assert.deepEqual([view.hasEdns, view.ednsVersion, view.udpSize, view.dnssecOk], [true, 0, 1400, true]);
    assert.ok(view.wantsNsid && view.wantsKeepalive && view.hasPadding);
    assert.equal(view.cookieLength, 24);
    assert.equal(view.option(12) - 4, octets.length - 9);
    assert.equal(view.optionLength(view.option(12)), 5);
    assert.equal(view.option(15), 0);
  });

  test('a second parse forgets the first', () => {
    const view = new QueryView();
    view.parse(query([option(3, 0), option(10, 8)]));
    assert.equal(view.parse(query()), VERDICT.OK);
    assert.deepEqual(
      [view.hasEdns, view.udpSize, view.dnssecOk, view.wantsNsid, view.cookieLength, view.tsigAt],
      [false, 512, false, false, 0, 0],
    );
  });

  test('RFC 6891 section 6.2.3: sizes below 512 mean 512', () => {
    const octets = writeMessage(makeQuery(1, QUESTION, 0, { udpSize: 100, version: 3, dnssecOk: false, options: [] }));
    const view = new QueryView();
    assert.equal(view.parse(octets), VERDICT.OK);
    assert.deepEqual([view.udpSize, view.ednsVersion], [512, 3]);
  });

  const plain = query();
  const edns = query([option(3, 0)]);
  const cases: readonly (readonly [string, Uint8Array, number])[] = [
    ['nothing at all', new Uint8Array(0), VERDICT.DROP],
    ['half a header', plain.subarray(0, 11), VERDICT.DROP],
    ['an answer', plain.with(2, plain[2] | 0x80), VERDICT.DROP],
    ['a header alone', plain.subarray(0, 12), VERDICT.FORMERR],
    ['no question counted', plain.with(5, 0), VERDICT.FORMERR],
    ['two questions counted (RFC 9619)', plain.with(5, 2), VERDICT.FORMERR],
    ['a name cut off', plain.subarray(0, 20), VERDICT.FORMERR],
    ['a name that begins with a pointer', plain.with(12, 0xc0), VERDICT.FORMERR],
    ['a label type that does not exist', plain.with(12, 0x41), VERDICT.FORMERR],
    ['type and class cut off', plain.subarray(0, plain.length - 1), VERDICT.FORMERR],
    ['a record counted that is not there', plain.with(11, 1), VERDICT.FORMERR],
    ['a record whose name points to itself', withRecordOf(0xc0, plain.length), VERDICT.FORMERR],
    ['a record whose name points into the header', withRecordOf(0xc0, 11), VERDICT.FORMERR],
    ['a record whose name points behind the message', withRecordOf(0xff, 0xff), VERDICT.FORMERR],
    ['a record with the name of the question', withRecordOf(0xc0, 12), VERDICT.OK],
    ['OPT cut off', edns.subarray(0, edns.length - 1), VERDICT.FORMERR],
    ['OPT with an owner', edns.with(plain.length, 1), VERDICT.FORMERR],
    ['OPT in the answer section', edns.with(7, 1).with(11, 0), VERDICT.FORMERR],
    ['an option longer than OPT', edns.with(edns.length - 1, 1), VERDICT.FORMERR],
    ['a cookie of 7 octets (RFC 7873)', query([option(10, 7)]), VERDICT.FORMERR],
    ['a cookie of 15 octets', query([option(10, 15)]), VERDICT.FORMERR],
    ['a cookie of 41 octets', query([option(10, 41)]), VERDICT.FORMERR],
    ['a cookie of 40 octets', query([option(10, 40)]), VERDICT.OK],
    ['octets behind the message', Uint8Array.of(...plain, 0, 0), VERDICT.OK],
    [
      'another opcode without question',
      plain
        .subarray(0, 12)
        .with(2, OPCODE.STATUS << 3)
        .with(5, 0),
      VERDICT.OK,
    ],
    [
      'NOTIFY without question',
      plain
        .subarray(0, 12)
        .with(2, OPCODE.NOTIFY << 3)
        .with(5, 0),
      VERDICT.FORMERR,
    ],
  ];
  for (const [what, octets, verdict] of cases) test(what, () => assert.equal(new QueryView().parse(octets), verdict));

  test('two OPT records are a format error', () => {
    const optAt = plain.length;
    const twice = Uint8Array.of(...edns, ...edns.subarray(optAt)).with(11, 2);
    assert.equal(new QueryView().parse(twice), VERDICT.FORMERR);
  });

  test('never throws, and takes what the full parser takes', () => {
    const view = new QueryView();
    const base = query([option(3, 0), option(10, 8), option(65001, 3)]);
    const damage = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 5 });
    const damaged = damage.map((list) => list.reduce((octets, [at, value]) => octets.with(at, value), base));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged), (octets) => {
        const verdict = view.parse(octets);
        const message = readMessage(octets);
        if (message instanceof MalformedError || message.flags & FLAG.QR || message.questions.length !== 1) return;
        const cookie = message.edns?.options.find((one) => one.code === 10)?.data.length ?? 8;
        if (cookie !== 8 && (cookie < 16 || cookie > 40)) return;
        assert.equal(verdict, VERDICT.OK);
        assert.deepEqual(octets.slice(view.nameAt, view.nameAt + view.nameLength), message.questions[0].name);
        assert.equal(view.type, message.questions[0].type);
        assert.equal(view.hasEdns, message.edns !== undefined);
        assert.equal(view.dnssecOk, message.edns?.dnssecOk ?? false);
      }),
      { numRuns: 1000 },
    );
  });
});
