import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../../src/base/random.ts';
import { mustName, nameToText } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { hashedOwner } from '../../../src/zone/store/zone-loader.ts';
import type { Arena, VersionRef } from '../../../src/zone/store/arena.ts';
import { APEX, load, newStore, soaRecord, type TestRecord } from './model.ts';

/** A type of any octets (RFC 1035 section 3.3.10). */
const NULL = 10;

/** Records beyond several batches of a load: owners with A, AAAA and TXT, a third with glue below them. */
function zone(owners: number): TestRecord[] {
  const records = [soaRecord(5)];
  for (let i = 0; i < owners; i++) {
    const owner = mustName(`host-${String(i).padStart(6, '0')}`, APEX);
    records.push({ owner, type: TYPE.A, ttl: 60, rdata: Uint8Array.of(10, i >> 16, i >> 8, i) });
    if (i % 3 === 0) {
      const below = mustName(`ns.host-${String(i).padStart(6, '0')}`, APEX);
      records.push({ owner: below, type: TYPE.A, ttl: 60, rdata: Uint8Array.of(10, 1, i >> 8, i) });
    }
    // Comes after what is below the owner, as DS records do in registries' zones.
    records.push({ owner, type: TYPE.TXT, ttl: 60, rdata: Uint8Array.of(1, 0x30 + (i % 10)) });
  }
  return records;
}

/** All that a version holds, in its order. */
function contents(arena: Arena, version: VersionRef): string[] {
  const reader = new ZoneReader(arena).open(version);
  const lines: string[] = [];
  const list = (node: number): void => {
    const owner = nameToText(reader.owner(node));
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const all = [...reader.rdataAll(rrset), ...reader.signaturesAll(rrset)].map((one) =>
        Buffer.from(one).toString('hex'),
      );
      lines.push(`${owner} ${reader.ttl(rrset)} ${reader.type(rrset)} ${all.join(' ')}`);
    }
  };
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) list(node);
  reader.firstHash();
  for (let node = reader.nextHash(); node !== 0; node = reader.nextHash()) list(node);
  return lines;
}

function shuffled(records: readonly TestRecord[], seed: number): TestRecord[] {
  const random = new SeededRandom(seed);
  const all = [...records];
  for (let i = all.length - 1; i > 0; i--) {
    const j = randomBelow(random, i + 1);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

const { arena, pool, store } = newStore();
const records = zone(30_000);
const inOrder = load(store, records);
const expected = contents(arena, inOrder);

test('records of one owner that come in several batches become one node', () => {
  assert.equal(expected.length, records.length);
  assert.equal(expected.filter((line) => line.startsWith('host-000001')).length, 2);
});

test('any order of the records makes the same zone', () => {
  const byType = [TYPE.TXT, TYPE.SOA, TYPE.A].flatMap((type) => records.filter((record) => record.type === type));
  for (const order of [shuffled(records, 3), records.toReversed(), byType]) {
    const version = load(store, order);
    assert.deepEqual(contents(arena, version), expected);
    store.release(version);
  }
});

test('an RRset whose records come apart has them once, in order, with the first TTL and the signatures that cover it', () => {
  const owner = mustName('x', APEX);
  const a = (last: number, ttl: number): TestRecord => ({
    owner,
    type: TYPE.A,
    ttl,
    rdata: Uint8Array.of(192, 0, 2, last),
  });
  const signature = Uint8Array.from([0, TYPE.A, 13, 2, ...new Uint8Array(14), ...APEX, 1, 2, 3, 4]);
  const covering: TestRecord = { owner: mustName('X', APEX), type: TYPE.RRSIG, ttl: 30, rdata: signature };
  const version = load(store, [soaRecord(1), a(9, 30), ...zone(20_000).slice(1), a(3, 40), covering, a(9, 40)]);
  const [line, ...rest] = contents(arena, version).filter((one) => one.startsWith('x.'));
  assert.deepEqual(rest, []);
  const hex = Buffer.from(signature).toString('hex');
  assert.equal(line, `${nameToText(owner)} 30 1 c0000203 c0000209 ${hex}`);
  store.release(version);
});

test('NSEC3 records in any order, more than a batch', () => {
  const random = new SeededRandom(11);
  const nsec3 = (): TestRecord => ({
    owner: hashedOwner(random.fill(new Uint8Array(20)), APEX),
    type: TYPE.NSEC3,
    ttl: 60,
    rdata: Uint8Array.from([1, 0, 0, 0, 0, 20, ...random.fill(new Uint8Array(20))]),
  });
  const chain = Array.from({ length: 40_000 }, nsec3);
  const sorted = chain.toSorted((a, b) => Buffer.compare(a.owner, b.owner));
  const one = load(store, [soaRecord(1), ...sorted]);
  const other = load(store, [...chain, soaRecord(1)]);
  assert.equal(new ZoneReader(arena).open(other).hashCount, 40_000);
  assert.deepEqual(contents(arena, other), contents(arena, one));
  store.release(one);
  store.release(other);
});

test('finish sets the serial of what was written already', () => {
  const loader = store.load();
  for (const { owner, type, ttl, rdata } of zone(20_000)) loader.add(owner, 0, type, ttl, rdata, 0, rdata.length);
  const version = loader.finish(4711);
  assert.equal(new ZoneReader(arena).open(version).serial, 4711);
  store.release(version);
});

test('a load that is given up, or fails in an early batch, leaves nothing in the arena', () => {
  const before = pool.usedOctets;
  const abandoned = store.load();
  for (const { owner, type, ttl, rdata } of zone(20_000)) abandoned.add(owner, 0, type, ttl, rdata, 0, rdata.length);
  assert.ok(pool.usedOctets > before);
  abandoned.abandon();
  assert.equal(pool.usedOctets, before);
  const failing = store.load();
  const owner = mustName('large', APEX);
  const text = new Uint8Array(60_000);
  for (let i = 0; i < 80; i++) {
    text[0] = i;
    failing.add(owner, 0, NULL, 60, text, 0, text.length);
  }
  for (const { owner: next, type, ttl, rdata } of zone(20_000)) failing.add(next, 0, type, ttl, rdata, 0, rdata.length);
  assert.throws(() => failing.finish(), { code: 'RRSET_TOO_LARGE' });
  assert.equal(pool.usedOctets, before);
});
