import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { SimulatedClock, SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { auditCommand, makeUpdateCommand, soPinCommand } from '../../src/daemon/hsmd-commands.ts';
import { readHsmdOptions } from '../../src/daemon/hsmd-options.ts';
import { SoPinPermits } from '../../src/hsm/appliance/so-pin-permit.ts';
import { SignedAuditLog } from '../../src/hsm/audit/signed-audit-log.ts';
import { readUpdate } from '../../src/hsm/update/signed-update.ts';

const disk = new NodeDisk();

function output(): {
  readonly printed: string[];
  print(text: string | Uint8Array): void;
  complain(text: string): void;
} {
  const printed: string[] = [];
  return {
    printed,
    print: (text) => void printed.push(typeof text === 'string' ? text : Buffer.from(text).toString()),
    complain: (text) => void printed.push(text),
  };
}

suite('hsmd so-pin', () => {
  test('S-505 (part) permits wheel to set the PIN of so, takes that back, and refuses other words', async () => {
    const state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-so-pin-'));
    const file = path.join(state, 'so-pin-permit.json');
    const dependencies = { disk: new NodeDisk(), clock: new SystemClock() };
    const said = output();
    assert.deepEqual(readHsmdOptions(['so-pin', 'permit'], true), { kind: 'so-pin', words: ['permit'] });
    assert.equal(soPinCommand(['permit', '--state', state], said, dependencies), 0);
    assert.match(said.printed.join(''), /Until 20\d\d-.*wheel may set the PIN of so.*once/);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.ok(new SoPinPermits(state, dependencies).current);
    assert.equal(soPinCommand(['revoke', '--state', state], said, dependencies), 0);
    assert.equal(fs.existsSync(file), false);
    assert.equal(soPinCommand(['permit', '--state', path.join(state, 'none')], said, dependencies), 1);
    for (const words of [[], ['other'], ['permit', 'more'], ['permit', '--force']])
      assert.equal(soPinCommand(words, said, dependencies), 2, words.join(' '));
    fs.rmdirSync(state);
  });
});

suite('The command line of hsmd', () => {
  test('has defaults that fit root and others', () => {
    const root = readHsmdOptions([], true);
    const other = readHsmdOptions(['run'], false);
    assert.ok(root.kind === 'run' && other.kind === 'run');
    assert.deepEqual(root.options.ports, { rpc: 8080, console: 8081, web: 80, webTls: undefined });
    assert.equal(other.options.ports.web, 8088);
    // The process that --user makes is root no more, and has the right to open port 80.
    const user = readHsmdOptions(['--user', 'signet-hsm'], false);
    assert.ok(user.kind === 'run');
    assert.equal(user.options.ports.web, 80);
    assert.deepEqual([root.options.state, root.options.devices], ['/var/lib/signet-hsm', 2]);
  });

  test('takes its options, and refuses what it does not know by name', () => {
    const line = readHsmdOptions(['--state', '/x', '--devices', '4', '--rpc-port', '0', '--serial', '1000-0002', '--listen', '::1'], true); // prettier-ignore
    assert.ok(line.kind === 'run');
    assert.deepEqual([line.options.state, line.options.devices, line.options.ports.rpc], ['/x', 4, 0]);
    for (const [words, why] of [
      [['--nonsense'], /--nonsense/],
      [['--devices', '0'], /--devices takes a number from 1 to 30, not '0'/],
      [['--rpc-port', '65536'], /--rpc-port/],
      [['--listen', 'localhost'], /--listen takes an IPv4 or IPv6 address/],
      [['--serial', 'a b'], /--serial/],
      [['--interface', 'eth0; reboot'], /--interface/],
      [['--pin-cost', '9'], /--pin-cost takes a number from 10 to 20/],
      [['destroy'], /there is no command 'destroy'/],
      [['run', 'extra'], /extra/],
    ] as const) {
      const refused = readHsmdOptions(words, true);
      assert.ok(refused.kind === 'refused', words.join(' '));
      assert.match(refused.text, why);
    }
    for (const kind of ['sensor', 'audit', 'make-update', 'help', 'version'] as const)
      assert.equal(readHsmdOptions([kind], true).kind, kind);
  });
});

suite('hsmd audit and hsmd make-update', () => {
  test('check a log by its state directory or by files, and print its key', async () => {
    const state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-commands-'));
    try {
      const directory = path.join(state, 'audit');
      {
        await using log = SignedAuditLog.open(
          { directory },
          { disk, clock: new SimulatedClock(0), log: new MemoryLog() },
        );
        for (let i = 0; i < 3; i++) await log.append({ kind: 'login', by: `console 10.0.0.${i}` });
      }
      const good = output();
      assert.equal(auditCommand(['verify', '--state', state], good, disk), 0);
      assert.match(good.printed.join(''), /3 lines \(numbers 1 to 3\), 0 faults, key SHA256:/);
      const file = path.join(directory, 'audit.log');
      assert.equal(auditCommand(['verify', file], output(), disk), 0);
      fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('10.0.0.1', '10.0.0.9'));
      const bad = output();
      assert.equal(auditCommand(['verify', '--state', state], bad, disk), 1);
      assert.match(bad.printed.join(''), /audit\.log:2: its signature does not fit/);
      const key = output();
      assert.equal(auditCommand(['key', '--state', state], key, disk), 0);
      assert.equal(createPublicKey(key.printed[0]).asymmetricKeyType, 'ed25519');
      for (const words of [
        [],
        ['erase'],
        ['verify', '/nonexistent'],
        ['verify', '--state', '/nonexistent'],
        ['key', '--nonsense'],
      ]) {
        const refused = output();
        assert.equal(auditCommand(words, refused, disk), 2, words.join(' '));
        assert.match(refused.printed.join(''), /^hsmd audit: /);
      }
    } finally {
      fs.rmSync(state, { recursive: true });
    }
  });

  test('make an update that an HSM reads, of files only', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-commands-'));
    try {
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      const at = (name: string): string => path.join(directory, name);
      fs.writeFileSync(at('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      fs.mkdirSync(at('content/software/native'), { recursive: true });
      fs.writeFileSync(at('content/software/hsmd.js'), 'x');
      fs.writeFileSync(at('content/software/native/hsm.node'), 'y');
      const dependencies = { disk, now: () => 1_800_000_000 };
      const file = at('DKEY-HSM-UPDATE-26.12.01.tar.gz.signed');
      const words = ['--version', '2026-12-01-01 - 1.0.0.0', '--key', at('key.pem'), '--output', file, at('content')];
      assert.equal(makeUpdateCommand(words, output(), dependencies), 0);
      const { files, parts } = await readUpdate(fs.readFileSync(file), [publicKey]);
      assert.deepEqual(
        [files.map(({ name }) => name), parts],
        [['software/hsmd.js', 'software/native/hsm.node'], ['software']],
      );
      fs.symlinkSync('/etc/passwd', at('content/software/link'));
      for (const [changed, why] of [
        [words, /is a link: updates hold files only/],
        [words.with(1, '1.0'), /is no version/],
        [words.with(5, at('update.bin')), /ends in \.tar\.gz\.signed/],
        [words.with(3, at('nothing.pem')), /does not exist/],
        [words.slice(0, -1), /needs --version, --key, --output and one directory/],
      ] as const) {
        if (why.source !== 'is a link: updates hold files only')
          fs.rmSync(at('content/software/link'), { force: true });
        const refused = output();
        assert.equal(makeUpdateCommand(changed, refused, dependencies), 2);
        assert.match(refused.printed.join(''), why);
      }
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
