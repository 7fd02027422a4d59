import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { parseAddress } from '../../src/net/address.ts';
import { SimulatedNetwork } from '../../src/net/simulated-network.ts';
import { emptyResponse, judgeNotify, notifyRequest } from '../../src/transfer/notify-message.ts';
import { notifyTargets } from '../../src/transfer/notify-targets.ts';
import { Notifier } from '../../src/transfer/notify.ts';
import { parseMessage } from '../../src/wire/message.ts';
import { equalNames } from '../../src/wire/name.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { scanZone, ZoneFixture } from '../server/zone-fixture.ts';

const ZONE = mustName('notify.test.');
const SOA = rdataFromText(TYPE.SOA, 'ns.notify.test. hostmaster.notify.test. 9 1 1 1 1');
const SECONDARY = '192.0.2.9';

function setUp(lossPerMille = 0): {
  clock: SimulatedClock;
  log: MemoryLog;
  network: SimulatedNetwork;
  notifier: Notifier;
} {
  const clock = new SimulatedClock(1_000_000);
  const random = new SeededRandom(5);
  const network = new SimulatedNetwork({ latency: 20, lossPerMille }, { clock, random });
  const log = new MemoryLog();
  const notifier = new Notifier({}, { clock, random, log, endpoints: [network.bind('192.0.2.1')] });
  return { clock, log, network, notifier };
}

function notify(notifier: Notifier, serial = 9): void {
  const address = parseAddress(SECONDARY) as Uint8Array;
  notifier.notify({ zone: ZONE, soa: SOA, soaTtl: 60, serial, address, port: 53 });
}

/** A secondary that answers, and what it got. */
function secondary(network: SimulatedNetwork, rcode: number): Uint8Array[] {
  const got: Uint8Array[] = [];
  network.bind(SECONDARY, 53).receive((batch) => {
    for (let i = 0; i < batch.count; i++) {
      const request = batch.received[i].slice(0, batch.receivedLength[i]);
      got.push(request);
      const answer = emptyResponse(request, rcode);
      batch.answers[i].set(answer);
      batch.answerLength[i] = answer.length;
    }
  });
  return got;
}

describe('NOTIFY out (RFC 1996)', () => {
  test('section 3.7: the request has AA, the question and the new SOA; an answer ends it', async () => {
    const { clock, network, notifier } = setUp();
    const got = secondary(network, 0);
    notify(notifier);
    await clock.advance(600);
    assert.equal(got.length, 1);
    assert.equal(notifier.pending, 0);
    const request = parseMessage(got[0]);
    assert.equal(request.opcode, 4);
    assert.equal(request.flags, 0x0400);
    assert.deepEqual([nameToText(request.questions[0].name), request.questions[0].type], ['notify.test.', TYPE.SOA]);
    assert.deepEqual(request.answers[0].rdata, SOA);
  });

  test('section 3.6: without an answer it is repeated with growing waits, five times, and then given up aloud', async () => {
    const { clock, log, network, notifier } = setUp();
    const times: number[] = [];
    network.bind(SECONDARY, 53).receive(() => times.push(clock.now() - 1_000_000));
    notify(notifier);
    await clock.advance(3600);
    assert.deepEqual(times, [0, 15, 45, 105, 225]);
    assert.equal(notifier.pending, 0);
    assert.match(log.records.at(-1)?.text ?? '', /notify failed: no answer to 5 messages.* 192\.0\.2\.9#53/);
  });

  test('lost datagrams only delay it', async () => {
    const { clock, network, notifier } = setUp(400);
    const got = secondary(network, 0);
    notify(notifier);
    await clock.advance(3600);
    assert.ok(got.length > 0);
    assert.equal(notifier.pending, 0);
  });

  test('a refusal is told and not repeated; a newer version takes the place of an older one', async () => {
    const { clock, log, network, notifier } = setUp();
    const got = secondary(network, RCODE.REFUSED);
    notify(notifier, 9);
    notify(notifier, 10);
    assert.equal(notifier.pending, 1);
    await clock.advance(600);
    assert.equal(got.length, 2);
    assert.equal(log.records.filter(({ text }) => text.includes('response code 5')).length, 1);
    await notifier[Symbol.asyncDispose]();
  });
});

describe('NOTIFY in, at a primary', () => {
  const ours = (zone: Parameters<typeof equalNames>[0]): boolean => equalNames(zone, ZONE);

  test('our zones are acknowledged, others are NOTAUTH, other questions malformed', () => {
    assert.equal(judgeNotify(notifyRequest(1, ZONE, SOA, 60), ours).rcode, RCODE.NOERROR);
    assert.equal(judgeNotify(notifyRequest(1, mustName('x.test.'), SOA, 60), ours).rcode, RCODE.NOTAUTH);
    const other = notifyRequest(1, ZONE, SOA, 60);
    other[12 + ZONE.length + 1] = TYPE.A;
    assert.equal(judgeNotify(other, ours).rcode, RCODE.FORMERR);
    assert.equal(judgeNotify(other.subarray(0, 14), ours).rcode, RCODE.FORMERR);
  });

  test('the acknowledgement has QR, AA, the id and the question', () => {
    const answer = parseMessage(emptyResponse(notifyRequest(513, ZONE, SOA, 60), 0));
    assert.deepEqual([answer.id, answer.opcode, answer.flags, answer.answers.length], [513, 4, 0x8400, 0]);
  });
});

test('RFC 1996 section 2.1: name servers with addresses in the zone are told, the primary is not', () => {
  const fixture = new ZoneFixture();
  const text =
    '$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\n@ NS ns2\n@ NS ns.other.test.\n@ NS ns.sub\nns A 192.0.2.1\nns2 A 192.0.2.2\nns2 AAAA 2001:db8::2\nsub NS ns.sub\nns.sub A 192.0.2.3\n';
  const store = fixture.add('notify.test.', scanZone('notify.test.', text));
  const { addresses, unresolved } = notifyTargets(fixture.arena, store.current());
  assert.deepEqual(addresses.map(({ length }) => length).toSorted(), [16, 4, 4]);
  assert.deepEqual(
    unresolved.map((name) => nameToText(name)),
    ['ns.other.test.'],
  );
});
