import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, SeededRandom } from '../../../src/base/random.ts';
import { compareCanonicalNames, type Name, nameKey } from '../../../src/wire/name.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import type { Arena, VersionRef } from '../../../src/zone/store/arena.ts';
import { diffVersions } from '../../../src/zone/store/zone-diff.ts';
import { hashedOwner } from '../../../src/zone/store/zone-loader.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { APEX, load, newStore, soaRecord, type TestRecord } from './model.ts';

// Enough names for trees of three levels, pages that split and join, and directories of the hash index.

const random = new SeededRandom(20260101);
const below = (limit: number): number => randomBelow(random, limit);

function ownerNumber(number: number): Name {
  return mustName(`n${(number * 7919) % 100003}.zone.example.`);
}

function addressRecord(number: number): TestRecord {
  return {
    owner: ownerNumber(number),
    type: TYPE.A,
    ttl: 60,
    rdata: Uint8Array.of(10, number >> 16, number >> 8, number),
  };
}

function hashOf(number: number): Uint8Array {
  const hash = new Uint8Array(20);
  new DataView(hash.buffer).setUint32(0, Math.imul(number, 0x9e3779b1) >>> 0);
  hash[19] = number;
  return hash;
}

/** The version has exactly these owner numbers (main tree) and hash numbers, in order and in every index. */
function checkNumbers(arena: Arena, version: VersionRef, numbers: Set<number>, hashes: Set<number>): void {
  const reader = new ZoneReader(arena).open(version);
  const names = [...numbers].map(ownerNumber).sort(compareCanonicalNames);
  assert.equal(reader.nodeCount, names.length + 1);
  assert.equal(reader.recordCount, names.length + 1 + hashes.size);
  reader.first();
  assert.equal(reader.next(), reader.apexNode);
  for (const [i, name] of names.entries()) {
    const node = reader.next();
    assert.equal(nameKey(reader.owner(node)), nameKey(name));
    assert.equal(reader.find(name), node);
    if (i % 16 === 0) assert.equal(reader.nodeAt(i + 1), node);
    if (i % 16 === 1) assert.equal(nameKey(reader.owner(reader.predecessor(name))), nameKey(names[i - 1]));
  }
  assert.equal(reader.next(), 0);
  const sorted = [...hashes].map(hashOf).sort(Buffer.compare);
  assert.equal(reader.hashCount, sorted.length);
  reader.firstHash();
  for (const hash of sorted) assert.equal(reader.nextHash(), reader.findHash(hash));
  assert.equal(reader.nextHash(), 0);
}

test('thousands of names through batches of insertions and deletions stay in order and findable', () => {
  const { arena, store } = newStore();
  const numbers = new Set(Array.from({ length: 20_000 }, (_, i) => i));
  const hashes = new Set<number>();
  let version = load(store, [soaRecord(1), ...[...numbers].map(addressRecord)]);
  checkNumbers(arena, version, numbers, hashes);
  let next = numbers.size;
  for (const [inserted, deleted] of [
    [1, 0],
    [0, 1],
    [3000, 500],
    [100, 9000],
    [9000, 100],
    [0, 25_000],
    [2000, 0],
    [0, 3000],
  ]) {
    const edit = store.edit(version);
    for (let i = 0; i < deleted && numbers.size > 0; i++) {
      const number = next - 1 - below(next);
      if (!numbers.delete(number)) continue;
      assert.equal(edit.deleteRecord(ownerNumber(number), TYPE.A, addressRecord(number).rdata), true);
    }
    for (const hash of [...hashes].slice(0, deleted)) {
      edit.deleteRRset(hashedOwner(hashOf(hash), APEX), TYPE.NSEC3);
      hashes.delete(hash);
    }
    for (let i = 0; i < inserted; i++) {
      numbers.add(next);
      hashes.add(next);
      edit.addRecord(hashedOwner(hashOf(next), APEX), TYPE.NSEC3, 60, Uint8Array.of(1, 0, 0, 0));
      const { owner, type, ttl, rdata } = addressRecord(next++);
      edit.addRecord(owner, type, ttl, rdata);
    }
    const changed = edit.commit();
    let told = 0;
    diffVersions(arena, version, changed, { added: () => told++, deleted: () => told++ });
    assert.ok(told <= 2 * inserted + 2 * deleted);
    store.release(version);
    version = changed;
    checkNumbers(arena, version, numbers, hashes);
  }
  const edit = store.edit(version);
  for (const number of numbers) edit.deleteRRset(ownerNumber(number), TYPE.A);
  for (const hash of hashes) edit.deleteRRset(hashedOwner(hashOf(hash), APEX), TYPE.NSEC3);
  checkNumbers(arena, edit.commit(), new Set(), new Set());
});

test('a small change to a large zone shares all but a few pages, so its memory stays small', () => {
  const { store } = newStore();
  const records = Array.from({ length: 20_000 }, (_, i) => addressRecord(i));
  let version = load(store, [soaRecord(1), ...records]);
  store.publish(version);
  const before = store.memory().extents;
  for (let i = 0; i < 20; i++) {
    const edit = store.edit(version);
    edit.setRRset(ownerNumber(below(20_000)), TYPE.A, 61, [Uint8Array.of(1, 2, 3, i)]);
    version = edit.commit();
  }
  // 20 changes at most 4 KiB each: one leaf, one page above it, a bucket with its directories, the records.
  assert.ok(store.memory().extents - before <= 20 * 4096 + 65536, `${store.memory().extents - before} octets more`);
});

test('names in descending, random and canonical order load alike', () => {
  const { arena, store } = newStore();
  const numbers = new Set(Array.from({ length: 3000 }, (_, i) => i));
  const sorted = [...numbers].map(addressRecord).sort((a, b) => compareCanonicalNames(a.owner, b.owner));
  for (const records of [sorted, sorted.toReversed(), [...numbers].map(addressRecord)])
    checkNumbers(arena, load(store, [...records, soaRecord(1)]), numbers, new Set());
});

test('owners with shared beginnings, capitals and octets 0, 1 and 255 sort in canonical order', () => {
  const { arena, store } = newStore();
  const owners: Name[] = [];
  for (let i = 0; i < 600; i++) {
    const octets = Array.from({ length: 1 + below(12) }, () => [0, 1, 2, 0x41, 0x61, 0x62, 255][below(7)]);
    const labels = below(3) === 0 ? [octets, [0x61, 0]] : [octets];
    owners.push(Uint8Array.from([...labels.flatMap((one) => [one.length, ...one]), ...APEX]) as Name);
  }
  const version = load(store, [
    ...owners.map((owner) => ({ owner, type: TYPE.A, ttl: 1, rdata: Uint8Array.of(1, 1, 1, 1) })),
    soaRecord(1),
  ]);
  const reader = new ZoneReader(arena).open(version);
  const expected = new Map(owners.map((owner) => [nameKey(owner), owner]));
  const found: Name[] = [];
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next())
    if (reader.rrset(node, TYPE.A) !== 0) found.push(reader.owner(node));
  assert.deepEqual(found.map(nameKey), [...expected.values()].sort(compareCanonicalNames).map(nameKey));
});
