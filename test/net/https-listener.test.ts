import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, { type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type ExchangeHandler,
  type HttpExchange,
  HttpsListener,
  type HttpsListenerOptions,
} from '../../src/net/https-listener.ts';
import { dnsParameter } from '../../src/net/https-query.ts';
import { eventually, HOST, makeMaterial, openTcp, pause, readAll, type World, world } from './stream-fixture.ts';

const HTTP = { endpoints: ['/dns-query', '/other'], streamsPerConnection: 100 };
const TYPE = 'application/dns-message';
const echo: ExchangeHandler = (exchange, message) => exchange.answer(message, 60);

const listen = (handler = echo, where: World = world(), changes: Partial<HttpsListenerOptions> = {}) =>
  HttpsListener.listen({ address: HOST, port: 0, http: HTTP, ...changes }, where, handler);

function open({ local }: HttpsListener, scheme: 'http' | 'https' = 'http'): ClientHttp2Session {
  const session = http2.connect(`${scheme}://${HOST}:${local.port}`, { rejectUnauthorized: false });
  session.on('error', () => undefined);
  return session;
}

interface Reply {
  readonly status: number | undefined;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** One request; `body` in any number of parts. A stream that is reset before its response has no status. */
function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, ...body: Uint8Array[]): Promise<Reply> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body.length === 0 });
    const chunks: Buffer[] = [];
    let got: OutgoingHttpHeaders = {};
    stream.on('response', (response) => (got = response));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => undefined);
    stream.on('close', () =>
      resolve({ status: got[':status'] as number | undefined, headers: got, body: Buffer.concat(chunks) }),
    );
    for (const part of body) stream.write(part);
    if (body.length > 0) stream.end();
  });
}

const MESSAGE = Buffer.from('0000010000010000000000000377777704746573740000010001', 'hex');
const get = (path: string): OutgoingHttpHeaders => ({ ':path': path, accept: TYPE });
const post = (changes: OutgoingHttpHeaders = {}): OutgoingHttpHeaders => ({
  ':method': 'POST',
  ':path': '/dns-query',
  'content-type': TYPE,
  ...changes,
});
const GET = get(`/dns-query?dns=${MESSAGE.toString('base64url')}`);

describe('HttpsListener: RFC 8484', { timeout: 500_000 }, () => {
  test('who ends its side before the session has begun is gone at once, whatever it sent', async () => {
    const tls = await makeMaterial();
    for (const changes of [{ tls }, {}])
      for (const octets of [[], [0x16, 3, 1, 2, 0, 1], [...Buffer.from('PRI * HTTP/2.0')]]) {
        await using listener = await listen(echo, world(), changes);
        const socket = await openTcp(listener.local.port);
        if (octets.length > 0) socket.write(Uint8Array.from(octets));
        await eventually(() => listener.connectionCount === 1 || socket.readableEnded);
        socket.end();
        // The clock of the deadlines stands still.
        assert.ok(await eventually(() => listener.connectionCount === 0));
        socket.destroy();
      }
  });

  for (const scheme of ['http', 'https'] as const) {
    test(`section 4.1: GET and POST at every endpoint over ${scheme}`, async () => {
      const secure = scheme === 'https' ? { tls: await makeMaterial() } : {};
      const encrypted = new Set<boolean>();
      await using listener = await listen(
        (exchange, message) => {
          encrypted.add(exchange.encrypted);
          exchange.answer(message, 60);
        },
        world(),
        secure,
      );
      const session = open(listener, scheme);
      for (const endpoint of HTTP.endpoints) {
        for (const [headers, ...body] of [
          [get(`${endpoint}?dns=${MESSAGE.toString('base64url')}`)],
          [get(`${endpoint}?x=y&dns=${MESSAGE.toString('base64url')}&z`)],
          [post({ ':path': endpoint }), MESSAGE],
          [
            post({ ':path': `${endpoint}?dns=AAAA`, 'content-type': 'Application/DNS-Message' }),
            MESSAGE.subarray(0, 5),
            MESSAGE.subarray(5),
          ],
        ] as [OutgoingHttpHeaders, ...Uint8Array[]][]) {
          const { status, headers: got, body: answer } = await ask(session, headers, ...body);
          assert.equal(status, 200);
          assert.deepEqual(answer, MESSAGE);
          assert.equal(got['content-type'], TYPE);
          assert.equal(got['content-length'], String(MESSAGE.length));
          assert.equal(got['cache-control'], 'max-age=60');
        }
      }
      assert.deepEqual([...encrypted], [scheme === 'https']);
      session.close();
    });
  }

  test('section 4.2.1: status codes of what is no query', async () => {
    await using listener = await listen((exchange, message) =>
      message.length < 12 ? exchange.fail(400) : exchange.answer(message, undefined),
    );
    const session = open(listener);
    const big = Buffer.alloc(65_536);
    const cases: [string, number, OutgoingHttpHeaders, ...Uint8Array[]][] = [
      ['no parameter', 400, get('/dns-query')],
      ['an empty one', 400, get('/dns-query?dns=')],
      ['no base64url', 400, get('/dns-query?dns=@@@')],
      ['padding (RFC 8484 section 6)', 400, get('/dns-query?dns=AAA=')],
      ['a length that base64 cannot have', 400, get('/dns-query?dns=AAAAA')],
      ['less than a header', 400, get('/dns-query?dns=AAAA')],
      ['an empty body', 400, post(), Buffer.alloc(0)],
      ['another path', 404, get('/nope?dns=AAAA')],
      ['a longer path', 404, get('/dns-query/?dns=AAAA')],
      ['POST to another path', 404, post({ ':path': '/' }), MESSAGE],
      ['a large body', 413, post(), big],
      ['a body that says it is large', 413, post({ 'content-length': 70_000 }), Buffer.alloc(70_000)],
      ['a long path', 414, get(`/dns-query?dns=${'A'.repeat(20_000)}`)],
      ['another type', 415, post({ 'content-type': 'text/plain' }), MESSAGE],
      ['no type', 415, { ':method': 'POST', ':path': '/dns-query' }, MESSAGE],
      ['PUT', 501, { ...post(), ':method': 'PUT' }, MESSAGE],
      ['HEAD', 501, { ...GET, ':method': 'HEAD' }],
      ['DELETE', 501, { ...GET, ':method': 'DELETE' }],
      ['OPTIONS', 501, { ...GET, ':method': 'OPTIONS' }],
    ];
    for (const [what, status, headers, ...body] of cases) {
      const reply = await ask(session, headers, ...body);
      assert.equal(reply.status, status, what);
      assert.equal(reply.body.length, 0, what);
    }
    const good = await ask(session, post(), MESSAGE);
    assert.equal(good.headers['cache-control'], 'no-cache, no-store, must-revalidate');
    assert.equal((await ask(session, post(), Buffer.alloc(65_535))).status, 200);
    session.close();
  });

  test('many requests at once are answered in any order; more than the streams allowed wait at the client', async () => {
    const open_: HttpExchange[] = [];
    await using listener = await listen((exchange) => void open_.push(exchange), world(), {
      http: { ...HTTP, streamsPerConnection: 3 },
    });
    const session = open(listener);
    await once(session, 'remoteSettings');
    assert.equal(session.remoteSettings.maxConcurrentStreams, 3);
    const replies = [1, 2, 3, 4].map(() => ask(session, GET));
    assert.ok(await eventually(() => open_.length === 3));
    await pause();
    assert.equal(open_.length, 3);
    for (const exchange of open_.splice(0).toReversed()) exchange.answer(Uint8Array.of(1), 1);
    assert.ok(await eventually(() => open_.length === 1));
    open_[0].answer(Uint8Array.of(2), 1);
    open_[0].answer(Uint8Array.of(3), 1); // the second is none
    for (const { status } of await Promise.all(replies)) assert.equal(status, 200);
    session.close();
  });

  test('a client that goes away while its answer is made harms nobody', async () => {
    const open_: HttpExchange[] = [];
    await using listener = await listen((exchange) => void open_.push(exchange));
    const [gone, stays] = [open(listener), open(listener)];
    const lost = ask(gone, GET);
    const kept = ask(stays, GET);
    const reset = stays.request(GET);
    reset.on('error', () => undefined);
    assert.ok(await eventually(() => open_.length === 3));
    gone.destroy();
    reset.close(http2.constants.NGHTTP2_CANCEL);
    await lost;
    await pause();
    for (const exchange of open_) exchange.answer(MESSAGE, 1);
    assert.equal((await kept).status, 200);
    stays.close();
  });

  test('other protocols are refused: HTTP/1.1, rubbish, TLS without "h2"', async () => {
    await using listener = await listen();
    for (const text of ['GET /dns-query?dns=AAAA HTTP/1.1\r\nHost: x\r\n\r\n', '\0'.repeat(100)]) {
      const socket = await openTcp(listener.local.port);
      socket.write(text);
      const reply = (await readAll(socket)).toString('latin1');
      assert.ok(!reply.includes(' 200'), reply);
      socket.destroy();
    }
    await using secure = await listen(echo, world(), { tls: await makeMaterial() });
    const socket = await openTcp(secure.local.port);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await readAll(socket);
    socket.destroy();
    const { connect: connectTls } = await import('node:tls');
    const without = connectTls({ host: HOST, port: secure.local.port, rejectUnauthorized: false });
    without.on('error', () => undefined);
    assert.equal((await readAll(without)).length, 0);
    assert.ok(await eventually(() => listener.connectionCount === 0 && secure.connectionCount === 0));
  });

  test('timeouts: silent, idle, and a body that never ends', async () => {
    const where = world({ initialTimeout: 2500, idleTimeout: 12_000 });
    await using listener = await listen(echo, where);
    const silent = connect(listener.local.port, HOST);
    silent.on('error', () => undefined);
    const [idle, dripping] = [open(listener), open(listener)];
    assert.equal((await ask(idle, GET)).status, 200);
    assert.equal((await ask(dripping, GET)).status, 200);
    const body = dripping.request(post());
    body.on('error', () => undefined);
    const ends = [silent.resume(), idle, dripping].map((one) => once(one, 'close'));
    body.write(Buffer.of(0));
    await pause();
    await where.clock.advance(3);
    await ends[0];
    for (let i = 0; i < 10; i++) {
      if (!body.destroyed) body.write(Buffer.of(0));
      await pause(5);
      await where.clock.advance(1);
    }
    await Promise.all(ends);
    assert.ok(await eventually(() => listener.connectionCount === 0 && where.quota.total === 0));
  });

  test('limits: connections in all wait for a place, one client has its share', async () => {
    const where = world({}, { connections: 1, perClient: 0 });
    await using listener = await listen(echo, where);
    const first = open(listener);
    assert.equal((await ask(first, GET)).status, 200);
    const second = open(listener);
    const reply = ask(second, GET);
    await pause(100);
    assert.equal(listener.connectionCount, 1);
    first.close();
    assert.equal((await reply).status, 200);
    second.close();
    await using shared = await listen(echo, world({}, { connections: 9, perClient: 1 }));
    const one = open(shared);
    assert.equal((await ask(one, GET)).status, 200);
    const refused = open(shared);
    await once(refused, 'close');
    one.close();
  });

  test('RFC 9113 section 6.8: the end is told by GOAWAY, and answers under way still leave', async () => {
    const open_: HttpExchange[] = [];
    const where = world();
    const listener = await listen((exchange) => void open_.push(exchange), where);
    const [session, stuck] = [open(listener), open(listener)];
    const goAway = once(session, 'goaway');
    const reply = ask(session, GET);
    const never = ask(stuck, GET);
    assert.ok(await eventually(() => open_.length === 2));
    const closed = listener[Symbol.asyncDispose]();
    await goAway;
    open_.find(({ peer }) => peer.port === session.socket.localPort)?.answer(MESSAGE, 1);
    assert.equal((await reply).status, 200);
    await where.clock.advance(2);
    assert.equal((await never).status, undefined);
    await closed;
    assert.equal(listener.connectionCount, 0);
  });

  test('large and many headers are refused', async () => {
    await using listener = await listen();
    const session = open(listener);
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, 'y']));
    for (const extra of [many, { 'x-long': 'y'.repeat(60_000) }])
      assert.notEqual((await ask(session, { ...GET, ...extra })).status, 200);
    const again = open(listener);
    assert.equal((await ask(again, GET)).status, 200);
    for (const one of [session, again]) one.destroy();
  });

  test('section 4.1.1: every message goes through the parameter unchanged; no text is an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), fc.webQueryParameters(), (octets, others) => {
        const written = `${others}&dns=${Buffer.from(octets).toString('base64url')}`;
        assert.deepEqual(Buffer.from(dnsParameter(written) ?? []), Buffer.from(octets));
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void dnsParameter(text)));
  });
});
