import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendZone, type TransferSink, type ZoneTransfer } from '../../src/transfer/axfr-out.ts';
import { parseMessage, type ResourceRecord } from '../../src/wire/message.ts';
import { FLAG } from '../../src/wire/header.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { TsigStreamSigner, TsigStreamVerifier } from '../../src/wire/tsig.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { line, lines, scanZone, withDenial, ZoneFixture } from '../server/zone-fixture.ts';

const TEXT = `$TTL 3600
@ SOA ns hostmaster 41 7200 900 1209600 300
@ NS ns
ns A 192.0.2.1
cut NS ns.cut
ns.cut A 192.0.2.2
$GENERATE 1-900 host$ A 192.0.2.3
`;

const fixture = new ZoneFixture();
const records = withDenial('axfr.test.', scanZone('axfr.test.', TEXT), { kind: 'nsec3', optOut: true });
const store = fixture.add('axfr.test.', records);

class Collector implements TransferSink {
  readonly messages: Uint8Array[] = [];
  readonly abort = new AbortController();
  waits = 0;

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  send(message: Uint8Array): boolean {
    this.messages.push(message.slice());
    return false;
  }

  async drained(): Promise<void> {
    this.waits++;
  }

  get records(): ResourceRecord[] {
    return this.messages.flatMap((message) => parseMessage(message).answers);
  }
}

async function transfer(options: Partial<ZoneTransfer> = {}): Promise<{ sink: Collector; complete: boolean }> {
  const sink = new Collector();
  const wanted = { id: 77, type: 'AXFR', version: store.current(), ...options } as const;
  const { complete } = await sendZone(wanted, { arena: fixture.arena, sink });
  return { sink, complete };
}

test('RFC 5936 section 2.2: SOA, every record once, SOA', async () => {
  const { sink, complete } = await transfer();
  assert.equal(complete, true);
  const all = sink.records;
  assert.equal(all[0].type, TYPE.SOA);
  assert.deepEqual(line(all[0]), line(all.at(-1) as ResourceRecord));
  const expected = records.map(({ owner, type, ttl, rdata }) => ({ owner, type, class: 1, ttl, rdata }));
  assert.deepEqual(lines(all.slice(0, -1)), lines(expected));
  const [first, ...later] = sink.messages.map((message) => parseMessage(message));
  assert.equal(first.questions.length, 1);
  assert.ok(later.every(({ questions, id }) => questions.length === 0 && id === 77));
});

test('messages are filled and compressed, and a slow client is waited for', async () => {
  const { sink } = await transfer();
  const octets = sink.messages.reduce((sum, { length }) => sum + length, 0);
  const plain = records.reduce((sum, { owner, rdata }) => sum + owner.length + 10 + rdata.length, 0);
  assert.ok(octets < 0.9 * plain, `${octets} of ${plain}`);
  assert.ok(sink.messages.slice(0, -1).every(({ length }) => length > 60_000 && length <= 65_535));
  assert.ok(sink.waits >= sink.messages.length - 1);
});

test('small messages carry the same zone', async () => {
  const { sink } = await transfer({ messageLimit: 600 });
  assert.ok(sink.messages.every(({ length }) => length <= 600));
  assert.deepEqual(lines(sink.records), lines((await transfer()).sink.records));
});

test('RFC 8945 section 5.3.1: each message is signed over the one before', async () => {
  const key = { name: mustName('key.test.'), algorithm: 'hmac-sha512', secret: new Uint8Array(64).fill(3) } as const;
  const requestMac = new Uint8Array(64).fill(9);
  const signer = new TsigStreamSigner(key, requestMac);
  const { sink } = await transfer({ sign: (message) => signer.sign(message, 1000) });
  const verifier = new TsigStreamVerifier(key, requestMac);
  assert.ok(sink.messages.length > 1);
  for (const message of sink.messages) {
    assert.ok(message.length <= 65_535);
    assert.equal(verifier.verify(message, 1000).kind, 'valid');
  }
});

test('RFC 1995: IXFR gets one SOA when the client is up to date, otherwise the whole zone', async () => {
  const ixfr = async (clientSerial: number | undefined): Promise<number> =>
    (await transfer({ type: 'IXFR', clientSerial })).sink.records.length;
  assert.equal(await ixfr(41), 1);
  assert.equal(await ixfr(42), 1);
  assert.equal(await ixfr(40), records.length + 1);
  assert.equal(await ixfr(undefined), records.length + 1);
});

test('RFC 5936 section 2.2: question, RD and OPT of the request come back', async () => {
  const name = mustName('aXFr.tEst.');
  const request = { name, recursionDesired: true, edns: { udpSize: 1232, dnssecOk: true } };
  const { sink } = await transfer({ request, messageLimit: 600 });
  const messages = sink.messages.map((message) => parseMessage(message));
  assert.equal(nameToText(messages[0].questions[0].name), 'aXFr.tEst.');
  for (const { flags, edns } of messages) {
    assert.equal(flags, FLAG.QR | FLAG.AA | FLAG.RD);
    assert.deepEqual([edns?.udpSize, edns?.dnssecOk], [1232, true]);
  }
  assert.deepEqual(lines(sink.records), lines((await transfer()).sink.records));
});

test('a client that goes away ends the transfer', async () => {
  const sink = new Collector();
  sink.abort.abort();
  const wanted = { id: 1, type: 'AXFR', version: store.current() } as const;
  const statistics = await sendZone(wanted, { arena: fixture.arena, sink });
  assert.equal(statistics.complete, false);
});

test('a version stays what it was while another is published', async () => {
  const before = store.current();
  const held = store.hold(before);
  const edit = store.edit(before);
  const soa = rdataFromText(TYPE.SOA, 'ns.axfr.test. hostmaster.axfr.test. 42 7200 900 1209600 300');
  edit.setRRset(mustName('axfr.test.'), TYPE.SOA, 3600, [soa]);
  store.publish(edit.commit());
  const { sink } = await transfer({ version: before });
  assert.match(line(sink.records[0]), / 41 /);
  assert.equal(nameToText(sink.records[0].owner), 'axfr.test.');
  held.release();
});
