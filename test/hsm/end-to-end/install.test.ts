import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  const run = (...words: string[]): { readonly status: number | null; readonly text: string } => {
    const { status, stdout, stderr } = spawnSync('sh', [path.join(root, 'install.sh'), '--prefix', prefix, ...words], {
      encoding: 'utf8',
    });
    return { status, text: `${stdout}${stderr}` };
  };
  const tree = (): string[] =>
    fs
      .readdirSync(prefix, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(prefix, path.join(entry.parentPath, entry.name)))
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
    assert.match(run('--server').text, /native\/hsm is not built/);
    fs.rmSync(path.join(root, 'dist/bin/findHSM'));
    const { status, text } = run();
    assert.equal(status, 1);
    assert.match(text, /findHSM is missing: run 'npm run build' first/);
    assert.equal(run('--nonsense').status, 2);
  });
});
