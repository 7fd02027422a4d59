import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { silentLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { algorithmByNumber } from '../../src/crypto/algorithm.ts';
import { dnskeyRdata } from '../../src/crypto/dnskey.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import { formatCalendarTime } from '../../src/keys/key-times.ts';
import { main as dsfromkey } from '../../src/tools/dnssec-dsfromkey.ts';
import { main as keygen } from '../../src/tools/dnssec-keygen.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { removeDirectory, runOurs, runPeer, temporaryDirectory } from './keys-peer.ts';
import { freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';

const ZONE = 'zone.example';
const NOW = Math.floor(Date.now() / 1000);

function makeStore(directory: string): FileKeyStore {
  return new FileKeyStore({ directory }, { disk: new NodeDisk(), clock: new SystemClock(), log: silentLog });
}

function inDirectory<T>(work: (directory: string) => T): T {
  const directory = temporaryDirectory();
  try {
    return work(directory);
  } finally {
    removeDirectory(directory);
  }
}

function mustRun(program: string, argv: readonly string[], directory: string): string {
  const { code, stdout, stderr } = runPeer(program, argv, directory);
  assert.equal(code, 0, `${program} ${argv.join(' ')}: ${stderr}`);
  return stdout;
}

describe('S-007 what we write, BIND reads', () => {
  for (const algorithm of [5, 7, 8, 10, 13, 14, 15, 16])
    it(`algorithm ${algorithm}: dnssec-settime, dnssec-signzone -S and dnssec-verify`, () =>
      inDirectory((directory) => {
        const store = makeStore(directory);
        const times = { publish: NOW - 7200, activate: NOW - 3600, inactive: NOW + 86400, delete: NOW + 90000 };
        const request = { zone: mustName(`${ZONE}.`), algorithm, bits: 1024, times, ttl: 300, labLegacy: true };
        const keys = [257, 256].map((flags) => store.generate({ ...request, flags }));
        for (const key of keys)
          assert.equal(mustRun('dnssec-settime', ['-p', 'all', key.fileBase], directory), printed(key));
        const records = '@ 300 IN SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n*.w MX 5 ns\n';
        fs.writeFileSync(path.join(directory, 'zone.db'), `$TTL 300\n${records}`);
        mustRun('dnssec-signzone', ['-q', '-S', '-K', '.', '-o', ZONE, '-f', 'zone.signed', 'zone.db'], directory);
        mustRun('dnssec-verify', ['-q', '-o', ZONE, 'zone.signed'], directory);
        const signed = fs.readFileSync(path.join(directory, 'zone.signed'), 'latin1');
        for (const key of keys) assert.ok(new RegExp(`\\b${key.tag} ${ZONE}\\.`).test(signed), 'both keys signed');
      }));
});

/** What dnssec-settime -p all must print of a key with these times. */
function printed(key: KeyPair): string {
  const line = (label: string, time: number | undefined): string =>
    `${label}: ${time === undefined ? 'UNSET' : formatCalendarTime(time)}\n`;
  const { created, publish, activate, inactive, delete: removal } = key.times;
  return [
    line('Created', created),
    line('Publish', publish),
    line('Activate', activate),
    'Revoke: UNSET\n',
    line('Inactive', inactive),
    line('Delete', removal),
    'SYNC Publish: UNSET\nSYNC Delete: UNSET\nDS Publish: UNSET\nDS Delete: UNSET\n',
  ].join('');
}

describe('S-007 what others write, we read', () => {
  const commands: Readonly<Record<string, readonly (readonly string[])[]>> = {
    'dnssec-keygen': [
      ...['RSASHA1', 'NSEC3RSASHA1', '8', '10'].map((name) => ['-q', '-a', name, '-b', '1024', ZONE]),
      ...['13', '14', '15', '16'].map((name) => [
        '-q',
        '-a',
        name,
        '-f',
        'KSK',
        '-L',
        '300',
        '-I',
        '+1y',
        '-D',
        '+2y',
        ZONE,
      ]),
      ['-q', '-a', '13', '-C', ZONE],
      ['-q', '-k', 'default', ZONE],
    ],
    'ldns-keygen': [
      ...['RSASHA256', 'RSASHA512'].map((name) => ['-a', name, '-b', '1024', ZONE]),
      ...['ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519'].map((name) => ['-k', '-a', name, ZONE]),
    ],
  };
  for (const [program, lines] of Object.entries(commands))
    it(`${program}: every algorithm signs with us${program === 'dnssec-keygen' ? ', and the files come back the same' : ''}`, () =>
      inDirectory((directory) => {
        const tags = lines.map((argv) => Number(mustRun(program, argv, directory).trim().slice(-5)));
        const { keys, faults } = makeStore(directory).list(mustName(`${ZONE}.`));
        assert.deepEqual(faults, []);
        assert.deepEqual(keys.map((key) => key.tag).sort(), tags.sort());
        for (const key of keys) new LocalSigner(key.private!, { labLegacy: true }).sign(new Uint8Array(9));
        if (program !== 'dnssec-keygen') return;
        const files = (): string[][] =>
          fs
            .readdirSync(directory)
            .sort()
            .map((name) => [name, fs.readFileSync(path.join(directory, name), 'latin1')]);
        const untouched = files();
        for (const key of keys) makeStore(directory).save(key);
        assert.deepEqual(files(), untouched);
      }));

  it('100 P-256 keys: scalars of every length', () =>
    inDirectory((directory) => {
      for (let i = 0; i < 100; i++) mustRun('dnssec-keygen', ['-q', '-a', '13', `z${i}.example`], directory);
      for (let i = 0; i < 100; i++) {
        const { keys } = makeStore(directory).list(mustName(`z${i}.example.`));
        assert.doesNotThrow(() => new LocalSigner(keys[0].private!));
      }
    }));
});

it('S-012 the algorithm is in the file name in three digits, by name or number, and agrees with the DNSKEY', () =>
  inDirectory((directory) => {
    const numbers = { RSASHA256: 8, ECDSAP256SHA256: 13, ECDSAP384SHA384: 14, ED25519: 15, ED448: 16 };
    for (const [name, number] of Object.entries(numbers))
      for (const [argument, run] of [
        [name, (argv: readonly string[]) => runOurs(keygen, argv, directory, NOW)],
        [String(number), (argv: readonly string[]) => runOurs(keygen, argv, directory, NOW)],
        [name, (argv: readonly string[]) => runPeer('dnssec-keygen', argv, directory)],
      ] as const) {
        const { stdout } = run(['-q', '-a', argument, ...(number === 8 ? ['-b', '1024'] : []), ZONE]);
        assert.match(stdout, new RegExp(`^K${ZONE}\\.\\+0${String(number).padStart(2, '0')}\\+\\d{5}\\n$`));
        const key = fs.readFileSync(path.join(directory, `${stdout.trim()}.key`), 'latin1');
        assert.match(key, new RegExp(`DNSKEY 256 3 ${number} `));
      }
  }));

describe('S-013 key tags', () => {
  // A DNSKEY RRset has at most 64 KiB: 200 keys fit.
  for (let run = 0; run < 5; run++)
    it(`of 200 random keys equal those that BIND computes, ${run + 1} of 5`, () =>
      inDirectory((directory) => {
        const keys = Array.from({ length: 200 }, (_, i) => randomKey(i));
        const lines = keys.map((key) => `${ZONE}. 300 IN DNSKEY ${presentation(key)}`);
        fs.writeFileSync(path.join(directory, 'keys.db'), `${lines.join('\n')}\n`);
        const theirs = mustRun('dnssec-dsfromkey', ['-A', '-f', 'keys.db', ZONE], directory);
        const ours = runOurs(dsfromkey, ['-A', '-f', 'keys.db', ZONE], directory, NOW);
        assert.equal(ours.stdout, theirs);
        const tags = theirs
          .split('\n')
          .slice(0, -1)
          .map((line) => Number(line.split(' ')[3]));
        assert.deepEqual(tags.sort(), keys.map((key) => keyTag(key)).sort());
      }));
});

const random = new SeededRandom(4034);

function octets(length: number): Buffer {
  const made = Buffer.alloc(length);
  random.fill(made);
  return made;
}

/** Random octets as DNSKEY of each algorithm in turn; never revoked, because BIND leaves those out. */
function randomKey(i: number): Uint8Array {
  const algorithm = [8, 10, 13, 14, 15, 16, 5, 7][i % 8];
  const length = algorithmByNumber(algorithm)!.computation!.publicKeyLength;
  const key =
    length === undefined ? Buffer.concat([Buffer.from([3, 1, 0, 1]), octets(64 + (i % 200))]) : octets(length);
  return dnskeyRdata(256 + (i & 1), algorithm, key);
}

function presentation(rdata: Uint8Array): string {
  const key = Buffer.from(rdata.subarray(4)).toString('base64');
  return `${(rdata[0] << 8) | rdata[1]} ${rdata[2]} ${rdata[3]} ${key}`;
}

describe('S-163 DS records', () => {
  let directory: string;
  before(() => {
    directory = temporaryDirectory();
    const keys = Array.from({ length: 100 }, (_, i) => randomKey(i)).map(
      (key) => `${ZONE}. DNSKEY ${presentation(key)}\n`,
    );
    for (const name of ['keys.db', `keyset-${ZONE}.`])
      fs.writeFileSync(path.join(directory, name), `$TTL 60\n${keys.join('')}`);
  });
  after(() => removeDirectory(directory));

  it('of the keys on standard input, as after dig', () => {
    const input = fs.readFileSync(path.join(directory, 'keys.db'), 'latin1');
    const argv = ['-f', '-', ZONE];
    const theirs = runPeer('dnssec-dsfromkey', argv, directory, input);
    assert.equal(runOurs(dsfromkey, argv, directory, NOW, input).stdout, theirs.stdout);
  });

  const lines = ['-1', '-2', '-a SHA-384', '-1 -2 -a SHA384', '-C', '-T 3600', '-A', '-A -C -T 1h -a sha256'];
  for (const line of lines)
    for (const place of [`-f keys.db ${ZONE}`, `-s ${ZONE}`])
      it(`of 100 keys: dnssec-dsfromkey ${line} ${place}${line.includes('-1') ? ', with a warning' : ''}`, () => {
        const argv = `${line} ${place}`.split(' ');
        const ours = runOurs(dsfromkey, argv, directory, NOW);
        assert.equal(ours.stdout, mustRun('dnssec-dsfromkey', argv, directory));
        assert.ok(ours.stdout.split('\n').length > 50);
        // RFC 8624 section 3.3: SHA-1 is not for new DS records.
        assert.equal(ours.stderr.includes('DS digest type 1 is deprecated'), line.includes('-1'));
      });
});

it('S-007 BIND named takes a key of ours under its policy, and we read the state it leaves', async () => {
  const directory = temporaryDirectory();
  try {
    const made = runOurs(keygen, ['-q', '-k', 'default', ZONE], directory, NOW);
    assert.equal(made.code, 0, made.stderr);
    const base = made.stdout.trim();
    const state = await runNamed(directory, path.join(directory, `${base}.state`));
    assert.match(state, /^DNSKEYState: rumoured$/m);
    const { keys, faults } = makeStore(directory).list(mustName(`${ZONE}.`));
    assert.deepEqual(faults, []);
    assert.deepEqual(
      keys.map((key) => key.fileBase),
      [base],
    );
    assert.equal(keys[0].state?.goal, 'omnipresent');
    assert.equal(keys[0].state?.dnskey, 'rumoured');
    const files = ['key', 'private', 'state'].map((kind) => path.join(directory, `${base}.${kind}`));
    const theirs = files.map((file) => fs.readFileSync(file, 'latin1'));
    makeStore(directory).save(keys[0]);
    assert.deepEqual(
      files.map((file) => fs.readFileSync(file, 'latin1')),
      theirs,
      'and write it back the same',
    );
  } finally {
    removeDirectory(directory);
  }
});

/** Runs BIND's named until it has written states into `stateFile`; gives the file's text. */
async function runNamed(directory: string, stateFile: string): Promise<string> {
  const zone = `zone ${ZONE} { type primary; file "zone.db"; dnssec-policy default; inline-signing yes; };`;
  const ports = await freePorts();
  writeConfiguration(directory, ports, zone, { options: 'dnssec-validation no;' });
  fs.writeFileSync(
    path.join(directory, 'zone.db'),
    '$TTL 300\n@ SOA ns a 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n',
  );
  await using named = await NamedProcess.start(directory, ports, 'debian');
  const text = (): string => fs.readFileSync(stateFile, 'latin1');
  await until(() => text().includes('GoalState'), 'named took the key');
  assert.equal(named.child.exitCode, null, named.log);
  assert.equal(await named.end(), 0);
  return text();
}
