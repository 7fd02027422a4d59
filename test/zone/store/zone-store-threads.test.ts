import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { randomBelow, SeededRandom } from '../../../src/base/random.ts';
import { SignetError } from '../../../src/base/error.ts';
import { type Name } from '../../../src/wire/name.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { Arena } from '../../../src/zone/store/arena.ts';
import { ReaderEpoch } from '../../../src/zone/store/reader-epoch.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { APEX, load, newStore, soaRecord, type TestRecord } from './model.ts';
import { addressOf, type ReaderReport, type ReaderTask } from './reader-thread.ts';

const SERIAL_OWNER = mustName('serial.zone.example.');
const COUNT_OWNER = mustName('count.zone.example.');

function number32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function host(number: number): TestRecord {
  const owner = mustName(`h${number}.zone.example.`);
  return { owner, type: TYPE.A, ttl: 60, rdata: number32(addressOf(owner)) };
}

test('readers in other threads see whole versions only, while a writer changes, compacts and reuses memory', async () => {
  const { arena, pool, store } = newStore(APEX, 32);
  const random = new SeededRandom(99);
  const hosts = new Set(Array.from({ length: 400 }, (_, i) => i));
  const fixed = (serial: number): [Name, Uint8Array][] => [
    [SERIAL_OWNER, number32(serial)],
    [COUNT_OWNER, number32(hosts.size + 3)],
  ];
  const records = [soaRecord(1), ...[...hosts].map(host)];
  for (const [owner, rdata] of fixed(1)) records.push({ owner, type: TYPE.A, ttl: 60, rdata });
  store.publish(load(store, records));
  const stop = new SharedArrayBuffer(8);
  const task: ReaderTask = {
    shared: arena.shared,
    slot: store.slot,
    stop,
    enough: { versions: 11, nodes: 1001 },
    serialOwner: SERIAL_OWNER,
    countOwner: COUNT_OWNER,
  };
  const workers = [1, 2].map(() => new Worker(new URL('reader-thread.ts', import.meta.url), { workerData: task }));
  const reports = workers.map((worker) => once(worker, 'message') as Promise<[ReaderReport]>);
  await Promise.all(workers.map((worker) => once(worker, 'online')));
  // Readers stop also when the writer fails.
  using _ = { [Symbol.dispose]: () => Atomics.store(new Int32Array(stop), 0, 1) };
  const seeing = new Int32Array(stop);
  const hasEnough = (): boolean => Atomics.load(seeing, 1) === workers.length;
  // On a busy machine readers come late: there is something to see until they have seen it.
  for (let serial = 2; serial < 6000 || (!hasEnough() && serial < 600_000); serial++) {
    const before = store.current();
    const edit = store.edit(before);
    for (let i = 0; i < 4; i++) {
      const number = randomBelow(random, 800);
      const { owner, type, ttl, rdata } = host(number);
      if (hosts.delete(number)) edit.deleteRRset(owner, type);
      else {
        hosts.add(number);
        edit.setRRset(owner, type, ttl, [rdata]);
      }
    }
    for (const [owner, rdata] of fixed(serial)) edit.setRRset(owner, TYPE.A, 60, [rdata]);
    edit.setRRset(APEX, TYPE.SOA, 3600, [soaRecord(serial).rdata]);
    store.publish(edit.commit());
    store.release(before);
    store.compactIfWorthwhile();
    // On a busy machine a reader may stand still for long in the middle of a zone: the writer waits for it to go on.
    for (let waits = 0; pool.usedOctets > 4 << 20; waits++) {
      assert.ok(waits < 60_000, 'memory of dropped versions comes back');
      await new Promise((resolve) => setTimeout(resolve, 1));
      pool.reclaim();
    }
    if (serial % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  for (const [report] of await Promise.all(reports)) {
    assert.equal(report.fault, undefined);
    assert.ok(report.versions > 10 && report.nodes > 1000, `${report.versions} versions, ${report.nodes} nodes`);
  }
  assert.equal(store.versions().length, 1);
  store.dispose();
  assert.ok(pool.usedOctets <= 4096, 'only the slots are left');
});

test('memory of a dropped version is not used again while a reader is in an epoch that could see it', () => {
  const { arena, pool, store } = newStore(APEX, 8);
  const first = load(store, [soaRecord(1), host(1)]);
  store.publish(first);
  const epoch = new ReaderEpoch(arena);
  epoch.enter();
  const reader = new ZoneReader(arena).open(Atomics.load(arena.u32, store.slot));
  const owner = host(1).owner;
  const node = reader.find(owner);
  const second = load(store, [soaRecord(2)]);
  store.publish(second);
  store.release(first);
  const used = pool.usedOctets;
  for (let i = 0; i < 50; i++)
    store.release(load(store, [soaRecord(3), ...Array.from({ length: 9 }, (_, j) => host(j))]));
  assert.equal(reader.find(owner), node);
  assert.ok(pool.usedOctets >= used);
  epoch.leave();
  pool.reclaim();
  assert.ok(pool.usedOctets < used);
  epoch.close();
});

test('a version stays while it is published, held or wanted, and is unknown afterwards', () => {
  const { store } = newStore(APEX, 8);
  const unknown = (error: unknown): boolean => error instanceof SignetError && error.code === 'VERSION_UNKNOWN';
  const first = load(store, [soaRecord(1)]);
  store.publish(first);
  store.release(first);
  assert.throws(() => store.release(first), unknown);
  assert.deepEqual(store.versions(), [first]);
  const hold = store.hold(first);
  const second = load(store, [soaRecord(2)]);
  store.publish(second);
  assert.deepEqual(store.versions(), [first, second]);
  hold.release();
  hold.release();
  assert.deepEqual(store.versions(), [second]);
  assert.throws(() => store.edit(first), unknown);
  const late = store.edit(second);
  store.publish(load(store, [soaRecord(3)]));
  store.release(second);
  assert.throws(() => late.deleteRRset(APEX, TYPE.A), unknown);
  assert.throws(() => late.commit(), unknown);
  assert.throws(() => store.publish(first), unknown);
});

test('a version that compaction replaced can still be released by its old ref', () => {
  const { store } = newStore(APEX, 8);
  const first = load(store, [soaRecord(1), ...Array.from({ length: 50 }, (_, i) => host(i))]);
  store.publish(first);
  let version = first;
  let moved = 0;
  for (let serial = 2; serial < 1500; serial++) {
    const edit = store.edit(store.current());
    edit.setRRset(APEX, TYPE.SOA, 3600, [soaRecord(serial).rdata]);
    const next = edit.commit();
    store.publish(next);
    store.release(version);
    version = next;
    store.compactIfWorthwhile();
    if (store.current() !== next) moved++;
  }
  assert.ok(moved > 1, `${moved} compactions`);
  assert.equal(store.versions().length, 1);
});

test('a full arena and a foreign buffer are errors that say so', () => {
  const code = (expected: string) => (error: unknown) => error instanceof SignetError && error.code === expected;
  assert.throws(() => Arena.create(12345), code('ARENA_SIZE'));
  assert.throws(() => Arena.attach(new SharedArrayBuffer(1 << 20)), code('ARENA_FOREIGN'));
  const { pool, store } = newStore(APEX, 2);
  const used = pool.usedOctets;
  const many = Array.from({ length: 40_000 }, (_, i) => host(i));
  assert.throws(() => load(store, [soaRecord(1), ...many]), code('ARENA_FULL'));
  assert.equal(pool.usedOctets, used);
  load(store, [soaRecord(1), ...many.slice(0, 100)]);
});

test('a version needs an SOA record, and an owner in the zone', () => {
  const { store } = newStore(APEX, 8);
  assert.throws(
    () => load(store, [host(1)]),
    (error: unknown) => error instanceof SignetError && error.code === 'ZONE_WITHOUT_SOA',
  );
  const loader = store.load();
  for (const text of ['example.', 'other.example.', 'xzone.example.', '.'])
    assert.equal(loader.add(mustName(text), 0, TYPE.A, 1, Uint8Array.of(1, 1, 1, 1), 0, 4), false, text);
});
