import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SignetError } from '../../../src/base/error.ts';
import { compareCanonicalNames } from '../../../src/wire/name.ts';
import { mustName, nameToText } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { NODE } from '../../../src/zone/store/layout.ts';
import { NodeWriter } from '../../../src/zone/store/node-writer.ts';
import { VERSION } from '../../../src/zone/store/version.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import { APEX, load, newStore, soaRecord, type TestRecord } from './model.ts';
import { signatureOf, type WriterResult, type WriterTask } from './node-writer-thread.ts';

function zone(hosts: number): TestRecord[] {
  const records = [soaRecord(5)];
  const add = (text: string, type: number, ...rdata: number[]): void => {
    records.push({ owner: mustName(text, APEX), type, ttl: 300, rdata: Uint8Array.from(rdata) });
  };
  for (let i = 0; i < hosts; i++) add(`h${i}`, TYPE.A, 10, i >> 16, i >> 8, i & 255);
  add('*.deep.empty', TYPE.A, 1, 1, 1, 1);
  add('cut', TYPE.NS, ...mustName('ns.cut', APEX));
  add('ns.cut', TYPE.A, 1, 2, 3, 4);
  return records;
}

test('nodes written by several threads become one version', async () => {
  const { arena, pool, store } = newStore();
  const base = load(store, zone(6000));
  const reader = new ZoneReader(arena).open(base);
  const { nodeCount } = reader;
  const usedBefore = pool.usedOctets;
  const cuts = [0, 1, Math.floor(nodeCount / 2), nodeCount];
  const results: WriterResult[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    // One claim is too small, one much too large, one none at all.
    const claim = store.claim([5000, 4 << 20, 0][i]);
    const task: WriterTask = { shared: arena.shared, version: base, from: cuts[i], to: cuts[i + 1], claim };
    const worker = new Worker(new URL('node-writer-thread.ts', import.meta.url), { workerData: task });
    results.push(((await once(worker, 'message')) as [WriterResult])[0]);
  }
  const all = (pick: (result: WriterResult) => Uint32Array): Uint32Array =>
    Uint32Array.from(results.flatMap((result) => [...pick(result)]));
  const written = results.map((result) => result.written);
  const version = store.assemble(
    all((r) => r.nodes),
    all((r) => r.hashNodes),
    written,
  );
  const signed = new ZoneReader(arena).open(version);
  assert.equal(signed.nodeCount, nodeCount);
  assert.equal(signed.hashCount, nodeCount);
  assert.equal(signed.recordCount, 2 * reader.recordCount + 2 * nodeCount);
  assert.equal(signed.serial, 5);
  assert.equal(signed.denial, 'nsec');
  reader.first();
  signed.first();
  for (let before = reader.next(); before !== 0; before = reader.next()) {
    const node = signed.next();
    assert.deepEqual(signed.owner(node), reader.owner(before));
    assert.equal(signed.nodeFlags(node), reader.nodeFlags(before));
    for (let i = 0; i < reader.rrsetCount(before); i++) {
      const rrset = reader.rrsetAt(before, i);
      const type = reader.type(rrset);
      const copy = signed.rrset(node, type);
      assert.deepEqual(signed.rdataAll(copy), reader.rdataAll(rrset));
      assert.deepEqual(signed.signaturesAll(copy), [signatureOf(type, reader.ttl(rrset), APEX)]);
    }
  }
  // What the version has is near what it needs: claims and granules were cut to what is used.
  const live = arena.u32[version + VERSION.LIVE] * 4;
  assert.ok(pool.usedOctets - usedBefore < live + 64 * 1024, `${pool.usedOctets - usedBefore} for ${live}`);
  store.release(version);
  assert.equal(pool.usedOctets, usedBefore);
});

test('what a writer took is given back when its work is abandoned, or refused', () => {
  const { arena, pool, store } = newStore(APEX, 16);
  const used = pool.usedOctets;
  const fill = (writer: NodeWriter): number => {
    writer.beginNode(mustName('x.zone.example.'));
    for (let type = 1000; type < 1040; type++)
      writer.writeRRset(
        type,
        1,
        Array.from({ length: 10 }, (_, i) => new Uint8Array(10_000).fill(i)),
      );
    return writer.endNode();
  };
  const claim = store.claim(100);
  fill(new NodeWriter(arena, claim));
  store.abandon(claim);
  assert.equal(pool.usedOctets, used);
  const refused = new NodeWriter(arena, store.claim());
  const node = fill(refused);
  assert.throws(
    () => store.assemble(Uint32Array.of(node), new Uint32Array(0), [refused]),
    (error: unknown) => error instanceof SignetError && error.code === 'ZONE_WITHOUT_SOA',
  );
  assert.equal(pool.usedOctets, used);
});

test('assemble adds empty non-terminals, sets flags, and refuses nodes out of order', () => {
  const { arena, store } = newStore();
  const records = zone(3);
  const names = [...new Set(records.map((record) => nameToText(record.owner)))]
    .map((text) => mustName(text))
    .sort(compareCanonicalNames);
  const write = (writer: NodeWriter, name: (typeof names)[number]): number => {
    writer.beginNode(Uint8Array.from([7, ...name]), 1);
    for (const { owner, type, ttl, rdata } of records)
      if (nameToText(owner) === nameToText(name)) writer.writeRRset(type, ttl, [rdata]);
    return writer.endNode();
  };
  const writer = new NodeWriter(arena, store.claim());
  const nodes = Uint32Array.from(names, (name) => write(writer, name));
  const version = store.assemble(nodes, new Uint32Array(0), [writer]);
  const reader = new ZoneReader(arena).open(version);
  const expected = new ZoneReader(arena).open(load(store, records));
  assert.equal(reader.nodeCount, names.length + 2);
  for (let i = 0; i < expected.nodeCount; i++) {
    assert.deepEqual(reader.owner(reader.nodeAt(i)), expected.owner(expected.nodeAt(i)));
    assert.equal(reader.nodeFlags(reader.nodeAt(i)), expected.nodeFlags(expected.nodeAt(i)));
  }
  assert.equal(reader.nodeFlags(reader.find(mustName('deep.empty', APEX))), NODE.WILDCARD_CHILD);
  const again = new NodeWriter(arena, store.claim());
  const wrong = Uint32Array.from([names[0], names[2], names[1]], (name) => write(again, name));
  assert.throws(
    () => store.assemble(wrong, new Uint32Array(0), [again]),
    (error: unknown) => error instanceof SignetError && error.code === 'NODES_ORDER',
  );
});

test('a writer refuses RDATA out of order, an RRset without records and the same type twice', () => {
  const { arena, store } = newStore();
  const writer = new NodeWriter(arena, store.claim());
  const code = (expected: string) => (error: unknown) => error instanceof SignetError && error.code === expected;
  writer.beginNode(APEX);
  writer.beginRRset(TYPE.A, 1);
  assert.throws(() => writer.endRRset(), code('RRSET_EMPTY'));
  writer.beginRRset(TYPE.A, 1);
  writer.rdata(Uint8Array.of(2));
  assert.throws(() => writer.rdata(Uint8Array.of(2)), code('RDATA_ORDER'));
  assert.throws(() => writer.rdata(Uint8Array.of(1)), code('RDATA_ORDER'));
  writer.endRRset();
  assert.throws(() => writer.writeRRset(TYPE.A, 1, [Uint8Array.of(1)]), code('RRSET_TWICE'));
});
