import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { main as dsfromkey } from '../../src/tools/dnssec-dsfromkey.ts';
import { main as keygen } from '../../src/tools/dnssec-keygen.ts';
import { main as settime } from '../../src/tools/dnssec-settime.ts';

/* Where the key tools go their own way, or have no peer: the rest is compared with BIND in test/interop. */

const keygenSource = fileURLToPath(new URL('../../src/tools/dnssec-keygen.ts', import.meta.url));
const NOW = Date.UTC(2026, 0, 31, 12) / 1000;

let directory: string;
beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-tools-'))));
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(main: typeof keygen, argv: readonly string[], isInteractive = false): Outcome {
  let stdout = '';
  let stderr = '';
  const output = {
    print: (text: string | Uint8Array) => (stdout += text),
    complain: (text: string) => (stderr += text),
  };
  const before = process.cwd();
  process.chdir(directory);
  try {
    const context = {
      output,
      disk: new NodeDisk(),
      clock: new SimulatedClock(NOW),
      publicMode: 0o644,
      isInteractive,
      readInput: () => new Uint8Array(0),
    };
    return { code: main(argv, context), stdout, stderr };
  } finally {
    process.chdir(before);
  }
}

const read = (file: string): string => fs.readFileSync(path.join(directory, file), 'latin1');

describe('dnssec-keygen', () => {
  it('S-198 as typed: -K keys -f KSK -P now -A now+2y example.net, algorithm 13 by default', () => {
    fs.mkdirSync(path.join(directory, 'keys'));
    const { code, stdout } = run(keygen, ['-K', 'keys', '-f', 'KSK', '-P', 'now', '-A', 'now+2y', 'example.net']);
    assert.equal(code, 0);
    assert.match(stdout, /^Kexample\.net\.\+013\+\d{5}\n$/);
    const text = read(`keys/${stdout.trim()}.private`);
    assert.match(text, /^Publish: 20260131120000\nActivate: 20280131120000$/m);
  });

  it('SHA-1 and older algorithms are refused with the document, and made with --lab-legacy', () => {
    for (const [name, document] of [
      ['RSASHA1', /RFC 9905/],
      ['NSEC3RSASHA1', /RFC 9905/],
      ['RSAMD5', /RFC 6725/],
    ] as const) {
      const refused = run(keygen, ['-a', name, '-b', '1024', 'example']);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, document);
      assert.match(refused.stderr, /ECDSAP256SHA256.*--lab-legacy/);
    }
    assert.deepEqual(fs.readdirSync(directory), []);
    const made = run(keygen, ['--lab-legacy', '-3', '-a', 'RSASHA1', '-b', '1024', 'example']);
    assert.equal(
      made.stderr,
      "WARNING: DNSKEY algorithm 'NSEC3RSASHA1' is deprecated. Please migrate to another algorithm\n",
    );
    assert.match(made.stdout, /^Kexample\.\+007\+/);
  });

  it('Diffie-Hellman, DSA, GOST and engines are refused by name', () => {
    for (const [argv, text] of [
      [['-a', 'DH', '-b', '512', '-n', 'HOST', 'example'], /unsupported algorithm: DH/],
      [['-a', 'DSA', 'example'], /unsupported algorithm: DSA: .*RFC 8624/],
      [['-a', 'ECCGOST', 'example'], /RFC 9906/],
      [['-E', 'foo', '-a', '13', 'example'], /-E foo: .*PKCS#11/],
    ] as const) {
      const { code, stderr } = run(keygen, argv);
      assert.equal(code, 1);
      assert.match(stderr, /^dnssec-keygen: fatal: /);
      assert.match(stderr, text);
    }
  });

  it('progress on a terminal, none with -q, and never on standard output', () => {
    const shown = run(keygen, ['-a', '8', '-b', '1024', 'example'], true);
    assert.match(shown.stderr, /^Generating key pair\.+\++ *\n$/);
    assert.match(shown.stdout, /^Kexample\.\+008\+\d{5}\n$/);
    assert.equal(run(keygen, ['-q', '-a', '13', 'example'], true).stderr, '');
  });

  it('a broken key in the directory is a warning, and does not stop the work', () => {
    const first = run(keygen, ['example']).stdout.trim();
    fs.truncateSync(path.join(directory, `${first}.key`), 40);
    const { code, stderr } = run(keygen, ['example']);
    assert.equal(code, 0);
    assert.match(stderr, new RegExp(`warning: .*${first.replaceAll('+', '\\+')}\\.key: .*cut off`));
  });

  it('-V and -h', () => {
    assert.match(run(keygen, ['-V']).stderr, /^dnssec-keygen \S+ \(Signet\)\n$/);
    assert.equal(run(keygen, ['-h']).code, 1);
    assert.match(run(keygen, ['-h']).stderr, /^Usage:\n {4}dnssec-keygen \[options\] name\n/);
  });

  it('as a process: files by umask, exit code, one line', () => {
    const shell = 'umask 027; exec "$0" "$@"';
    const argv = ['-c', shell, process.execPath, keygenSource, '-a', '15', 'example'];
    const { status, stdout, stderr } = spawnSync('sh', argv, { cwd: directory, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const mode = (kind: string): number => fs.statSync(path.join(directory, `${stdout.trim()}.${kind}`)).mode & 0o777;
    assert.deepEqual([mode('key'), mode('private')], [0o640, 0o600]);
  });
});

describe('dnssec-settime', () => {
  it('a fault of the files is one line that names file and remedy', () => {
    const base = run(keygen, ['example']).stdout.trim();
    fs.rmSync(path.join(directory, `${base}.private`));
    const { code, stdout, stderr } = run(settime, ['-A', 'now', base]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^dnssec-settime: fatal: Invalid keyfile .*\.private: not found.*backup.*\n$/);
  });

  it('tells that it took permissions away', () => {
    const base = run(keygen, ['example']).stdout.trim();
    fs.chmodSync(path.join(directory, `${base}.private`), 0o644);
    const { stderr } = run(settime, ['-A', '+1d', base]);
    assert.match(stderr, /Permissions on the file \.\/K.*\.private have changed from 0644 to 0600/);
    assert.equal(fs.statSync(path.join(directory, `${base}.private`)).mode & 0o777, 0o600);
  });

  it('without -s the state file stays, and still wins when the key is read', () => {
    const base = run(keygen, ['-k', 'default', 'example']).stdout.trim();
    const before = read(`${base}.state`);
    run(settime, ['-P', '20300101', base]);
    assert.equal(read(`${base}.state`), before);
    assert.match(read(`${base}.private`), /^Publish: 20300101000000$/m);
    assert.match(run(settime, ['-u', '-p', 'P', base]).stdout, new RegExp(`^Publish: ${NOW}$`, 'm'));
  });
});

describe('dnssec-dsfromkey', () => {
  it('-1 is computed with a warning that names the digest', () => {
    const base = run(keygen, ['-f', 'KSK', 'example']).stdout.trim();
    const { code, stdout, stderr } = run(dsfromkey, ['-1', base]);
    assert.equal(code, 0);
    assert.match(stdout, /^example\. IN DS \d+ 13 1 [0-9A-F]{40}\n$/);
    assert.equal(stderr, 'WARNING: DS digest type 1 is deprecated\n');
  });

  it('digests that are not computed are refused by number', () => {
    const base = run(keygen, ['-f', 'KSK', 'example']).stdout.trim();
    for (const digest of ['3', '9', 'GOST']) {
      const { code, stderr } = run(dsfromkey, ['-a', digest, base]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`fatal: can't build record: DS digest type ${digest} is not supported`));
    }
  });

  it('errors of a zone file come with line and column', () => {
    fs.writeFileSync(path.join(directory, 'zone.db'), '$TTL 60\nexample. SOA a b 1 2 3 4\n');
    const { code, stderr } = run(dsfromkey, ['-f', 'zone.db', 'example']);
    assert.equal(code, 1);
    assert.match(stderr, /^dnssec-dsfromkey: error: zone\.db:2/);
    assert.match(stderr, /fatal: can't load zone\.db/);
  });
});
