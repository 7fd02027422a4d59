import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { latin1Octets } from '../../src/base/octets.ts';
import type { Edns } from '../../src/wire/edns.ts';
import { FLAG, SECTION } from '../../src/wire/header.ts';
import {
  makeQuery,
  type Message,
  parseMessage,
  readMessage,
  type ResourceRecord,
  writeMessage,
} from '../../src/wire/message.ts';
import { messageToText } from '../../src/wire/message-text.ts';
import { MessageBuilder } from '../../src/wire/message-writer.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { MalformedError } from '../../src/wire/reader.ts';
import { CLASS, OPCODE, TYPE } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { anyName } from './names.ts';

function record(text: string): ResourceRecord {
  const [owner, ttl, mnemonic, ...rest] = text.split(' ');
  const type = typeCode(mnemonic);
  return {
    owner: mustName(owner),
    ttl: Number(ttl),
    class: CLASS.IN,
    type,
    rdata: rdataFromText(type, rest.join(' ')),
  };
}

const EDNS: Edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [{ code: 3, data: new Uint8Array(0) }] };

function answer(answers: readonly ResourceRecord[], edns?: Edns): Message {
  return {
    ...makeQuery(0x1234, { name: mustName('WWW.Example.'), type: TYPE.A, class: CLASS.IN }, FLAG.QR | FLAG.AA, edns),
    answers,
    authorities: [record('example. 300 NS ns1.example.'), record('example. 300 NS ns2.example.')],
    additionals: [record('ns1.example. 300 A 192.0.2.1')],
  };
}

describe('RFC 1035 section 4: messages', () => {
  test('what is written is read again', () => {
    const message = answer(
      [
        record('www.example. 60 A 192.0.2.7'),
        record('example. 60 SOA ns1.example. host.example. 1 2 3 4 5'),
        record('example. 60 MX 10 mail.example.'),
        record('example. 60 SRV 1 2 3 mail.example.'),
        record('example. 60 TXT "a b" c'),
      ],
      EDNS,
    );
    assert.deepEqual(parseMessage(writeMessage(message)), message);
  });

  test('names are compressed to earlier ones of the same letters, and only there', () => {
    const octets = writeMessage(
      answer([record('www.example. 60 CNAME example.'), record('WWW.Example. 60 NS x.WWW.Example.')]),
    );
    const hex = Buffer.from(octets).toString('hex');
    // The answer's owner differs in case from the question, so it is written out; the second one is a pointer to it.
    assert.ok(hex.includes(`03${Buffer.from('www').toString('hex')}07${Buffer.from('example').toString('hex')}00`));
    assert.ok(hex.includes('c00c000200010000003c'), 'owner like the question is a pointer to octet 12');
    assert.equal(nameToText(parseMessage(octets).answers[1].owner), 'WWW.Example.');
  });

  test('RFC 3597 section 4: names in younger types are not compressed', () => {
    const plain = writeMessage(answer([record('www.example. 60 SRV 1 2 3 www.example.')]));
    const text = Buffer.from(plain).toString('latin1');
    assert.equal(text.split('\x03www\x07example\0').length - 1, 2, 'owner and target are both written out');
  });

  test('a message that does not fit loses whole records and gets TC, but keeps OPT', () => {
    const many = Array.from({ length: 100 }, (_, i) => record(`n${i}.example. 60 A 192.0.2.1`));
    const octets = writeMessage(answer(many, EDNS), 512);
    assert.ok(octets.length <= 512);
    const message = parseMessage(octets);
    assert.ok(message.flags & FLAG.TC);
    assert.deepEqual(message.edns, EDNS);
    assert.ok(message.answers.length > 10 && message.answers.length < 100);
    assert.equal(message.authorities.length, 0);
  });

  test('extended rcode goes through OPT (RFC 6891 section 6.1.3)', () => {
    const message = { ...answer([], EDNS), rcode: 23 };
    assert.equal(parseMessage(writeMessage(message)).rcode, 23);
  });

  test('UPDATE may have records without RDATA (RFC 2136 section 2.5)', () => {
    const update: Message = {
      ...makeQuery(1, { name: mustName('example.'), type: TYPE.SOA, class: CLASS.IN }),
      opcode: OPCODE.UPDATE,
      authorities: [
        { owner: mustName('a.example.'), type: TYPE.ANY, class: CLASS.ANY, ttl: 0, rdata: new Uint8Array(0) },
      ],
    };
    assert.deepEqual(parseMessage(writeMessage(update)), update);
    assert.match(messageToText(update), /;; ZONE SECTION:[^]*;; UPDATE SECTION:\na\.example\.\t0\tANY\tANY\n/);
  });

  test('Chaosnet addresses are not taken for those of the Internet', () => {
    const rdata = Uint8Array.of(1, 0x61, 0, 0, 1);
    const chaos: ResourceRecord = { owner: mustName('a.'), type: TYPE.A, class: CLASS.CH, ttl: 1, rdata };
    const message: Message = { ...makeQuery(1, { name: mustName('a.'), type: 1, class: 3 }), answers: [chaos] };
    assert.deepEqual(parseMessage(writeMessage(message)).answers, [chaos]);
  });

  test('text is like that of dig', () => {
    const ede = { code: 15, data: Uint8Array.of(0, 6, ...latin1Octets('no key')) };
    const message = { ...answer([record('www.example. 60 A 192.0.2.7')], { ...EDNS, options: [ede] }), rcode: 2 };
    assert.equal(
      messageToText(message),
      ';; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 4660\n' +
        ';; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 2, ADDITIONAL: 2\n\n' +
        ';; OPT PSEUDOSECTION:\n; EDNS: version: 0, flags: do; udp: 1232\n; EDE: 6 (DNSSEC Bogus): (no key)\n' +
        ';; QUESTION SECTION:\n;WWW.Example.\t\tIN\tA\n\n' +
        ';; ANSWER SECTION:\nwww.example.\t60\tIN\tA\t192.0.2.7\n\n' +
        ';; AUTHORITY SECTION:\nexample.\t300\tIN\tNS\tns1.example.\nexample.\t300\tIN\tNS\tns2.example.\n\n' +
        ';; ADDITIONAL SECTION:\nns1.example.\t300\tIN\tA\t192.0.2.1\n',
    );
  });

  const malformed: readonly (readonly [string, (octets: Uint8Array) => Uint8Array])[] = [
    ['cut off anywhere', (octets) => octets.subarray(0, octets.length - 1)],
    ['shorter than a header', (octets) => octets.subarray(0, 11)],
    ['too many records counted', (octets) => octets.with(7, 200)],
    [
      'OPT in the answer section',
      (octets) =>
        octets
          .with(7, octets[7] + 4)
          .with(9, 0)
          .with(11, 0),
    ],
  ];
  for (const [what, change] of malformed)
    test(`malformed: ${what}`, () => {
      const octets = writeMessage(answer([record('www.example. 60 A 192.0.2.7')], EDNS));
      assert.ok(readMessage(change(octets)) instanceof MalformedError);
    });

  test('two OPT records are a format error (RFC 6891 section 6.1.1)', () => {
    const builder = new MessageBuilder(new Uint8Array(512));
    builder.begin(512);
    builder.opt(512, 0, false);
    builder.opt(512, 0, false);
    assert.ok(readMessage(builder.octets.slice(0, builder.end())) instanceof MalformedError);
  });

  test('any octets, and any damage to a good message, give a message or MalformedError', () => {
    const good = writeMessage(
      answer([record('www.example. 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 example. AAAA')], EDNS),
    );
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    const damaged = damage.map((list) => list.reduce((octets, [at, value]) => octets.with(at, value), good));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (octets) => {
        const message = readMessage(octets);
        if (message instanceof MalformedError) return;
        messageToText(message);
        // Whatever was understood can be written and understood again.
        const again = parseMessage(writeMessage(message));
        assert.deepEqual({ ...again, tsig: undefined }, { ...message, tsig: undefined });
      }),
      { numRuns: 400 },
    );
  });
});

describe('the message writer', () => {
  test('compressed names read as what was written, whatever was written before', () => {
    fc.assert(
      fc.property(fc.array(anyName, { maxLength: 30 }), fc.array(fc.nat(9), { maxLength: 30 }), (fresh, repeats) => {
        const names = [...fresh, ...repeats.flatMap((i) => (fresh[i] ? [fresh[i]] : []))];
        const builder = new MessageBuilder(new Uint8Array(65535));
        builder.begin(65535);
        for (const name of names) builder.question(name, 0, 1, 1);
        const read = parseMessage(builder.octets.slice(0, builder.end()));
        assert.deepEqual(
          read.questions.map((question) => question.name),
          names.map((name) => name.slice()),
        );
      }),
      { numRuns: 100 },
    );
  });

  test('what is rolled back is not pointed to', () => {
    const builder = new MessageBuilder(new Uint8Array(512));
    builder.begin(512);
    builder.question(mustName('example.'), 0, 1, 1);
    const mark = builder.at;
    builder.record(SECTION.ANSWER, mustName('gone.example.'), TYPE.A, CLASS.IN, 1, Uint8Array.of(1, 2, 3, 4));
    builder.rollback(mark, SECTION.ANSWER, 0);
    builder.record(SECTION.ANSWER, mustName('b.gone.example.'), TYPE.A, CLASS.IN, 1, Uint8Array.of(1, 2, 3, 4));
    const message = parseMessage(builder.octets.slice(0, builder.end()));
    assert.equal(nameToText(message.answers[0].owner), 'b.gone.example.');
    assert.equal(message.answers.length, 1);
  });

  test('names behind octet 16383 are written out or point to earlier ones', () => {
    const builder = new MessageBuilder(new Uint8Array(65535));
    builder.begin(65535);
    const names = Array.from({ length: 2500 }, (_, i) => mustName(`label-${i % 2000}.some.zone.example.`));
    for (const name of names) builder.record(SECTION.ANSWER, name, TYPE.A, CLASS.IN, 1, Uint8Array.of(1, 2, 3, 4));
    const message = parseMessage(builder.octets.slice(0, builder.end()));
    message.answers.forEach((one, i) => assert.deepEqual(one.owner, names[i]));
    assert.ok(message.answers.length > 1900);
  });

  test('a builder is used again without memory of the message before', () => {
    const builder = new MessageBuilder(new Uint8Array(512));
    for (let i = 0; i < 3; i++) {
      builder.begin(512);
      builder.header(i, FLAG.QR);
      builder.question(mustName('example.'), 0, 1, 1);
      const octets = builder.octets.slice(0, builder.end());
      assert.equal(octets.length, 12 + 9 + 4);
      assert.equal(parseMessage(octets).id, i);
    }
  });
});
