import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { SERVER_CHECKS } from '../../src/zone/checks/check-options.ts';
import { Journal } from '../../src/zone/journal/journal.ts';
import { appendDiff } from '../../src/zone/journal/roll-forward.ts';
import { loadZone } from '../../src/zone/load-zone.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { inDirectory, readFile, runOurs, runPeer, writeFiles } from './zonefile-peer.ts';

const text = (serial: number, more: string): string =>
  `$TTL 3600\n@ SOA ns h ${serial} 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n${more}`;

/** Writes `to` minus `from` as journal `name`. */
function writeJournal(directory: string, name: string, from: string, to: string): void {
  const arena = Arena.create(1 << 24);
  const disk = new NodeDisk();
  const store = new ZoneStore({ apex: mustName('example.') }, { arena, extents: new ExtentPool(arena) });
  const load = (content: string): number => {
    const options = { file: 'zone.db', content: Buffer.from(content), checks: SERVER_CHECKS };
    return loadZone(store, options, { arena, disk }).version;
  };
  const journal = Journal.openOrCreate(path.join(directory, name), { disk });
  appendDiff(journal, arena, load(from), load(to));
  journal.close();
}

test('S-021 -j applies the journal beside the zone file, as BIND does', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'zone.db': text(1, 'old A 192.0.2.2\n') });
    writeJournal(directory, 'zone.db.jnl', text(1, 'old A 192.0.2.2\n'), text(5, 'new TXT fresh\n'));
    const argv = (output: string): string[] => ['-q', '-j', '-o', output, 'example', 'zone.db'];
    assert.deepEqual(runPeer('named-compilezone', argv('peer'), directory), { code: 0, text: '' });
    assert.deepEqual(await runOurs('named-compilezone', argv('ours'), directory), { code: 0, text: '' });
    const ours = readFile(directory, 'ours').toString('latin1');
    assert.equal(ours, readFile(directory, 'peer').toString('latin1'));
    assert.match(ours, /SOA\tns\.example\. h\.example\. 5 /);
    assert.match(ours, /fresh/);
  });
});

test('S-021 -J names another journal; without -j none is read; a missing one is no fault', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'zone.db': text(1, '') });
    writeJournal(directory, 'other.jnl', text(1, ''), text(2, ''));
    for (const [options, serial] of [
      [[], 1],
      [['-j'], 1],
      [['-J', 'other.jnl'], 2],
      [['-J', 'missing.jnl'], 1],
    ] as const) {
      const argv = [...options, '-i', 'local', 'example', 'zone.db'];
      const ours = await runOurs('named-checkzone', argv, directory);
      assert.deepEqual(ours, runPeer('named-checkzone', argv, directory));
      assert.equal(ours.text, `zone example/IN: loaded serial ${serial}\nOK\n`);
    }
  });
});

test('S-021 a journal that does not fit or is damaged refuses the zone', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'zone.db': text(7, ''), 'bad.jnl': 'no journal' });
    writeJournal(directory, 'zone.db.jnl', text(1, ''), text(2, ''));
    for (const options of [['-j'], ['-J', 'bad.jnl']]) {
      const argv = [...options, '-i', 'local', 'example', 'zone.db'];
      const ours = await runOurs('named-checkzone', argv, directory);
      const peer = runPeer('named-checkzone', argv, directory);
      assert.equal(ours.code, peer.code, ours.text + peer.text);
      assert.match(ours.text, /journal rollforward failed/);
    }
  });
});
