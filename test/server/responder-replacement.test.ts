import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import workerThreads, { Worker, type WorkerOptions } from 'node:worker_threads';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import type { ListenAddress } from '../../src/server/responder.ts';
import type { ResponderPool } from '../../src/server/responder-pool.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { oldestReader } from '../../src/zone/store/reader-epoch.ts';
import { HEAD } from '../../src/zone/store/arena.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

/* A responder thread that dies, of whatever, is replaced; meanwhile the others answer, and it holds on to nothing. */

/** Threads in the order in which they were started, each with little memory, so that it can be used up. */
const threads: Worker[] = [];

class SmallWorker extends Worker {
  constructor(file: string | URL, options: WorkerOptions) {
    super(file, { ...options, resourceLimits: { maxOldGenerationSizeMb: 48 } });
    threads.push(this);
  }
}
workerThreads.Worker = SmallWorker;
syncBuiltinESMExports();
const { ResponderPool: Pool } = await import('../../src/server/responder-pool.ts');

const TEXT = '$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n';
const QUERY = writeMessage(makeQuery(99, { name: mustName('ns.pool.test.'), type: TYPE.A, class: CLASS.IN }));
const AXFR = writeMessage(makeQuery(98, { name: mustName('pool.test.'), type: TYPE.AXFR, class: CLASS.IN }));

interface Running extends AsyncDisposable {
  readonly pool: ResponderPool;
  readonly fixture: ZoneFixture;
  readonly clock: SimulatedClock;
  readonly log: MemoryLog;
  readonly port: number;
  /** Our own, in the order of the rows. */
  readonly workers: Worker[];
}

async function start(count: number, text = TEXT): Promise<Running> {
  const fixture = new ZoneFixture();
  fixture.add('pool.test.', scanZone('pool.test.', text));
  const log = new MemoryLog();
  const clock = new SimulatedClock(1_800_000_000);
  const first = threads.length;
  const pool = await Pool.start(
    { threads: count, tables: fixture.tables() },
    { arena: fixture.arena, clock, log, onRequest: async () => undefined },
  );
  const [{ port }] = await pool.listen([{ address: '127.0.0.1', port: 0 }]);
  const workers = threads.slice(first);
  return { pool, fixture, clock, log, port, workers, [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose]() };
}

async function ask(port: number, query = QUERY): Promise<Message> {
  const socket = createSocket('udp4');
  socket.send(query, port, '127.0.0.1');
  try {
    const [octets] = (await once(socket, 'message', { signal: AbortSignal.timeout(60_000) })) as [Buffer];
    return parseMessage(octets);
  } finally {
    socket.close();
  }
}

/** So many clients, each with a port of its own: they fall to all threads. All have to be answered at the first try. */
async function askMany(port: number, clients = 40): Promise<Message[]> {
  return Promise.all(Array.from({ length: clients }, () => ask(port)));
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('what was waited for did not happen within a minute');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const isDeath = ({ severity, text }: { severity: string; text: string }): boolean =>
  severity === 'critical' && text.includes(' ended (');

async function died(running: Running, times = 1): Promise<void> {
  await until(() => running.log.records.filter(isDeath).length >= times);
}

/** Moves the clock on by the second, and waits until the new thread answers: until its port is known to the kernel. */
async function replaced(running: Running): Promise<Worker> {
  const before = threads.length;
  await running.clock.advance(1);
  await until(() => threads.length > before);
  const worker = threads[before];
  await until(() => socketsOn(running.port) === running.workers.length);
  return worker;
}

/** Sockets on a UDP port of 127.0.0.1, as the kernel lists them. */
function socketsOn(port: number): number {
  const wanted = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return fs
    .readFileSync('/proc/net/udp', 'latin1')
    .split('\n')
    .filter((line) => line.includes(` ${wanted} `)).length;
}

/** Ways to die. What is posted is no message of ours: the thread has a fault, of which nobody knows before. */
const deaths: readonly { readonly what: string; readonly reason: RegExp; readonly kill: (worker: Worker) => void }[] = [
  { what: 'that is ended from outside', reason: /it left/, kill: (worker) => void worker.terminate() },
  {
    what: 'with an exception that nobody catches',
    reason: /TypeError/,
    kill: (worker) => worker.postMessage({ kind: 'tables', request: -1, tables: null }),
  },
  {
    what: 'that uses up its memory',
    reason: /ERR_WORKER_OUT_OF_MEMORY/,
    kill: (worker) => worker.postMessage(Array.from({ length: 3_000_000 }, (_, i) => ({ i }))),
  },
];

describe('a responder thread', { timeout: 500_000 }, () => {
  for (const { what, reason, kill } of deaths)
    test(`${what} is replaced after a second; the others answer meanwhile, and counters go on`, async () => {
      await using running = await start(3);
      const { pool, port, workers, log, clock } = running;
      assert.equal((await askMany(port)).length, 40);
      kill(workers[1]);
      await died(running);
      const death = log.records.find(isDeath);
      assert.match(death?.text ?? '', /^responder thread 1 ended \(.*\): another takes its place in 1 s$/s);
      assert.match(death?.text ?? '', reason);
      await askMany(port);
      assert.equal(socketsOn(port), 2);
      const before = threads.length;
      await clock.advance(0.999);
      assert.equal(threads.length, before, 'it is not replaced before its time');
      await replaced(running);
      await askMany(port);
      assert.equal(pool.counters().QrySuccess, 120);
      assert.equal(log.records.filter(isDeath).length, 1);
    });

  test('the first of them, and all of them one after the other', async () => {
    await using running = await start(2);
    for (let round = 1; round <= 6; round++) {
      const worker = running.workers[round % 2];
      void worker.terminate();
      await died(running, round);
      await askMany(running.port);
      running.workers[round % 2] = await replaced(running);
      await askMany(running.port);
    }
    assert.equal(running.pool.counters().QrySuccess, 480);
  });

  test('all of them at once: as soon as they are back, all is answered', async () => {
    await using running = await start(2);
    for (const worker of running.workers) void worker.terminate();
    await died(running, 2);
    assert.equal(socketsOn(running.port), 0);
    await replaced(running);
    await askMany(running.port);
  });

  test('that dies in a transfer lets go of the version that it was sending', async () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => `h${i} A 10.0.${i >> 8}.${i & 255}\n`);
    await using running = await start(1, TEXT + lines.join(''));
    const { fixture, workers } = running;
    const [store] = fixture.stores;
    const client = await slowTransfer(running.port);
    const before = store.current();
    const next = store.load();
    for (const { owner, type, ttl, rdata } of scanZone('pool.test.', TEXT))
      next.add(owner, 0, type, ttl, rdata, 0, rdata.length);
    store.publish(next.finish());
    store.release(before);
    fixture.extents.reclaim();
    assert.ok(fixture.extents.usedOctets > 1 << 20, 'the transfer has let go of its version');
    void workers[0].terminate();
    await died(running);
    fixture.extents.reclaim();
    assert.ok(fixture.extents.usedOctets < 1 << 17, `${fixture.extents.usedOctets} octets are still held`);
    client.destroy();
    await replaced(running);
    await askMany(running.port, 4);
  });

  test('that dies in the middle of its work leaves no epoch, and no version is held', async () => {
    await using running = await start(2);
    const { fixture, port } = running;
    const [store] = fixture.stores;
    const flood = createSocket('udp4');
    flood.on('message', () => flood.send(QUERY, port, '127.0.0.1'));
    for (let round = 1; round <= 8; round++) {
      for (let i = 0; i < 50; i++) flood.send(QUERY, port, '127.0.0.1');
      const change = store.edit(store.current());
      change.setRRset(mustName('ns.pool.test.'), TYPE.A, 60, [Uint8Array.of(192, 0, 2, round)]);
      const before = store.current();
      store.publish(change.commit());
      store.release(before);
      void running.workers[round % 2].terminate();
      await died(running, round);
      running.workers[round % 2] = await replaced(running);
    }
    flood.close();
    await askMany(port);
    const { arena } = fixture;
    await until(() => oldestReader(arena) === Atomics.load(arena.u32, HEAD.EPOCH));
  });
});

/** Asks for the zone and reads nothing, when the first of it has come. */
async function slowTransfer(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(Buffer.concat([Buffer.of(AXFR.length >> 8, AXFR.length & 255), AXFR]));
  await once(socket, 'readable');
  return socket;
}

describe('what a thread has to know when it takes the place of another', { timeout: 500_000 }, () => {
  test('tables that came while it was away', async () => {
    await using running = await start(2);
    const { pool, fixture, workers, port } = running;
    void workers[0].terminate();
    await died(running);
    await pool.setTables({ ...fixture.tables(), views: [] });
    await replaced(running);
    for (const { rcode } of await askMany(port)) assert.equal(rcode, 5);
  });

  test('tables that come while it starts', async () => {
    await using running = await start(2);
    const { pool, fixture, workers, port } = running;
    void workers[0].terminate();
    await died(running);
    const setting = pool.setTables({ ...fixture.tables(), views: [] });
    await replaced(running);
    await setting;
    for (const { rcode } of await askMany(port)) assert.equal(rcode, 5);
  });

  test('tables that another was given when it died: who gives them is not told of an error', async () => {
    await using running = await start(2);
    const { pool, fixture, workers, port } = running;
    for (let round = 0; round < 6; round++) {
      const views = round % 2 === 0 ? [] : fixture.tables().views;
      const setting = pool.setTables({ ...fixture.tables(), views });
      void workers[round % 2].terminate();
      await setting;
      await died(running, round + 1);
      workers[round % 2] = await replaced(running);
      for (const { rcode } of await askMany(port)) assert.equal(rcode, round % 2 === 0 ? 5 : 0);
    }
  });

  test('addresses that came or went while it was away, and port 0 when the first thread is gone', async () => {
    await using running = await start(3);
    const { pool, workers, port } = running;
    void workers[0].terminate();
    await died(running);
    const more: ListenAddress[] = [
      { address: '127.0.0.1', port },
      { address: '127.0.0.2', port: 0 },
    ];
    const real = await pool.listen(more);
    assert.ok(real[1].port > 0, 'the port that it got is told');
    await replaced(running);
    assert.deepEqual(
      (await pool.listen(real)).map((one) => one.port),
      real.map((one) => one.port),
    );
    await askMany(port);
    void workers[1].terminate();
    await died(running, 2);
    await pool.listen([real[1]]);
    const before = threads.length;
    await running.clock.advance(1);
    await until(() => threads.length > before);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(socketsOn(port), 0, 'it does not listen where the others do not any more');
  });

  test('a pool that ends while a thread is being started leaves nothing that listens', async () => {
    const running = await start(2);
    void running.workers[0].terminate();
    await died(running);
    const before = threads.length;
    const advanced = running.clock.advance(1);
    await until(() => threads.length > before);
    await running.pool[Symbol.asyncDispose]();
    await advanced;
    assert.equal(socketsOn(running.port), 0);
  });
});
