import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { type MessageHandler, TcpListener, type TcpOptions } from '../../src/net/tcp-listener.ts';

const HOST = '127.0.0.1';
const echo: MessageHandler = (connection, octets, start, length) =>
  connection.send(octets.slice(start, start + length));

function listen(
  handler: MessageHandler = echo,
  options: Partial<TcpOptions> = {},
  clock = new SimulatedClock(0),
): Promise<TcpListener> {
  return TcpListener.listen({ address: HOST, port: 0, ...options }, { clock }, handler);
}

async function open(listener: TcpListener): Promise<Socket> {
  const socket = connect(listener.local.port, HOST);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** A message behind its length. */
function framed(...octets: number[]): Buffer {
  return Buffer.from([octets.length >> 8, octets.length & 0xff, ...octets]);
}

/** The next `length` octets. One reader at a time. */
function read(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const early = (): void => reject(new Error(`the connection ended after ${received.length} of ${length} octets`));
    const more = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (received.length < length) return;
      socket.off('data', more).off('close', early).pause();
      resolve(received);
    };
    socket.on('data', more).on('close', early).resume();
  });
}

describe('TcpListener', { timeout: 20_000 }, () => {
  test('RFC 7766 section 6.2.1.1: messages one behind the other, in one segment or octet by octet', async () => {
    await using listener = await listen();
    const socket = await open(listener);
    const messages = Buffer.concat([framed(1, 2, 3), framed(), framed(4)]);
    socket.write(messages);
    assert.deepEqual(await read(socket, messages.length), messages);
    for (const octet of messages) {
      socket.write(Buffer.of(octet));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(await read(socket, messages.length), messages);
    const large = framed(...new Uint8Array(65_535).fill(9));
    socket.write(large);
    assert.deepEqual(await read(socket, large.length), large);
    socket.destroy();
  });

  test('answers that take time still reach a client that has finished sending', async () => {
    const listener = await listen((connection) => {
      const release = connection.hold();
      setTimeout(() => {
        connection.send(Uint8Array.of(5));
        release();
      }, 50);
    });
    await using _ = listener;
    const socket = await open(listener);
    socket.end(framed(1));
    assert.deepEqual(await read(socket, 3), framed(5));
    socket.resume();
    await once(socket, 'end');
  });

  test('an idle connection is closed, one that is waited for is not', async () => {
    const clock = new SimulatedClock(0);
    let release = (): void => undefined;
    await using listener = await listen((connection) => (release = connection.hold()), { idleTimeout: 30 }, clock);
    const idle = await open(listener);
    const busy = await open(listener);
    busy.write(framed(1));
    while (listener.connectionCount < 2) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = once(idle.resume(), 'close');
    await clock.advance(31);
    await closed;
    assert.equal(listener.connectionCount, 1);
    release();
    const ended = once(busy.resume(), 'close');
    await clock.advance(31);
    await ended;
  });

  test('connections beyond the limits are closed at once', async () => {
    await using listener = await listen(echo, { maxPerClient: 2 });
    const sockets = [await open(listener), await open(listener)];
    for (const socket of sockets) {
      socket.write(framed(1));
      await read(socket, 3);
    }
    const third = await open(listener);
    await once(third.resume(), 'close');
    assert.equal(listener.connectionCount, 2);
  });

  test('a client that does not read is not read from either, and cut off in the end', async () => {
    const clock = new SimulatedClock(0);
    let asked = 0;
    const answer = new Uint8Array(60_000);
    await using listener = await listen((connection) => {
      asked++;
      connection.send(answer);
    }, {}, clock); // prettier-ignore
    const socket = await open(listener);
    socket.pause();
    for (let i = 0; i < 5000; i++) socket.write(framed(1));
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(asked < 500, `${asked} of 5000 questions were answered`);
    await clock.advance(31);
    assert.equal(await eventually(() => listener.connectionCount === 0), true);
    socket.destroy();
  });

  test('an address that is taken is refused by name', async () => {
    await using listener = await listen();
    await assert.rejects(listen(echo, { port: listener.local.port }), { code: 'TCP_BIND_FAILED' });
  });
});

async function eventually(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 100 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  return condition();
}
