import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { ResponderPool } from '../../src/server/responder-pool.ts';
import { signZone } from '../../src/signer/sign-zone.ts';
import { SigningPool } from '../../src/signer/signing-pool.ts';
import { updateSignedZone } from '../../src/signer/update-zone.ts';
import { nameKey } from '../../src/wire/name.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { Arena, type VersionRef } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { signingKey } from '../signer/fixture.ts';
import { contentOf, MIXED_ZONES, type MixedZone, parametersOf, recordsOf } from './no-mixed-zones.ts';
import type { ReaderData, ReaderReport } from './no-mixed-reader.ts';
import { type FixtureRecord, ZoneFixture } from './zone-fixture.ts';

/*
 * No answer mixes two versions of a zone. One thread, as the control thread does, changes two zones as fast as it can; others
 * ask and check every signature, every proof and that all parts of an answer are from one serial. Memory of versions that
 * are gone is used again at once, so that a reader who looks where it may not reads other data.
 *
 * NO_MIXED_SECONDS is how long each of the cases takes (3); the more, the rarer are the faults that it finds.
 */

const SECONDS = Number(process.env['NO_MIXED_SECONDS'] ?? 3);
const SEED = Number(process.env['SIGNET_SEED'] ?? 7583);
const KEYS = [signingKey('ksk'), signingKey('zsk')];
const DNSKEYS = KEYS.map(({ dnskey }) => dnskey);
/** Versions that are signed beforehand. */
const PREPARED = 8;

type Versions = ReadonlyMap<number, readonly FixtureRecord[]>;

function load(store: ZoneStore, records: readonly FixtureRecord[]): VersionRef {
  const loader = store.load();
  for (const { owner, type, ttl, rdata } of records) loader.add(owner, 0, type, ttl, rdata, 0, rdata.length);
  return loader.finish();
}

async function prepare(zone: MixedZone): Promise<Versions> {
  const arena = Arena.create(1 << 24, new SeededRandom(7));
  const store = new ZoneStore({ apex: zone.apex }, { arena, extents: new ExtentPool(arena) });
  await using pool = new SigningPool({ threads: 1, callerSigns: true }, { arena });
  const versions = new Map<number, readonly FixtureRecord[]>();
  for (let serial = 1; serial <= PREPARED; serial++) {
    const unsigned = load(store, contentOf(zone, serial));
    const parameters = parametersOf(zone, KEYS, serial);
    const { version } = await signZone(store, unsigned, parameters, { pool, random: new SeededRandom(SEED) });
    versions.set(serial, recordsOf(arena, version));
    for (const ref of [unsigned, version]) store.release(ref);
  }
  return versions;
}

const prepared: readonly Versions[] = await Promise.all(MIXED_ZONES.map(prepare));

/** Changes what zones show, some times at each call. @returns how often */
type Writer = (fixture: ZoneFixture, until: () => boolean) => Promise<number>;

/** Versions that all stay: nothing but which one is shown changes, hundreds of thousands of times. */
const alternate: Writer = async ({ stores }, until) => {
  const versions = stores.map((store, i) => [...prepared[i].values()].map((records) => load(store, records)));
  let shown = 0;
  while (!until()) {
    for (let i = 0; i < 500; i++, shown++)
      for (const [z, store] of stores.entries()) store.publish(versions[z][(shown * 3) % PREPARED]);
    await turn();
  }
  for (const [z, store] of stores.entries()) for (const version of versions[z]) store.release(version);
  return shown * stores.length;
};

/** Each version is loaded into the memory of the one before the last. */
const reload: Writer = async ({ stores }, until) => {
  let shown = 0;
  while (!until()) {
    for (let i = 0; i < 4; i++, shown++)
      for (const [z, store] of stores.entries()) {
        const version = load(store, prepared[z].get(1 + ((shown * 3) % PREPARED)) ?? []);
        store.publish(version);
        store.release(version);
      }
    await turn();
  }
  return shown * stores.length;
};

interface PlainRRset {
  readonly first: FixtureRecord;
  readonly rdatas: Uint8Array[];
  readonly signatures: Uint8Array[];
}

function rrsetsOf(records: readonly FixtureRecord[]): Map<string, PlainRRset> {
  const rrsets = new Map<string, PlainRRset>();
  for (const record of records) {
    const { owner, rdata } = record;
    const type = record.type === TYPE.RRSIG ? (rdata[0] << 8) | rdata[1] : record.type;
    const key = `${type} ${nameKey(owner)}`;
    const rrset = rrsets.get(key) ?? { first: { ...record, type }, rdatas: [], signatures: [] };
    (record.type === TYPE.RRSIG ? rrset.signatures : rrset.rdatas).push(rdata);
    rrsets.set(key, rrset);
  }
  return rrsets;
}

/** Each version is edited from the one before, in whose extents it lives, until compaction moves it. */
const edit: Writer = async ({ stores }, until) => {
  const all = prepared.map((versions) => [...versions.values()].map(rrsetsOf));
  let shown = 0;
  for (const [z, store] of stores.entries()) {
    const version = load(store, [...prepared[z].values()][0]);
    store.publish(version);
  }
  while (!until()) {
    for (const [z, store] of stores.entries()) {
      const from = all[z][(shown * 3) % PREPARED];
      const to = all[z][((shown + 1) * 3) % PREPARED];
      const before = store.current();
      const change = store.edit(before);
      for (const [key, { first }] of from) if (!to.has(key)) change.deleteRRset(first.owner, first.type);
      for (const { first, rdatas, signatures } of to.values())
        change.setRRset(first.owner, first.type, first.ttl, rdatas, signatures);
      store.publish(change.commit());
      store.release(before);
      store.compactIfWorthwhile();
    }
    shown++;
    await turn();
  }
  for (const store of stores) store.release(store.current());
  return shown * stores.length;
};

/** Real signatures by real updates, as the keeper of a zone makes them. */
const sign: Writer = async ({ stores, arena }, until) => {
  await using pool = new SigningPool({ threads: 1, callerSigns: true }, { arena });
  const random = new SeededRandom(SEED);
  let serial = PREPARED;
  for (const [z, store] of stores.entries()) {
    const version = load(store, prepared[z].get(serial) ?? []);
    store.publish(version);
  }
  while (!until()) {
    serial++;
    for (const [z, store] of stores.entries()) {
      const zone = MIXED_ZONES[z];
      const unsigned = load(store, contentOf(zone, serial));
      const parameters = parametersOf(zone, KEYS, serial);
      const before = store.current();
      const dependencies = { pool, random, serial: () => serial };
      // The whole zone anew now and then: into extents of a signing writer.
      const signed =
        serial % 5 === 0
          ? await signZone(store, unsigned, parameters, dependencies)
          : await updateSignedZone(store, before, unsigned, parameters, dependencies);
      assert.ok(signed !== 'unchanged');
      store.publish(signed.version);
      store.release(before);
      store.release(unsigned);
      store.compactIfWorthwhile();
      await turn();
    }
  }
  for (const store of stores) store.release(store.current());
  return (serial - PREPARED) * stores.length;
};

interface Reader extends AsyncDisposable {
  readonly ready: Promise<void>;
  /** It has asked enough for the test to be worth something. */
  hasEnough(): boolean;
  /** Stops it. Who reads memory that is no version's any more may go round in circles: that is a failure as well. */
  stop(): Promise<ReaderReport>;
}

/** Milliseconds that a reader may take for what it has begun. */
const PATIENCE = 60_000;

function startReader(data: Omit<ReaderData, 'stop'>): Reader {
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const readerData: ReaderData = { ...data, stop };
  const worker = new Worker(new URL('./no-mixed-reader.ts', import.meta.url), { workerData: readerData });
  const ready = Promise.withResolvers<void>();
  const report = Promise.withResolvers<ReaderReport>();
  worker.on('message', (message: 'ready' | ReaderReport) => {
    if (message === 'ready') ready.resolve();
    else report.resolve(message);
  });
  worker.on('error', (error) => {
    ready.reject(error);
    report.reject(error);
  });
  report.promise.catch(() => undefined); // stop() hands it out
  return {
    ready: ready.promise,
    hasEnough: () => Atomics.load(stop, 1) === 1,
    stop: async () => {
      Atomics.store(stop, 0, 1);
      const late = setTimeout(() => report.reject(new Error('the reader does not stop')), PATIENCE);
      try {
        return await report.promise;
      } finally {
        clearTimeout(late);
      }
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}

interface Case {
  readonly how: ReaderData['how'];
  readonly writer: Writer;
  /** Versions and answers that there have to be at least, so that the test is worth something. */
  readonly least: { readonly shown: number } & ReaderData['least'];
}

async function run({ how, writer, least }: Case): Promise<void> {
  const fixture = new ZoneFixture();
  for (const [z, { text }] of MIXED_ZONES.entries()) fixture.add(text, prepared[z].get(1) ?? []);
  for (const store of fixture.stores) store.release(store.current());
  const log = new MemoryLog();
  await using pool = await ResponderPool.start(
    { threads: 2, tables: fixture.tables() },
    { arena: fixture.arena, clock: new SystemClock(), log, onRequest: async () => undefined },
  );
  const [{ port }] = how === 'network' ? await pool.listen([{ address: '127.0.0.1', port: 0 }]) : [{ port: 0 }];
  const versions = writer === sign ? [] : prepared;
  const readerData = { how, arena: fixture.arena.shared, tables: fixture.tables(), port, dnskeys: DNSKEYS, versions };
  await using reader = startReader({ ...readerData, seed: SEED, least });
  await reader.ready;
  const began = performance.now();
  let turns = 0;
  // A slow machine takes longer for what is enough. Each turn shows a version of each zone at least.
  const shown = await writer(fixture, () => {
    const passed = performance.now() - began;
    const isEnough = turns++ * fixture.stores.length >= least.shown && reader.hasEnough();
    return passed > PATIENCE || (passed > SECONDS * 1000 && isEnough);
  });
  const report = await reader.stop();
  const { failures, ...figures } = report;
  if (process.env['NO_MIXED_FIGURES'] !== undefined) console.log(writer.name, how, { shown, ...figures });
  assert.deepEqual(failures, [], `seed ${SEED}, ${shown} versions`);
  assert.ok(shown >= least.shown && report.answers >= least.answers, `hardly anything: ${shown}, ${report.answers}`);
  assert.ok(report.serials >= least.serials && report.verifications >= least.verifications);
  if (how === 'network') assert.ok(report.tcpAnswers > 0 && report.transfers > 0);
  assert.deepEqual(
    log.records.filter(({ severity }) => severity === 'error' || severity === 'critical'),
    [],
  );
  await pool[Symbol.asyncDispose]();
  // Nobody reads any more: what is not shown is free, to the last extent.
  fixture.extents.reclaim();
  const kept = fixture.stores.reduce((sum, store) => sum + store.memory().extents, 0);
  assert.ok(fixture.extents.usedOctets <= kept + 4096, `${fixture.extents.usedOctets} octets are used, not ${kept}`);
  for (const store of fixture.stores) assert.ok(store.versions().length === 1);
}

describe('no answer mixes two versions of a zone', { timeout: 10 * (SECONDS * 1000 + 2 * PATIENCE) }, () => {
  const least = { shown: 20, answers: 500, verifications: 101, serials: 5 };
  test('versions shown in turn, an answerer on the arena', () => run({ how: 'arena', writer: alternate, least }));
  test('versions loaded where others were, an answerer on the arena', () =>
    run({ how: 'arena', writer: reload, least }));
  test('versions edited and compacted, an answerer on the arena', () => run({ how: 'arena', writer: edit, least }));
  test('versions shown in turn, UDP, TCP and AXFR', () => run({ how: 'network', writer: alternate, least }));
  test('versions loaded where others were, UDP, TCP and AXFR', () => run({ how: 'network', writer: reload, least }));
  test('versions signed while they are asked for, UDP, TCP and AXFR', () =>
    run({ how: 'network', writer: sign, least }));
});
