import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { builtNativeKeys } from '../crypto/built-engine.ts';

test('hsmd on a full disk: what needs a record is refused and says why, keys sign on, none is lost, nothing is unlocked, and it recovers by itself', async () => {
  builtNativeKeys();
  const mount = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-full-'));
  const program = path.join(import.meta.dirname, 'full-disk-program.ts');
  const script = `mount -t tmpfs -o size=16m,mode=0700 tmpfs ${mount} && TMPDIR=${mount} exec "$0" "$@"`;
  const unshare = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];
  await promisify(execFile)('unshare', [...unshare, 'sh', '-c', script, process.execPath, program], {
    timeout: 500_000,
  });
  fs.rmdirSync(mount);
});
