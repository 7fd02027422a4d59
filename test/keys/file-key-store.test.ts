import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { it } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import { isWarning } from '../../src/keys/key-file-error.ts';
import type { KeyList } from '../../src/keys/key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { Crash, MemoryDisk } from '../base/memory-disk.ts';
import { describeKeyStore } from './key-store-compliance.ts';

const NOW = 1_795_000_000;
const ZONE = mustName('zone.example.');

function makeStore(directory: string, log = new MemoryLog(), publicMode?: number): FileKeyStore {
  return new FileKeyStore({ directory, publicMode }, { disk: new NodeDisk(), clock: new SimulatedClock(NOW), log });
}

function inDirectory<T>(work: (directory: string) => T): T {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-store-'));
  try {
    return work(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

describeKeyStore('files', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-store-'));
  return {
    store: makeStore(directory),
    reopen: () => makeStore(directory),
    now: NOW,
    dispose: () => fs.rmSync(directory, { recursive: true, force: true }),
  };
});

it('S-016 (part) private files have mode 0600 whatever the umask, the others theirs', () => {
  inDirectory((directory) => {
    for (const umask of [0o000, 0o077, 0o777]) {
      const before = process.umask(umask);
      try {
        const { fileBase } = makeStore(directory, undefined, 0o640).generate({
          zone: ZONE,
          algorithm: 13,
          flags: 257,
          times: {},
          state: {},
        });
        const mode = (kind: string): number => fs.statSync(path.join(directory, `${fileBase}.${kind}`)).mode & 0o7777;
        assert.deepEqual([mode('private'), mode('key'), mode('state')], [0o600, 0o640, 0o640]);
      } finally {
        process.umask(before);
      }
    }
  });
});

it('S-030 who changes a key leaves its files to their owner', () => {
  inDirectory((directory) => {
    const store = makeStore(directory);
    const made = store.generate({ zone: ZONE, algorithm: 13, flags: 257, times: {}, state: {} });
    const files = ['key', 'private', 'state'].map((kind) => path.join(directory, `${made.fileBase}.${kind}`));
    // Root alone can give files away; for others it is their own that must stay theirs.
    const [user, group] = process.getuid!() === 0 ? [1, 1] : [process.getuid!(), process.getgid!()];
    for (const file of files) fs.chownSync(file, user, group);
    store.save({ ...made, ttl: 9 });
    for (const file of files) assert.deepEqual([fs.statSync(file).uid, fs.statSync(file).gid], [user, group]);
  });
});

/** A directory with two keys; the first is spoilt. What comes of it is checked, and that the second still loads. */
function spoil(change: (base: string, directory: string) => void): KeyList {
  return inDirectory((directory) => {
    const store = makeStore(directory);
    const state = { lifetime: 0, ksk: true, zsk: true };
    const [first, second] = [1, 2].map(() =>
      store.generate({ zone: ZONE, algorithm: 13, flags: 257, times: {}, state }),
    );
    change(path.join(directory, first.fileBase), directory);
    const list = store.list(ZONE);
    const other = list.keys.find((key) => key.tag === second.tag);
    assert.ok(other, 'the good key still loads');
    assert.doesNotThrow(() => new LocalSigner(other.private!));
    const log = new MemoryLog();
    makeStore(directory, log).generate({ zone: ZONE, algorithm: 13, flags: 256, times: {} });
    assert.deepEqual(
      log.records.map((record) => record.text),
      list.faults.map((fault) => fault.message),
    );
    return list;
  });
}

const edit = (file: string, change: (text: string) => string): void =>
  fs.writeFileSync(file, change(fs.readFileSync(file, 'latin1')), 'latin1');

interface Fault {
  readonly title: string;
  readonly change: (base: string, directory: string) => void;
  readonly code: string;
  /** The message must name the file and say this. */
  readonly says: RegExp;
  readonly usable: boolean;
}

const FAULTS: readonly Fault[] = [
  {
    title: 'private half missing (S-100)',
    change: (base) => fs.rmSync(`${base}.private`),
    code: 'KEY_FILE_PRIVATE_MISSING',
    says: /\.private: not found.*backup/,
    usable: true,
  },
  {
    title: 'public half missing',
    change: (base) => fs.rmSync(`${base}.key`),
    code: 'KEY_FILE_MISSING',
    says: /\.key: not found.*restore/,
    usable: false,
  },
  {
    title: 'readable by others (S-016)',
    change: (base) => fs.chmodSync(`${base}.private`, 0o644),
    code: 'KEY_FILE_PERMISSIONS',
    says: /\.private: .*0644.*chmod 600/,
    usable: true,
  },
  {
    title: 'private file truncated in the secret',
    change: (base) => edit(`${base}.private`, (text) => text.slice(0, 90)),
    code: 'KEY_FILE_TRUNCATED',
    says: /\.private: .*cut off.*PrivateKey.*backup/,
    usable: true,
  },
  {
    title: 'private file empty',
    change: (base) => fs.truncateSync(`${base}.private`),
    code: 'KEY_FILE_TRUNCATED',
    says: /\.private: .*empty/,
    usable: true,
  },
  {
    title: 'private file without its secret',
    change: (base) => edit(`${base}.private`, (text) => text.replace(/^PrivateKey.*\n/m, '')),
    code: 'KEY_FILE_TRUNCATED',
    says: /PrivateKey missing/,
    usable: true,
  },
  {
    title: 'public file truncated in the key',
    change: (base) => edit(`${base}.key`, (text) => text.slice(0, -20)),
    code: 'KEY_FILE_TRUNCATED',
    says: /\.key: .*cut off/,
    usable: false,
  },
  {
    title: 'public file truncated after its comments',
    change: (base) => edit(`${base}.key`, (text) => text.slice(0, text.indexOf('zone.example. IN'))),
    code: 'KEY_FILE_TRUNCATED',
    says: /no record/,
    usable: false,
  },
  {
    title: 'owner of another zone (S-011)',
    change: (base) => edit(`${base}.key`, (text) => text.replace(/^zone/m, 'moon')),
    code: 'KEY_FILE_WRONG_OWNER',
    says: /moon\.example\./,
    usable: false,
  },
  {
    title: "tag in the file name is another key's (S-013)",
    change: (base) =>
      ['key', 'private', 'state'].forEach((kind) =>
        fs.renameSync(`${base}.${kind}`, `${base.slice(0, -5)}00001.${kind}`),
      ),
    code: 'KEY_FILE_WRONG_NAME',
    says: /00001\.key: .*rename/,
    usable: false,
  },
  {
    title: 'private half of another key',
    change: (base, directory) => {
      const other = fs
        .readdirSync(directory)
        .find((file) => file.endsWith('.private') && !base.endsWith(file.slice(0, -8)));
      fs.copyFileSync(path.join(directory, other!), `${base}.private`);
    },
    code: 'PRIVATE_KEY_MISMATCH',
    says: /\.private: .*another key/,
    usable: true,
  },
  {
    title: 'private half of another algorithm',
    change: (base) => edit(`${base}.private`, (text) => text.replace('13 (ECDSAP256SHA256)', '15 (ED25519)')),
    code: 'PRIVATE_KEY_MISMATCH',
    says: /\.private: .*another key/,
    usable: true,
  },
  {
    title: 'unknown field in the private file',
    change: (base) => fs.appendFileSync(`${base}.private`, 'Colour: blue\n'),
    code: 'KEY_FILE_UNKNOWN_FIELD',
    says: /\.private: line \d+: unknown field Colour/,
    usable: true,
  },
  {
    title: 'field twice',
    change: (base) => fs.appendFileSync(`${base}.private`, 'Created: 20260101000000\n'),
    code: 'KEY_FILE_SYNTAX',
    says: /Created is there twice/,
    usable: true,
  },
  {
    title: 'a time that is none',
    change: (base) => edit(`${base}.private`, (text) => text.replace(/Created: .*/, 'Created: 20261301000000')),
    code: 'KEY_FILE_SYNTAX',
    says: /line 4: Created/,
    usable: true,
  },
  {
    title: 'format of another age',
    change: (base) => edit(`${base}.private`, (text) => text.replace('v1.3', 'v2.0')),
    code: 'KEY_FILE_VERSION',
    says: /v2\.0/,
    usable: true,
  },
  {
    title: 'unknown field in the state file, which is kept',
    change: (base) => fs.appendFileSync(`${base}.state`, 'Colour: blue\n'),
    code: 'KEY_FILE_UNKNOWN_FIELD',
    says: /Colour/,
    usable: true,
  },
  {
    title: 'unknown state',
    change: (base) => fs.appendFileSync(`${base}.state`, 'DSState: green\n'),
    code: 'KEY_FILE_SYNTAX',
    says: /\.state: line \d+: DSState is not one of hidden/,
    usable: false,
  },
  {
    title: 'times that contradict each other',
    change: (base) => fs.appendFileSync(`${base}.state`, 'Retired: 20300101000000\nRemoved: 20290101000000\n'),
    code: 'KEY_FILE_TIMES',
    says: /deleted before it is inactive.*dnssec-settime/,
    usable: true,
  },
  {
    title: 'file that is no key file at all',
    change: (base) => fs.writeFileSync(`${base}.private`, Buffer.alloc(100_000, 0x41)),
    code: 'KEY_FILE_SYNTAX',
    says: /too many for a key file/,
    usable: true,
  },
];

for (const fault of FAULTS)
  it(`key files: ${fault.title}`, () => {
    const { keys, faults } = spoil(fault.change);
    assert.equal(keys.length, fault.usable ? 2 : 1);
    assert.deepEqual(
      faults.map((one) => one.code),
      [fault.code],
    );
    assert.match(faults[0].message, fault.says);
    assert.match(faults[0].message, /Kzone\.example\.\+013\+\d{5}/);
    assert.equal(isWarning(faults[0]), fault.usable);
    // A damaged private half never signs, and its DNSKEY stays: caches hold signatures that need it.
    const without = keys.filter((key) => !key.private).length;
    assert.equal(without, faults[0].facts.loses === 'private' ? 1 : 0);
    assert.equal(
      faults[0].facts.loses === 'private',
      fault.usable && /\.private/.test(String(faults[0].facts.file)) && fault.code !== 'KEY_FILE_PERMISSIONS',
    );
  });

it('a key whose private half is gone keeps its times from the comments', () => {
  inDirectory((directory) => {
    const store = makeStore(directory);
    const made = store.generate({ zone: ZONE, algorithm: 13, flags: 256, times: { publish: 1_900_000_000 } });
    fs.rmSync(path.join(directory, `${made.fileBase}.private`));
    assert.deepEqual(store.list(ZONE).keys[0].times, { created: NOW, publish: 1_900_000_000 });
    assert.equal(store.list(ZONE).keys[0].private, undefined);
  });
});

it('S-010 (part) a state file whose name lost its dot is read, and written back with it', () => {
  inDirectory((directory) => {
    const store = makeStore(directory);
    const made = store.generate({
      zone: ZONE,
      algorithm: 13,
      flags: 257,
      times: {},
      state: { lifetime: 77, ksk: true, zsk: false },
    });
    const dotless = made.fileBase.replace('.+', '+');
    fs.renameSync(path.join(directory, `${made.fileBase}.state`), path.join(directory, `${dotless}.state`));
    const { keys, faults } = store.list(ZONE);
    assert.deepEqual(faults, []);
    assert.equal(keys[0].state?.lifetime, 77);
    store.save(keys[0]);
    assert.ok(fs.existsSync(path.join(directory, `${made.fileBase}.state`)));
  });
});

it('a directory that has not changed is listed once for all zones, a changed one again', () => {
  inDirectory((directory) => {
    let listings = 0;
    class CountingDisk extends NodeDisk {
      override list(name: string): string[] | undefined {
        listings++;
        return super.list(name);
      }
    }
    const clock = new SimulatedClock(1_800_000_000);
    const store = new FileKeyStore({ directory }, { disk: new CountingDisk(), clock, log: new MemoryLog() });
    const first = store.generate({ zone: ZONE, algorithm: 13, flags: 257, times: {} });
    // As if the key had been made hours ago: right after a change the time of the directory tells nothing.
    const settle = (hours: number): void =>
      fs.utimesSync(directory, Date.now() / 1000, Date.now() / 1000 - hours * 3600);
    settle(2);
    listings = 0;
    for (const zone of [ZONE, mustName('other.example.'), ZONE]) store.list(zone);
    assert.equal(listings, 1);
    const second = store.generate({ zone: ZONE, algorithm: 13, flags: 256, times: {} });
    settle(1);
    const tags = store.list(ZONE).keys.map(({ tag }) => tag);
    assert.deepEqual(new Set(tags), new Set([first.tag, second.tag]));
  });
});

it('unknown lines of a state file survive saving', () => {
  inDirectory((directory) => {
    const store = makeStore(directory);
    const made = store.generate({ zone: ZONE, algorithm: 13, flags: 257, times: {}, state: { goal: 'hidden' } });
    const file = path.join(directory, `${made.fileBase}.state`);
    fs.appendFileSync(file, 'Colour: light blue\n');
    store.save(store.list(ZONE).keys[0]);
    assert.match(fs.readFileSync(file, 'latin1'), /^Colour: light blue$/m);
  });
});

it('files of other programs in the directory are left alone', () => {
  inDirectory((directory) => {
    const store = makeStore(directory);
    for (const name of [
      'Kzone.example.+013+1.key',
      'Kzone.example.+13+12345.key',
      'K.key',
      'zone.db',
      'Kzone.example.+013+12345.key~',
    ])
      fs.writeFileSync(path.join(directory, name), 'x');
    assert.deepEqual(store.list(ZONE), { keys: [], damaged: [], faults: [] });
  });
});

it('S-030 a directory that is not there is named', () => {
  assert.throws(() => makeStore('/nonexistent/keys').list(ZONE), { code: 'DISK', message: /\/nonexistent\/keys/ });
});

it('a directory that cannot be written says so and leaves no half key', () => {
  inDirectory((directory) => {
    fs.writeFileSync(path.join(directory, 'file'), '');
    const store = makeStore(path.join(directory, 'file'));
    assert.throws(() => store.generate({ zone: ZONE, algorithm: 13, flags: 257, times: {} }), { code: 'DISK' });
    assert.deepEqual(fs.readdirSync(directory), ['file']);
  });
});

const HIDDEN = { goal: 'hidden', dnskey: 'hidden', zrrsig: 'hidden' } as const;

it('S-058 (part) a removal that is interrupted at any instant leaves a key that is removed later, or nothing', () => {
  for (let instant = 0; ; instant++) {
    const disk = new MemoryDisk();
    disk.makeDirectory('/keys');
    const open = (on: MemoryDisk): FileKeyStore =>
      new FileKeyStore({ directory: '/keys' }, { disk: on, clock: new SimulatedClock(NOW), log: new MemoryLog() });
    const pair = open(disk).generate({ zone: ZONE, algorithm: 13, flags: 256, times: {}, state: HIDDEN });
    const other = open(disk).generate({ zone: ZONE, algorithm: 13, flags: 256, times: {}, state: {} });
    disk.changesUntilCrash = disk.changes + instant;
    let isWhole = true;
    try {
      open(disk).remove(pair);
    } catch (error) {
      assert.ok(error instanceof Crash);
      isWhole = false;
    }
    const after = isWhole ? disk : disk.afterCrash();
    const store = open(after);
    store.finishRemovals(ZONE);
    const left = store.list(ZONE).keys.find(({ tag }) => tag === pair.tag);
    // A key that is there still says that it may go.
    assert.equal(left === undefined || left.state?.goal === 'hidden', true, `instant ${instant}`);
    if (left !== undefined) store.remove(left);
    const files = after.list('/keys')!.filter((file) => file.includes(String(pair.tag).padStart(5, '0')));
    assert.deepEqual(files, [], `instant ${instant}`);
    assert.deepEqual(
      store.list(ZONE).keys.map(({ tag }) => tag),
      [other.tag],
    );
    if (isWhole) return;
  }
});

it('a state file whose key is missing stays, unless it is that of a removed key', () => {
  const disk = new MemoryDisk();
  disk.makeDirectory('/keys');
  const clock = new SimulatedClock(NOW);
  const store = new FileKeyStore({ directory: '/keys' }, { disk, clock, log: new MemoryLog() });
  const state = { goal: 'omnipresent', dnskey: 'omnipresent' } as const;
  const pair = store.generate({ zone: ZONE, algorithm: 13, flags: 256, times: {}, state });
  for (const kind of ['key', 'private']) disk.remove(`/keys/${pair.fileBase}.${kind}`);
  disk.put('/keys/Kzone.example.+013+00001.state', 'nonsense');
  store.finishRemovals(ZONE);
  assert.equal(disk.list('/keys')!.length, 2);
});

it('S-209 S-210 a new key keeps clear of the tags of files that cannot be read', () => {
  const disk = new MemoryDisk();
  disk.makeDirectory('/keys');
  // Every even tag is taken by a file of nonsense; 128 more or less is even, too.
  for (let tag = 0; tag < 65_536; tag += 2)
    disk.put(`/keys/Kzone.example.+008+${String(tag).padStart(5, '0')}.key`, 'nonsense');
  const log = new MemoryLog();
  const store = new FileKeyStore({ directory: '/keys' }, { disk, clock: new SimulatedClock(NOW), log });
  const collisions: number[] = [];
  const request = {
    zone: ZONE,
    algorithm: 13,
    flags: 257,
    times: {},
    onCollision: (tag: number) => collisions.push(tag),
  };
  // 129 apart is odd: what one revocation could make of the key is even.
  assert.throws(() => store.generate(request), { code: 'KEY_TAGS_EXHAUSTED' });
  assert.ok(collisions.some((tag) => tag % 2 === 1));
});
