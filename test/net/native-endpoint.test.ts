import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { buildNative } from '../../scripts/build-native.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { parseAddress } from '../../src/net/address.ts';
import { hostAddresses } from '../../src/net/interfaces.ts';
import { NativeEndpoint } from '../../src/net/native-endpoint.ts';
import { loadNativeModule, type NativeMemory, type NativeSocket } from '../../src/net/native-module.ts';
import { chooseUdpAdapter } from '../../src/net/udp-adapter.ts';
import type { DatagramBatch } from '../../src/net/udp-endpoint.ts';
import { builtModule, MODULE_FILE } from './built-module.ts';

const module = builtModule();
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

function bind(address = '127.0.0.1', port = 0, reusePort = false): Promise<NativeEndpoint> {
  return NativeEndpoint.bind({ address, port, reusePort }, module);
}

function echo(batch: DatagramBatch): void {
  for (let i = 0; i < batch.count; i++) {
    batch.answers[i].set(batch.received[i].subarray(0, batch.receivedLength[i]));
    batch.answerLength[i] = batch.receivedLength[i];
  }
}

/** Resolves when `done` says so, which is asked after each turn of the event loop; a minute is a fault, not slowness. */
async function until(done: () => boolean): Promise<void> {
  const limit = Date.now() + 60_000;
  while (!done()) {
    if (Date.now() > limit) throw new Error('what was waited for did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Asks from a socket of node:dgram, bound to `from`; resolves to the address that the answer came from. */
async function askFrom(from: string, to: string, port: number): Promise<string> {
  const socket = dgram.createSocket(to.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(0, from);
    await once(socket, 'listening');
    const answered = once(socket, 'message', { signal: AbortSignal.timeout(60_000) });
    socket.send('question', port, to);
    const [octets, peer] = (await answered) as [Buffer, dgram.RemoteInfo];
    assert.equal(octets.toString(), 'question');
    assert.equal(peer.port, port);
    return peer.address;
  } finally {
    socket.close();
  }
}

describe('native/udp: the address that was asked answers', () => {
  test('on 0.0.0.0, IP_PKTINFO', async () => {
    await using server = await bind('0.0.0.0');
    server.receive(echo);
    for (const asked of ['127.0.0.1', '127.0.0.2', '127.1.2.3'])
      assert.equal(await askFrom('127.0.0.1', asked, server.local.port), asked);
  });

  test('on ::, IPV6_RECVPKTINFO, at each address of this host', async () => {
    await using server = await bind('::');
    server.receive(echo);
    const asked = hostAddresses().filter(({ address, text }) => address.length === 16 && text !== '::1');
    for (const { text } of [{ text: '::1' }, ...asked]) {
      // A link-local address answers only to its own link.
      const from = text.includes('%') ? text : '::1';
      assert.equal(await askFrom(from, text, server.local.port), text);
    }
  });

  test('on one address of many', async () => {
    await using server = await bind('127.0.0.2');
    server.receive(echo);
    assert.deepEqual(server.local.address, '127.0.0.2');
    assert.equal(await askFrom('127.0.0.1', '127.0.0.2', server.local.port), '127.0.0.2');
  });

  test('a socket on :: leaves IPv4 to others', async () => {
    // A port that another program has for IPv4 shows nothing: the next is tried.
    for (let tries = 0; ; tries++) {
      await using six = await bind('::');
      const four = await bind('0.0.0.0', six.local.port).catch((error: unknown) => {
        if (tries < 20) return undefined;
        throw error;
      });
      if (four === undefined) continue;
      await using _ = four;
      assert.equal(four.local.port, six.local.port);
      break;
    }
  });
});

describe('native/udp: batches', () => {
  test('what waits comes in one batch, at most 64 datagrams', async () => {
    await using server = await bind();
    await using client = await bind();
    for (let i = 0; i < 150; i++) client.send(Uint8Array.of(i), LOOPBACK, server.local.port);
    const counts: number[] = [];
    server.receive((batch) => counts.push(batch.count));
    await until(() => server.counters().received === 150);
    assert.deepEqual(counts, [64, 64, 22]);
  });

  test('sockets with SO_REUSEPORT share the clients of an address', async () => {
    await using first = await bind('127.0.0.1', 0, true);
    await using second = await bind('127.0.0.1', first.local.port, true);
    first.receive(echo);
    second.receive(echo);
    for (let i = 0; i < 64; i++) await askFrom('127.0.0.1', '127.0.0.1', first.local.port);
    const shares = [first.counters().received, second.counters().received];
    assert.equal(shares[0] + shares[1], 64);
    assert.ok(shares[0] > 0 && shares[1] > 0, `one got none: ${shares.join(' and ')}`);
  });

  test('more than the receive buffer holds is counted, the rest is answered', async () => {
    await using server = await NativeEndpoint.bind({ address: '127.0.0.1', port: 0, receiveBuffer: 4096 }, module);
    await using client = await bind();
    for (let i = 0; i < 500; i++) client.send(Uint8Array.of(i), LOOPBACK, server.local.port);
    server.receive(echo);
    await until(() => server.counters().received + server.counters().kernelDropped === 500);
    const { received, sent, kernelDropped } = server.counters();
    assert.ok(kernelDropped > 0 && received > 0);
    assert.equal(sent, received);
  });
});

describe('native/udp: what cannot be carried is counted', () => {
  test('a datagram longer than a slot is dropped; the others of its batch are not', async () => {
    await using server = await bind();
    await using client = await bind();
    for (const length of [10, 4097, 4096, 9000, 20])
      client.send(new Uint8Array(length).fill(1), LOOPBACK, server.local.port);
    const lengths: number[] = [];
    server.receive((batch) => {
      for (let i = 0; i < batch.count; i++) {
        lengths.push(batch.receivedLength[i]);
        assert.ok(batch.received[i].subarray(0, batch.receivedLength[i]).every((octet) => octet === 1));
      }
    });
    await until(() => server.counters().received === 3);
    assert.deepEqual(lengths.toSorted((a, b) => a - b), [10, 20, 4096]); // prettier-ignore
    assert.equal(server.counters().truncated, 2);
  });

  test('an answer longer than its slot, EMSGSIZE, and where nothing can be sent to', async () => {
    await using server = await bind();
    await using client = await bind();
    server.receive((batch) => (batch.answerLength[0] = batch.answers[0].length + 1));
    client.send(Uint8Array.of(1), LOOPBACK, server.local.port);
    await until(() => server.counters().received === 1);
    server.send(new Uint8Array(65_508), LOOPBACK, client.local.port);
    server.send(Uint8Array.of(1), Uint8Array.of(255, 255, 255, 255), 53);
    server.send(Uint8Array.of(1), LOOPBACK, 0);
    const { tooLong, unsendable, sent } = server.counters();
    assert.deepEqual({ tooLong, unsendable, sent }, { tooLong: 2, unsendable: 2, sent: 0 });
  });

  test('the counters outlive the socket', async () => {
    const endpoint = await bind();
    endpoint.send(Uint8Array.of(1), LOOPBACK, endpoint.local.port);
    await endpoint[Symbol.asyncDispose]();
    assert.equal(endpoint.counters().sent, 1);
  });
});

describe('native/udp: mistakes and refusals', () => {
  const memory = (): Record<keyof NativeMemory, unknown> => ({
    received: new Uint8Array(64 * 512),
    receivedLength: new Uint32Array(64),
    peers: new Uint8Array(64 * 16),
    peerLength: new Uint8Array(64),
    peerPort: new Uint16Array(64),
    answers: new Uint8Array(64 * 512),
    answerLength: new Uint32Array(64),
    counters: new BigUint64Array(module.counterNames.length),
  });
  const open = (changes: Partial<Record<keyof NativeMemory, unknown>>): NativeSocket =>
    module.open('127.0.0.1', 0, 0, 0, { ...memory(), ...changes } as NativeMemory, () => undefined);
  const typeError = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' };

  test('an address that cannot be bound is named, with the system error as cause', async () => {
    for (const [address, cause] of [
      ['192.0.2.77', 'EADDRNOTAVAIL'],
      ['nonsense', 'EINVAL'],
    ])
      // prettier-ignore
      await assert.rejects(bind(address, 5353), (error: Error & { code: string; facts: object; cause: Error }) => {
        assert.equal(error.code, 'UDP_BIND_FAILED');
        assert.deepEqual(error.facts, { address, port: 5353, cause });
        assert.match(error.cause.message, new RegExp(`^(bind|getaddrinfo) ${cause} ${address}:5353$`));
        assert.ok('syscall' in error.cause && 'errno' in error.cause);
        return true;
      });
  });

  test('memory that is too small or of another kind', () => {
    for (const part of Object.keys(memory()) as (keyof NativeMemory)[])
      for (const wrong of [undefined, null, 1, {}, [], new Uint8Array(1), new Float64Array(9999), new ArrayBuffer(9)])
        assert.throws(() => open({ [part]: wrong }), { ...typeError, message: new RegExp(`^memory\\.${part} `) });
  });

  test('arguments of another kind', async () => {
    const wrong = [undefined, null, -1, 'x', {}, [], new Uint8Array(3)] as never[];
    const socket = open({});
    const octets = new Uint8Array(1);
    for (const value of wrong) {
      assert.throws(() => module.start(value), typeError);
      assert.throws(() => module.localAddress(value), typeError);
      assert.throws(() => module.dropped(value), typeError);
      assert.throws(() => module.close(value, () => undefined), typeError);
      assert.throws(() => module.close(socket, value), typeError);
      assert.throws(() => module.send(value, octets, LOOPBACK, 53), typeError);
      assert.throws(() => module.send(socket, octets, value, 53), typeError);
      assert.throws(() => module.open('127.0.0.1', 0, 0, 0, memory() as never, value), typeError);
    }
    for (const port of [65_536, 'x', undefined] as never[]) {
      assert.throws(() => module.send(socket, octets, LOOPBACK, port), typeError);
      assert.throws(() => module.open('127.0.0.1', port, 0, 0, memory() as never, () => undefined), typeError);
    }
    assert.throws(() => module.open('1'.repeat(300), 0, 0, 0, memory() as never, () => undefined), typeError);
    assert.throws(() => module.send(socket, octets, parseAddress('::1') as Uint8Array, 53), typeError);
    await new Promise<void>((resolve) => module.close(socket, resolve));
    assert.throws(() => module.start(socket), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    assert.throws(() => module.send(socket, octets, LOOPBACK, 53), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    assert.equal(
      module.close(socket, () => assert.fail('closed twice')),
      false,
    );
  });

  test('no descriptor is left open, whether a socket could be opened or not', async () => {
    const descriptors = (): number => fs.readdirSync('/proc/self/fd').length;
    await using taken = await bind();
    const before = descriptors();
    for (let i = 0; i < 100; i++) {
      await assert.rejects(bind('127.0.0.1', taken.local.port));
      assert.throws(() => open({ counters: undefined }));
      const endpoint = await bind();
      if (i % 2 === 0) endpoint.receive(echo);
      await endpoint[Symbol.asyncDispose]();
    }
    assert.equal(descriptors(), before);
  });
});

describe('which adapter is used', () => {
  test('native/udp where it is, and it says so', async () => {
    const log = new MemoryLog();
    const adapter = chooseUdpAdapter({ log, load: () => loadNativeModule(MODULE_FILE) });
    assert.equal(adapter.kind, 'native');
    await using endpoint = await adapter.bind({ address: '127.0.0.1', port: 0 });
    assert.ok(endpoint instanceof NativeEndpoint);
    assert.deepEqual(log.records, [{ severity: 'info', category: 'network', text: adapter.describe() }]);
  });

  test('node:dgram where it is not, or is of no use, and it says why in one line', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-udp-'));
    const broken = path.join(directory, 'udp.node');
    fs.writeFileSync(broken, 'this is no shared object');
    for (const file of [path.join(directory, 'missing.node'), broken]) {
      const log = new MemoryLog();
      const adapter = chooseUdpAdapter({ log, load: () => loadNativeModule(file) });
      assert.equal(adapter.kind, 'dgram');
      assert.match(adapter.describe(), new RegExp(`node:dgram.*${path.basename(file)}`));
      await using endpoint = await adapter.bind({ address: '127.0.0.1', port: 0 });
      assert.ok(endpoint.local.port > 0);
      assert.deepEqual(log.records, [{ severity: 'notice', category: 'network', text: adapter.describe() }]);
    }
    fs.rmSync(directory, { recursive: true });
  });

  test('a build that cannot be done says why and leaves nothing', () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-udp-'));
    const root = path.resolve(import.meta.dirname, '../..');
    const output = path.join(directory, 'udp.node');
    const without = buildNative({ root, output, compiler: path.join(directory, 'no-compiler') });
    assert.ok(!without.built);
    assert.match(without.reason, /no C compiler/);
    const failing = buildNative({ root, output, compiler: 'false' });
    assert.ok(!failing.built);
    assert.deepEqual(fs.readdirSync(directory), []);
    assert.deepEqual(buildNative({ root, output }), { built: true, fresh: true });
    assert.deepEqual(buildNative({ root, output }), { built: true, fresh: false });
    assert.equal(loadNativeModule(output).module?.counterNames.length, module.counterNames.length);
    fs.rmSync(directory, { recursive: true });
  });
});
