import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { latin1Octets } from '../../src/base/octets.ts';
import { encodeClientSubnet, encodeKeepalive, findOption } from '../../src/wire/edns.ts';
import { encodeExtendedError } from '../../src/wire/extended-error.ts';
import { FLAG } from '../../src/wire/header.ts';
import { type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { messageToText } from '../../src/wire/message-text.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { QueryView, VERDICT } from '../../src/wire/query-view.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';

/** Options that every answer here has, beside dig's own cookie. */
const OPTIONS = [
  { code: 3, data: latin1Octets('ns1.example') },
  {
    code: 8,
    data: encodeClientSubnet({ family: 1, sourcePrefix: 24, scopePrefix: 16, address: Uint8Array.of(192, 0, 2) }),
  },
  { code: 11, data: encodeKeepalive(30) },
  { code: 12, data: new Uint8Array(7) },
  { code: 15, data: encodeExtendedError({ code: 18, text: 'not you' }) },
  { code: 15, data: encodeExtendedError({ code: 4711, text: '' }) },
];

describe('EDNS with dig', () => {
  const socket = dgram.createSocket('udp4');
  let query = new Uint8Array(0);
  let answer: Message;
  let port = '';

  before(async () => {
    socket.on('message', (octets, from) => {
      query = Uint8Array.from(octets);
      const asked = parseMessage(query);
      const cookie = findOption(asked.edns, 10);
      const options = cookie
        ? [{ code: 10, data: Uint8Array.of(...cookie, ...new Uint8Array(16)) }, ...OPTIONS]
        : OPTIONS;
      const owner = asked.questions[0].name;
      const rdata = (type: number, text: string) => ({
        owner,
        type,
        class: CLASS.IN,
        ttl: 60,
        rdata: rdataFromText(type, text),
      });
      answer = {
        ...asked,
        flags: FLAG.QR | FLAG.AA | (asked.flags & FLAG.RD),
        answers: [
          rdata(TYPE.MX, '10 mail.Example.'),
          rdata(TYPE.TXT, '"a b" "c\\"\\200"'),
          rdata(65280, '\\# 3 010203'),
        ],
        authorities: [{ ...rdata(TYPE.NS, 'ns1.example.'), owner: mustName('example.') }],
        edns: { udpSize: 1232, version: 0, dnssecOk: asked.edns?.dnssecOk ?? false, options },
      };
      socket.send(writeMessage(answer), from.port, from.address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    port = String(socket.address().port);
  });
  after(() => socket.close());

  async function dig(...args: string[]): Promise<string> {
    const child = spawn('dig', ['+tries=1', '+time=60', '@127.0.0.1', '-p', port, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (data: Buffer) => (text += data.toString('latin1')));
    await once(child, 'close');
    return text;
  }

  test('dig reads our answer as we print it: header, options, sections', async () => {
    const text = await dig('www.Example.', 'MX', '+dnssec', '+norecurse');
    const ours = messageToText(answer);
    const lines = (from: string): string[] =>
      from
        .split('\n')
        .map((line) => line.replace(/[\t ]+/g, ' ').trim())
        .filter((line) => line !== '' && !/^; <<>>|^;; (global|Got|Query|SERVER|WHEN|MSG|->>HEADER)|^; \(/.test(line));
    const withoutVerdict = lines(text).map((line) => line.replace(/ \((?:good|bad|echoed)\)$/, ''));
    assert.deepEqual(lines(ours), withoutVerdict);
    assert.match(text, new RegExp(`status: NOERROR, id: ${answer.id}`));
  });

  test('the allocation-free reader understands what dig sends', async () => {
    await dig(
      'a.b.Example.',
      'TYPE65280',
      '+dnssec',
      '+cd',
      '+nsid',
      '+bufsize=1400',
      '+subnet=192.0.2.0/24',
      '+keepalive',
      '+padding=128',
    );
    const view = new QueryView();
    assert.equal(view.parse(query), VERDICT.OK);
    assert.deepEqual([view.type, view.class, view.udpSize, view.dnssecOk], [65280, CLASS.IN, 1400, true]);
    assert.ok(view.wantsRecursion && view.checkingDisabled && view.wantsNsid && view.wantsKeepalive && view.hasPadding);
    assert.equal(view.cookieLength, 8);
    assert.ok(view.option(8) > 0);
    assert.equal(query.length % 128, 0);
  });
});
