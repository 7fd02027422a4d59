import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, it } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { HistoryReader } from '../../src/history/history-reader.ts';
import { SqliteHistory, type SqliteHistoryOptions } from '../../src/history/sqlite-history.ts';
import { openDatabase } from '../../src/history/sqlite-file.ts';
import { migrate, SCHEMA_VERSION } from '../../src/history/sqlite-schema.ts';
import { describeHistory } from './history-compliance.ts';
import { event, KSK, SAMPLES, ZONE } from './sample-events.ts';

const NOW = 1_790_000_000;
const ALL = { limit: 10_000 } as const;
const directories: string[] = [];

function makeDirectory(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-history-'));
  directories.push(directory);
  return directory;
}

interface Scene {
  readonly directory: string;
  readonly path: string;
  readonly clock: SimulatedClock;
  readonly log: MemoryLog;
  open(options?: Partial<SqliteHistoryOptions>, database?: (path: string) => DatabaseSync): SqliteHistory;
  texts(): string[];
}

function scene(): Scene {
  const directory = makeDirectory();
  const file = path.join(directory, 'history.sqlite');
  const clock = new SimulatedClock(NOW);
  const log = new MemoryLog();
  const open: Scene['open'] = (options = {}, database = openDatabase) =>
    SqliteHistory.open({ path: file, ...options }, { disk: new NodeDisk(), clock, log, openDatabase: database });
  return { directory, path: file, clock, log, open, texts: () => log.records.map(({ text }) => text) };
}

const times = (history: { read(query: typeof ALL): { event: { at: number } }[] }): number[] =>
  history.read(ALL).map((entry) => entry.event.at - NOW);

const aside = (directory: string): string[] => fs.readdirSync(directory).filter((name) => name.includes('.aside-'));

describeHistory('SqliteHistory', (maxEvents) => {
  const { open } = scene();
  const history = open(maxEvents === undefined ? {} : { maxEvents });
  return { history, dispose: () => history[Symbol.dispose]() };
});

describe('SqliteHistory: the file', () => {
  afterEach(() => {
    for (const directory of directories.splice(0)) fs.rmSync(directory, { recursive: true });
  });

  it('is there after a restart, for owner and group alone, with nothing beside it', () => {
    const { directory, path: file, open, texts } = scene();
    const first = open();
    first.record([event(NOW), event(NOW + 1)]);
    first[Symbol.dispose]();
    assert.deepEqual(fs.readdirSync(directory), ['history.sqlite']);
    assert.equal(fs.statSync(file).mode & 0o007, 0);
    using second = open();
    second.record([event(NOW + 2)]);
    assert.deepEqual(times(second), [0, 1, 2]);
    assert.deepEqual(
      second.read(ALL).map(({ id }) => id),
      [1, 2, 3],
    );
    assert.deepEqual(texts(), []);
  });

  it('has every event that was told before kill -9, and each batch as a whole', async () => {
    const { directory, path: file, open } = scene();
    const script = path.join(import.meta.dirname, 'history-writer.ts');
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      const told = await killAfter(child, 3 + round * 20);
      using history = open({ maxAge: NOW });
      const kept = history.read({ limit: 10_000, kinds: ['ttl'] });
      const last = kept.filter(({ event: { at } }) => at === child.pid).length;
      assert.ok(last >= told * 3, `${told} batches were told, ${last} events are kept`);
      assert.equal(last % 3, 0);
    }
    assert.deepEqual(aside(directory), []);
  });

  it('drops what is too old, from the oldest end, and what is too much when it is opened with a lower limit', () => {
    const { open } = scene();
    const first = open();
    first.record(Array.from({ length: 200 }, (_, i) => event(NOW - 2000 + i)));
    first[Symbol.dispose]();
    using second = open({ maxAge: 1900 });
    assert.equal(second.read(ALL)[0].event.at, NOW - 1900);
    second[Symbol.dispose]();
    using third = open({ maxEvents: 10 });
    assert.equal(third.read(ALL).length, 10);
  });

  it('keeps long texts of the outside short and on one line', () => {
    using history = scene().open();
    history.record([event(NOW, { kind: 'refusal', what: 'x\ny\u001b[31m', reason: 'z'.repeat(100_000) })]);
    const [{ event: kept, text }] = history.read(ALL);
    assert.ok(kept.kind === 'refusal');
    assert.equal(kept.what, 'x y [31m');
    assert.equal(kept.reason.length, 1000);
    assert.ok(text.length <= 1000);
  });

  it('finds events of a zone and of a key by an index', () => {
    const { path: file, open } = scene();
    using history = open();
    history.record([event(NOW)]);
    using database = new DatabaseSync(file, { readOnly: true });
    for (const [condition, index] of [
      ['zone = ?', 'event_zone'],
      ['key = ?', 'event_key'],
    ]) {
      const sql = `EXPLAIN QUERY PLAN SELECT id, text FROM event WHERE ${condition} AND id > ? ORDER BY id DESC LIMIT ?`;
      const steps = database.prepare(sql).all('a', 0, 10) as { detail: string }[];
      assert.deepEqual(steps.length, 1);
      assert.match(steps[0].detail, new RegExp(`^SEARCH event USING INDEX ${index} `));
    }
  });

  it('tells of an event that cannot be kept, and keeps the others', () => {
    const { open, texts } = scene();
    using history = open();
    history.record([event(NOW), event(NaN), event(NOW + 1)]);
    assert.deepEqual(times(history), [0, 1]);
    assert.match(texts().join('\n'), /an event cannot be kept: NaN is not a Unix time$/);
  });
});

describe('SqliteHistory: what goes wrong', () => {
  afterEach(() => {
    for (const directory of directories.splice(0)) fs.rmSync(directory, { recursive: true });
  });

  const BROKEN: readonly (readonly [string, (file: string) => void])[] = [
    ['is no database', (file) => fs.writeFileSync(file, 'garbage '.repeat(1000))],
    ['has a spoilt page', (file) => spoil(file, 4096, 4096)],
    ['lacks its end', (file) => fs.truncateSync(file, 5000)],
    ['lacks a table', (file) => new DatabaseSync(file).exec('DROP TABLE event')],
    ['lacks a column', (file) => new DatabaseSync(file).exec('ALTER TABLE event DROP COLUMN facts')],
  ];
  for (const [what, spoilFile] of BROKEN)
    it(`puts a file aside that ${what}, says so once and begins anew`, () => {
      const { directory, path: file, open, texts } = scene();
      const first = open();
      first.record(Array.from({ length: 300 }, (_, i) => event(NOW + i)));
      first[Symbol.dispose]();
      spoilFile(file);
      const spoilt = fs.readFileSync(file);
      using second = open();
      second.record([event(NOW + 1)]);
      second.record([event(NOW + 2)]);
      assert.deepEqual(times(second), [1, 2]);
      assert.equal(texts().length, 1, texts().join('\n'));
      assert.match(texts()[0], /history .*history\.sqlite: .*; it is put aside as .* and begun anew$/);
      const [name] = aside(directory);
      assert.deepEqual(fs.readFileSync(path.join(directory, name)), spoilt);
    });

  it('goes on when the file is spoilt while it is open', () => {
    const { directory, path: file, open, texts } = scene();
    const first = open();
    first.record(Array.from({ length: 500 }, (_, i) => event(NOW + i)));
    first[Symbol.dispose]();
    using history = open();
    history.record([event(NOW)]);
    spoil(file, 4096, fs.statSync(file).size - 4096);
    // What SQLite has in memory hides it for a while.
    for (let i = 0; i < 300 && aside(directory).length === 0; i++)
      history.record(Array.from({ length: 50 }, () => event(NOW + i)));
    assert.equal(aside(directory).length, 1);
    assert.equal(texts().length, 1);
    history.record([event(NOW + 1000)]);
    assert.equal(times(history).at(-1), 1000);
  });

  it('leaves a database of another program as it is, and keeps no history', () => {
    const { directory, path: file, open, texts } = scene();
    using other = new DatabaseSync(file);
    other.exec('CREATE TABLE theirs (x); PRAGMA user_version = 1');
    const before = fs.readFileSync(file);
    using history = open();
    history.record([event(NOW)]);
    assert.match(texts().join('\n'), /^history .*: is a database of another program and is left as it is/);
    assert.equal(texts().length, 1);
    assert.throws(() => history.read(ALL), { code: 'HISTORY_UNREADABLE' });
    assert.deepEqual(fs.readFileSync(file), before);
    assert.deepEqual(fs.readdirSync(directory), ['history.sqlite']);
  });

  it('puts a file of a newer version aside', () => {
    const { directory, path: file, open, texts } = scene();
    open()[Symbol.dispose]();
    using database = new DatabaseSync(file);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    database.close();
    using history = open();
    history.record([event(NOW)]);
    assert.deepEqual(times(history), [0]);
    assert.equal(aside(directory).length, 1);
    assert.match(texts().join('\n'), /was written by a newer version; it is put aside/);
  });

  it('gives up when every file is spoilt', async () => {
    const { directory, path: file, clock, open, texts } = scene();
    let isBad = false;
    using history = open({}, (name) => {
      if (isBad) fs.writeFileSync(file, 'garbage '.repeat(1000));
      return openDatabase(name);
    });
    isBad = true;
    for (let i = 0; i < 10; i++) {
      fs.rmSync(file, { force: true });
      history.record([event(NOW + i)]);
      await clock.advance(30);
    }
    assert.equal(aside(directory).length, 3);
    assert.equal(texts().filter((text) => text.includes('has been put aside 3 times')).length, 1);
  });

  it('never waits for a lock: events are kept and written a second later', async () => {
    const { path: file, clock, open, texts } = scene();
    using history = open();
    using other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    history.record([event(NOW)]);
    history.record([event(NOW + 1)]);
    other.exec('ROLLBACK');
    await clock.advance(1);
    assert.deepEqual(times(history), [0, 1]);
    assert.deepEqual(texts(), []);
  });

  it('tells of a lock that stays, and of its end', async () => {
    const { path: file, clock, open, texts } = scene();
    using history = open();
    using other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    history.record([event(NOW)]);
    await clock.advance(60);
    assert.match(texts().join('\n'), /^history .*: another program holds its lock; events are kept in memory.*$/);
    other.exec('ROLLBACK');
    await clock.advance(1);
    assert.match(texts()[1], /is written again, with 1 events that were kept$/);
    assert.equal(texts().length, 2);
    assert.deepEqual(times(history), [0]);
  });

  it('keeps events while the disk is full, tells it once, and counts those for which there is no room', async () => {
    const { clock, open, texts } = scene();
    let database: DatabaseSync | undefined;
    using history = open({}, (name) => (database = openDatabase(name)));
    // SQLite says the same, SQLITE_FULL, when it may not have more pages.
    database!.exec('PRAGMA max_page_count = 10');
    const fill = (count: number): void => {
      for (let i = 0; i < count; i++) history.record(Array.from({ length: 50 }, () => event(NOW)));
    };
    fill(10);
    await clock.advance(29);
    fill(10);
    assert.equal(texts().length, 1);
    assert.match(
      texts()[0],
      /full; events are kept in memory and written when that is mended, next attempt in 30 seconds/,
    );
    fill(250);
    await clock.advance(31);
    // The retry opened the file anew, without that limit.
    assert.match(texts()[1], /is written again/);
    assert.match(texts()[2], /history .*: 5000 events are lost: .*full$/);
    assert.equal(texts().length, 3);
    const kinds = history.read({ limit: 10, kinds: ['gap'] });
    assert.equal(kinds.length, 1);
    assert.match(kinds[0].text, /^5000 events before this one were lost: /);
  });

  it('waits for its directory, and writes what it was told before', async () => {
    const { directory, clock, open, texts } = scene();
    const missing = path.join(directory, 'later', 'history.sqlite');
    using history = open({ path: missing });
    history.record([event(NOW)]);
    assert.throws(() => history.read(ALL), { code: 'HISTORY_UNREADABLE' });
    await clock.advance(90);
    assert.equal(texts().length, 1);
    fs.mkdirSync(path.join(directory, 'later'));
    await clock.advance(30);
    assert.deepEqual(times(history), [0]);
    assert.match(texts()[1], /is written again/);
  });

  it('says what is lost when it ends without having been able to write', () => {
    const { directory, open, texts } = scene();
    const history = open({ path: path.join(directory, 'never', 'history.sqlite') });
    history.record([event(NOW), event(NOW)]);
    history[Symbol.dispose]();
    assert.match(texts().at(-1)!, /: 2 events are lost: /);
  });

  it('begins anew when the file was removed while it was open', () => {
    const { directory, path: file, open, texts } = scene();
    using history = open();
    history.record([event(NOW)]);
    for (const name of fs.readdirSync(directory)) fs.rmSync(path.join(directory, name));
    history.record([event(NOW + 1)]);
    assert.deepEqual(times(history), [1]);
    assert.match(texts().join('\n'), /was removed while named ran; it is begun anew/);
    assert.equal(fs.existsSync(file), true);
  });

  it('takes no log that a file of the same name left behind', () => {
    const { path: file, open } = scene();
    const first = open();
    first.record([event(NOW)]);
    fs.copyFileSync(`${file}-wal`, `${file}-copy`);
    first[Symbol.dispose]();
    fs.rmSync(file);
    fs.renameSync(`${file}-copy`, `${file}-wal`);
    using second = open();
    assert.deepEqual(times(second), []);
  });

  it('brings an older file to the present tables, all steps or none', () => {
    const { path: file } = scene();
    using database = new DatabaseSync(file);
    const steps = ['CREATE TABLE a (x)', 'ALTER TABLE a ADD COLUMN y', 'ALTER TABLE nowhere ADD COLUMN z'];
    const version = (): unknown => database.prepare('PRAGMA user_version').get();
    migrate(database, steps.slice(0, 1));
    assert.deepEqual({ ...(version() as object) }, { user_version: 1 });
    assert.throws(() => migrate(database, steps), /nowhere/);
    assert.deepEqual({ ...(version() as object) }, { user_version: 1 });
    migrate(database, steps.slice(0, 2));
    migrate(database, steps.slice(0, 2));
    assert.deepEqual({ ...(version() as object) }, { user_version: 2 });
    assert.equal(database.prepare('INSERT INTO a (x, y) VALUES (1, 2)').run().changes, 1);
  });
});

describe('HistoryReader', () => {
  afterEach(() => {
    for (const directory of directories.splice(0)) fs.rmSync(directory, { recursive: true });
  });
  const disk = new NodeDisk();

  it('reads what another process writes, without changing anything', () => {
    const { path: file, open } = scene();
    using history = open();
    history.record([event(NOW)]);
    using reader = HistoryReader.open(file, { disk });
    history.record([event(NOW + 1)]);
    assert.deepEqual(times(reader), [0, 1]);
    history.record([event(NOW + 2)]);
    assert.deepEqual(
      reader.read({ limit: 1, order: 'newest first', zone: ZONE.zone, key: KSK.id })[0].event.at,
      NOW + 2,
    );
    assert.throws(() => reader.read({ limit: 0 }), RangeError);
  });

  it('reads the file of a server that has ended', () => {
    const { directory, path: file, open } = scene();
    const history = open();
    history.record([event(NOW, SAMPLES.stop, { about: undefined })]);
    history[Symbol.dispose]();
    using reader = HistoryReader.open(file, { disk });
    assert.deepEqual(times(reader), [0]);
    assert.deepEqual(fs.readdirSync(directory), ['history.sqlite']);
  });

  it('says what is wrong with a file that it cannot read', () => {
    const { directory, path: file, open } = scene();
    const refused = (code: string, text: RegExp): void =>
      assert.throws(
        () => HistoryReader.open(file, { disk }),
        (fault: Error & { code: string }) => fault.code === code && text.test(fault.message),
      );
    refused('HISTORY_MISSING', /there is no such file; named writes it/);
    fs.writeFileSync(file, '');
    refused('HISTORY_UNREADABLE', /has no events yet/);
    fs.writeFileSync(file, 'garbage '.repeat(1000));
    refused('HISTORY_UNREADABLE', /not a database; named puts a broken file aside/);
    fs.rmSync(file);
    using other = new DatabaseSync(file);
    other.exec('CREATE TABLE theirs (x)');
    refused('HISTORY_FOREIGN', /is no history of named/);
    other.close();
    fs.rmSync(file);
    open()[Symbol.dispose]();
    using newer = new DatabaseSync(file);
    newer.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    newer.close();
    refused('HISTORY_NEWER', /read it with that version/);
    fs.mkdirSync(path.join(directory, 'sub'));
  });

  it('names the fault of a row that nobody of ours has written', () => {
    const { path: file, open } = scene();
    using history = open();
    history.record([event(NOW)]);
    using other = new DatabaseSync(file);
    for (const change of [`facts = '{'`, `facts = '[]'`, `kind = 'rumour'`, `role = 'XSK'`]) {
      other.exec(`BEGIN; UPDATE event SET ${change}`);
      other.exec('COMMIT');
      assert.throws(() => history.read(ALL), { code: 'HISTORY_UNREADABLE' });
      other.exec(`UPDATE event SET facts = '{}', kind = 'stop', role = 'KSK'`);
      assert.equal(history.read(ALL).length, 1);
    }
  });
});

/** Overwrites `length` octets from `at` on. */
function spoil(file: string, at: number, length: number): void {
  const handle = fs.openSync(file, 'r+');
  fs.writeSync(handle, new Uint8Array(length).fill(0xa5), 0, length, at);
  fs.closeSync(handle);
}

/** Kills the writer once it has told of `batches` batches. @returns how many it had told of by its end */
async function killAfter(child: ChildProcess, batches: number): Promise<number> {
  let told = 0;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  for await (const chunk of child.stdout!.setEncoding('utf8')) {
    told += (chunk as string).split('\n').length - 1;
    if (told >= batches) child.kill('SIGKILL');
  }
  await ended;
  return told;
}
