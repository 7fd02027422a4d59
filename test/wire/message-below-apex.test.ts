import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HEADER_LENGTH, SECTION } from '../../src/wire/header.ts';
import { parseMessage } from '../../src/wire/message.ts';
import { labelDigest, MessageBuilder } from '../../src/wire/message-writer.ts';
import type { Name } from '../../src/wire/name.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';

/*
 * Names written as labels and a pointer to the zone's apex, mixed with all other ways, with records taken back in between and
 * limits in the middle of everything: the message has to read as what was written and not taken back.
 */

const LABELS = [
  'a',
  'A',
  'b',
  'ab',
  'Ab',
  'xb',
  'ns1',
  'ns2',
  'test',
  'TEST',
  '*',
  '\u0001',
  '\u00c0\u000c',
  'l'.repeat(63),
];
const APEXES = [[], ['test'], ['nsec', 'test'], ['a', 'a'], ['TEST'], ['l'.repeat(63), 'l'.repeat(63)]];

const nameOf = (labels: readonly string[]): Name =>
  Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]) as never;

interface Step {
  /** Labels left of the apex, or a whole name when `outside`. */
  readonly labels: readonly string[];
  readonly outside: boolean;
  readonly target: readonly string[];
  readonly targetOutside: boolean;
  readonly type: number;
  readonly room: number;
  /** Records that are taken back behind this one, whether or not it fitted. */
  readonly back: number;
}

const label = fc.constantFrom(...LABELS);
const step: fc.Arbitrary<Step> = fc.record({
  labels: fc.array(label, { maxLength: 3 }),
  outside: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  target: fc.array(label, { maxLength: 3 }),
  targetOutside: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  type: fc.constantFrom(
    TYPE.A,
    TYPE.NS,
    TYPE.MX,
    TYPE.SOA,
    TYPE.DNAME,
    TYPE.SRV,
    TYPE.NAPTR,
    TYPE.TXT,
    65,
    18,
    TYPE.CNAME,
  ),
  room: fc.nat(40),
  back: fc.integer({ min: 0, max: 9 }).map((n) => (n > 6 ? n - 6 : 0)),
});

function rdataOf({ type, room }: Step, target: Name): Uint8Array {
  switch (type) {
    case TYPE.A:
      return Uint8Array.of(192, 0, 2, room);
    case TYPE.TXT:
      return Buffer.concat([Buffer.from([room]), Buffer.alloc(room, 0xc0)]);
    case TYPE.SOA:
      return Buffer.concat([target, target, Buffer.alloc(20, room)]);
    case TYPE.MX:
    case 18:
    case 65:
      return Buffer.concat([Buffer.from([0, room]), target]);
    case TYPE.SRV:
      return Buffer.concat([Buffer.alloc(6, room), target]);
    case TYPE.NAPTR:
      return Buffer.concat([Buffer.from([0, 1, 0, 2, 1, 0x73, 2, 0x61, 0x62, 0]), target]);
    default:
      return target;
  }
}

const hasTarget = (type: number): boolean => type !== TYPE.A && type !== TYPE.TXT;

interface Written {
  readonly owner: Name;
  readonly type: number;
  readonly rdata: Uint8Array;
  readonly mark: number;
}

/** Writes the owner the short way where that is possible. */
function begin(builder: MessageBuilder, apex: readonly string[], one: Step): number {
  const owner = nameOf(one.outside ? one.labels : [...one.labels, ...apex]);
  if (!one.outside && one.labels.length === 0 && builder.apexAt > 0)
    return builder.beginRecordAt(builder.apexAt, one.type, CLASS.IN, 7);
  if (!one.outside) {
    const end = nameOf(one.labels).length - 1;
    const last = end - (one.labels.at(-1)?.length ?? 0) - 1;
    const view = new DataView(owner.buffer, owner.byteOffset, owner.length);
    if (builder.nameBelowApex(owner, view, 0, end, last)) return builder.fixedFields(one.type, CLASS.IN, 7);
  }
  return builder.beginRecord(owner, 0, one.type, CLASS.IN, 7);
}

const CANARY = 0xa5;

function writeAndRead(
  apex: readonly string[],
  asked: readonly string[],
  limit: number,
  spare: number,
  steps: readonly Step[],
): void {
  const question = nameOf([...asked, ...apex]);
  if (question.length > 255) return;
  const whole = new Uint8Array(64 + limit + spare + 64).fill(CANARY);
  const builder = new MessageBuilder(whole.subarray(64, 64 + limit + spare));
  builder.begin(limit);
  builder.question(question, 0, TYPE.A, CLASS.IN);
  if (builder.overflowed) return;
  const apexAt = question.length - nameOf(apex).length;
  const last = apexAt - (asked.at(-1)?.length ?? 0) - 1;
  builder.pointToApex(HEADER_LENGTH + apexAt, asked.length === 0 ? 0 : HEADER_LENGTH + last);
  const written: Written[] = [];
  for (const one of steps) {
    const owner = nameOf(one.outside ? one.labels : [...one.labels, ...apex]);
    const target = nameOf(one.targetOutside ? one.target : [...one.target, ...apex]);
    if (owner.length > 255 || target.length > 255) continue;
    const rdata = rdataOf(one, target);
    const mark = builder.at;
    const position = begin(builder, apex, one);
    if (hasTarget(one.type)) builder.rdata(one.type, rdata, 0, rdata.length);
    else builder.copyFrom(rdata, new DataView(rdata.buffer, rdata.byteOffset, rdata.length), 0, rdata.length);
    if (builder.endRecord(position, SECTION.ANSWER)) written.push({ owner, type: one.type, rdata, mark });
    else builder.rollback(mark, SECTION.ANSWER, written.length);
    if (one.back === 0 || one.back > written.length) continue;
    const [first] = written.splice(-one.back);
    builder.rollback(first.mark, SECTION.ANSWER, written.length);
  }
  const message = parseMessage(builder.octets.slice(0, builder.end()));
  assert.ok(builder.at <= limit);
  assert.deepEqual(
    message.answers.map(({ owner, type, rdata }) => [
      Buffer.from(owner).toString('latin1'),
      type,
      Buffer.from(rdata).toString('hex'),
    ]),
    written.map(({ owner, type, rdata }) => [
      Buffer.from(owner).toString('latin1'),
      type,
      Buffer.from(rdata).toString('hex'),
    ]),
  );
  assert.ok(
    whole.subarray(0, 64).every((octet) => octet === CANARY),
    'written before the buffer',
  );
  assert.ok(
    whole.subarray(64 + limit + spare).every((octet) => octet === CANARY),
    'written behind the buffer',
  );
}

describe('RFC 1035 section 4.1.4: names below an apex that the message has', () => {
  test('any records, rollbacks and limits read as what was written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...APEXES),
        fc.array(label, { maxLength: 3 }),
        fc.integer({ min: 40, max: 700 }),
        fc.constantFrom(0, 1, 2, 3, 100),
        fc.array(step, { maxLength: 60 }),
        writeAndRead,
      ),
      { numRuns: 3000 },
    );
  });

  test('a name that fits but for its pointer is not pointed to', () => {
    // The labels end where the buffer ends: the next name looks at what would follow them.
    const owner: Step = {
      labels: ['b'],
      outside: false,
      target: ['b', 'b'],
      targetOutside: false,
      type: TYPE.NS,
      room: 0,
      back: 0,
    };
    for (let limit = 24; limit < 60; limit++)
      for (const spare of [0, 1]) writeAndRead(['test'], ['a'], limit, spare, [owner, owner]);
  });

  test('messages of more than 16 KiB point to nothing behind that', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...APEXES),
        fc.noShrink(fc.array(step, { minLength: 700, maxLength: 900 })),
        (apex, steps) => writeAndRead(apex, ['a'], 65_535, 0, steps),
      ),
      { numRuns: 10 },
    );
  });

  test('different digests of labels mean different labels', () => {
    fc.assert(
      fc.property(label, label, (one, other) => {
        const same = labelDigest(nameOf([one]), 0) === labelDigest(nameOf([other]), 0);
        assert.ok(same || one !== other);
      }),
    );
  });
});
