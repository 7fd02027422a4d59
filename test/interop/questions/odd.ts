import { type Random, randomBelow } from '../../../src/base/random.ts';
import { FLAG, OPCODE_SHIFT } from '../../../src/wire/header.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { CLASS, OPCODE, TYPE } from '../../../src/wire/type-codes.ts';
import {
  type EdnsPart,
  makeQuestion,
  optOctets,
  option,
  type Query,
  queryOctets,
  type Question,
  words,
} from './query.ts';

/* Messages that are no plain question: other classes and opcodes, wrong counts, pointers, garbage. */

const NAME = mustName('www.nsec.test.');
const PLAIN: Query = { name: NAME, type: TYPE.A, class: CLASS.IN, flags: FLAG.RD, edns: undefined, tcp: false };
const EDNS: EdnsPart = { udpSize: 1232, dnssecOk: false, version: 0, z: 0, options: new Uint8Array(0) };

/** @param random for the garbage */
export function oddQuestions(random: Random): Question[] {
  return [
    ...otherClasses(),
    ...otherOpcodes(),
    ...HAND_MADE.map(odd),
    ...changed(random, 400),
    ...garbage(random, 100),
  ];
}

function odd([text, octets]: readonly [string, Uint8Array]): Question {
  return { text, octets, query: undefined };
}

function otherClasses(): Question[] {
  return [CLASS.HS, CLASS.NONE, CLASS.ANY, 0, 2, 5, 255, 65_280].flatMap((klass) =>
    [TYPE.A, TYPE.SOA, TYPE.ANY, TYPE.TXT].map((type) => makeQuestion({ ...PLAIN, type, class: klass })),
  );
}

function otherOpcodes(): Question[] {
  return Array.from({ length: 15 }, (_, i) => i + 1)
    .filter((opcode) => opcode !== OPCODE.NOTIFY && opcode !== OPCODE.UPDATE)
    .flatMap((opcode) =>
      [undefined, EDNS].map((edns) => makeQuestion({ ...PLAIN, flags: opcode << OPCODE_SHIFT, edns })),
    );
}

const QUESTION = Buffer.concat([NAME, words(TYPE.A, CLASS.IN)]);
const OPT = optOctets(EDNS);

function message(counts: readonly number[], ...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([words(0, FLAG.RD, ...counts), ...parts]);
}

const HAND_MADE: readonly (readonly [string, Uint8Array])[] = [
  ['no octets', new Uint8Array(0)],
  ['one octet', Uint8Array.of(0)],
  ['a header without its last octet', message([1, 0, 0, 0]).subarray(0, 11)],
  ['a header that promises a question', message([1, 0, 0, 0])],
  ['no question', message([0, 0, 0, 0])],
  ['no question, with OPT', message([0, 0, 0, 1], OPT)],
  ['two questions', message([2, 0, 0, 0], QUESTION, QUESTION)],
  ['two questions, one there', message([2, 0, 0, 0], QUESTION)],
  ['an answer', Buffer.concat([words(0, FLAG.QR, 1, 0, 0, 0), QUESTION])],
  ['trailing octets', message([1, 0, 0, 0], QUESTION, Uint8Array.of(1, 2, 3))],
  ['a trailing OPT that is not counted', message([1, 0, 0, 0], QUESTION, OPT)],
  ['OPT counted and not there', message([1, 0, 0, 1], QUESTION)],
  ['two OPT', message([1, 0, 0, 2], QUESTION, OPT, OPT)],
  ['OPT in the answer section', message([1, 1, 0, 0], QUESTION, OPT)],
  ['OPT in the authority section', message([1, 0, 1, 0], QUESTION, OPT)],
  ['OPT that is not the root’s', message([1, 0, 0, 1], QUESTION, NAME, OPT.subarray(1))],
  ['OPT with a length behind the end', message([1, 0, 0, 1], QUESTION, OPT.subarray(0, 9), words(9))],
  ['an option behind the end of OPT', message([1, 0, 0, 1], QUESTION, optOctets({ ...EDNS, options: words(65_001, 8, 0) }))],
  ['half an option', message([1, 0, 0, 1], QUESTION, optOctets({ ...EDNS, options: words(65_001) }))],
  ['a cookie of 7 octets', message([1, 0, 0, 1], QUESTION, optOctets({ ...EDNS, options: option(10, new Uint8Array(7)) }))],
  ['a cookie of 12 octets', message([1, 0, 0, 1], QUESTION, optOctets({ ...EDNS, options: option(10, new Uint8Array(12)) }))],
  ['a client subnet', message([1, 0, 0, 1], QUESTION, optOctets({ ...EDNS, options: option(8, [0, 1, 24, 0, 192, 0, 2]) }))],
  ['a malformed client subnet', message([1, 0, 0, 1], QUESTION, optOctets({ ...EDNS, options: option(8, [0, 9, 200]) }))],
  ['a pointer to itself', message([1, 0, 0, 0], Uint8Array.of(0xc0, 12), words(1, 1))],
  ['a pointer ahead', message([1, 0, 0, 0], Uint8Array.of(0xc0, 18), words(1, 1), NAME)],
  ['a pointer into the header', message([1, 0, 0, 0], Uint8Array.of(3, 0x77, 0x77, 0x77, 0xc0, 4), words(1, 1))],
  ['a label of type 01', message([1, 0, 0, 0], Uint8Array.of(0x41, 1, 2, 0), words(1, 1))],
  ['a label of type 10', message([1, 0, 0, 0], Uint8Array.of(0x81, 1, 2, 0), words(1, 1))],
  ['a name of 256 octets', message([1, 0, 0, 0], Buffer.concat([...Array.from({ length: 4 }, () => Buffer.alloc(64, 63)).slice(0, 3), Buffer.alloc(63, 62), Uint8Array.of(0)]), words(1, 1))],
  ['a name without end', message([1, 0, 0, 0], NAME.subarray(0, -1))],
  ['a question without class', message([1, 0, 0, 0], QUESTION.subarray(0, -2))],
  ['an A record in the additional section', message([1, 0, 0, 1], QUESTION, NAME, words(1, 1, 0, 60, 4, 1, 2))],
  ['AXFR over UDP', queryOctets({ ...PLAIN, name: mustName('nsec.test.'), type: TYPE.AXFR })],
  ['IXFR without SOA', queryOctets({ ...PLAIN, name: mustName('nsec.test.'), type: TYPE.IXFR })],
  ...[0, 41, 128, 200, 248, 249, 250, 253, 254].map(
    (type): readonly [string, Uint8Array] => [`type ${type}`, queryOctets({ ...PLAIN, type })],
  ),
  ...['version.bind.', 'hostname.bind.', 'id.server.', 'version.server.', 'authors.bind.', 'nothing.bind.'].map(
    (name): readonly [string, Uint8Array] => [
      `CH ${name}`,
      queryOctets({ ...PLAIN, name: mustName(name), type: TYPE.TXT, class: CLASS.CH }),
    ],
  ),
]; // prettier-ignore

/** Good queries with some octets changed, cut off or put in. */
function changed(random: Random, count: number): Question[] {
  const below = (limit: number): number => randomBelow(random, limit);
  return Array.from({ length: count }, (_, i) => {
    const options = below(2) === 0 ? new Uint8Array(0) : option(3, []);
    const octets = Buffer.from(
      queryOctets({ ...PLAIN, flags: 0, edns: below(3) === 0 ? undefined : { ...EDNS, options } }),
    );
    // Opcodes that change something are left out: what a NOTIFY does is another test's.
    for (let changes = 1 + below(3); changes > 0; changes--) octets[4 + below(octets.length - 4)] = below(256);
    const end = below(3) === 0 ? 2 + below(octets.length - 2) : octets.length;
    return odd([`changed ${i}`, octets.subarray(0, end)]);
  });
}

function garbage(random: Random, count: number): Question[] {
  return Array.from({ length: count }, (_, i) => {
    const octets = random.fill(new Uint8Array(randomBelow(random, 300)));
    if (octets.length > 2) octets[2] &= 0x07; // opcode QUERY, and no answer
    return odd([`garbage ${i}`, octets]);
  });
}
