import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { builtNativeKeys } from '../crypto/built-engine.ts';

test('S-383 S-384 S-391 S-410 S-434 S-452 hsmd with an interface of its own: waits for an address, takes leases as they come, fixed ones, and leases again', () => {
  builtNativeKeys();
  const program = path.resolve(import.meta.dirname, 'network-program.ts');
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-rn', process.execPath, ...process.execArgv.filter((word) => word === '--experimental-addon-modules'), program],
    { encoding: 'utf8', timeout: 600_000 },
  );
  assert.equal(status, 0, `${stdout}${stderr}`);
});
