import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from './serve-peers.ts';

const OURS = path.resolve(import.meta.dirname, '../../src/tools/rndc-confgen.ts');

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'latin1', timeout: 120_000 });
  return {
    status,
    stdout: stdout.replaceAll(/secret "(.*)"/g, (_, secret: string) => `secret of ${secret.length}`),
    stderr,
  };
}

const both = (...args: string[]) => [run(process.execPath, [OURS, ...args]), run('rndc-confgen', args)] as const;

for (const line of [
  '',
  '-A hmac-sha512',
  '-A hmac-md5',
  '-b 100 -k other',
  '-p 99 -s 192.0.2.1',
  '-h',
  '-b 0',
  '-b x',
  '-A nonsense',
  '-s nonsense',
  '-Q',
  'operand',
]) {
  test(`rndc-confgen ${line}: as Debian's`, () => {
    const [ours, debians] = both(...line.split(' ').filter((word) => word !== ''));
    assert.deepEqual(ours, debians);
  });
}

test('rndc-confgen -a writes a key file that only its owner reads', () => {
  using directory = temporaryDirectory();
  const files = ['ours.key', 'debians.key'].map((name) => path.join(directory.path, name));
  assert.equal(run(process.execPath, [OURS, '-a', '-c', files[0]]).stdout, `wrote key file "${files[0]}"\n`);
  run('rndc-confgen', ['-a', '-c', files[1]]);
  const [ours, debians] = files.map((file) => fs.readFileSync(file, 'latin1').replace(/secret ".*"/, 'secret'));
  assert.equal(ours, debians);
  assert.equal(fs.statSync(files[0]).mode & 0o777, 0o600);
});

test('rndc-confgen -u with an unknown user fails before a key is written', () => {
  using directory = temporaryDirectory();
  const file = path.join(directory.path, 'rndc.key');
  const [ours, debians] = both('-a', '-c', file, '-u', 'no-such-user');
  assert.equal(ours.status, debians.status);
  assert.match(ours.stderr, /^rndc-confgen: unable to set file owner: there is no user 'no-such-user'/);
  assert.match(debians.stderr, /^rndc-confgen: unable to set file owner/);
  fs.rmSync(file);
  run(process.execPath, [OURS, '-a', '-c', file, '-u', 'no-such-user']);
  assert.equal(fs.existsSync(file), false);
});
