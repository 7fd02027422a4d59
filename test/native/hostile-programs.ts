import assert from 'node:assert/strict';
import fs from 'node:fs';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { randomBelow, SeededRandom } from '../../src/base/random.ts';
import { NativeEndpoint } from '../../src/net/native-endpoint.ts';
import { loadNativeModule, type NativeModule } from '../../src/net/native-module.ts';

/* What nobody should do to native/udp, in a process for each. Usage: hostile-programs.ts NAME MODULE [SEED]; exit code 0 is
   success. */

interface ThreadData {
  readonly file: string;
  readonly task: keyof typeof tasks;
  readonly port: number;
}

const threadData = workerData as ThreadData;
const file = isMainThread ? process.argv[3] : threadData.file;
const found = loadNativeModule(file);
if (found.module === undefined) throw new Error(found.reason);
const { module } = found;
/** An address that no other test has: ports are left, and taken again. */
const HOST = '127.83.0.3';
const LOOPBACK = Uint8Array.of(127, 83, 0, 3);
const MODULE_CODES = new Set(['ERR_INVALID_ARG_TYPE', 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'ERR_UDP_MODULE']);

const bind = (port = 0, reusePort = false): Promise<NativeEndpoint> =>
  NativeEndpoint.bind({ address: HOST, port, reusePort }, module);

const descriptors = (): number => fs.readdirSync('/proc/self/fd').length;

function detached<T extends { buffer: ArrayBufferLike }>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  return array;
}

function memoryOn(buffer: new (octets: number) => ArrayBufferLike): Record<string, unknown> {
  return {
    received: new Uint8Array(new buffer(64 * 512)),
    receivedLength: new Uint32Array(new buffer(256)),
    peers: new Uint8Array(new buffer(1024)),
    peerLength: new Uint8Array(new buffer(64)),
    peerPort: new Uint16Array(new buffer(128)),
    answers: new Uint8Array(new buffer(64 * 512)),
    answerLength: new Uint32Array(new buffer(256)),
    counters: new BigUint64Array(new buffer(8 * module.counterNames.length)),
  };
}

type Open = NativeModule['open'];
const openOn = (memory: Record<string, unknown>, onBatch: (count: number) => void): ReturnType<Open> =>
  module.open(HOST, 0, 0, 0, memory as unknown as Parameters<Open>[4], onBatch);

/** Values of every kind that JavaScript has; some do something when they are looked at. */
function anyValue(random: SeededRandom, sockets: readonly unknown[]): unknown {
  const size = randomBelow(random, 70_000);
  const makers: (() => unknown)[] = [
    () => undefined,
    () => null,
    () => randomBelow(random, 2) === 1,
    () => randomBelow(random, 2 ** 32) * 2 ** randomBelow(random, 30) - 2 ** 31,
    () => [NaN, Infinity, -Infinity, -0, 0.5, 2 ** 53, 65_535, 65_536][randomBelow(random, 8)],
    () => BigInt(size) ** 5n,
    () => ['127.0.0.1', '127.0.0.2', '::1', '', '\0', '127.0.0.1\0x', 'é'.repeat(80), 'x'.repeat(size)][randomBelow(random, 8)], // prettier-ignore
    () => Symbol('any'),
    () => () => undefined,
    () => () => {
      throw new Error('from a handler');
    },
    () => ({}),
    () => [1, 2, 3],
    () => new Proxy({}, { get: () => new Uint8Array(64), has: () => true }),
    () => ({ ...memoryOn(ArrayBuffer) }),
    () => ({ ...memoryOn(SharedArrayBuffer) }),
    () => {
      const memory = memoryOn(ArrayBuffer);
      const parts = Object.keys(memory);
      memory[parts[randomBelow(random, parts.length)]] = anyValue(random, sockets);
      return memory;
    },
    () => ({
      ...memoryOn(ArrayBuffer),
      get answers(): never {
        throw new Error('from a getter');
      },
    }),
    () => new Uint8Array(size),
    () => new Uint8Array(new ArrayBuffer(size + 7), 7),
    () => new Uint8Array(new ArrayBuffer(size, { maxByteLength: 2 * size }), 0),
    () => new Uint8Array(new SharedArrayBuffer(size)),
    () => detached(new Uint8Array(size)),
    () => detached(new BigUint64Array(99)),
    () => Buffer.from('buffer'),
    () => [new Int8Array(4), new Uint8ClampedArray(4), new Float16Array(9), new Float64Array(9), new BigInt64Array(4)][randomBelow(random, 5)], // prettier-ignore
    () => new Uint16Array(size),
    () => new Uint32Array(size),
    () => new DataView(new ArrayBuffer(16)),
    () => LOOPBACK,
    () => new Uint8Array(16),
    () => sockets[randomBelow(random, Math.max(1, sockets.length))],
  ];
  return makers[randomBelow(random, makers.length)]();
}

const programs: Record<string, () => Promise<void>> = {
  /** Any arguments in any order: an error that tells, or what was asked for; nothing else happens to the process. */
  async arguments() {
    const random = new SeededRandom(Number(process.argv[4]));
    const sockets: ReturnType<Open>[] = [];
    const functions = ['open', 'localAddress', 'start', 'send', 'dropped', 'close'] as const;
    const refusals = new Map<string, number>();
    let opened = 0;
    process.on('uncaughtException', (error) => assert.match(error.message, /^from a handler$/));
    for (let i = 0; i < 60_000; i++) {
      if (i % 5000 === 0) await new Promise(setImmediate);
      const name = functions[randomBelow(random, functions.length)];
      const values = Array.from({ length: randomBelow(random, 8) }, () => anyValue(random, sockets));
      // Mostly right, so that what comes behind the first check is reached.
      if (name === 'open' && i % 2 === 0) {
        const right = ['127.0.0.1', 0, randomBelow(random, 2), 0, memoryOn(ArrayBuffer), () => undefined];
        for (let at = 0; at < right.length; at++) if (randomBelow(random, 8) > 0) values[at] = right[at];
      } else if (sockets.length > 0 && i % 3 > 0) values[0] = sockets[randomBelow(random, sockets.length)];
      try {
        const result = (module[name] as (...all: unknown[]) => unknown)(...values);
        if (name === 'open') sockets.push(result as ReturnType<Open>);
        if (name === 'open') opened++;
      } catch (error) {
        const { code, message, syscall } = error as Error & { code?: string; syscall?: string };
        // V8 itself refuses to look for the parts of undefined.
        const isNothing = name === 'open' && message === 'Cannot convert undefined or null to object';
        const isTold = MODULE_CODES.has(code ?? '') || syscall !== undefined || message === 'from a getter';
        if (!isTold && !isNothing) throw error;
        refusals.set(code ?? message, (refusals.get(code ?? message) ?? 0) + 1);
      }
      if (sockets.length > 40) module.close(sockets.shift() as ReturnType<Open>, () => undefined);
    }
    for (const socket of sockets) module.close(socket, () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(opened > 200, `only ${opened} sockets were opened`);
    assert.ok((refusals.get('ERR_INVALID_ARG_TYPE') ?? 0) > 1000 && refusals.has('ERR_SOCKET_DGRAM_NOT_RUNNING'));
  },

  /** A buffer that went elsewhere has no octets; one that is shared has them for all threads. */
  async buffers() {
    for (const part of Object.keys(memoryOn(ArrayBuffer))) {
      const memory = memoryOn(ArrayBuffer);
      memory[part] = detached(memory[part] as Uint8Array);
      assert.throws(() => openOn(memory, () => undefined), { code: 'ERR_INVALID_ARG_TYPE', message: new RegExp(part) });
    }
    const shared = memoryOn(SharedArrayBuffer);
    const arrived = Promise.withResolvers<number>();
    const socket = openOn(shared, arrived.resolve);
    module.start(socket);
    module.send(socket, new Uint8Array(new SharedArrayBuffer(5)).fill(9), LOOPBACK, module.localAddress(socket).port);
    assert.equal(await arrived.promise, 1);
    assert.deepEqual((shared['received'] as Uint8Array).subarray(0, 6), Uint8Array.of(9, 9, 9, 9, 9, 0));
    // Of octets that went elsewhere none are sent.
    module.send(socket, detached(new Uint8Array(5)), LOOPBACK, 9);
    await new Promise<void>((resolve) => module.close(socket, resolve));
  },

  /** A socket belongs to the thread that opened it: it cannot be given to another. */
  async 'socket-to-thread'() {
    const socket = openOn(memoryOn(ArrayBuffer), () => undefined);
    const worker = startThread('idle');
    await once(worker, 'message');
    assert.throws(() => worker.postMessage(socket), { name: 'DataCloneError' });
    await worker.terminate();
    await new Promise<void>((resolve) => module.close(socket, resolve));
  },

  /** Threads with sockets on one address, opened, asked and closed at the same time, on and on. */
  async 'two-threads'() {
    await using kept = await bind(0, true);
    kept.receive(() => undefined);
    const threads = [1, 2, 3].map(() => startThread('cycle', kept.local.port));
    await Promise.all(
      threads.map(async (thread) => {
        // A thread's last message and its end may come in one turn: whoever waits for the end after the message waits for ever.
        const ended = once(thread, 'exit');
        const [cycles] = (await once(thread, 'message')) as [number];
        assert.equal(cycles, CYCLES);
        const [code] = (await ended) as [number];
        assert.equal(code, 0);
      }),
    );
  },

  /** A thread that is ended in the middle of its handler, which never returns. */
  async 'terminated-in-handler'() {
    await using client = await bind();
    for (let i = 0; i < 12; i++) {
      const worker = startThread('spin');
      const [port] = (await once(worker, 'message')) as [number];
      const spinning = once(worker, 'message');
      for (let octet = 0; octet < 100; octet++) client.send(Uint8Array.of(octet), LOOPBACK, port);
      await spinning;
      await worker.terminate();
      await using again = await bind(port);
      assert.equal(again.local.port, port);
    }
  },

  /** A thread that its own handler ends: by an exception, by leaving, by using up its memory. */
  async 'ended-by-handler'() {
    await using client = await bind();
    for (const [task, end] of [
      ['throw', /^Error: a fault in the handler$/],
      ['leave', /^exit code 7$/],
      ['exhaust', /ERR_WORKER_OUT_OF_MEMORY/],
    ] as const)
      for (let i = 0; i < 3; i++) {
        const worker = startThread(task);
        const [port] = (await once(worker, 'message')) as [number];
        const reasons: string[] = [];
        worker.on('error', (error) => reasons.push(String(error)));
        const exit = new Promise<number>((resolve) => worker.once('exit', resolve));
        for (let octet = 0; octet < 100; octet++) client.send(Uint8Array.of(octet), LOOPBACK, port);
        const code = await exit;
        assert.match(reasons[0] ?? `exit code ${code}`, end);
        await using again = await bind(port);
        assert.equal(again.local.port, port);
      }
  },

  /** Sockets, and threads with sockets, that come and go leave neither descriptors nor memory. */
  async cycles() {
    const collect = (globalThis as { gc?: () => void }).gc;
    assert.ok(collect, 'run with --expose-gc');
    const cycle = async (sockets: number, threads: number): Promise<void> => {
      for (let i = 0; i < sockets; i++) {
        const endpoint = await bind();
        endpoint.receive(() => undefined);
        endpoint.send(Uint8Array.of(1), LOOPBACK, endpoint.local.port);
        await endpoint[Symbol.asyncDispose]();
        await assert.rejects(NativeEndpoint.bind({ address: '192.0.2.1', port: 0 }, module));
      }
      for (let i = 0; i < threads; i++) {
        const worker = startThread(i % 2 === 0 ? 'spin' : 'idle');
        await once(worker, 'message');
        await worker.terminate();
      }
      collect();
      await new Promise((resolve) => setTimeout(resolve, 20));
      collect();
    };
    await cycle(300, 6);
    const before = { descriptors: descriptors(), rss: process.memoryUsage().rss };
    await cycle(2000, 30);
    const grown = process.memoryUsage().rss - before.rss;
    // Those of threads are closed a moment after their end.
    for (let i = 0; i < 1000 && descriptors() > before.descriptors; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(descriptors(), before.descriptors);
    // Had each left only the memory of its batch behind, it were 1 GiB.
    assert.ok(grown < 80 * 2 ** 20, `2000 sockets and 30 threads left ${grown} octets`);
  },
};

const CYCLES = 150;

/** What threads do. */
const tasks = {
  async idle(): Promise<void> {
    await bind();
    parentPort?.postMessage(0);
    parentPort?.on('message', () => undefined);
  },
  async spin(): Promise<void> {
    const server = await bind();
    server.receive(() => {
      parentPort?.postMessage('spinning');
      for (;;);
    });
    parentPort?.postMessage(server.local.port);
  },
  async throw(): Promise<void> {
    const server = await bind();
    server.receive(() => {
      throw new Error('a fault in the handler');
    });
    parentPort?.postMessage(server.local.port);
  },
  async leave(): Promise<void> {
    const server = await bind();
    server.receive(() => process.exit(7));
    parentPort?.postMessage(server.local.port);
  },
  async exhaust(): Promise<void> {
    const server = await bind();
    server.receive(() => {
      const all: unknown[] = [];
      for (;;) all.push(Array.from({ length: 1000 }, Object));
    });
    parentPort?.postMessage(server.local.port);
  },
  async cycle(): Promise<void> {
    const { port } = threadData;
    for (let i = 0; i < CYCLES; i++) {
      await using server = await bind(port, true);
      await using client = await bind();
      server.receive((batch) => {
        for (let at = 0; at < batch.count; at++) batch.answerLength[at] = batch.receivedLength[at];
      });
      client.receive(() => undefined);
      for (let octet = 0; octet < 20; octet++) client.send(Uint8Array.of(octet), LOOPBACK, port);
      if (i % 3 === 0) await new Promise(setImmediate);
    }
    parentPort?.postMessage(CYCLES);
  },
};

function startThread(task: keyof typeof tasks, port = 0): Worker {
  const data: ThreadData = { file, task, port };
  return new Worker(new URL(import.meta.url), { workerData: data, resourceLimits: { maxOldGenerationSizeMb: 24 } });
}

await (isMainThread ? programs[process.argv[2]]() : tasks[threadData.task]());
