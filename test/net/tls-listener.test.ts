import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { type MessageHandler, TcpListener } from '../../src/net/tcp-listener.ts';
import { eventually, framed, HOST, makeMaterial, openTcp, openTls, read, readAll, world } from './stream-fixture.ts';
import { streamCompliance } from './stream-suite.ts';

streamCompliance('TLS', () => makeMaterial());

const echo: MessageHandler = (connection, octets, start, length) =>
  connection.send(octets.slice(start, start + length));

/** The secured socket, or the code of why there is none. */
async function secure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket | string> {
  const socket = connect({ port, host: HOST, rejectUnauthorized: false, ...options });
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

describe('TcpListener with TLS', { timeout: 500_000 }, () => {
  test('who ends its side before the handshake is over is gone at once, whatever it sent', async () => {
    const tls = await makeMaterial();
    await using listener = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), echo);
    for (const octets of [[], [0x16], [0x16, 3, 1, 2, 0, 1], Array.from({ length: 200 }, (_, i) => i)]) {
      const socket = await openTcp(listener.local.port);
      if (octets.length > 0) socket.write(Uint8Array.from(octets));
      await eventually(() => listener.connectionCount === 1 || socket.readableEnded);
      socket.end();
      // The clock of the deadlines stands still.
      assert.ok(await eventually(() => listener.connectionCount === 0));
      socket.destroy();
    }
  });

  test('RFC 7858 section 3.2: the ALPN token "dot" is agreed on, and none is needed', async () => {
    const agreed: (string | undefined)[] = [];
    const tls = await makeMaterial();
    await using listener = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), (connection) => {
      agreed.push(connection.alpn);
      connection.send(Uint8Array.of(1));
    });
    for (const ALPNProtocols of [['dot'], ['h3', 'dot'], undefined]) {
      const socket = await secure(listener.local.port, ALPNProtocols && { ALPNProtocols });
      assert.ok(typeof socket !== 'string');
      socket.write(framed(1));
      await read(socket, 3);
      socket.destroy();
    }
    assert.deepEqual(agreed, ['dot', 'dot', '']);
    // RFC 7301 section 3.2.
    assert.equal(
      await secure(listener.local.port, { ALPNProtocols: ['h2'] }),
      'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    );
  });

  test('protocols: only the versions that are configured', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const tls = await makeMaterial({ minVersion: version, maxVersion: version });
      await using listener = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), echo);
      const socket = await secure(listener.local.port);
      assert.ok(typeof socket !== 'string');
      assert.equal(socket.getProtocol(), version);
      socket.destroy();
      const other = version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2';
      assert.equal(typeof (await secure(listener.local.port, { minVersion: other, maxVersion: other })), 'string');
    }
  });

  test('ciphers: the list is about TLS 1.2, the suites of TLS 1.3 stay', async () => {
    const tls = await makeMaterial({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' });
    await using listener = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), echo);
    const { port } = listener.local;
    const older = await secure(port, { maxVersion: 'TLSv1.2' });
    assert.ok(typeof older !== 'string');
    assert.equal(older.getCipher().name, 'ECDHE-ECDSA-AES256-GCM-SHA384');
    older.destroy();
    assert.equal(
      typeof (await secure(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })),
      'string',
    );
    const newer = await secure(port);
    assert.ok(typeof newer !== 'string');
    assert.equal(newer.getProtocol(), 'TLSv1.3');
    newer.destroy();
  });

  test('ca-file: only clients with a certificate of that authority are served', async () => {
    const client = await makeMaterial();
    const stranger = await makeMaterial();
    const tls = await makeMaterial({ authorities: client.certificate });
    await using listener = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), echo);
    const { port } = listener.local;
    const known = await secure(port, { cert: client.certificate, key: client.key });
    assert.ok(typeof known !== 'string');
    known.write(framed(1));
    assert.deepEqual(await read(known, 3), framed(1));
    known.destroy();
    for (const identity of [{}, { cert: stranger.certificate, key: stranger.key }]) {
      const refused = await secure(port, identity);
      if (typeof refused === 'string') continue;
      refused.on('error', () => undefined).write(framed(1));
      assert.equal((await readAll(refused)).length, 0);
    }
  });

  test('session tickets work in every thread that has the same keys, and not at all when they are off', async () => {
    const tls = await makeMaterial({ maxVersion: 'TLSv1.2' });
    await using one = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), echo);
    await using other = await TcpListener.listen({ address: HOST, port: 0, tls }, world(), echo);
    const first = await secure(one.local.port);
    assert.ok(typeof first !== 'string');
    const session = first.getSession();
    first.destroy();
    const second = await secure(other.local.port, session && { session });
    assert.ok(typeof second !== 'string');
    assert.equal(second.isSessionReused(), true);
    second.destroy();
    const without = await makeMaterial({ maxVersion: 'TLSv1.2', sessionTickets: false });
    await using third = await TcpListener.listen({ address: HOST, port: 0, tls: without }, world(), echo);
    const socket = await secure(third.local.port);
    assert.ok(typeof socket !== 'string');
    assert.equal(socket.getTLSTicket(), undefined);
    socket.destroy();
  });

  test('a new certificate is for new connections; the old ones go on', async () => {
    const [before, after] = [await makeMaterial(), await makeMaterial()];
    await using listener = await TcpListener.listen({ address: HOST, port: 0, tls: before }, world(), echo);
    const old = await openTls(listener.local.port);
    listener.setTls(after);
    const young = await secure(listener.local.port);
    assert.ok(typeof young !== 'string');
    assert.deepEqual(young.getPeerCertificate().raw, new X509Certificate(after.certificate).raw);
    old.write(framed(3));
    assert.deepEqual(await read(old, 3), framed(3));
    assert.throws(() => listener.setTls({ ...after, certificate: 'no PEM' }));
    old.write(framed(4));
    assert.deepEqual(await read(old, 3), framed(4));
    old.destroy();
    young.destroy();
  });

  test('a handshake has the initial timeout; rubbish in place of one is the end of the connection', async () => {
    const where = world({ initialTimeout: 2500 });
    await using listener = await TcpListener.listen({ address: HOST, port: 0, tls: await makeMaterial() }, where, echo);
    const silent = await openTcp(listener.local.port);
    const rubbish = await openTcp(listener.local.port);
    rubbish.write('GET / HTTP/1.1\r\n\r\n');
    await readAll(rubbish);
    assert.ok(await eventually(() => listener.connectionCount === 1));
    const closed = once(silent.resume(), 'close');
    silent.on('end', () => silent.end());
    await where.clock.advance(3);
    await closed;
    rubbish.destroy();
    assert.ok(await eventually(() => listener.connectionCount === 0 && where.quota.total === 0));
  });
});
