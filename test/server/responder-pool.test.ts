import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import type { ControlRequest } from '../../src/server/responder.ts';
import { ResponderPool } from '../../src/server/responder-pool.ts';
import { emptyResponse, notifyRequest } from '../../src/transfer/notify-message.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { eventually } from '../net/stream-fixture.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

const TEXT = '$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n';
const QUERY = writeMessage(makeQuery(99, { name: mustName('ns.pool.test.'), type: TYPE.A, class: CLASS.IN }));

interface Running extends AsyncDisposable {
  readonly pool: ResponderPool;
  readonly fixture: ZoneFixture;
  readonly log: MemoryLog;
  readonly requests: ControlRequest[];
}

async function start(threads: number): Promise<Running> {
  const fixture = new ZoneFixture();
  fixture.add('pool.test.', scanZone('pool.test.', TEXT));
  const log = new MemoryLog();
  const requests: ControlRequest[] = [];
  const pool = await ResponderPool.start(
    { threads, tables: fixture.tables() },
    {
      arena: fixture.arena,
      clock: new SystemClock(),
      log,
      onRequest: async (request) => {
        requests.push(request);
        return emptyResponse(request.octets, 0);
      },
    },
  );
  return { pool, fixture, log, requests, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

async function overUdp(address: string, port: number, query: Uint8Array): Promise<Message> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.send(query, port, address);
  const [octets, peer] = (await once(socket, 'message')) as [Buffer, { address: string }];
  socket.close();
  assert.equal(peer.address, address, 'the answer leaves from the address asked');
  return parseMessage(octets);
}

async function overTcp(address: string, port: number, query: Uint8Array): Promise<Message> {
  const socket = connect(port, address);
  socket.end(Buffer.from([query.length >> 8, query.length & 0xff, ...query]));
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return parseMessage(Buffer.concat(chunks).subarray(2));
}

describe('ResponderPool', { timeout: 500_000 }, () => {
  test('threads share addresses of both families, over UDP and TCP', async () => {
    await using running = await start(2);
    const wanted = ['127.0.0.1', '127.0.0.2', '::1'].map((address) => ({ address, port: 0 }));
    const addresses = await running.pool.listen(wanted);
    for (const { address, port } of addresses)
      for (const ask of [overUdp, overTcp])
        for (let i = 0; i < 4; i++) assert.equal((await ask(address, port, QUERY)).answers.length, 1);
    assert.equal(running.pool.counters().QrySuccess, 24);
    assert.equal(running.pool.counters().QryTCP, 12);
    // The same addresses again change nothing; fewer close the others.
    assert.deepEqual(await running.pool.listen(addresses.slice(0, 1)), addresses.slice(0, 1));
    await assert.rejects(overTcp('::1', addresses[2].port, QUERY));
    assert.equal((await overUdp('127.0.0.1', addresses[0].port, QUERY)).answers.length, 1);
  });

  test('new tables and new versions are served at once; queries are logged when wanted', async () => {
    await using running = await start(2);
    const [{ address, port }] = await running.pool.listen([{ address: '127.0.0.1', port: 0 }]);
    await running.pool.setTables({ ...running.fixture.tables({ logQueries: true }), views: [] });
    assert.equal((await overUdp(address, port, QUERY)).rcode, 5);
    await running.pool.setTables(running.fixture.tables({ logQueries: true }));
    const [store] = running.fixture.stores;
    const edit = store.edit(store.current());
    edit.setRRset(mustName('ns.pool.test.'), TYPE.A, 60, [Uint8Array.of(192, 0, 2, 2)]);
    store.publish(edit.commit());
    assert.deepEqual((await overUdp(address, port, QUERY)).answers[0].rdata, Uint8Array.of(192, 0, 2, 2));
    const logged = (): MemoryLog['records'] => running.log.records.filter(({ category }) => category === 'queries');
    assert.ok(await eventually(() => logged().length > 0));
    const lines = logged();
    assert.match(
      lines[0].text,
      /^client 127\.0\.0\.1#\d+ \(ns\.pool\.test\): query: ns\.pool\.test IN A - \(127\.0\.0\.1\)$/,
    );
  });

  test('NOTIFY and UPDATE reach the control thread, and its answer the client', async () => {
    await using running = await start(1);
    const [{ address, port }] = await running.pool.listen([{ address: '127.0.0.1', port: 0 }]);
    const soa = rdataFromText(TYPE.SOA, 'ns.pool.test. h.pool.test. 2 1 1 1 1');
    const notify = notifyRequest(7, mustName('pool.test.'), soa, 60);
    for (const ask of [overUdp, overTcp]) assert.equal((await ask(address, port, notify)).flags, 0x8400);
    assert.deepEqual(
      running.requests.map((request) => request.overTcp),
      [false, true],
    );
    assert.deepEqual([...running.requests[0].client], [127, 0, 0, 1]);
    assert.deepEqual(Buffer.from(running.requests[0].octets), Buffer.from(notify));
  });

  test('an address that cannot be had is an error that names it, and what was served before is served on', async () => {
    await using running = await start(1);
    const [{ address, port }] = await running.pool.listen([{ address: '127.0.0.1', port: 0 }]);
    const foreign = { address: '192.0.2.123', port: 0 };
    await assert.rejects(running.pool.listen([{ address, port }, foreign]), { code: 'UDP_BIND_FAILED' });
    assert.equal((await overUdp(address, port, QUERY)).answers.length, 1);
    const keyed = running.fixture.tables().views.map((view) => ({
      ...view,
      matchClients: [{ kind: 'key', name: 'unknown.', negated: false }] as const,
    }));
    await assert.rejects(running.pool.setTables(running.fixture.tables({ views: keyed })), { code: 'KEY_UNKNOWN' });
    assert.equal((await overUdp(address, port, QUERY)).answers.length, 1);
  });
});
