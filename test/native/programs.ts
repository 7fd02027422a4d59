import assert from 'node:assert/strict';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { NativeEndpoint } from '../../src/net/native-endpoint.ts';
import { loadNativeModule } from '../../src/net/native-module.ts';
import type { BatchHandler } from '../../src/net/udp-endpoint.ts';

/* Programs for what cannot be tried in the process of a test. Usage: programs.ts NAME MODULE; exit code 0 is
   success. */

const file = isMainThread ? process.argv[3] : (workerData as string);
const { module } = loadNativeModule(file);
assert.ok(module, `${file} cannot be loaded`);
/** An address that no other test has: ports are left, and taken again. */
const HOST = '127.83.0.2';
const LOOPBACK = Uint8Array.of(127, 83, 0, 2);

const bind = (): Promise<NativeEndpoint> => NativeEndpoint.bind({ address: HOST, port: 0 }, module);

const echo: BatchHandler = (batch) => {
  for (let i = 0; i < batch.count; i++) {
    batch.answers[i].set(batch.received[i].subarray(0, batch.receivedLength[i]));
    batch.answerLength[i] = batch.receivedLength[i];
  }
};

/** Resolves when `wanted` different datagrams of one octet have come. */
function gather(endpoint: NativeEndpoint, wanted: number): Promise<void> {
  const seen = new Set<number>();
  return new Promise((resolve) => {
    endpoint.receive((batch) => {
      for (let i = 0; i < batch.count; i++) seen.add(batch.received[i][0]);
      if (seen.size === wanted) resolve();
    });
  });
}

const programs: Record<string, () => Promise<void>> = {
  /** With FAIL=send: nothing is lost and nothing is read out of turn while answers wait. */
  async 'full-send-buffer'() {
    await using server = await bind();
    await using client = await bind();
    server.receive(echo);
    const all = gather(client, 200);
    for (let i = 0; i < 200; i++) client.send(Uint8Array.of(i), LOOPBACK, server.local.port);
    await all;
    const { sent, sendWaits, received } = server.counters();
    assert.deepEqual([sent, received], [200, 200]);
    assert.ok(sendWaits >= 200, `only ${sendWaits} waits`);
  },

  /** With FAIL=send: closing while answers wait. */
  async 'close-while-sending'() {
    for (let i = 0; i < 50; i++) {
      await using client = await bind();
      const server = await bind();
      server.receive((batch) => {
        echo(batch);
        setImmediate(() => void server[Symbol.asyncDispose]());
      });
      for (let octet = 0; octet < 200; octet++) client.send(Uint8Array.of(octet), LOOPBACK, server.local.port);
      await new Promise((resolve) => setTimeout(resolve, 2));
      await server[Symbol.asyncDispose]();
    }
  },

  /** An exception of the handler is 'uncaughtException'; who survives that goes on to receive. */
  async 'throwing-handler'() {
    await using server = await bind();
    await using client = await bind();
    const faults: unknown[] = [];
    process.on('uncaughtException', (error) => faults.push(error.message));
    let batches = 0;
    server.receive((batch) => {
      if (++batches === 1) throw new Error('a fault in the handler');
      echo(batch);
    });
    const answered = gather(client, 1);
    client.send(Uint8Array.of(1), LOOPBACK, server.local.port);
    while (batches === 0) await new Promise(setImmediate);
    client.send(Uint8Array.of(2), LOOPBACK, server.local.port);
    await answered;
    assert.deepEqual(faults, ['a fault in the handler']);
  },

  /** Without a handler for them, an exception ends the process as any other does. */
  async 'dying-handler'() {
    const server = await bind();
    server.receive(() => {
      throw new Error('a fault in the handler');
    });
    server.send(Uint8Array.of(1), LOOPBACK, server.local.port);
  },

  /** With FAIL=receive: a socket that cannot go on says so, once, and can still be closed. */
  async 'failing-socket'() {
    const server = await bind();
    const { port } = server.local;
    const faults: (Error & { code?: string; syscall?: string })[] = [];
    process.on('uncaughtException', (error) => faults.push(error));
    let batches = 0;
    server.receive(() => batches++);
    await using client = await bind();
    client.send(Uint8Array.of(1), LOOPBACK, port);
    while (batches === 0) await new Promise(setImmediate);
    client.send(Uint8Array.of(2), LOOPBACK, port);
    while (faults.length === 0) await new Promise(setImmediate);
    const [{ message, code, syscall }] = faults;
    assert.deepEqual([message, code, syscall], [`recvmmsg EBADF ${HOST}:${port}`, 'EBADF', 'recvmmsg']);
    assert.throws(() => server.send(Uint8Array.of(1), LOOPBACK, port), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    await server[Symbol.asyncDispose]();
    assert.equal(server.counters()['received'], 1);
    assert.equal(faults.length, 1);
  },

  /** process.exit with sockets open, in the middle of a batch. */
  async 'exit-in-handler'() {
    const server = await bind();
    server.receive(() => process.exit(0));
    server.send(Uint8Array.of(1), LOOPBACK, server.local.port);
  },

  /** Threads that are ended at any instant, with sockets open and datagrams under way. */
  async 'terminated-thread'() {
    await using client = await bind();
    for (let i = 0; i < 12; i++) {
      const worker = new Worker(new URL(import.meta.url), { workerData: file });
      const port = await new Promise<number>((resolve) => worker.once('message', resolve));
      for (let octet = 0; octet < 200; octet++) client.send(Uint8Array.of(octet), LOOPBACK, port);
      await new Promise((resolve) => setTimeout(resolve, i));
      await worker.terminate();
      await using again = await NativeEndpoint.bind({ address: HOST, port }, module);
      assert.equal(again.local.port, port);
    }
  },

  /** With --expose-gc: sockets that are closed leave no memory, those that are open are not collected. */
  async collected() {
    const collect = (globalThis as { gc?: () => void }).gc;
    assert.ok(collect, 'run with --expose-gc');
    const kept = await bind();
    const { port } = kept.local;
    const answered = gather(kept, 1);
    await rounds(200);
    collect();
    const before = process.memoryUsage().rss;
    await rounds(2000);
    collect();
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 100 * 2 ** 20, `2000 sockets of at least 512 KiB left ${grown} octets`);
    await using client = await bind();
    client.send(Uint8Array.of(1), LOOPBACK, port);
    await answered;
    await kept[Symbol.asyncDispose]();
  },
};

/** Opens, uses and closes so many sockets. */
async function rounds(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await using endpoint = await bind();
    const arrived = gather(endpoint, 1);
    endpoint.send(new Uint8Array(4096).fill(1), LOOPBACK, endpoint.local.port);
    await arrived;
  }
}

async function serveInThread(): Promise<void> {
  const server = await bind();
  server.receive(echo);
  parentPort?.postMessage(server.local.port);
}

await (isMainThread ? programs[process.argv[2]] : serveInThread)();
