import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { type MessageHandler, TcpListener, type TcpConnection } from '../../src/net/tcp-listener.ts';
import type { TlsMaterial } from '../../src/net/tls-material.ts';
import {
  eventually,
  framed,
  HOST,
  openTcp,
  openTls,
  pause,
  read,
  readAll,
  type World,
  world,
} from './stream-fixture.ts';

const echo: MessageHandler = (connection, octets, start, length) =>
  connection.send(octets.slice(start, start + length));

/** Messages of all sizes that matter, one behind the other. */
const MESSAGES = Buffer.concat([framed(1, 2, 3), framed(), framed(4), framed(...new Uint8Array(300).fill(7))]);

/** What every carrier of messages behind their length promises: over TCP, and over TLS with `tls`. */
export function streamCompliance(name: string, tls?: () => Promise<TlsMaterial>): void {
  const material = tls?.();

  async function listen(handler: MessageHandler, dependencies: World): Promise<TcpListener> {
    const secure = material && { tls: await material };
    return TcpListener.listen({ address: HOST, port: 0, ...secure }, dependencies, handler);
  }
  const open = ({ local }: TcpListener): Promise<Socket> => (tls ? openTls(local.port) : openTcp(local.port));

  describe(`${name}: compliance of streams`, { timeout: 500_000 }, () => {
    test('RFC 1035 section 4.2.2: messages split at any octet', async () => {
      await using listener = await listen(echo, world());
      const socket = await open(listener);
      for (let at = 1; at < MESSAGES.length; at++) {
        socket.write(MESSAGES.subarray(0, at));
        await new Promise((resolve) => setImmediate(resolve));
        socket.write(MESSAGES.subarray(at));
        assert.deepEqual(await read(socket, MESSAGES.length), MESSAGES, `split at ${at}`);
      }
      socket.destroy();
    });

    test('RFC 7766 section 8: one octet at a time, and the largest message', async () => {
      await using listener = await listen(echo, world());
      const socket = await open(listener);
      for (const octet of MESSAGES) {
        socket.write(Buffer.of(octet));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(await read(socket, MESSAGES.length), MESSAGES);
      const large = framed(...new Uint8Array(65_535).fill(9));
      socket.write(large);
      assert.deepEqual(await read(socket, large.length), large);
      socket.destroy();
    });

    test('RFC 7766 section 6.2.1.1: 1000 queries in one go are all answered, also to a client that has finished sending', async () => {
      await using listener = await listen(echo, world());
      const socket = await open(listener);
      const all = Buffer.concat(Array.from({ length: 1000 }, (_, i) => framed(i >> 8, i & 255, 5, 5)));
      socket.end(all);
      assert.deepEqual(await readAll(socket), all);
    });

    test('RFC 7766 section 6.2.1.1: an answer that takes long holds up none behind it', async () => {
      let slow: (() => void) | undefined;
      await using listener = await listen((connection, octets, start, length) => {
        if (octets[start] !== 1) return void connection.send(octets.slice(start, start + length));
        const release = connection.hold();
        slow = () => {
          connection.send(Uint8Array.of(1));
          release();
        };
      }, world());
      const socket = await open(listener);
      socket.end(Buffer.concat([framed(1), framed(2), framed(3)]));
      assert.deepEqual(await read(socket, 6), Buffer.concat([framed(2), framed(3)]));
      slow?.();
      assert.deepEqual(await readAll(socket), framed(1));
    });

    test('answers under way on one connection are bounded: more is read when some are done', async () => {
      const releases: (() => void)[] = [];
      await using listener = await listen((connection) => void releases.push(connection.hold()), world());
      const socket = await open(listener);
      socket.write(Buffer.concat(Array.from({ length: 200 }, () => framed(1))));
      assert.ok(await eventually(() => releases.length === 64));
      await pause();
      assert.equal(releases.length, 64);
      for (const release of releases.splice(0)) release();
      assert.ok(await eventually(() => releases.length === 64));
      socket.destroy();
    });

    test('RFC 7766 section 6.2.3: idle connections are closed, the initial and the idle timeout apart', async () => {
      const where = world({ initialTimeout: 2500, idleTimeout: 12_000, keepaliveTimeout: 60_000 });
      await using listener = await listen((connection, octets, start, length) => {
        if (octets[start] === 2) connection.keepAlive();
        connection.send(octets.slice(start, start + length));
      }, where);
      const [silent, idle, keeper] = [await open(listener), await open(listener), await open(listener)];
      assert.ok(await eventually(() => listener.connectionCount === 3));
      idle.write(framed(1));
      keeper.write(framed(2));
      await Promise.all([read(idle, 3), read(keeper, 3)]);
      silent.write(Buffer.of(0)); // no whole message
      await pause();
      for (const [socket, seconds] of [
        [silent, 3],
        [idle, 10],
        [keeper, 60],
      ] as const) {
        // prettier-ignore
        const closed = once(socket.resume(), 'close');
        socket.on('end', () => socket.end());
        assert.equal(socket.destroyed || socket.readableEnded, false);
        await where.clock.advance(seconds);
        await closed;
      }
      assert.equal(await eventually(() => listener.connectionCount === 0), true);
    });

    test('a connection that waits for its answer is not idle; new settings hold for old connections', async () => {
      const where = world();
      let release: (() => void) | undefined;
      await using listener = await listen((connection) => (release = connection.hold()), where);
      const busy = await open(listener);
      busy.write(framed(1));
      assert.ok(await eventually(() => release !== undefined));
      await where.clock.advance(100);
      assert.equal(listener.connectionCount, 1);
      where.settings.current = { ...where.settings.current, idleTimeout: 1000 };
      release?.();
      busy.on('end', () => busy.end());
      const ended = once(busy.resume(), 'close');
      await where.clock.advance(2);
      await ended;
    });

    test('a client that does not read is not read from either, and cut off in the end', async () => {
      const where = world();
      let asked = 0;
      const answer = new Uint8Array(60_000);
      await using listener = await listen((connection) => {
        asked++;
        connection.send(answer);
      }, where);
      const socket = await open(listener);
      socket.pause();
      for (let i = 0; i < 5000; i++) socket.write(framed(1));
      assert.ok(await eventually(() => asked > 0));
      for (let before = 0; before < asked; await pause(300)) before = asked;
      assert.ok(asked < 500, `${asked} of 5000 questions were answered`);
      // Its time begins anew while answers still go into the buffers between us, however slowly.
      const isCutOff = async (): Promise<boolean> => {
        await where.clock.advance(31);
        await pause();
        return listener.connectionCount === 0;
      };
      for (let tries = 0; !(await isCutOff()); tries++) assert.ok(tries < 1000, 'it is not cut off');
      socket.destroy();
    });

    test('a reset in the middle of a message, and of an answer, is the end of that connection only', async () => {
      let connection: TcpConnection | undefined;
      await using listener = await listen((one, octets, start, length) => {
        connection = one;
        if (octets[start] !== 1) echo(one, octets, start, length);
      }, world());
      const [first, second] = [await open(listener), await open(listener)];
      first.write(Buffer.concat([framed(1), Buffer.of(0, 9, 9)]));
      assert.ok(await eventually(() => connection !== undefined));
      const taken = connection;
      first.destroy();
      assert.ok(await eventually(() => taken?.signal.aborted === true && listener.connectionCount === 1));
      assert.equal(taken?.send(Uint8Array.of(1)), false);
      second.write(framed(5));
      assert.deepEqual(await read(second, 3), framed(5));
      second.destroy();
    });

    test('close() lets answers leave that were sent before; nothing behind is read', async () => {
      await using listener = await listen((connection, octets, start, length) => {
        if (octets[start] === 9) connection.close();
        else echo(connection, octets, start, length);
      }, world());
      const socket = await open(listener);
      socket.write(Buffer.concat([framed(1), framed(2), framed(9), framed(3)]));
      socket.on('end', () => socket.end());
      assert.deepEqual(await readAll(socket), Buffer.concat([framed(1), framed(2)]));
    });

    test('newcomers wait for a place in order, as in the listen queue; beyond that they are closed', async () => {
      await using listener = await listen(
        echo,
        world({ clients: 2, listenQueue: 2 }, { connections: 2, perClient: 0 }),
      );
      const served = [await open(listener), await open(listener)];
      for (const socket of served) {
        socket.write(framed(1));
        await read(socket, 3);
      }
      // Over TLS the handshake waits, too.
      const waiting = [open(listener), open(listener)].map(async (opening) => {
        const socket = await opening;
        socket.write(framed(2));
        await read(socket, 3);
        return socket;
      });
      await pause(200);
      assert.equal(listener.connectionCount, 2);
      const third = await openTcp(listener.local.port);
      await readAll(third);
      third.destroy();
      for (const socket of served) socket.destroy();
      for (const socket of await Promise.all(waiting)) socket.destroy();
      assert.equal(await eventually(() => listener.connectionCount === 0), true);
    });

    test('one client has only its share of the places', async () => {
      await using listener = await listen(echo, world({}, { connections: 10, perClient: 2 }));
      const sockets = [await open(listener), await open(listener)];
      for (const socket of sockets) {
        socket.write(framed(1));
        await read(socket, 3);
      }
      const third = await openTcp(listener.local.port);
      await readAll(third);
      assert.equal(listener.connectionCount, 2);
      for (const socket of [...sockets, third]) socket.destroy();
    });

    test('closing the listener ends connections with answers under way', async () => {
      let held = 0;
      const listener = await listen((connection) => void (connection.hold(), held++), world());
      const socket = await open(listener);
      socket.write(framed(1));
      assert.ok(await eventually(() => held === 1));
      const ended = readAll(socket);
      await listener[Symbol.asyncDispose]();
      await listener[Symbol.asyncDispose]();
      await ended;
      assert.equal(await eventually(() => listener.connectionCount === 0), true);
    });

    test('an address that is taken is refused by name', async () => {
      await using listener = await listen(echo, world());
      const again = { address: HOST, port: listener.local.port };
      await assert.rejects(TcpListener.listen(again, world(), echo), { code: 'TCP_BIND_FAILED' });
    });
  });
}
