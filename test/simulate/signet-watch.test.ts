import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { SystemRandom } from '../../src/base/random.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import type { HistoryEvent } from '../../src/history/history-event.ts';
import { SqliteHistory } from '../../src/history/sqlite-history.ts';
import { main } from '../../src/tools/signet.ts';
import { watchCommand } from '../../src/tools/signet-watch.ts';
import type { WatchWorld } from '../../src/tools/signet-watch.ts';
import type { Notice } from '../../src/tools/signet-watch-notice.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { START } from './signet-fixture.ts';
import type { Ran } from './signet-fixture.ts';

/* `signet watch` on a real history and real key files, with programs that take or refuse what they are handed. */

/** Thrown out of an endless watch. */
class Enough extends Error {}

const NONE: WatchWorld = {
  sleep: () => {
    throw new Enough('slept');
  },
  run: () => 'no program was expected',
};

class Place implements Disposable {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-watch-'));
  readonly clock = new SimulatedClock(START);
  readonly disk = new NodeDisk();
  readonly ksk: KeyPair;
  #events = 0;

  constructor() {
    this.configure('zone "example" { type primary; file "example.db"; dnssec-policy tested; inline-signing yes; };');
    const dependencies = { disk: this.disk, clock: this.clock, log: silentLog, random: new SystemRandom() };
    const store = new FileKeyStore({ directory: this.directory }, dependencies);
    this.ksk = store.generate({ zone: mustName('example.'), algorithm: 13, flags: 257, times: {} });
  }

  configure(zones: string): void {
    fs.writeFileSync(
      this.path('named.conf'),
      `options { directory "${this.directory}"; };
       dnssec-policy tested { parent-ds-ttl 3600; keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; };
       ${zones}`,
    );
  }

  path(name: string): string {
    return path.join(this.directory, name);
  }

  /** An event that asks the parent for something, at a second of its own. */
  ds(to: 'rumoured' | 'unretentive' | 'omnipresent', zone = 'example'): HistoryEvent {
    const { fileBase: id, tag, algorithm } = this.ksk;
    const key = { id, tag, algorithm, role: 'KSK' } as const;
    const about = { zone, view: '_default' };
    return { at: START + ++this.#events, about, key, kind: 'state', record: 'ds', from: 'hidden', to };
  }

  record(...events: HistoryEvent[]): void {
    const dependencies = { disk: this.disk, clock: this.clock, log: silentLog };
    using history = SqliteHistory.open({ path: this.path('signet-history.sqlite') }, dependencies);
    history.record(events);
  }

  watch(words: readonly string[], world: Partial<WatchWorld> = {}): Ran {
    let [out, err] = ['', ''];
    const output = {
      print: (text: string | Uint8Array) => void (out += String(text)),
      complain: (text: string) => void (err += text),
    };
    const { clock, disk } = this;
    const context = { output, disk, clock, makeArena: () => Arena.create(1 << 24) };
    const all = ['-c', this.path('named.conf'), ...words];
    try {
      return { code: watchCommand(all, context, { ...NONE, ...world }), out, err };
    } catch (fault) {
      if (fault instanceof Enough) return { code: -1, out, err };
      return { code: 2, out, err: err + (fault as Error).message };
    }
  }

  /** Runs a watch with a program once. @returns what the program was handed */
  once(answer?: string): Ran & { readonly notices: Notice[] } {
    const notices: Notice[] = [];
    const run = (_program: string, input: string): string | undefined => {
      notices.push(JSON.parse(input) as Notice);
      return answer;
    };
    return { ...this.watch(['--once', '--command', '/bin/hook'], { run }), notices };
  }

  [Symbol.dispose](): void {
    fs.rmSync(this.directory, { recursive: true });
  }
}

const orders = (notices: readonly Notice[]): (string | undefined)[] => notices.map(({ parent }) => parent?.what);

test('S-130 a program is told when the parent should get a DS, and when it should remove one, with the DS itself', () => {
  using place = new Place();
  place.record(place.ds('omnipresent'));
  assert.deepEqual(place.once().notices, []);
  place.record(place.ds('rumoured'), place.ds('omnipresent'), place.ds('unretentive'));
  const { code, err, notices } = place.once();
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(orders(notices), ['add DS', 'remove DS']);
  const { tag } = place.ksk;
  const [add, remove] = notices;
  assert.equal(add.zone, 'example');
  assert.equal(add.text, `the parent should get the DS of KSK ${tag} (algorithm 13)`);
  assert.match(add.parent!.records!.ds[0], new RegExp(`^example\\. 3600 IN DS ${tag} 13 2 [0-9A-F]{64}$`));
  assert.equal(add.parent!.command, `rndc dnssec -checkds -key ${tag} published example`);
  assert.equal(remove.parent!.command, `rndc dnssec -checkds -key ${tag} withdrawn example`);
  // Each once.
  assert.deepEqual(place.once().notices, []);
});

test('S-130 what a program did not take is handed to it again: by the next run, or later and later', () => {
  using place = new Place();
  place.once();
  place.record(place.ds('rumoured'), place.ds('unretentive'));
  const refused = place.once('exit code 3');
  assert.equal(refused.code, 1);
  assert.deepEqual(orders(refused.notices), ['add DS']);
  assert.match(refused.err, /^signet watch: \/bin\/hook: exit code 3; event 1 is not told yet, the next run hands it/);
  const pauses: number[] = [];
  const seen: string[] = [];
  const run = (_program: string, input: string): string | undefined => {
    seen.push((JSON.parse(input) as Notice).text);
    return seen.length < 12 ? 'exit code 1' : undefined;
  };
  const sleep = (milliseconds: number): void => {
    pauses.push(milliseconds);
    if (seen.length >= 13) throw new Enough('told');
  };
  const endless = place.watch(['--command', '/bin/hook'], { run, sleep });
  assert.equal(endless.code, -1);
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((s) => s * 1000).concat(1000));
  assert.equal(new Set(seen.slice(0, 12)).size, 1);
  assert.match(seen[12], /should remove the DS/);
  assert.deepEqual(place.once().notices, []);
});

test('a watch that dies while a program runs tells it again', () => {
  using place = new Place();
  place.once();
  place.record(place.ds('rumoured'));
  const run = (): never => {
    throw new Enough('killed');
  };
  assert.equal(place.watch(['--once', '--command', '/bin/hook'], { run }).code, -1);
  assert.deepEqual(orders(place.once().notices), ['add DS']);
});

test('without a program it prints, from now on, and follows a history that comes later', () => {
  using place = new Place();
  let looks = 0;
  const sleep = (): void => {
    looks++;
    if (looks === 3) place.record(place.ds('rumoured'), place.ds('rumoured', 'gone.example'));
    if (looks === 5) throw new Enough('seen');
  };
  const { out, err } = place.watch([], { sleep });
  const [first, ds, key, then, last, ...rest] = out.trimEnd().split('\n');
  assert.match(first, /^2027-01-01T00:00:01Z {2}example: the parent should get the DS of KSK \d+ \(algorithm 13\)$/);
  assert.match(ds, /^ {4}example\. 3600 IN DS \d+ 13 2 [0-9A-F]{64}$/);
  assert.match(key, /^ {4}as a key: flags 257, protocol 3, algorithm 13, public key \S+=$/);
  assert.match(then, /^ {4}then, unless named asks parental agents: rndc dnssec -checkds -key \d+ published example$/);
  // The zone has left the configuration: the order stands, without its records.
  assert.match(last, /gone\.example: the parent should get the DS of .*; its key files cannot be read here any more$/);
  assert.deepEqual(rest, []);
  assert.match(err, /^signet watch: .*signet-history\.sqlite: there is no such file; .*\n$/);
  assert.equal(fs.existsSync(place.path('signet-watch.json')), false);
});

test('--since begins earlier, zones choose, --kind adds other events, --json prints what a program gets', () => {
  using place = new Place();
  place.configure(
    ['example', 'other']
      .map((zone) => `zone "${zone}" { type primary; file "${zone}.db"; dnssec-policy tested; inline-signing yes; };`)
      .join('\n'),
  );
  const first = place.ds('rumoured');
  place.record(first, place.ds('rumoured', 'other'), { at: START, about: undefined, kind: 'start', version: '1' });
  const printed = (...words: string[]): Notice[] => {
    const { code, out, err } = place.watch(['--once', '--json', ...words]);
    assert.deepEqual([code, err], [0, '']);
    return out === '' ? [] : out.trimEnd().split('\n').map((line) => JSON.parse(line) as Notice); // prettier-ignore
  };
  assert.deepEqual(printed(), []);
  assert.deepEqual(printed('--since', '2027-01-01').map(({ zone }) => zone), ['example', 'other']); // prettier-ignore
  assert.deepEqual(printed('--since', '2027-01-01', 'Other.').map(({ zone }) => zone), ['other']); // prettier-ignore
  const all = printed('--since', '2027-01-01', '--kind', 'start,stop');
  assert.deepEqual(all.map(({ text }) => text).at(-1), 'named 1 started');
  assert.equal(all.length, 3);
  assert.deepEqual(all[0].event, first);
});

test('a history that was begun anew is read from its beginning', () => {
  using place = new Place();
  place.once();
  place.record(place.ds('rumoured'), place.ds('unretentive'));
  assert.equal(place.once().notices.length, 2);
  for (const end of ['', '-wal', '-shm']) fs.rmSync(`${place.path('signet-history.sqlite')}${end}`, { force: true });
  place.record(place.ds('rumoured'));
  assert.deepEqual(orders(place.once().notices), ['add DS']);
  // As many events as the old one had: the same numbers, other events.
  for (const end of ['', '-wal', '-shm']) fs.rmSync(`${place.path('signet-history.sqlite')}${end}`, { force: true });
  place.record(place.ds('unretentive'), place.ds('rumoured'));
  assert.deepEqual(orders(place.once().notices), ['remove DS', 'add DS']);
});

test('what cannot be watched is refused in words', () => {
  using place = new Place();
  const refused = (...words: string[]): string => {
    const { code, err } = place.watch(['--once', ...words]);
    assert.equal(code, 2, words.join(' '));
    return err;
  };
  assert.match(refused('--kind', 'ds,nothing'), /--kind nothing: there is no such kind of event; there are state, /);
  assert.match(refused('absent.example'), /there is no zone absent\.example/);
  assert.match(refused('--since', 'soon'), /--since soon: this is no time/);
  assert.match(refused(), /signet-history\.sqlite: there is no such file/);
  place.record(place.ds('rumoured'));
  const state = place.path('state');
  for (const text of ['', '{"format":"signet-watch","version":2,"id":1,"at":1}', '{"format":"signet-watch","id":-1}']) {
    fs.writeFileSync(state, text);
    assert.match(refused('--state', state), /state: this is no position of signet watch; name another file/);
  }
  fs.rmSync(state);
  assert.equal(place.watch(['--once', '--state', state]).code, 0);
  assert.match(refused('--state', state, '--since', '2027-01-01'), /--since is for a first watch/);
  place.disk.lock = () => undefined;
  assert.match(refused('--state', state), /another signet watch uses it/);
  assert.match(refused('--command', '/bin/hook'), /signet-watch\.json: another signet watch uses it/);
});

test('a configuration that is broken while it watches leaves the one before', () => {
  using place = new Place();
  let looks = 0;
  const sleep = (): void => {
    if (looks++ > 0) throw new Enough('seen');
    fs.appendFileSync(place.path('named.conf'), 'nonsense;');
    place.record(place.ds('rumoured'));
  };
  const { out, err } = place.watch([], { sleep });
  assert.match(out, /example\. 3600 IN DS/);
  assert.match(err, /unknown option 'nonsense'/);
});

test('signet watch runs real programs: one that takes its input, one that does not read, one that is not there', () => {
  using place = new Place();
  const hook = place.path('hook');
  const run = (program: string): number => {
    let said = '';
    const output = { print: () => undefined, complain: (text: string) => void (said += text) };
    const words = ['watch', '--once', '--command', program, '-c', place.path('named.conf')];
    const { disk, clock } = place;
    const code = main(words, { output, disk, clock, makeArena: () => Arena.create(1 << 24) });
    if (code !== 0) assert.match(said, /is not told yet/);
    return code;
  };
  place.once();
  place.record(place.ds('rumoured'));
  assert.equal(run(place.path('absent')), 1);
  fs.writeFileSync(hook, `#!/bin/sh\nexit 7\n`, { mode: 0o755 });
  assert.equal(run(hook), 1);
  fs.writeFileSync(
    hook,
    `#!/bin/sh\ncat > '${place.path('got')}'; printf %s "$SIGNET_NOTICE" > '${place.path('text')}'\n`,
  );
  assert.equal(run(hook), 0);
  const got = JSON.parse(fs.readFileSync(place.path('got'), 'utf8')) as Notice;
  assert.equal(got.parent?.what, 'add DS');
  assert.match(fs.readFileSync(place.path('text'), 'utf8'), /example: the parent should get the DS of/);
  place.record(place.ds('unretentive'));
  fs.writeFileSync(hook, `#!/bin/sh\nexit 0\n`);
  assert.equal(run(hook), 0);
});

test('S-130 docs/explain.md shows what signet watch prints', () => {
  const root = path.resolve(import.meta.dirname, '../..');
  const text = fs.readFileSync(path.join(root, 'docs/explain.md'), 'utf8');
  const [, shown] = /^ {4}\$ signet watch -c named\.conf\n((?: {4}.*\n)+)/m.exec(text) ?? [];
  assert.ok(shown);
  using place = new Place();
  const key = { id: 'Kexample.org.+013+57716', tag: 57_716, algorithm: 13, role: 'KSK' } as const;
  const about = { zone: 'example.org', view: '_default' };
  const at = Date.parse('2027-01-10T11:05:00Z') / 1000;
  place.record({ at, about, key, kind: 'state', record: 'ds', from: 'hidden', to: 'rumoured' });
  const history = place.path('signet-history.sqlite');
  // The keys of the example are beside its configuration.
  fs.cpSync(path.join(root, 'test/data/explain'), place.directory, { recursive: true });
  const configuration = fs.readFileSync(place.path('named.conf'), 'utf8');
  fs.writeFileSync(place.path('named.conf'), `options { directory "${place.directory}"; };\n${configuration}`);
  const { out, err } = place.watch(['--once', '--since', '2027-01-01', '--file', history]);
  assert.equal(err, '');
  assert.equal(out, shown.replaceAll(/^ {4}/gm, ''));
});
