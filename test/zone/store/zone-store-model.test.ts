import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareCanonicalNames, isWithin, labelCount, type Name, nameKey, parentName } from '../../../src/wire/name.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import type { Arena, VersionRef } from '../../../src/zone/store/arena.ts';
import { NODE } from '../../../src/zone/store/layout.ts';
import { copyVersion } from '../../../src/zone/store/copy-version.ts';
import { RecordSpace } from '../../../src/zone/store/record-space.ts';
import { RecordWriter } from '../../../src/zone/store/record-writer.ts';
import { VERSION } from '../../../src/zone/store/version.ts';
import { diffVersions } from '../../../src/zone/store/zone-diff.ts';
import { hashedOwner } from '../../../src/zone/store/zone-loader.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import type { ZoneEdit } from '../../../src/zone/store/zone-edit.ts';
import {
  APEX,
  line,
  load,
  Model,
  newStore,
  ownerName,
  record,
  soaRecord,
  type TestRecord,
  versionLines,
} from './model.ts';

/** Everything that can be asked of a version is what the model says. */
function checkVersion(arena: Arena, version: VersionRef, model: Model, probes: readonly Name[]): void {
  const reader = new ZoneReader(arena).open(version);
  const names = model.names();
  assert.deepEqual(versionLines(arena, version), model.lines());
  assert.equal(reader.recordCount, model.lines().length);
  assert.equal(reader.nodeCount, names.length);
  const nodes: number[] = [];
  reader.first();
  for (const [i, name] of names.entries()) {
    const node = reader.next();
    nodes.push(node);
    assert.equal(nameKey(reader.owner(node)), nameKey(name));
    assert.equal(reader.nodeFlags(node), model.flags(name), `flags of ${nameKey(name)}`);
    assert.equal(reader.nodeAt(i), node);
    assert.equal(reader.find(name), node);
    assert.equal(reader.ownerLabels(node), labelCount(name));
  }
  assert.equal(reader.next(), 0);
  for (let i = names.length - 1; i >= 0; i--) assert.equal(reader.previous(), nodes[i]);
  assert.equal(reader.previous(), 0);
  assert.equal(reader.nodeAt(names.length), 0);
  assert.equal(reader.apexNode, nodes[0]);
  for (const probe of [...probes, ...names]) checkProbe(reader, names, nodes, probe);
  checkHashes(reader, model);
}

function checkProbe(reader: ZoneReader, names: readonly Name[], nodes: readonly number[], probe: Name): void {
  const padded = Uint8Array.from([9, 9, ...probe, 1]);
  const index = names.findIndex((name) => nameKey(name) === nameKey(probe));
  assert.equal(reader.find(padded, 2), index < 0 ? 0 : nodes[index]);
  const behind = names.findIndex((name) => compareCanonicalNames(name, probe) >= 0);
  const place = behind < 0 ? names.length : behind;
  assert.equal(reader.predecessor(padded, 2), place === 0 ? 0 : nodes[place - 1]);
  reader.seek(probe);
  assert.equal(reader.next(), place === names.length ? 0 : nodes[place]);
  assert.equal(reader.rank(probe), place);
  assert.equal(reader.subtreeSize(probe), names.filter((name) => isWithin(name, probe)).length);
  let encloser = probe;
  while (!names.some((name) => nameKey(name) === nameKey(encloser))) encloser = parentName(encloser);
  assert.equal(nameKey(reader.owner(reader.closestEncloser(padded, 2))), nameKey(encloser));
  assert.equal(reader.matchedLabels, labelCount(encloser));
}

function checkHashes(reader: ZoneReader, model: Model): void {
  const owners = [...model.hashed.values()].map((node) => nameKey(node.owner)).sort();
  assert.equal(reader.hashCount, owners.length);
  reader.firstHash();
  for (const owner of owners) {
    const node = reader.nextHash();
    assert.equal(nameKey(reader.owner(node)), owner);
    assert.equal(reader.nodeFlags(node), NODE.HASHED);
    const hash = new Uint8Array(20);
    reader.copyHash(node, hash, 0);
    assert.equal(reader.findHash(hash), node);
  }
  assert.equal(reader.nextHash(), 0);
  for (let first = 0; first < 256; first += 15) {
    const hash = new Uint8Array(20).fill(7);
    hash[0] = first;
    const key = nameKey(hashedOwner(hash, APEX));
    const expected = owners.findLast((owner) => owner < key) ?? owners.at(-1);
    const covering = reader.coveringHash(hash);
    assert.equal(covering === 0 ? undefined : nameKey(reader.owner(covering)), expected);
  }
}

const records = fc.array(record, { maxLength: 40 }).map((all) => [soaRecord(1), ...all]);
const probes = fc.array(ownerName, { maxLength: 8 });

type Change =
  | { kind: 'add' | 'delete'; record: TestRecord }
  | { kind: 'deleteExisting'; index: number }
  | { kind: 'set'; owner: Name; ttl: number; rdatas: Uint8Array[] };

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), record }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), record }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('deleteExisting' as const), index: fc.nat(1000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      owner: ownerName,
      ttl: fc.constantFrom(60, 300),
      rdatas: fc.array(fc.uint8Array({ minLength: 4, maxLength: 4 }), { maxLength: 3 }),
    }),
  },
);

function applyChange(one: Change, edit: ZoneEdit, model: Model): void {
  if (one.kind === 'set') {
    edit.setRRset(one.owner, TYPE.A, one.ttl, one.rdatas);
    model.set(one.owner, TYPE.A, one.ttl, one.rdatas);
  } else if (one.kind === 'add') {
    const { owner, type, ttl, rdata } = one.record;
    edit.addRecord(owner, type, ttl, rdata);
    model.add(owner, type, ttl, rdata, true);
  } else {
    const target = one.kind === 'deleteExisting' ? existing(model, one.index) : one.record;
    if (target === undefined) return;
    edit.deleteRecord(target.owner, target.type, target.rdata);
    model.delete(target.owner, target.type, target.rdata);
  }
}

function existing(model: Model, index: number): TestRecord | undefined {
  const all: TestRecord[] = [];
  for (const { owner, rrsets } of [...model.main.values(), ...model.hashed.values()])
    for (const [type, { ttl, rdatas, signatures }] of rrsets) {
      if (type !== TYPE.SOA) for (const rdata of rdatas) all.push({ owner, type, ttl, rdata });
      for (const rdata of signatures) all.push({ owner, type: TYPE.RRSIG, ttl, rdata });
    }
  return all[index % Math.max(1, all.length)];
}

test('a loaded version answers every question as a sorted list of the records would', () => {
  const { arena, store } = newStore();
  fc.assert(
    fc.property(records, probes, (all, names) => {
      const version = load(store, all);
      checkVersion(arena, version, Model.of(all), names);
      store.release(version);
    }),
    { numRuns: 300 },
  );
});

test('records in any order, with duplicates, make the same version', () => {
  const { arena, store } = newStore();
  fc.assert(
    fc.property(
      records.map((all) => all.map((one) => ({ ...one, ttl: 300 }))),
      fc.infiniteStream(fc.nat()),
      (all, numbers) => {
        const version = load(store, all);
        const shuffled = all.map((one) => ({ one, at: numbers.next().value ?? 0 })).sort((a, b) => a.at - b.at);
        const other = load(store, [...shuffled.map(({ one }) => one), ...all]);
        const differences: string[] = [];
        // Which letters of equal names in RDATA stay depends on which record came first.
        const tell = (owner: Name, type: number, ttl: number, rdata: Uint8Array): void => {
          differences.push(line(owner, type, ttl, rdata).toLowerCase());
        };
        diffVersions(arena, version, other, { deleted: tell, added: tell });
        const reader = new ZoneReader(arena);
        assert.equal(reader.open(other).recordCount, reader.open(version).recordCount);
        assert.equal(differences.length % 2, 0);
        store.release(version);
        store.release(other);
      },
    ),
    { numRuns: 100 },
  );
});

test('edits change what they say, keep the base as it was, and the diff tells exactly what they did', () => {
  const { arena, store } = newStore();
  const rounds = fc.array(fc.array(change, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(records, rounds, probes, (all, edits, names) => {
      const versions = [load(store, all)];
      const models = [Model.of(all)];
      for (const changes of edits) {
        const edit = store.edit(versions.at(-1)!);
        const model = models.at(-1)!.clone();
        for (const one of changes) applyChange(one, edit, model);
        model.prune();
        versions.push(edit.commit());
        models.push(model);
      }
      for (const [i, version] of versions.entries()) checkVersion(arena, version, models[i], names);
      checkDiff(arena, versions[0], versions.at(-1)!, models[0], models.at(-1)!);
      checkDiff(arena, versions.at(-1)!, versions[0], models.at(-1)!, models[0]);
      for (const version of versions) store.release(version);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual(store.versions(), []);
});

function checkDiff(arena: Arena, from: VersionRef, to: VersionRef, before: Model, after: Model): void {
  const deleted: string[] = [];
  const added: string[] = [];
  diffVersions(arena, from, to, {
    deleted: (owner, type, ttl, rdata) => deleted.push(line(owner, type, ttl, rdata)),
    added: (owner, type, ttl, rdata) => added.push(line(owner, type, ttl, rdata)),
  });
  const linesBefore = before.lines();
  const linesAfter = after.lines();
  assert.deepEqual(
    deleted.sort(),
    linesBefore.filter((one) => !linesAfter.includes(one)),
  );
  assert.deepEqual(
    added.sort(),
    linesAfter.filter((one) => !linesBefore.includes(one)),
  );
}

test('a copy for compaction is the same zone', () => {
  const { arena, pool, store } = newStore();
  fc.assert(
    fc.property(records, fc.array(change, { maxLength: 12 }), (all, changes) => {
      const base = load(store, all);
      const edit = store.edit(base);
      const model = Model.of(all);
      for (const one of changes) applyChange(one, edit, model);
      model.prune();
      const version = edit.commit();
      const space = new RecordSpace(arena, pool);
      const copy = copyVersion(arena, version, new RecordWriter(space, APEX));
      checkVersion(arena, copy, model, []);
      // What a version says it needs is what a copy takes, but for unused ends of extents.
      assert.equal(arena.u32[version + VERSION.LIVE], arena.u32[copy + VERSION.LIVE]);
      for (const extent of space.extents) pool.free(extent);
      store.release(base);
      store.release(version);
    }),
    { numRuns: 100 },
  );
});
