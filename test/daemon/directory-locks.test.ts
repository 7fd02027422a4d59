import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { DirectoryLocks } from '../../src/daemon/directory-locks.ts';

test('files that a killed process left half written are removed with the lock, those of others are not', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-locks-'));
  try {
    const abandoned = ['.example.db.signed.4711.0', '.example.db.signed.jnl.4711.12', '.Kexample.+013+00001.key.9.1'];
    const kept = ['.example.db.4711.0', '.profile', 'example.db.signed', '.notes.signed.txt'];
    const old = Date.now() / 1000 - 7200;
    for (const name of [...abandoned, ...kept]) {
      fs.writeFileSync(path.join(directory, name), 'x');
      fs.utimesSync(path.join(directory, name), old, old);
    }
    const beingWritten = '.Kexample.+013+00002.private.4712.0';
    fs.writeFileSync(path.join(directory, beingWritten), 'x');
    using locks = new DirectoryLocks({ disk: new NodeDisk() });
    locks.take(directory);
    assert.deepEqual(fs.readdirSync(directory).sort(), ['.named.lock', beingWritten, ...kept].sort());
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
});
