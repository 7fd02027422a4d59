import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { MemoryLog } from '../../src/base/log.ts';
import type { StatisticsSnapshot } from '../../src/status/snapshot.ts';
import { openStatisticsHttp } from '../../src/status/statistics-http.ts';
import { snapshot, zone } from './snapshots.ts';

interface Running extends AsyncDisposable {
  readonly port: number;
  readonly log: MemoryLog;
  url(path: string): string;
}

async function open(
  options: { isAllowed?: (address: string) => boolean; take?: () => StatisticsSnapshot } = {},
): Promise<Running> {
  const log = new MemoryLog();
  const source = { snapshot: async () => (options.take ?? snapshot)() };
  const isAllowed = options.isAllowed ?? (() => true);
  const http = await openStatisticsHttp({ address: '127.0.0.1', port: 0, isAllowed }, { source, log });
  return {
    port: http.port,
    log,
    url: (path) => `http://127.0.0.1:${http.port}${path}`,
    [Symbol.asyncDispose]: () => http.close(),
  };
}

/** Sends octets and reads until the server closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  return readAll(socket);
}

async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve)); // also after a reset
  return Buffer.concat(chunks).toString('latin1');
}

const PATHS = [
  ['/', 'text/xml'],
  ['/xml', 'text/xml'],
  ['/xml/v3', 'text/xml'],
  ['/json', 'application/json'],
  ['/json/v1', 'application/json'],
  ...['status', 'server', 'zones', 'net', 'mem', 'tasks', 'traffic'].flatMap((part) => [
    [`/xml/v3/${part}`, 'text/xml'],
    [`/json/v1/${part}`, 'application/json'],
  ]),
  ['/metrics', 'text/plain; version=0.0.4; charset=utf-8'],
];

test('the paths of BIND 9.18 and /metrics, by GET and HEAD', async () => {
  await using server = await open();
  for (const [path, type] of PATHS) {
    const response = await fetch(server.url(path));
    assert.equal(response.status, 200, path);
    assert.equal(response.headers.get('content-type'), type, path);
    assert.equal(response.headers.get('cache-control'), 'no-cache', path);
    const text = await response.text();
    assert.ok(text.length > 100, path);
    if (type === 'application/json') JSON.parse(text);
    const head = await fetch(server.url(path), { method: 'HEAD' });
    assert.equal(head.status, 200, path);
    assert.equal(await head.text(), '', path);
  }
  assert.deepEqual(server.log.records, []);
});

test('another path is 404, another method 405', async () => {
  await using server = await open();
  for (const path of [
    '/nope',
    '/json/v2',
    '/json/v1/',
    '/json/v1/server/x',
    '/metrics/',
    '/bind9.xsl',
    '/%00',
    '/../x',
  ])
    assert.equal((await fetch(server.url(path))).status, 404, path);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const response = await fetch(server.url('/json/v1'), { method });
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get('allow'), 'GET, HEAD', method);
    assert.match(await response.text(), /is not allowed/);
  }
});

test('who is not on the allow list gets nothing, and the log says who it was', async () => {
  let isAllowed = false;
  await using server = await open({ isAllowed: (address) => (assert.equal(address, '127.0.0.1'), isAllowed) });
  await assert.rejects(fetch(server.url('/json/v1')));
  const [{ text, severity }] = server.log.records;
  assert.match(
    text,
    /^rejected statistics connection from 127\.0\.0\.1#\d+: the channel's allow list does not have it$/,
  );
  assert.equal(severity, 'warning');
  isAllowed = true;
  assert.equal((await fetch(server.url('/json/v1'))).status, 200);
});

test('long headers and what is no HTTP are refused, and the server goes on', async () => {
  await using server = await open();
  assert.match(
    await raw(server.port, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  );
  assert.match(await raw(server.port, '\0\xff garbage\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await raw(server.port, 'GET /json/v1 HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.equal((await fetch(server.url('/json/v1'))).status, 200);
});

test('connections are limited', async () => {
  await using server = await open();
  const sockets = Array.from({ length: 100 }, () => connect(server.port, '127.0.0.1'));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const refused = await raw(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(refused, '');
  for (const socket of sockets) socket.destroy();
  for (const socket of sockets) if (!socket.closed) await once(socket, 'close');
});

test('what cannot be read is a 500 that tells nothing, and a line in the log', async () => {
  await using server = await open({
    take: () => {
      throw new Error('no such memory');
    },
  });
  for (const path of ['/json/v1', '/metrics']) {
    const response = await fetch(server.url(path));
    assert.equal(response.status, 500);
    assert.doesNotMatch(await response.text(), /memory/);
  }
  assert.match(server.log.records[0].text, /^statistics for \/json\/v1 failed: Error: no such memory/);
  assert.equal(server.log.records.length, 2);
});

test('a failure in the middle breaks the response off, and a line in the log says why', async () => {
  const zones = Array.from({ length: 200 }, (_, i) =>
    zone(`z${i}`, () => {
      if (i === 150) throw new Error('zone is odd');
      return undefined;
    }),
  );
  await using server = await open({ take: () => snapshot({ views: [{ name: '_default', zones }] }) });
  await assert.rejects(async () => (await fetch(server.url('/json/v1/zones'))).text());
  assert.match(server.log.records[0].text, /^statistics for \/json\/v1\/zones failed: Error: zone is odd/);
});

test('other work goes on while many zones are written', async () => {
  const zones = Array.from({ length: 5000 }, (_, i) => zone(`z${i}.example`));
  await using server = await open({ take: () => snapshot({ views: [{ name: '_default', zones }] }) });
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const { views } = (await (await fetch(server.url('/json/v1/zones'))).json()) as {
    views: { _default: { zones: unknown[] } };
  };
  clearInterval(timer);
  assert.equal(views._default.zones.length, 5000);
  assert.ok(turns > 1, 'timers run between the pieces');
});

test('an address that is taken is an error of the system', async () => {
  await using server = await open();
  const again = openStatisticsHttp(
    { address: '127.0.0.1', port: server.port, isAllowed: () => true },
    { source: { snapshot: async () => snapshot() }, log: server.log },
  );
  await assert.rejects(again, { code: 'EADDRINUSE' });
});
