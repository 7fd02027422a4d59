import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { KeyDirectories } from '../../src/keys/key-directories.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import { keysCollide } from '../../src/keys/key-collision.ts';
import type { KeyRequest } from '../../src/keys/key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { describeKeyStore } from './key-store-compliance.ts';

const NOW = 1_795_000_000;
const ZONE = mustName('zone.example.');
const request = (over: Partial<KeyRequest> = {}): KeyRequest => ({
  zone: ZONE,
  algorithm: 13,
  flags: 257,
  times: {},
  state: { goal: 'omnipresent' },
  ...over,
});

const textOf = (disk: MemoryDisk, file: string): string => Buffer.from(disk.read(file)!).toString('latin1');

interface Directories {
  readonly disk: MemoryDisk;
  readonly store: KeyDirectories;
  /** One directory alone. */
  readonly only: (directory: string) => FileKeyStore;
}

function open(disk = new MemoryDisk(), own = ['/one', '/two'], others = ['/left']): Directories {
  for (const directory of ['/one', '/two', '/left']) disk.makeDirectory(directory);
  const dependencies = { disk, clock: new SimulatedClock(NOW), log: new MemoryLog() };
  const only = (directory: string): FileKeyStore => new FileKeyStore({ directory }, dependencies);
  return { disk, store: new KeyDirectories({ own, others }, dependencies), only };
}

describeKeyStore('several directories', () => {
  const { disk, store } = open();
  return { store, reopen: () => open(disk).store, now: NOW, dispose: () => undefined };
});

it('S-060 (part) a key is made in the directory that is asked for, and every change goes to the same', () => {
  const { disk, store, only } = open();
  const made = ['/one', '/two'].map((directory) => store.generate(request({ directory })));
  for (const [i, directory] of ['/one', '/two'].entries()) {
    const { fileBase } = made[i];
    assert.deepEqual(
      disk.list(directory)!.toSorted(),
      ['key', 'private', 'state'].map((kind) => `${fileBase}.${kind}`),
    );
  }
  for (const pair of store.list(ZONE).keys) store.save({ ...pair, state: { ...pair.state, goal: 'hidden' } });
  for (const directory of ['/one', '/two']) assert.equal(only(directory).list(ZONE).keys[0].state?.goal, 'hidden');
  store.remove(made[1]);
  assert.deepEqual(disk.list('/two'), []);
  assert.equal(disk.list('/one')!.length, 3);
});

it('S-060 (part) a key that stayed in another directory is found, and kept there', () => {
  const { disk, store, only } = open();
  const left = only('/left').generate(request());
  const [pair] = store.list(ZONE).keys;
  assert.equal(pair.directory, '/left');
  store.save({ ...pair, state: { ...pair.state, goal: 'hidden' } });
  assert.equal(only('/left').list(ZONE).keys[0].state?.goal, 'hidden');
  assert.deepEqual([disk.list('/one'), disk.list('/two')], [[], []]);
  store.remove(pair);
  assert.equal(disk.list('/left')!.length, 0, left.fileBase);
});

it('S-060 (part) S-209 (part) keys of all directories keep apart by tag, also from files that cannot be read', () => {
  const { disk, store } = open();
  for (let tag = 0; tag < 65_536; tag += 2)
    disk.put(`/left/Kzone.example.+008+${String(tag).padStart(5, '0')}.state`, 'nonsense');
  assert.throws(() => store.generate(request()), { code: 'KEY_TAGS_EXHAUSTED' });
  const clear = open();
  const made = Array.from({ length: 40 }, (_, i) =>
    clear.store.generate(request({ directory: ['/one', '/two'][i & 1] })),
  );
  for (const [i, one] of made.entries())
    for (const other of made.slice(0, i)) assert.ok(!keysCollide(one.dnskey, other.dnskey), String(keyTag(one.dnskey)));
});

it('S-060 (part) of two copies of a key the one in a directory of the policy counts, and the other is named', () => {
  const { disk, store, only } = open();
  const { fileBase } = only('/left').generate(request());
  for (const kind of ['key', 'private', 'state'])
    disk.put(`/two/${fileBase}.${kind}`, textOf(disk, `/left/${fileBase}.${kind}`));
  const { keys, faults } = store.list(ZONE);
  assert.deepEqual(
    keys.map(({ directory }) => directory),
    ['/two'],
  );
  assert.deepEqual(
    faults.filter(({ code }) => code === 'KEY_FILE_TWICE').map(({ message }) => message),
    [`/left/${fileBase}.key: the files of this key are in /two as well, and only those count: remove these`],
  );
});

it('S-060 (part) another key with the tag of one that counts is left out and named', () => {
  const { disk, store, only } = open();
  const { fileBase, dnskey } = only('/two').generate(request({ state: undefined }));
  // The sum of RFC 4034 appendix B does not know the order of its words.
  const twin = Uint8Array.from(dnskey);
  twin.set(dnskey.subarray(4, 6), 6);
  twin.set(dnskey.subarray(6, 8), 4);
  assert.equal(keyTag(twin), keyTag(dnskey));
  const base64 = (rdata: Uint8Array): string => Buffer.from(rdata.subarray(4)).toString('base64');
  const text = textOf(disk, `/two/${fileBase}.key`).replaceAll(/(?<=[A-Za-z0-9+/]) (?=[A-Za-z0-9+/]{8,}=*$)/gm, '');
  assert.ok(text.includes(base64(dnskey)), text);
  disk.put(`/left/${fileBase}.key`, text.replace(base64(dnskey), base64(twin)));
  assert.deepEqual(only('/left').list(ZONE).keys[0].dnskey, twin);
  const { keys, faults } = store.list(ZONE);
  assert.deepEqual(
    keys.map((pair) => pair.dnskey),
    [dnskey],
  );
  assert.match(
    faults.at(-1)!.message,
    /^\/left\/.*another key of the zone in \/two has the same tag, and only that one/,
  );
});

it('S-060 (part) a directory that nothing is made in may be missing; one of the policy may not', () => {
  assert.deepEqual(open(new MemoryDisk(), ['/one'], ['/nowhere']).store.list(ZONE).faults, []);
  assert.throws(() => open(new MemoryDisk(), ['/one', '/nowhere'], []).store.list(ZONE), { code: 'DISK' });
  const { store } = open(new MemoryDisk(), ['/one'], ['/nowhere']);
  store.finishRemovals(ZONE);
  assert.equal(store.generate(request()).directory, '/one');
});

it('a directory that is none of the zone is refused', () => {
  const { store, only } = open();
  assert.throws(() => store.generate(request({ directory: '/elsewhere' })), /none of the zone's key directories/);
  assert.throws(() => only('/one').generate(request({ directory: '/two' })), /cannot be made in/);
});
