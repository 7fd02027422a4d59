import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Disk, UpdateHandle } from '../../../src/base/disk.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SignetError } from '../../../src/base/error.ts';
import { mustName } from '../../../src/wire/name-text.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import type { VersionRef } from '../../../src/zone/store/arena.ts';
import { Journal } from '../../../src/zone/journal/journal.ts';
import { TransactionWriter } from '../../../src/zone/journal/journal-records.ts';
import { appendDiff, rollForward } from '../../../src/zone/journal/roll-forward.ts';
import { ZoneReader } from '../../../src/zone/store/zone-reader.ts';
import type { ZoneStore } from '../../../src/zone/store/zone-store.ts';
import { APEX, load, newStore, record, soaRecord, type TestRecord, versionLines } from '../store/model.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'journal-test-'));
after(() => fs.rmSync(directory, { recursive: true }));
const disk = new NodeDisk();
let files = 0;
const newPath = (): string => path.join(directory, `zone${files++}.jnl`);

/** A version with the next serial and these changes. */
function step(store: ZoneStore, base: VersionRef, serial: number, added: readonly TestRecord[]): VersionRef {
  const edit = store.edit(base);
  const soa = soaRecord(serial);
  edit.setRRset(APEX, TYPE.SOA, soa.ttl, [soa.rdata]);
  for (const one of added)
    if (one.type !== TYPE.SOA && !edit.deleteRecord(one.owner, one.type, one.rdata))
      edit.addRecord(one.owner, one.type, one.ttl, one.rdata);
  return edit.commit();
}

/** Serials `first` to `first + count`, each with one address more, all in the journal. */
function filled(journal: Journal, count: number, first = 1): { versions: VersionRef[]; store: ZoneStore } {
  const { arena, store } = newStore();
  const versions = [load(store, [soaRecord(first)])];
  for (let i = 1; i <= count; i++) {
    const address = { owner: mustName(`h${i}.zone.example.`), type: TYPE.A, ttl: 60, rdata: Uint8Array.of(1, 2, 3, i) };
    versions.push(step(store, versions.at(-1)!, first + i, [address]));
    appendDiff(journal, arena, versions.at(-2)!, versions.at(-1)!);
  }
  return { versions, store };
}

const code = (expected: string) => (error: unknown) => error instanceof SignetError && error.code === expected;

test('a zone rolls forward from every serial to the end of its journal', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 20 }),
      fc.array(fc.array(record, { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      (initial, rounds, firstSerial) => {
        const { arena, store } = newStore(APEX, 8);
        const file = newPath();
        const journal = Journal.openOrCreate(file, { disk });
        const versions = [load(store, [soaRecord(firstSerial), ...initial])];
        for (const [i, changes] of rounds.entries()) {
          versions.push(step(store, versions[i], (firstSerial + i + 1) >>> 0, changes));
          appendDiff(journal, arena, versions[i], versions[i + 1]);
        }
        journal.close();
        const again = Journal.open(file, { disk })!;
        assert.equal(again.beginSerial, firstSerial);
        for (const version of versions) {
          const rolled = rollForward(again, store, arena, version);
          assert.deepEqual(versionLines(arena, rolled), versionLines(arena, versions.at(-1)!));
          assert.equal(new ZoneReader(arena).open(rolled).serial, again.endSerial);
        }
        again.close();
      },
    ),
    { numRuns: 25 },
  );
});

test('a journal with more transactions than its index finds each of them', () => {
  const journal = Journal.openOrCreate(newPath(), { disk });
  filled(journal, 130);
  assert.ok(journal.header.index.length <= 56);
  for (let serial = 1; serial <= 130; serial++) assert.equal([...journal.transactions(serial)][0].start, serial);
  assert.equal(journal.reaches(131), true);
  assert.equal(journal.reaches(132), false);
  assert.equal(journal.reaches(0), false);
  assert.throws(() => [...journal.transactions(500)], code('JOURNAL_RANGE'));
  journal.close();
});

test('compaction drops old transactions, never those that the zone file needs', () => {
  const journal = Journal.openOrCreate(newPath(), { disk });
  filled(journal, 40);
  const size = journal.size;
  assert.equal(journal.compact(size, 1), false);
  assert.equal(journal.compact(size - 1, 1), false);
  assert.equal(journal.beginSerial, 1);
  assert.equal(journal.compact(size - 1, 30), true);
  assert.ok(journal.size <= size / 2 && journal.beginSerial < 30, `begins with ${journal.beginSerial}`);
  assert.equal(journal.endSerial, 41);
  journal.compact(1000, 35);
  assert.equal(journal.beginSerial, 35);
  assert.equal([...journal.transactions()].length, 6);
  journal.close();
  assert.equal(
    fs.readdirSync(directory).some((name) => name.startsWith('.')),
    false,
  );
});

test('source serial and format survive', () => {
  const file = newPath();
  const journal = Journal.openOrCreate(file, { disk });
  filled(journal, 5);
  journal.setSourceSerial(4711);
  const print = (one: Journal): string[] =>
    [...one.transactions()].flatMap((transaction) => [...one.records(transaction)].map((r) => JSON.stringify(r)));
  const before = print(journal);
  journal.rewrite('V9');
  assert.equal(journal.format, 'V9');
  assert.deepEqual(print(journal), before);
  assert.equal(journal.sourceSerial, 4711);
  journal.close();
  const again = Journal.open(file, { disk })!;
  const { versions, store } = filled(Journal.openOrCreate(newPath(), { disk }), 6);
  const transaction = new TransactionWriter();
  const { owner, type, ttl, rdata } = soaRecord(6);
  transaction.deleted(owner, type, ttl, rdata);
  transaction.added(owner, type, ttl, soaRecord(7).rdata);
  again.append(transaction);
  assert.equal(again.format, 'V9.2');
  assert.equal([...again.transactions()].at(-1)?.recordCount, 2);
  assert.equal([...again.transactions()][0].recordCount, 3);
  assert.ok(store.versions().includes(versions[0]));
  again.close();
});

test('transactions that do not continue the journal are refused', () => {
  const { arena, store } = newStore();
  const journal = Journal.openOrCreate(newPath(), { disk });
  const first = load(store, [soaRecord(10)]);
  const second = step(store, first, 11, []);
  appendDiff(journal, arena, first, second);
  assert.throws(() => appendDiff(journal, arena, first, second), code('JOURNAL_SERIAL'));
  assert.throws(() => appendDiff(journal, arena, second, first), code('JOURNAL_SERIAL'));
  assert.throws(() => appendDiff(journal, arena, second, second), code('JOURNAL_SERIAL'));
  const other = load(store, [soaRecord(10), { owner: APEX, type: TYPE.A, ttl: 1, rdata: Uint8Array.of(1, 1, 1, 1) }]);
  assert.equal(journal.endSerial, 11);
  assert.doesNotThrow(() => rollForward(journal, store, arena, other));
  const elsewhere = load(store, [soaRecord(9)]);
  assert.throws(() => rollForward(journal, store, arena, elsewhere), code('JOURNAL_RANGE'));
  journal.close();
});

test('a deletion of what the zone has not is told, not skipped', () => {
  const { arena, store } = newStore();
  const journal = Journal.openOrCreate(newPath(), { disk });
  const address = { owner: APEX, type: TYPE.A, ttl: 1, rdata: Uint8Array.of(1, 1, 1, 1) };
  const first = load(store, [soaRecord(1), address]);
  appendDiff(journal, arena, first, step(store, first, 2, [address]));
  assert.throws(() => rollForward(journal, store, arena, load(store, [soaRecord(1)])), code('JOURNAL_MISMATCH'));
  journal.close();
});

/** A disk whose next write, or sync, after `calls` of them throws, having written half. */
function failingDisk(calls: number): Disk {
  let left = calls;
  const attempt = (work: () => void, half: () => void): void => {
    if (left-- > 0) return work();
    half();
    throw new Error('disk full');
  };
  return new Proxy(disk, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'openUpdate') return typeof value === 'function' ? value.bind(target) : value;
      return (file: string): UpdateHandle | undefined => {
        const handle = target.openUpdate(file);
        return (
          handle && {
            ...handle,
            write: (at, octets) =>
              attempt(
                () => handle.write(at, octets),
                () => at > 0 && handle.write(at, octets.subarray(0, octets.length >> 1)),
              ),
            sync: () =>
              attempt(
                () => handle.sync(),
                () => undefined,
              ),
          }
        );
      };
    },
  });
}

test('an append that fails at any step leaves the old end, and can be done again', () => {
  // Three parts of the transaction, sync, header.
  for (let calls = 0; calls < 5; calls++) {
    const file = newPath();
    const journal = Journal.openOrCreate(file, { disk });
    const { versions } = filled(journal, 3);
    assert.equal(versions.length, 4);
    journal.close();
    const failing = Journal.open(file, { disk: failingDisk(calls) })!;
    const next = new TransactionWriter();
    const { owner, type, ttl, rdata } = soaRecord(4);
    next.deleted(owner, type, ttl, rdata);
    next.added(owner, type, ttl, soaRecord(5).rdata);
    assert.throws(() => failing.append(next), /disk full/);
    failing.close();
    const reopened = Journal.open(file, { disk })!;
    assert.equal(reopened.endSerial, 4);
    assert.equal([...reopened.transactions()].length, 3);
    reopened.append(next);
    assert.equal(reopened.endSerial, 5);
    reopened.close();
  }
});

test('any octets in place of a journal are read, or refused with an error that says where', () => {
  const file = newPath();
  const journal = Journal.openOrCreate(file, { disk });
  filled(journal, 4);
  journal.close();
  const good = fs.readFileSync(file);
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(damage, fc.nat(good.length), fc.boolean(), (changes, length, isCut) => {
      const octets = Buffer.from(good);
      for (const [at, value] of changes) octets[at] = value;
      fs.writeFileSync(file, isCut ? octets.subarray(0, length) : octets);
      let opened: Journal | undefined;
      try {
        opened = Journal.open(file, { disk })!;
        let records = 0;
        for (const transaction of opened.isEmpty ? [] : opened.transactions())
          for (const _ of opened.records(transaction)) records++;
        assert.ok(records <= good.length);
      } catch (error) {
        assert.ok(error instanceof SignetError, String(error));
        assert.match(error.code, /^JOURNAL_(FORMAT|CORRUPT|RANGE)$/);
        assert.ok(error.message.includes(file));
      } finally {
        opened?.close();
      }
    }),
    { numRuns: 400 },
  );
});
