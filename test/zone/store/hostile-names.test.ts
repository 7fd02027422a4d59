import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { labelCount, type Name, nameLengthAt, ROOT } from '../../../src/wire/name.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { HEAD } from '../../../src/zone/store/arena.ts';
import { hashOwner } from '../../../src/zone/store/owner-order.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { APEX, load, newStore, soaRecord, type TestRecord } from './model.ts';

function address(owner: Name): TestRecord {
  return { owner, type: TYPE.A, ttl: 1, rdata: Uint8Array.of(1, 2, 3, 4) };
}

/** The longest name of the zone: as many labels as fit. */
function longest(apex: Name): Name {
  const free = 255 - apex.length;
  const labels = Array.from({ length: free >> 1 }, (_, i) => [1, i & 0xff]);
  if (free % 2 === 1) labels[0] = [2, 0, 255];
  return Uint8Array.from([...labels.flat(), ...apex]) as Name;
}

test('names of 255 octets with the most labels are kept, found and have all their ancestors', () => {
  for (const apex of [APEX, ROOT]) {
    const { arena, store } = newStore(apex);
    const owner = longest(apex);
    assert.equal(owner.length, 255);
    const reader = new ZoneReader(arena).open(load(store, [soaRecord(1, apex), address(owner)]));
    const labels = labelCount(owner);
    assert.equal(reader.nodeCount, labels - labelCount(apex) + 1);
    assert.deepEqual(reader.owner(reader.find(owner)), owner);
    for (let name = owner; name.length > apex.length; name = name.subarray(name[0] + 1) as Name) {
      assert.notEqual(reader.find(name), 0);
      const sibling = Uint8Array.from([1, 0xfe, ...name.subarray(name[0] + 1)]);
      if (reader.find(sibling) !== 0) continue;
      reader.closestEncloser(sibling);
      assert.equal(reader.matchedLabels, labelCount(sibling as Name) - 1);
    }
    const edit = store.edit(reader.version);
    edit.deleteRRset(owner, TYPE.A);
    assert.equal(reader.open(edit.commit()).nodeCount, 1);
  }
});

test('octets that are no name, or one outside the zone, find nothing and end', () => {
  const { arena, store } = newStore();
  const reader = new ZoneReader(arena).open(load(store, [soaRecord(1), address(mustName('a.zone.example.'))]));
  const outside = ['.', 'example.', 'xzone.example.', 'zone.example.org.', 'a.zone.examplf.'].map((text) =>
    mustName(text),
  );
  const odd = [
    Uint8Array.of(),
    Uint8Array.of(5, 1),
    new Uint8Array(300).fill(1),
    Uint8Array.of(0xc0, 0),
    APEX.subarray(0, 8),
  ];
  for (const octets of [...outside, ...odd]) {
    assert.equal(reader.find(octets), 0);
    assert.equal(reader.closestEncloser(octets), 0);
    assert.equal(reader.predecessor(octets), 0);
    reader.seek(octets);
    assert.equal(reader.next(), 0);
    assert.equal(reader.previous(), 0);
    assert.equal(reader.rank(octets), undefined);
    assert.equal(reader.subtreeSize(octets), 0);
  }
  for (const hash of [new Uint8Array(0), new Uint8Array(19), new Uint8Array(21)]) {
    assert.equal(reader.findHash(hash), 0);
    assert.equal(reader.coveringHash(hash), 0);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (octets, at) => {
      const node = reader.find(octets, at);
      assert.ok(node === 0 || nameLengthAt(octets, at) > 0);
      reader.closestEncloser(octets, at);
      reader.predecessor(octets, at);
    }),
  );
});

test('names whose hashes are equal in part or in whole are told apart', () => {
  const { arena, store } = newStore();
  const seed = arena.u32[HEAD.HASH_SEED];
  // Sorted by hash, neighbours share the longest beginnings; 150 of them in one bucket make it a directory, level by level.
  const byHash = Array.from({ length: 60_000 }, (_, i) => `x${i.toString(36)}`)
    .map((label) => ({
      label,
      hash: hashOwner(Uint8Array.from([label.length, ...Buffer.from(label)]), 0, label.length + 1, seed),
    }))
    .sort((a, b) => a.hash - b.hash);
  const near = byHash.slice(0, 150).map(({ label }) => mustName(label, APEX));
  const far = byHash.slice(150, 300).map(({ label }) => mustName(label, APEX));
  const reader = new ZoneReader(arena).open(load(store, [soaRecord(1), ...near.map(address)]));
  for (const name of near) assert.deepEqual(reader.owner(reader.find(name)), name);
  for (const name of far) assert.equal(reader.find(name), 0);
  const edit = store.edit(reader.version);
  for (const name of near.slice(1)) edit.deleteRRset(name, TYPE.A);
  for (const name of far) edit.addRecord(name, TYPE.A, 1, Uint8Array.of(1, 1, 1, 1));
  reader.open(edit.commit());
  for (const name of near.slice(1)) assert.equal(reader.find(name), 0);
  for (const name of [near[0], ...far]) assert.deepEqual(reader.owner(reader.find(name)), name);
});

test('look-ups allocate nothing', () => {
  const { arena, store } = newStore();
  const names = Array.from({ length: 500 }, (_, i) => mustName(`h${i}`, APEX));
  const reader = new ZoneReader(arena).open(load(store, [soaRecord(1), ...names.map(address)]));
  const missing = mustName('a.b.h77', APEX);
  const out = new Uint8Array(300);
  const version = reader.version;
  const look = (rounds: number): number => {
    let sum = 0;
    for (let i = 0; i < rounds; i++) {
      reader.open(version);
      const node = reader.find(names[i % 500]);
      sum += reader.copyRdata(reader.firstRdata(reader.rrset(node, TYPE.A)), out, 0);
      sum += reader.copyOwner(reader.predecessor(missing), out, 0);
      sum += reader.nodeFlags(reader.closestEncloser(missing));
    }
    return sum;
  };
  look(50_000);
  const before = process.memoryUsage().heapUsed;
  assert.ok(look(50_000) > 0);
  // One object of the smallest size in each round would be 50,000 times 12 octets or more.
  const grown = process.memoryUsage().heapUsed - before;
  assert.ok(grown < 400_000, `${grown} octets more`);
});
