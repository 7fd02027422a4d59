import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

test('a full disk: what was made stays and signs, what is new is refused with what to do, and goes on when there is room', async () => {
  const mount = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-'));
  const script = `mount -t tmpfs -o size=2m,mode=0700 tmpfs ${mount} && dd if=/dev/zero of=${mount}/ballast bs=1024 count=512 2>/dev/null && exec "$0" "$@"`;
  const program = path.join(import.meta.dirname, 'full-disk-program.ts');
  const unshare = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...unshare, 'sh', '-c', script, process.execPath, program, mount],
    {
      timeout: 300_000,
    },
  );
  fs.rmdirSync(mount);
  const outcome = JSON.parse(stdout) as {
    made: number;
    found: number;
    same: boolean;
    refusal: string;
    attempts: Record<string, string>;
  };
  assert.match(outcome.refusal, /^KEYSTORE_ACCESS: keystore .*: the disk is full: nothing was changed/);
  assert.ok(outcome.made > 5);
  assert.deepEqual(outcome.attempts, {
    sign: 'done',
    match: 'done',
    login: 'done',
    larger: 'KEYSTORE_ACCESS',
    'generate after that': 'done',
    'sign after a restart': 'done',
  });
  assert.equal(outcome.found, outcome.made);
  assert.ok(outcome.same);
});
