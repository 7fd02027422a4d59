import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { main as namedCheckconf } from '../../src/tools/named-checkconf.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { execute, freePorts, NamedProcess, type Ports, until, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

const zoneText = (serial: number): string => `$TTL 300
@ SOA ns1 host ${serial} 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
alias CNAME www
*.wild TXT "any"
sub NS ns.sub
ns.sub A 192.0.2.9
`;

/** The zone blocks of docs/manual-keys.md, and one for `allow`. */
const ZONES = `
zone "policy.example" { type primary; file "policy.db"; dnssec-policy default; inline-signing yes; };
zone "maintain.example" { type primary; file "maintain.db"; auto-dnssec maintain; inline-signing yes; key-directory "keys"; };
zone "allow.example" { type primary; file "allow.db"; auto-dnssec allow; inline-signing yes; key-directory "keys"; };
zone "off.example" { type primary; file "off.db"; auto-dnssec off; inline-signing yes; key-directory "keys"; };
zone "hand.example" { type primary; file "hand.db.signed"; };
`;

const directory = temporaryDirectory();
const keys = path.join(directory.path, 'keys');
let ports: Ports;
let server: NamedProcess;

/** Runs a command of ours as a process. */
async function ours(tool: string, ...args: string[]): Promise<string> {
  const file = path.resolve(import.meta.dirname, `../../src/tools/${tool}.ts`);
  const outcome = await execute(process.execPath, [file, ...args], directory.path);
  assert.equal(outcome.code, 0, `${tool} ${args.join(' ')}: ${outcome.stderr}`);
  return outcome.stdout.trim();
}

/** Makes a key and gives its file name. */
const makeKey = (zone: string, folder: string, ...options: string[]): Promise<string> =>
  ours('dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', '-K', folder, ...options, zone);

const tagOf = (keyFile: string): number => Number(keyFile.slice(-5));

before(async () => {
  fs.mkdirSync(keys);
  for (const zone of ['policy', 'maintain', 'allow', 'off', 'hand'])
    fs.writeFileSync(path.join(directory.path, `${zone}.db`), zoneText(1));
  for (const zone of ['maintain', 'allow', 'off']) {
    await makeKey(`${zone}.example`, keys, '-f', 'KSK');
    await makeKey(`${zone}.example`, keys);
  }
  await makeKey('hand.example', directory.path, '-f', 'KSK');
  await makeKey('hand.example', directory.path);
  await ours('dnssec-signzone', '-S', '-K', directory.path, '-d', directory.path, '-o', 'hand.example', 'hand.db');
  ports = await freePorts();
  writeConfiguration(directory.path, ports, ZONES);
  server = await NamedProcess.start(directory.path, ports);
});

after(async () => {
  await server.end();
  directory[Symbol.dispose]();
});

/** What Debian's dnssec-verify says of the zone as it is served; empty when all is well. */
async function verdict(zone: string): Promise<string> {
  const file = path.join(directory.path, `${zone}.copy`);
  fs.writeFileSync(file, await server.dig('+noall', '+answer', '+onesoa', zone, 'AXFR'));
  // One key that signs all, as policy `default` has it, is what -z is for.
  const flags = zone === 'policy.example' ? ['-z'] : [];
  const { code, stdout, stderr } = await execute('dnssec-verify', [...flags, '-o', zone, file]);
  return code === 0 ? '' : stdout + stderr;
}

/** What delv says of a question, with the zone's own key as trust anchor. */
async function validate(zone: string, name: string, type: string): Promise<string> {
  const file = [keys, directory.path]
    .flatMap((folder) => fs.readdirSync(folder).map((one) => path.join(folder, one)))
    .filter((one) => path.basename(one).startsWith(`K${zone}.+`) && one.endsWith('.key'))
    .map((one) => fs.readFileSync(one, 'latin1'))
    .find((text) => text.includes('DNSKEY 257'))!;
  const [, fields, key] = /DNSKEY (257 3 \d+) (.*)/.exec(file)!;
  const anchors = path.join(directory.path, `${zone}.anchors`);
  fs.writeFileSync(anchors, `trust-anchors { ${zone}. static-key ${fields} "${key.replaceAll(/\s/g, '')}"; };\n`);
  const args = [`@${HOST}`, '-p', String(ports.dns), '-a', anchors, `+root=${zone}`, name, type];
  const { stdout, stderr } = await execute('delv', args);
  return stdout + stderr;
}

const dnskeys = async (zone: string): Promise<number[]> =>
  [...(await server.dig('+noall', '+answer', '+multiline', zone, 'DNSKEY')).matchAll(/key id = (\d+)/g)].map(
    ([, tag]) => Number(tag),
  );

const soaSigners = async (zone: string): Promise<number[]> =>
  [...(await server.dig('+noall', '+answer', '+dnssec', zone, 'SOA')).matchAll(/RRSIG\s+SOA (?:\S+ ){5}(\d+) /g)].map(
    ([, tag]) => Number(tag),
  );

const serialOf = async (zone: string): Promise<number> =>
  Number((await server.dig('+short', zone, 'SOA')).split(' ')[2]);

test('S-006 by policy, with manual keys and by hand: three zones side by side verify and answer', async () => {
  for (const zone of ['policy.example', 'maintain.example', 'hand.example']) {
    assert.equal(await verdict(zone), '', zone);
    assert.match(await validate(zone, `www.${zone}`, 'A'), /^; fully validated$/m);
    assert.match(await validate(zone, `some.wild.${zone}`, 'TXT'), /^; fully validated$/m);
    assert.match(await validate(zone, `none.${zone}`, 'A'), /^; negative response, fully validated$/m);
    assert.match(await validate(zone, `sub.${zone}`, 'DS'), /^; negative response, fully validated$/m);
  }
});

function checkOurs(file: string): { readonly code: number; readonly stdout: string } {
  let stdout = '';
  const code = namedCheckconf([file], {
    output: {
      print: (text) => (stdout += typeof text === 'string' ? text : Buffer.from(text).toString('latin1')),
      complain: () => undefined,
    },
    disk: new NodeDisk(),
    clock: new SystemClock(),
    makeArena: () => Arena.create(1 << 20),
  });
  return { code, stdout };
}

test('S-093 S-095 S-096 named-checkconf says of auto-dnssec and its intervals what that of BIND says', async () => {
  const inline = (clauses: string): string => `zone "x" { type primary; file "x"; inline-signing yes; ${clauses} };`;
  const texts = [
    ...['allow', 'maintain', 'off'].flatMap((mode) => [
      inline(`auto-dnssec ${mode};`),
      inline(`auto-dnssec ${mode}; dnssec-policy default;`),
      inline(`auto-dnssec ${mode}; dnssec-policy none;`),
      `zone "x" { type primary; file "x"; auto-dnssec ${mode}; };`,
      `options { auto-dnssec ${mode}; };`,
      `view "v" { auto-dnssec ${mode}; };`,
    ]),
    ...['0', '1', '3660', '3661', '8 8', '8 9', '3 72', '3 73', '7 168', '30 40'].flatMap((numbers) => [
      inline(`sig-validity-interval ${numbers};`),
      `options { sig-validity-interval ${numbers}; };`,
    ]),
    ...['0', '3660', '3661'].map((days) => inline(`dnskey-sig-validity ${days};`)),
    inline('dnssec-policy default; sig-validity-interval 9; dnskey-sig-validity 9; update-check-ksk yes;'),
    inline('dnssec-loadkeys-interval 60;'),
  ];
  const file = path.join(directory.path, 'check.conf');
  for (const text of texts) {
    fs.writeFileSync(file, `${text}\n`);
    const [we, they] = [checkOurs(file), await execute('named-checkconf', [file])];
    // Ours have columns.
    const lines = ({ stdout }: { stdout: string }): string[] =>
      stdout
        .replaceAll(/:\d+:\d+: /g, ':1: ')
        .split('\n')
        .toSorted();
    assert.deepEqual([lines(we), we.code], [lines(they), they.code], text);
  }
});

test('S-096 off: nothing is signed, and rndc sign and loadkeys are refused as BIND refuses them', async () => {
  assert.deepEqual(await dnskeys('off.example'), []);
  for (const command of ['sign', 'loadkeys']) {
    const { code, stderr } = await server.rndc(command, 'off.example');
    assert.equal(code, 1);
    assert.equal(stderr.trim(), `rndc: '${command}' failed: permission denied`);
  }
});

test('S-093 S-094 allow: nothing happens before rndc sign, then keys are fetched and the zone is signed', async () => {
  assert.deepEqual(await dnskeys('allow.example'), []);
  assert.match(await server.dig('www.allow.example', 'A'), /flags: qr aa.*\n[^]*192\.0\.2\.1/);
  assert.equal(
    (await server.rndc('loadkeys', 'allow.example')).stderr.trim(),
    "rndc: 'loadkeys' failed: permission denied",
  );
  const from = server.log.length;
  const outcome = await server.rndcUntil(/DNSKEY allow\.example\S* \(ZSK\) is now active/, 'sign', 'allow.example');
  assert.equal(outcome.code, 0);
  await until(async () => (await dnskeys('allow.example')).length === 2, 'two keys in the zone');
  assert.match(server.log.slice(from), /Fetching allow\.example\/ECDSAP256SHA256\/\d+ \(KSK\) from key repository\./);
  assert.equal(await verdict('allow.example'), '');
  assert.match((await server.rndc('zonestatus', 'allow.example')).stdout, /^key maintenance: on command$/m);
  const zsk = tagOf(await makeKey('allow.example', keys));
  fs.writeFileSync(path.join(directory.path, 'allow.db'), zoneText(5));
  await server.rndcUntil(/zone allow\.example\/IN \(signed\): serial/, 'reload', 'allow.example');
  assert.ok(!(await dnskeys('allow.example')).includes(zsk), 'another key waits for the command');
  await server.rndcUntil(
    new RegExp(`DNSKEY allow\\.example/ECDSAP256SHA256/0*${zsk} \\(ZSK\\) is now active`),
    'sign',
    'allow.example',
  );
  assert.ok((await soaSigners('allow.example')).includes(zsk));
  assert.equal(await verdict('allow.example'), '');
});

test('S-095 S-096 maintain: a key is used and taken out at its times, and rndc loadkeys finds new ones', async () => {
  const [old] = await soaSigners('maintain.example');
  const zsk = await makeKey('maintain.example', keys, '-P', 'now', '-A', 'now');
  const line = (what: string): RegExp =>
    new RegExp(`DNSKEY maintain\\.example/ECDSAP256SHA256/0*${tagOf(zsk)} \\(ZSK\\) is now ${what}`);
  const from = server.log.length;
  await server.rndcUntil(line('active'), 'loadkeys', 'maintain.example');
  assert.deepEqual((await soaSigners('maintain.example')).toSorted(), [old, tagOf(zsk)].toSorted());
  assert.equal(await verdict('maintain.example'), '');
  // Each time is told to the server before it comes, or has come when the server looks: on a slow machine either may be.
  await ours('dnssec-settime', '-K', keys, '-I', '+3', zsk);
  await server.rndc('loadkeys', 'maintain.example');
  await server.line(line('inactive'), from);
  assert.deepEqual(await soaSigners('maintain.example'), [old]);
  await ours('dnssec-settime', '-K', keys, '-D', '+3', zsk);
  await server.rndc('loadkeys', 'maintain.example');
  await server.line(line('deleted'), from);
  assert.ok(!(await dnskeys('maintain.example')).includes(tagOf(zsk)));
  assert.equal(await verdict('maintain.example'), '');
  assert.match((await server.rndc('zonestatus', 'maintain.example')).stdout, /^key maintenance: automatic$/m);
});

test('S-100 a key whose private half is missing is published and named in the log', async () => {
  const zsk = await makeKey('maintain.example', keys);
  fs.rmSync(path.join(keys, `${zsk}.private`));
  await server.rndcUntil(
    new RegExp(`/0*${tagOf(zsk)} \\(ZSK\\) is published and cannot sign`),
    'loadkeys',
    'maintain.example',
  );
  await until(async () => (await dnskeys('maintain.example')).includes(tagOf(zsk)), 'the key in the zone');
  assert.ok(!(await soaSigners('maintain.example')).includes(tagOf(zsk)));
  assert.equal(await verdict('maintain.example'), '');
});

test('S-006 BIND takes the three zones over and hands them back', async () => {
  const file = path.join(directory.path, 'maintain.db');
  for (const [who, serial] of [
    ['debian', 20],
    ['ours', 30],
  ] as const) {
    await server.end();
    server = await NamedProcess.start(directory.path, ports, who);
    fs.writeFileSync(file, zoneText(serial));
    await server.rndc('reload', 'maintain.example');
    await until(async () => (await serialOf('maintain.example')) >= serial, `serial ${serial} by ${who}`);
    for (const zone of ['policy.example', 'maintain.example', 'allow.example', 'hand.example'])
      assert.equal(await verdict(zone), '', `${zone} served by ${who}`);
  }
});
