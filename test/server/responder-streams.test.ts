import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { STREAM_SETTINGS, type StreamSettings } from '../../src/net/stream-settings.ts';
import type { ControlRequest, ListenAddress } from '../../src/server/responder.ts';
import { ResponderPool } from '../../src/server/responder-pool.ts';
import { emptyResponse } from '../../src/transfer/notify-message.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { eventually, makeMaterial, pause, read, readAll } from '../net/stream-fixture.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

const HOST = '127.0.0.1';
const TEXT = '$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n';
const ask = (id: number, name: string, type: number = TYPE.A): Buffer => {
  const octets = writeMessage(makeQuery(id, { name: mustName(name), type, class: CLASS.IN }));
  return Buffer.from([octets.length >> 8, octets.length & 0xff, ...octets]);
};
const QUERY = ask(99, 'ns.pool.test.');
const AXFR = ask(7, 'pool.test.', TYPE.AXFR);
const NOTIFY = Buffer.from(ask(8, 'pool.test.', TYPE.SOA));
NOTIFY[4] = 0x20;

interface Running extends AsyncDisposable {
  readonly pool: ResponderPool;
  readonly log: MemoryLog;
  readonly fixture: ZoneFixture;
  /** Requests that have come to the control thread. */
  readonly requests: ControlRequest[];
  /** Answers of the control thread wait until this is called. */
  readonly release: () => void;
}

async function start(threads: number, transferOver?: { port?: number; transport?: 'tcp' | 'tls' }): Promise<Running> {
  const fixture = new ZoneFixture();
  fixture.add('pool.test.', scanZone('pool.test.', TEXT));
  const log = new MemoryLog();
  const requests: ControlRequest[] = [];
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const tables = fixture.tables();
  const views = tables.views.map((view) => ({
    ...view,
    zones: view.zones.map((zone) => ({ ...zone, ...(transferOver && { transferOver }) })),
  }));
  const pool = await ResponderPool.start(
    { threads, tables: { ...tables, views } },
    {
      arena: fixture.arena,
      clock: new SystemClock(),
      log,
      onRequest: async (request: ControlRequest) => {
        requests.push(request);
        await released;
        return emptyResponse(request.octets, 0);
      },
    },
  );
  return { pool, log, fixture, requests, release, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, allowHalfOpen: true, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function nextMessage(socket: Socket): Promise<Message> {
  const head = await read(socket, 2);
  const end = 2 + head.readUInt16BE(0);
  const rest = head.length < end ? await read(socket, end - head.length) : Buffer.alloc(0);
  const octets = Buffer.concat([head, rest]);
  // Who looks late finds the next message behind it.
  if (octets.length > end) socket.unshift(octets.subarray(end));
  return parseMessage(octets.subarray(2, end));
}

/** All messages until the end. */
async function messages(socket: Socket): Promise<Message[]> {
  const octets = await readAll(socket);
  const found: Message[] = [];
  for (let at = 0; at < octets.length; at += 2 + octets.readUInt16BE(at))
    found.push(parseMessage(octets.subarray(at + 2, at + 2 + octets.readUInt16BE(at))));
  return found;
}

const listen = async (running: Running, settings: Partial<StreamSettings> = {}, ...more: ListenAddress[]) =>
  running.pool.listen([{ address: HOST, port: 0 }, ...more], { ...STREAM_SETTINGS, ...settings });

describe('ResponderPool over streams', { timeout: 500_000 }, () => {
  test('RFC 7766 section 6.2.1.1: neither a transfer nor the control thread holds up the queries behind', async () => {
    await using running = await start(1);
    const [{ port }] = await listen(running);
    const socket = await open(port);
    socket.end(Buffer.concat([NOTIFY, AXFR, QUERY]));
    // The other two wait until the query has its answer, however slow the machine is.
    const first = await nextMessage(socket);
    running.release();
    const rest = await messages(socket);
    assert.equal(first.id, 99, 'the query was the last, and is answered first');
    assert.deepEqual(rest.map(({ id }) => id), [7, 8]); // prettier-ignore
    assert.equal(rest[0].answers.length, 4);
  });

  test('RFC 7766: 1000 pipelined queries, each answered', async () => {
    await using running = await start(1);
    const [{ port }] = await listen(running);
    const socket = await open(port);
    socket.end(
      Buffer.concat(Array.from({ length: 1000 }, (_x, i) => ask(i, i % 2 ? 'ns.pool.test.' : 'no.pool.test.'))),
    );
    const answers = await messages(socket);
    assert.deepEqual(answers.map(({ id }) => id), Array.from({ length: 1000 }, (_x, i) => i)); // prettier-ignore
    assert.ok(answers.every(({ rcode, id }) => rcode === (id % 2 ? 0 : 3)));
    assert.equal(running.pool.counters().QryTCP, 1000);
  });

  test('tcp-clients is of the whole server, however many threads; newcomers wait', async () => {
    await using running = await start(2);
    const [{ port }] = await listen(running, { clients: 9 });
    // One client may have a third of them, so three addresses ask.
    const sockets: Socket[] = [];
    const answered = new Set<Socket>();
    for (let i = 0; i < 18; i++) {
      const socket = connect({ port, host: HOST, localAddress: `127.0.1.${i % 6}`, noDelay: true });
      socket.on('error', () => undefined).on('data', () => answered.add(socket));
      socket.write(QUERY);
      sockets.push(socket);
    }
    assert.ok(await eventually(() => answered.size === 9));
    await pause(200);
    assert.equal(answered.size, 9);
    for (const socket of answered) socket.destroy();
    assert.ok(await eventually(() => answered.size > 9), 'places that were given back are taken');
    for (const socket of sockets) socket.destroy();
  });

  test('settings hold at once for connections that exist', async () => {
    await using running = await start(2);
    const addresses = await listen(running);
    const socket = await open(addresses[0].port);
    socket.write(QUERY);
    await nextMessage(socket);
    await running.pool.listen(addresses, { ...STREAM_SETTINGS, idleTimeout: 200 });
    // On a slow machine the connection has been idle for so long already when the query comes.
    socket.write(QUERY);
    const rest = await messages(socket);
    assert.ok(rest.length <= 1 && rest.every(({ id }) => id === 99));
    socket.destroy();
  });

  test('TLS, HTTPS and HTTP beside plain DNS: one answer function; new certificates and paths for new connections', async () => {
    await using running = await start(2);
    const tls = await makeMaterial();
    const http = { endpoints: ['/q'], streamsPerConnection: 10 };
    const addresses = await listen(
      running,
      {},
      { address: HOST, port: 0, transport: { kind: 'tls', tls } },
      { address: HOST, port: 0, transport: { kind: 'http', http, tls, clients: 5 } },
      { address: HOST, port: 0, transport: { kind: 'http', http, clients: 5 } },
    );
    const [plain, dot, doh, h2c] = addresses.map(({ port }) => port);
    const overTls = async (port: number): Promise<Message> => {
      const socket = connectTls({ port, host: HOST, rejectUnauthorized: false, ALPNProtocols: ['dot'] });
      await once(socket, 'secureConnect');
      socket.write(QUERY);
      const message = await nextMessage(socket);
      socket.destroy();
      return message;
    };
    const overHttp = async (url: string, path: string): Promise<Message | number> => {
      const session = http2.connect(url, { rejectUnauthorized: false });
      const stream = session.request({ ':path': `${path}?dns=${QUERY.subarray(2).toString('base64url')}` });
      const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders & { ':status': number }];
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      session.destroy();
      return headers[':status'] === 200 ? parseMessage(Buffer.concat(chunks)) : headers[':status'];
    };
    const socket = await open(plain);
    socket.write(QUERY);
    const expected = await nextMessage(socket);
    socket.destroy();
    for (let i = 0; i < 4; i++) {
      assert.deepEqual((await overTls(dot)).answers, expected.answers);
      for (const url of [`https://${HOST}:${doh}`, `http://${HOST}:${h2c}`])
        assert.deepEqual(((await overHttp(url, '/q')) as Message).answers, expected.answers);
    }
    const moved = addresses.map((one) =>
      one.transport?.kind === 'http'
        ? { ...one, transport: { ...one.transport, http: { ...http, endpoints: ['/r'] } } }
        : one,
    );
    await running.pool.listen(moved);
    assert.equal(await overHttp(`http://${HOST}:${h2c}`, '/q'), 404);
    assert.notEqual(await overHttp(`http://${HOST}:${h2c}`, '/r'), 404);
  });

  test('RFC 9103: transfers over TLS need "dot"; HTTPS has none; allow-transfer may ask for TLS', async () => {
    await using running = await start(1, { transport: 'tls' });
    const tls = await makeMaterial();
    const http = { endpoints: ['/q'], streamsPerConnection: 10 };
    const [plain, dot, h2c] = await listen(
      running,
      {},
      { address: HOST, port: 0, transport: { kind: 'tls', tls } },
      { address: HOST, port: 0, transport: { kind: 'http', http, clients: 5 } },
    );
    const socket = await open(plain.port);
    socket.write(AXFR);
    assert.equal((await nextMessage(socket)).rcode, 5);
    socket.destroy();
    for (const [ALPNProtocols, rcode, answers] of [
      [['dot'], 0, 4],
      [undefined, 2, 0],
    ] as const) {
      // prettier-ignore
      const secure = connectTls({
        port: dot.port,
        host: HOST,
        rejectUnauthorized: false,
        ...(ALPNProtocols && { ALPNProtocols: [...ALPNProtocols] }),
      });
      await once(secure, 'secureConnect');
      secure.write(AXFR);
      const message = await nextMessage(secure);
      assert.deepEqual([message.rcode, message.answers.length], [rcode, answers]);
      secure.destroy();
    }
    const session = http2.connect(`http://${HOST}:${h2c.port}`);
    const stream = session.request({ ':path': `/q?dns=${AXFR.subarray(2).toString('base64url')}` });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.equal(parseMessage(Buffer.concat(chunks)).rcode, 5);
    session.destroy();
    const isDenied = ({ text }: { text: string }): boolean => /zone transfer 'pool\.test\/AXFR\/IN' denied/.test(text);
    assert.ok(await eventually(() => running.log.records.some(isDenied)));
  });

  test('closing while answers are under way ends every connection', async () => {
    await using running = await start(1);
    const [{ port }] = await listen(running);
    const socket = await open(port);
    socket.write(NOTIFY);
    assert.ok(await eventually(() => running.requests.length === 1));
    const rest = readAll(socket);
    await running.pool[Symbol.asyncDispose]();
    await rest;
    socket.destroy();
  });
});
