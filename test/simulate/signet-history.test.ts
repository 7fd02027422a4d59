import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import type { HistoryEvent, HistoryKey } from '../../src/history/history-event.ts';
import { SqliteHistory } from '../../src/history/sqlite-history.ts';
import { main } from '../../src/tools/signet.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { START } from './signet-fixture.ts';
import type { Ran } from './signet-fixture.ts';

/* `signet history` and `signet explain` read the history that named writes: a real file, in a directory of its own. */

const KSK: HistoryKey = { id: 'Kexample.+013+11111', tag: 11_111, algorithm: 13, role: 'KSK' };
const ZSK: HistoryKey = { id: 'Kexample.+013+22222', tag: 22_222, algorithm: 13, role: 'ZSK' };
const ABOUT = { zone: 'example', view: '_default' };

const EVENTS: readonly HistoryEvent[] = [
  { at: START, about: undefined, kind: 'start', version: '1' },
  { at: START + 1, about: ABOUT, key: KSK, kind: 'generate', policy: 'tested', bits: 256 },
  { at: START + 2, about: ABOUT, key: ZSK, kind: 'generate', policy: 'tested', bits: 256 },
  { at: START + 3600, about: ABOUT, key: KSK, kind: 'state', record: 'ds', from: 'hidden', to: 'rumoured' },
  { at: START + 3601, about: { zone: 'other.example', view: '_default' }, kind: 'publish', serial: 7, what: 'all' },
];

function inDirectory(work: (directory: string, run: (...words: string[]) => Ran) => void): void {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-history-'));
  try {
    const disk = new NodeDisk();
    const clock = new SimulatedClock(START + 86_400);
    fs.writeFileSync(
      path.join(directory, 'named.conf'),
      `options { directory "${directory}"; };
       dnssec-policy tested { keys { csk lifetime unlimited algorithm 13; }; };
       zone "example" { type primary; file "example.db"; dnssec-policy tested; inline-signing yes; };`,
    );
    const run = (...words: string[]): Ran => {
      let [out, err] = ['', ''];
      const output = {
        print: (text: string | Uint8Array) => void (out += String(text)),
        complain: (text: string) => void (err += text),
      };
      const code = main(words, { output, disk, clock, makeArena: () => Arena.create(1 << 24) });
      return { code, out, err };
    };
    work(directory, run);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function writeHistory(directory: string): string {
  const file = path.join(directory, 'signet-history.sqlite');
  const clock = new SimulatedClock(START + 86_400);
  const history = SqliteHistory.open({ path: file }, { disk: new NodeDisk(), clock, log: silentLog });
  history.record(EVENTS);
  history[Symbol.dispose]();
  return file;
}

test('signet history prints the events of a zone, oldest first, in UTC', () =>
  inDirectory((directory, run) => {
    writeHistory(directory);
    const { code, out, err } = run('history', 'Example.', '-c', `${directory}/named.conf`);
    assert.deepEqual([code, err], [0, '']);
    const lines = out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => line.slice(0, 20)),
      ['2027-01-01T00:00:01Z', '2027-01-01T00:00:02Z', '2027-01-01T01:00:00Z'],
    );
    assert.match(lines[2], /KSK 11111 .*: DS hidden -> rumoured$/);
  }));

test('signet history takes a key, times, a limit and the file itself', () =>
  inDirectory((directory, run) => {
    const file = writeHistory(directory);
    const texts = (...words: string[]): string[] => {
      const { code, out, err } = run('history', 'example', '--file', file, '--json', ...words);
      assert.deepEqual([code, err], [0, '']);
      const { format, events } = JSON.parse(out) as { format: string; events: { time: string; event: HistoryEvent }[] };
      assert.equal(format, 'signet-history');
      return events.map(({ event }) => event.kind);
    };
    assert.deepEqual(texts(), ['generate', 'generate', 'state']);
    assert.deepEqual(texts('--key', '11111'), ['generate', 'state']);
    assert.deepEqual(texts('--since', '2027-01-01T00:00:02Z'), ['generate', 'state']);
    assert.deepEqual(texts('--until', '2027-01-01T00:00:01Z'), ['generate']);
    assert.deepEqual(texts('--limit', '1'), ['state']);
    assert.deepEqual(texts('--view', 'inside'), []);
  }));

test('a history that is no history is refused by signet history and told of by signet explain', () =>
  inDirectory((directory, run) => {
    const file = path.join(directory, 'signet-history.sqlite');
    fs.writeFileSync(file, 'this is no database, however long it is. '.repeat(100));
    const refused = run('history', 'example', '-c', `${directory}/named.conf`);
    assert.equal(refused.code, 2);
    assert.ok(refused.err.startsWith(`signet history: ${file}: `), refused.err);
    const explained = run('explain', 'example', '-c', `${directory}/named.conf`);
    assert.equal(explained.code, 0);
    assert.ok(explained.err.startsWith(`warning: ${file}: `), explained.err);
    assert.match(explained.out, /^zone example, policy tested/);
  }));

test('signet explain does without a history, and counts with the TTLs that named noted', () =>
  inDirectory((directory, run) => {
    const without = run('explain', 'example', '-c', `${directory}/named.conf`);
    assert.deepEqual([without.code, without.err], [0, '']);
    fs.writeFileSync(path.join(directory, 'example.db.signed.ttls'), '; comment\ndnskey 3600 now\nzone x 17\n');
    const bad = run('explain', 'example', '-c', `${directory}/named.conf`);
    assert.equal(bad.code, 2);
    assert.match(bad.err, /example\.db\.signed\.ttls:3: this is no line that named wrote/);
    assert.equal(run('simulate', `${directory}/named.conf`).code, 2);
    fs.writeFileSync(path.join(directory, 'example.db.signed.ttls'), `dnskey 604800 ${START}\nzone 3600 now\n`);
    const { code, out } = run('simulate', `${directory}/named.conf`, '--years', '0.1');
    assert.equal(code, 0);
    assert.match(out, /highest TTL served/);
  }));
