/*
 * What the zone store costs: octets a record, and the time of loads, look-ups, edits and diffs.
 *   node bench/store.ts [names] [delegations]
 */
import { randomBelow, SeededRandom } from '../src/base/random.ts';
import { type Name, uncheckedName } from '../src/wire/name.ts';
import { mustName } from '../src/wire/name-text.ts';
import { TYPE } from '../src/wire/type-codes.ts';
import { Arena, type VersionRef } from '../src/zone/store/arena.ts';
import { ExtentPool } from '../src/zone/store/extent-pool.ts';
import { diffVersions } from '../src/zone/store/zone-diff.ts';
import { ZoneReader } from '../src/zone/store/zone-reader.ts';
import { ZoneStore } from '../src/zone/store/zone-store.ts';

const NAMES = Number(process.argv[2] ?? 100_000);
const DELEGATIONS = Number(process.argv[3] ?? 1_000_000);
const random = new SeededRandom(1);

function time<T>(what: string, count: number, work: () => T): T {
  const start = performance.now();
  const result = work();
  const milliseconds = performance.now() - start;
  const each = (milliseconds * 1000) / count;
  console.log(`${what.padEnd(52)} ${milliseconds.toFixed(1).padStart(9)} ms  ${each.toFixed(3).padStart(9)} us each`);
  return result;
}

function name(labels: readonly string[], apex: Name): Name {
  const parts = labels.flatMap((label) => [label.length, ...Buffer.from(label)]);
  return uncheckedName(Uint8Array.from([...parts, ...apex]));
}

type Row = readonly [owner: Name, type: number, rdata: Uint8Array];

function soa(apex: Name): Row {
  return [apex, TYPE.SOA, Uint8Array.from([...apex, ...apex, ...new Uint8Array(20)])];
}

function signature(type: number, ttl: number, apex: Name): Uint8Array {
  const fixed = [0, type, 13, 3, 0, 0, ttl >> 8, ttl & 255, 0x6a, 1, 2, 3, 0x69, 1, 2, 3, 0x12, 0x34];
  return Uint8Array.from([...fixed, ...apex, ...random.fill(new Uint8Array(64))]);
}

/** `host-000123.bench.example.`: A, NSEC and their RRSIGs, in canonical order. */
function* signedHosts(apex: Name): Generator<Row> {
  yield soa(apex);
  const bitmap = [0, 6, 0x40, 0, 0, 0, 0, 3];
  for (let i = 0; i < NAMES; i++) {
    const label = (number: number): string => `host-${String(number).padStart(6, '0')}`;
    const owner = name([label(i)], apex);
    yield [owner, TYPE.A, Uint8Array.of(10, i >> 16, i >> 8, i)];
    yield [owner, TYPE.RRSIG, signature(TYPE.A, 3600, apex)];
    const next = i + 1 < NAMES ? name([label(i + 1)], apex) : apex;
    yield [owner, TYPE.NSEC, Uint8Array.from([...next, ...bitmap])];
    yield [owner, TYPE.RRSIG, signature(TYPE.NSEC, 3600, apex)];
  }
}

/** Delegations with two name servers, every other with glue below it. */
function* delegations(apex: Name): Generator<Row> {
  yield soa(apex);
  for (let i = 0; i < DELEGATIONS; i++) {
    const label = `d${((i * 7919) % DELEGATIONS).toString(36)}-name`;
    const owner = name([label], apex);
    const inZone = i % 2 === 0;
    const server = inZone ? name(['ns1', label], apex) : mustName(`ns1.host${i % 1000}.example.net.`);
    yield [owner, TYPE.NS, server];
    yield [owner, TYPE.NS, mustName(`ns2.host${i % 1000}.example.net.`)];
    if (inZone) yield [server, TYPE.A, Uint8Array.of(10, i >> 16, i >> 8, i)];
  }
}

function loadRows(store: ZoneStore, what: string, rows: readonly Row[]): VersionRef {
  return time(what, rows.length, () => {
    const loader = store.load();
    for (const [owner, type, rdata] of rows) loader.add(owner, 0, type, 3600, rdata, 0, rdata.length);
    return loader.finish();
  });
}

function reportMemory(what: string, store: ZoneStore, records: number): void {
  const { extents, live } = store.memory();
  const mebibytes = (extents / (1 << 20)).toFixed(1);
  console.log(
    `${what.padEnd(52)} ${mebibytes.padStart(9)} MiB ${(extents / records).toFixed(1).padStart(9)} octets a record ` +
      `(${records} records, ${(live / records).toFixed(1)} without unused ends)`,
  );
}

const arena = Arena.create();
const pool = new ExtentPool(arena);

function benchHosts(): void {
  const apex = mustName('bench.example.');
  const store = new ZoneStore({ apex }, { arena, extents: pool });
  const rows = [...signedHosts(apex)];
  let version = loadRows(store, 'load signed hosts, canonical order', rows);
  store.release(version);
  const shuffled = rows.toSorted(() => randomBelow(random, 3) - 1);
  version = loadRows(store, 'load signed hosts, no order', shuffled);
  store.release(version);
  version = loadRows(store, 'load signed hosts, canonical order, warm', rows);
  store.publish(version);
  const reader = new ZoneReader(arena).open(version);
  reportMemory('signed hosts', store, reader.recordCount);
  lookUps(reader, apex);
  edits(store, version, apex);
}

function lookUps(reader: ZoneReader, apex: Name): void {
  const rounds = 1_000_000;
  const names = Array.from({ length: 4096 }, () =>
    name([`host-${String(randomBelow(random, NAMES)).padStart(6, '0')}`], apex),
  );
  const missing = names.map((one) => uncheckedName(Uint8Array.from([1, 0x78, ...one])));
  const out = new Uint8Array(4096);
  let found = 0;
  for (let warm = 0; warm < 2; warm++) {
    const tell = warm === 0 ? () => undefined : time;
    const run = (what: string, work: (i: number) => number): void => {
      const loop = (): void => {
        for (let i = 0; i < rounds; i++) found += work(i & 4095) === 0 ? 0 : 1;
      };
      if (warm === 0) loop();
      else tell(what, rounds, loop);
    };
    run('find', (i) => reader.find(names[i]));
    run('closestEncloser of a name one label too long', (i) => reader.closestEncloser(missing[i]));
    run('predecessor', (i) => reader.predecessor(missing[i]));
    run('find, RRset, copy A and its RRSIG', (i) => {
      const rrset = reader.rrset(reader.find(names[i]), TYPE.A);
      return reader.copyRdata(reader.firstSignature(rrset), out, reader.copyRdata(reader.firstRdata(rrset), out, 0));
    });
  }
  if (found !== 8 * rounds) throw new Error(`look-ups found ${found} of ${8 * rounds}`);
}

function edits(store: ZoneStore, loaded: VersionRef, apex: Name): void {
  let version = loaded;
  const rounds = 2000;
  const start = version;
  const hold = store.hold(start);
  time('edit of one name, commit, publish', rounds, () => {
    for (let i = 0; i < rounds; i++) {
      const edit = store.edit(version);
      const owner = name([`host-${String(randomBelow(random, NAMES)).padStart(6, '0')}`], apex);
      edit.setRRset(owner, TYPE.A, 3600, [Uint8Array.of(1, 2, i >> 8, i)], [signature(TYPE.A, 3600, apex)]);
      const next = edit.commit();
      store.publish(next);
      store.release(version);
      version = next;
    }
  });
  let told = 0;
  time('diff over these edits', rounds, () =>
    diffVersions(arena, start, version, { added: () => told++, deleted: () => told++ }),
  );
  hold.release();
  const all = store.edit(version);
  time('edit of 10000 names in one commit', 10_000, () => {
    for (let i = 0; i < 10_000; i++)
      all.addRecord(name([`more-${i}`], apex), TYPE.A, 3600, Uint8Array.of(1, 1, i >> 8, i));
    store.publish(all.commit());
    store.release(version);
  });
  store.dispose();
}

function benchDelegations(): void {
  const apex = mustName('tld.');
  const store = new ZoneStore({ apex }, { arena, extents: pool });
  const rows = [...delegations(apex)];
  const version = loadRows(store, 'load delegations, no order', rows);
  reportMemory('delegations with glue', store, new ZoneReader(arena).open(version).recordCount);
  store.dispose();
}

benchHosts();
benchDelegations();
