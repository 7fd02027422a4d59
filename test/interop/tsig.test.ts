import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { toBase64 } from '../../src/base/base64.ts';
import { FLAG } from '../../src/wire/header.ts';
import { type Message, type ResourceRecord, writeMessage } from '../../src/wire/message.ts';
import { equalNames } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import {
  signTsig,
  TSIG_ALGORITHMS,
  type TsigAlgorithm,
  type TsigKey,
  TsigStreamSigner,
  verifyTsig,
} from '../../src/wire/tsig.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';

const secret = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const algorithms = Object.keys(TSIG_ALGORITHMS) as TsigAlgorithm[];
const KEYS: readonly TsigKey[] = algorithms.map((algorithm) => ({
  name: mustName(`${algorithm}.key.`),
  algorithm,
  secret,
}));
const ZONE = mustName('example.');

const record = (type: number, text: string): ResourceRecord => ({
  owner: ZONE,
  type,
  class: CLASS.IN,
  ttl: 60,
  rdata: rdataFromText(type, text),
});
const SOA = record(TYPE.SOA, 'ns.example. host.example. 1 2 3 4 5');
const NS = record(TYPE.NS, 'ns.example.');

const now = (): number => Math.floor(Date.now() / 1000);
const check = (octets: Uint8Array) =>
  verifyTsig(octets, { now: now(), keyByName: (name) => KEYS.find((key) => equalNames(key.name, name)) });

/** A signed answer to a signed query; REFUSED when the signature is not valid. */
function answer(octets: Uint8Array): Uint8Array {
  const verdict = check(octets);
  assert.ok(verdict.kind !== 'malformed', 'dig sends no malformed messages');
  const reply: Message = { ...verdict.message, flags: FLAG.QR | FLAG.AA, answers: [], additionals: [] };
  if (verdict.kind !== 'valid') return writeMessage({ ...reply, rcode: RCODE.REFUSED });
  return signTsig(writeMessage({ ...reply, answers: [SOA] }), verdict.key, {
    now: now(),
    requestMac: verdict.facts.rdata.mac,
  }).message;
}

/** A zone transfer in `count` messages, each signed over the one before. */
function transfer(octets: Uint8Array, count: number): Uint8Array[] {
  const verdict = check(octets);
  assert.ok(verdict.kind === 'valid');
  const signer = new TsigStreamSigner(verdict.key, verdict.facts.rdata.mac);
  return Array.from({ length: count }, (_, i) => {
    const answers = i === 0 || i === count - 1 ? [SOA] : [NS];
    return signer.sign(writeMessage({ ...verdict.message, flags: FLAG.QR | FLAG.AA, answers, additionals: [] }), now());
  });
}

async function dig(...args: string[]): Promise<string> {
  const child = spawn('dig', ['+tries=1', '+time=60', '+nocookie', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += String(data)));
  child.stderr.on('data', (data: Buffer) => (text += String(data)));
  await once(child, 'close');
  return text;
}

describe('RFC 8945: TSIG with dig', () => {
  const udp = dgram.createSocket('udp4');
  const tcp = net.createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined); // dig closes when it has what it wants
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      for (const message of transfer(Uint8Array.from(received.subarray(2)), 5))
        socket.write(Buffer.concat([Uint8Array.of(message.length >> 8, message.length), message]));
    });
  });
  let udpPort = '';
  let tcpPort = '';

  before(async () => {
    udp.on('message', (octets, from) => udp.send(answer(Uint8Array.from(octets)), from.port, from.address));
    udp.bind(0, '127.0.0.1');
    tcp.listen(0, '127.0.0.1');
    await Promise.all([once(udp, 'listening'), once(tcp, 'listening')]);
    udpPort = String(udp.address().port);
    tcpPort = String((tcp.address() as net.AddressInfo).port);
  });
  after(() => {
    udp.close();
    tcp.close();
  });

  for (const algorithm of algorithms)
    test(`${algorithm}: dig's signature is valid to us, and ours to dig`, async () => {
      const key = `${algorithm}:${algorithm}.key.:${toBase64(secret)}`;
      const text = await dig('@127.0.0.1', '-p', udpPort, '-y', key, 'example.', 'SOA');
      assert.match(text, /status: NOERROR/, text);
      assert.match(text, /example\.\s+60\s+IN\s+SOA\s+ns\.example\. host\.example\. 1 2 3 4 5/);
      assert.doesNotMatch(text, /verify|WARNING|signature/i, text);
    });

  test('another secret is refused', async () => {
    const key = `hmac-sha256:hmac-sha256.key.:${toBase64(new Uint8Array(32))}`;
    assert.match(await dig('@127.0.0.1', '-p', udpPort, '-y', key, 'example.', 'SOA'), /status: REFUSED/);
  });

  test('a transfer of five messages verifies', async () => {
    const key = `hmac-sha512:hmac-sha512.key.:${toBase64(secret)}`;
    const text = await dig('@127.0.0.1', '-p', tcpPort, '-y', key, 'example.', 'AXFR');
    assert.match(text, /XFR size: 5 records \(messages 5/, text);
    assert.doesNotMatch(text, /verify|failed/i, text);
  });
});
