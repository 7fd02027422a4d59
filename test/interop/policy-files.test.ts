import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import type { PrivateKeyMaterial } from '../../src/crypto/private-key.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { execute, freePorts, NamedProcess, type Ports, until, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* Files of zones under policies, seen from outside while one server runs, is killed and runs again. */

const zoneText = (address: string): string => `$ORIGIN main.example.
$TTL 5m
@ SOA ns1 host 3 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A ${address}
$GENERATE 1-3 h$ A 192.0.2.$
$INCLUDE more.db sub
$ORIGIN far.main.example.
x A 192.0.2.8
`;

const CONFIGURATION = `
dnssec-policy "shared" { dnskey-ttl 600; };
dnssec-policy "twins" { keys { csk lifetime unlimited algorithm 13; csk lifetime unlimited algorithm ed25519; }; };
zone "main.example" { type primary; file "main.db"; dnssec-policy shared; inline-signing yes; key-directory "keys"; };
zone "second.example" { type primary; file "plain.db"; dnssec-policy shared; inline-signing yes; key-directory "keys"; };
zone "third.example" { type primary; file "plain2.db"; dnssec-policy shared; inline-signing yes; key-directory "keys"; };
zone "twins.example" { type primary; file "plain3.db"; dnssec-policy twins; inline-signing yes; key-directory "keys"; };
zone "presigned.example" { type primary; file "presigned.db"; };
`;
const PLAIN = '$TTL 300\n@ SOA ns1 host 1 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n';
const BROKEN_SIGNATURES = `@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
www RRSIG A 13 3 300 20400101000000 20200101000000 55648 presigned.example. ${'A'.repeat(86)}==
ns1 RRSIG A 13 3 300 20200201000000 20200101000000 55648 presigned.example. ${'A'.repeat(86)}==
`;

const directory = temporaryDirectory();
const at = (...names: string[]): string => path.join(directory.path, ...names);
let ports: Ports;
let server: NamedProcess;
/** Two keys of one zone with the same tag. */
let twins: readonly [KeyPair, KeyPair];

before(async () => {
  fs.mkdirSync(at('keys'));
  fs.writeFileSync(at('main.db'), zoneText('192.0.2.1'));
  fs.writeFileSync(at('more.db'), 'in A 192.0.2.9\n');
  for (const name of ['plain', 'plain2', 'plain3']) fs.writeFileSync(at(`${name}.db`), PLAIN);
  fs.writeFileSync(at('presigned.db'), PLAIN + BROKEN_SIGNATURES);
  twins = makeTwins();
  ports = await freePorts();
  writeConfiguration(directory.path, ports, CONFIGURATION);
  const mask = process.umask(0);
  try {
    server = await NamedProcess.start(directory.path, ports);
  } finally {
    process.umask(mask);
  }
});

after(async () => {
  await server.end();
  directory[Symbol.dispose]();
});

/** Leaves one key of each algorithm in the key directory, both with one tag: a few hundred keys of two kinds have such a pair. */
function makeTwins(): [KeyPair, KeyPair] {
  const dependencies = { disk: new NodeDisk(), clock: new SystemClock(), log: silentLog };
  const store = new FileKeyStore({ directory: at('keys') }, dependencies);
  const now = dependencies.clock.now();
  const made = new Map<string, PrivateKeyMaterial>();
  for (let i = 0; i < 20_000; i++) {
    const [algorithm, other] = i % 2 === 0 ? [13, 15] : [15, 13];
    const material = generateKey({ algorithm, flags: 257 });
    const tag = keyTag(material.dnskey);
    made.set(`${algorithm} ${tag}`, material);
    const twin = made.get(`${other} ${tag}`);
    if (twin === undefined) continue;
    const pairs = [material, twin].map((one): KeyPair => ({
      zone: mustName('twins.example.'),
      dnskey: one.dnskey,
      tag,
      algorithm: one.algorithm,
      flags: 257,
      times: { created: now, publish: now, activate: now },
      state: { lifetime: 0, ksk: true, zsk: true },
      private: one,
      fileBase: `Ktwins.example.+0${one.algorithm}+${String(tag).padStart(5, '0')}`,
    }));
    for (const pair of pairs) store.save(pair);
    return [pairs[0], pairs[1]];
  }
  throw new Error('no two keys had one tag');
}

const filesOf = (zone: string, kind: string): string[] =>
  fs.readdirSync(at('keys')).filter((name) => name.startsWith(`K${zone}.+`) && name.endsWith(`.${kind}`));
const read = (...names: string[]): string => fs.readFileSync(at(...names), 'latin1');
const serialOf = async (zone: string): Promise<number> =>
  Number((await server.dig('+short', zone, 'SOA')).split(' ')[2]);

/** What Debian's dnssec-verify says of the zone as it is served; empty when all is well. */
async function verdict(zone: string): Promise<string> {
  fs.writeFileSync(at('copy'), await server.dig('+noall', '+answer', '+onesoa', zone, 'AXFR'));
  const { code, stdout, stderr } = await execute('dnssec-verify', ['-z', '-o', zone, at('copy')]);
  return code === 0 ? '' : stdout + stderr;
}

test('S-017 (part) one policy for three zones; the log names it for every key made and every signing', () => {
  for (const zone of ['main', 'second', 'third']) {
    assert.match(server.log, new RegExp(`DNSKEY ${zone}\\.example/\\S+ \\(CSK\\) created for policy shared$`, 'm'));
    assert.match(server.log, new RegExp(`zone ${zone}\\.example/IN.*: .*\\d+ signatures made by policy shared$`, 'm'));
  }
  assert.doesNotMatch(server.log, /(signatures made|is now published|is now active)(?! by policy (shared|twins)$)/m);
});

test('S-009 the .key file is a record for a zone file and, as anchor, what delv trusts; its comments are those of BIND', async () => {
  const [name] = filesOf('main.example', 'key');
  const text = read('keys', name);
  const time = /\d{14} \(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\)/.source;
  const comments = `; This is a key-signing key, keyid \\d+, for main\\.example\\.\n; Created: ${time}\n; Publish: ${time}\n; Activate: ${time}\n; SyncPublish: ${time}\n`;
  assert.match(text, new RegExp(`^${comments}main\\.example\\. 600 IN DNSKEY 257 3 13 \\S`));
  const zone = (await server.dig('+noall', '+answer', '+onesoa', 'main.example', 'AXFR')).split('\n');
  const isKey = /^main\.example\.\s+\d+\s+IN\s+DNSKEY/;
  const others = zone.filter((line) => !isKey.test(line));
  assert.equal(others.length, zone.length - 1);
  fs.writeFileSync(at('pasted'), `${others.join('\n')}\n${text}`);
  const verify = await execute('dnssec-verify', ['-z', '-o', 'main.example', at('pasted')]);
  assert.equal(verify.code, 0, verify.stderr);
  const [, fields, key] = /DNSKEY (257 3 13) (.*)/.exec(text)!;
  fs.writeFileSync(
    at('anchors'),
    `trust-anchors { main.example. static-key ${fields} "${key.replaceAll(/\s/g, '')}"; };`,
  );
  const words = [`@${HOST}`, '-p', String(ports.dns), '-a', at('anchors'), '+root=main.example'];
  const { stdout } = await execute('delv', [...words, 'www.main.example', 'A']);
  assert.match(stdout, /^; fully validated$/m);
});

test('S-014 (part) two keys with one tag are told apart: both publish and sign, status shows each, validators try both', async () => {
  const [{ tag }] = twins;
  assert.equal(twins[1].tag, tag);
  assert.equal(await verdict('twins.example'), '', server.log.match(/.*twins.*/g)?.join('\n') ?? '');
  const signers = read('copy').match(new RegExp(`RRSIG\\s+A \\d+ 3 300 \\d+ \\d+ ${tag} `, 'g'));
  assert.equal(signers?.length, 4, 'two names, two signatures each');
  const { stdout } = await server.rndc('dnssec', '-status', 'twins.example');
  for (const algorithm of ['ECDSAP256SHA256', 'ED25519'])
    assert.match(stdout, new RegExp(`^key: ${tag} \\(${algorithm}\\), CSK$`, 'm'));
  for (const { algorithm, dnskey } of twins) {
    const key = Buffer.from(dnskey.subarray(4)).toString('base64');
    fs.writeFileSync(at('anchors'), `trust-anchors { twins.example. static-key 257 3 ${algorithm} "${key}"; };`);
    const words = [`@${HOST}`, '-p', String(ports.dns), '-a', at('anchors'), '+root=twins.example'];
    assert.match((await execute('delv', [...words, 'www.twins.example', 'A'])).stdout, /^; fully validated$/m);
  }
});

test('S-016 (part) private files have mode 0600 under umask 0, and no secret is in the log', () => {
  const files = fs.readdirSync(at('keys')).filter((name) => name.startsWith('Kmain') && name.endsWith('.private'));
  assert.equal(files.length, 1);
  assert.equal(fs.statSync(at('keys', files[0])).mode & 0o7777, 0o600);
  const secrets = read('keys', files[0]).match(/(?<=^PrivateKey: ).*$/m);
  assert.equal(secrets?.length, 1);
  for (const secret of secrets) assert.ok(!server.log.includes(secret));
});

test('S-021 $ORIGIN, $TTL, $GENERATE and $INCLUDE of the master file are served', async () => {
  for (const [name, address] of [
    ['h3', '192.0.2.3'],
    ['in.sub', '192.0.2.9'],
    ['x.far', '192.0.2.8'],
  ])
    assert.equal((await server.dig('+short', `${name}.main.example`, 'A')).trim(), address);
  assert.match(await server.dig('+noall', '+answer', 'h1.main.example', 'A'), /^h1\.main\.example\.\s+300\s+IN/m);
});

test('S-174 (part) a presigned zone with bad signatures is served as it is, with a warning about what is expired', async () => {
  const answer = await server.dig('+dnssec', '+noall', '+answer', 'www.presigned.example', 'A');
  assert.match(answer, /RRSIG\s+A 13 3 300 20400101000000 20200101000000 55648 presigned\.example\. A{40}/);
  assert.match(server.log, /presigned\.db:\d+:\d+: signature has expired/);
  assert.match(server.log, /zone presigned\.example\/IN: loaded serial 1/);
  assert.match(await verdict('presigned.example'), /No self-signed KSK DNSKEY found|not signed/i);
});

test('S-022 an edit and a reload: the file stays, serials differ, and the journal has the four signatures that the change needs', async () => {
  const edited = zoneText('192.0.2.77').replace('host 3 ', 'host 4 ');
  fs.writeFileSync(at('main.db'), edited);
  const was = await serialOf('main.example');
  await server.rndcUntil(/zone main\.example\/IN \(signed\): serial \d+/, 'reload', 'main.example');
  assert.equal(read('main.db'), edited);
  const serial = await serialOf('main.example');
  assert.ok(serial > was && serial > 4, `${serial}`);
  const { stdout } = await execute('named-journalprint', [at('main.db.signed.jnl')]);
  const changes = stdout.split('\n').filter((line) => /^(add|del) /.test(line));
  const count = (kind: string, type: string): number =>
    changes.filter((line) => new RegExp(`^${kind} \\S+\\s+\\d+\\s+IN\\s+${type}\\s`).test(line)).length;
  // The SOA and the A record, each with one signature.
  assert.deepEqual(
    ['del', 'add'].map((kind) => [count(kind, 'RRSIG'), count(kind, 'A'), count(kind, 'SOA'), count(kind, 'NSEC')]),
    [
      [2, 1, 1, 0],
      [2, 1, 1, 0],
    ],
  );
  assert.ok(fs.existsSync(at('main.db.signed')));
  assert.equal(await verdict('main.example'), '');
});

test('S-024 S-025 an empty key directory and a reload: K* files appear and the DNSKEY RRset is published, signed', async () => {
  fs.mkdirSync(at('empty'));
  fs.writeFileSync(at('new.db'), PLAIN);
  const zone =
    'zone "new.example" { type primary; file "new.db"; dnssec-policy default; inline-signing yes; key-directory "empty"; };';
  writeConfiguration(directory.path, ports, CONFIGURATION + zone);
  await server.rndcUntil(/DNSKEY new\.example\/\S+ \(CSK\) is now active/, 'reload');
  const [base, ...others] = fs.readdirSync(at('empty')).filter((name) => name.endsWith('.key'));
  assert.deepEqual(others, []);
  for (const kind of ['private', 'state']) assert.ok(fs.existsSync(at('empty', base.replace(/key$/, kind))));
  let answer = '';
  await until(async () => {
    answer = await server.dig('+dnssec', '+noall', '+answer', 'new.example', 'DNSKEY');
    return answer !== '';
  }, 'new.example has a DNSKEY');
  assert.match(answer, /IN\s+DNSKEY\s+257 3 13 /);
  assert.match(
    answer,
    new RegExp(`RRSIG\\s+DNSKEY 13 2 3600 \\d+ \\d+ ${Number(base.slice(-9, -4))} new\\.example\\.`),
  );
});

test('S-011 a file whose owner is another zone is refused with a message, and the zone goes on', async () => {
  const [mine] = filesOf('second.example', 'key');
  const foreign = 'Ksecond.example.+013+00042';
  fs.writeFileSync(at('keys', `${foreign}.key`), read('keys', mine).replaceAll('second.example', 'other.example'));
  await server.rndcUntil(
    new RegExp(`${foreign.replaceAll('+', '\\+')}\\.key.*other\\.example`),
    'loadkeys',
    'second.example',
  );
  fs.rmSync(at('keys', `${foreign}.key`));
  assert.equal(await verdict('second.example'), '');
});

describe('without the .private file', () => {
  test('S-008 signing stops with a line in the log, nothing half is published; with the file it goes on', async () => {
    const [name] = filesOf('third.example', 'private');
    fs.renameSync(at('keys', name), at('held'));
    fs.writeFileSync(at('plain2.db'), PLAIN.replace('192.0.2.1', '192.0.2.99').replace('host 1', 'host 5'));
    const was = await serialOf('third.example');
    await server.rndcUntil(/third\.example\/IN.*signing is suspended.*\.private/, 'reload', 'third.example');
    assert.equal(await serialOf('third.example'), was);
    assert.equal(await verdict('third.example'), '');
    fs.renameSync(at('held'), at('keys', name));
    await server.rndcUntil(/zone third\.example\/IN \(signed\): serial \d+/, 'loadkeys', 'third.example');
    assert.match(await server.dig('+short', 'www.third.example', 'A'), /192\.0\.2\.99/);
    assert.equal(await verdict('third.example'), '');
  });
});

test('S-010 (part) the .state file has lengths, roles, times and states; kill -9 and a start go on from them', async () => {
  const [name] = filesOf('main.example', 'state');
  const text = read('keys', name);
  const fields = text.split('\n').flatMap((line) => /^(\w+): /.exec(line)?.[1] ?? []);
  for (const field of ['Algorithm', 'Length', 'Lifetime', 'KSK', 'ZSK', 'Generated', 'Published', 'Active'])
    assert.ok(fields.includes(field), field);
  for (const state of ['DNSKEY', 'ZRRSIG', 'KRRSIG', 'DS']) {
    assert.match(text, new RegExp(`^${state}State: (hidden|rumoured|omnipresent)$`, 'm'));
    assert.match(text, new RegExp(`^${state}Change: \\d{14} \\(`, 'm'));
  }
  assert.match(text, /^GoalState: omnipresent$/m);
  const status = async (): Promise<string> =>
    (await server.rndc('dnssec', '-status', 'main.example')).stdout.replace(/^current time.*\n/m, '');
  const before = await status();
  const serial = await serialOf('main.example');
  await server.end('SIGKILL');
  server = await NamedProcess.start(directory.path, ports);
  assert.equal(await status(), before);
  assert.equal(read('keys', name), text);
  assert.equal(await serialOf('main.example'), serial);
  assert.equal(await verdict('main.example'), '');
  const settime = await execute('dnssec-settime', ['-s', '-p', 'all', '-K', at('keys'), name.replace(/\.state$/, '')]);
  assert.equal(settime.code, 0, settime.stderr);
});
