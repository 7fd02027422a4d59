import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { ConsoleLine } from '../../../src/hsm/console/console-line.ts';
import { OWN_ALPN } from '../../../src/hsm/protocol/client-hello.ts';
import { ApplianceFixture } from '../appliance/appliance-fixture.ts';
import { consoleOf } from './console-fixture.ts';

/** A connection that takes what is written when the test says so. */
class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  readonly #callbacks: (() => void)[] = [];
  text = '';
  isEnded = false;
  destroyed = false;

  write(octets: Buffer, callback: () => void): void {
    this.written.push(octets);
    this.text += octets.toString();
    this.#callbacks.push(callback);
  }

  sendAll(): void {
    for (let callback = this.#callbacks.shift(); callback !== undefined; callback = this.#callbacks.shift()) callback();
  }

  end(): void {
    this.isEnded = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function lineOf(socket: FakeSocket): ConsoleLine {
  return new ConsoleLine(socket as unknown as TLSSocket);
}

test('S-371 (part) what a console shows goes out in order, one write at a time, from memory that is overwritten', () => {
  const socket = new FakeSocket();
  const line = lineOf(socket);
  for (const text of ['mast', 'erk', 'ey', ' set']) {
    const octets = Buffer.from(text);
    line.send(octets);
    octets.fill(0); // the caller's own
  }
  line.close();
  assert.deepEqual([socket.written.length, socket.isEnded], [1, false]);
  socket.sendAll();
  assert.deepEqual([socket.text, socket.isEnded], ['masterkey set', true]);
  assert.equal(socket.written.length, 2);
  assert.ok(socket.written.every((octets) => octets.every((octet) => octet === 0)));
  line.send(Buffer.from('more'));
  line.close();
  assert.equal(socket.text, 'masterkey set');
});

test('a client that does not read is let go, with all that waits for it', () => {
  const socket = new FakeSocket();
  const line = lineOf(socket);
  for (let i = 0; i < 4; i++) line.send(Buffer.alloc(1 << 20, 'x'));
  assert.equal(socket.destroyed, false);
  line.send(Buffer.from('x'));
  assert.equal(socket.destroyed, true);
  socket.sendAll();
  line.send(Buffer.from('x'));
  assert.equal(socket.written.length, 1);
});

test('S-371 (part) the console prefers the cipher that keeps nothing of what was typed, and serves those who do not have it', async () => {
  await using fixture = await ApplianceFixture.make();
  await using listener = await consoleOf(fixture);
  const cipherWith = async (options: {
    readonly ciphers?: string;
    readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  }): Promise<string> => {
    const socket = connect({
      host: '127.0.0.1',
      port: listener.local.port,
      rejectUnauthorized: false,
      ALPNProtocols: [OWN_ALPN],
      ...options,
    });
    await once(socket, 'secureConnect');
    const { name } = socket.getCipher();
    socket.destroy();
    return name;
  };
  assert.equal(await cipherWith({ maxVersion: 'TLSv1.3' }), 'TLS_CHACHA20_POLY1305_SHA256');
  assert.match(await cipherWith({ maxVersion: 'TLSv1.2' }), /^ECDHE-\w+-CHACHA20-POLY1305$/);
  assert.equal(
    await cipherWith({ ciphers: 'TLS_AES_256_GCM_SHA384', maxVersion: 'TLSv1.3' }),
    'TLS_AES_256_GCM_SHA384',
  );
  assert.match(await cipherWith({ ciphers: 'ECDHE+AESGCM', maxVersion: 'TLSv1.2' }), /^ECDHE-\w+-AES\d+-GCM/);
});
