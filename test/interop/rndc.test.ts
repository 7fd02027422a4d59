import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePorts, NamedProcess, type Outcome, until, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* The same commands of Debian's rndc to our named and to Debian's, under the same configuration. */

const ZONE = '$TTL 300\n@ SOA ns1 host 3 3600 600 86400 300\n@ NS ns1\nns1 A 127.0.0.1\nwww A 192.0.2.1\n';
const ZONES = `
zone "dnssec.example" { type primary; file "dnssec.example.db"; dnssec-policy default; inline-signing yes; };
zone "plain.example" { type primary; file "plain.example.db"; };
zone "broken.example" { type primary; file "broken.example.db"; };
`;

const directories = [temporaryDirectory(), temporaryDirectory()];
const servers: NamedProcess[] = [];

before(async () => {
  for (const [index, who] of (['ours', 'debian'] as const).entries()) {
    const directory = directories[index].path;
    for (const name of ['dnssec', 'plain']) fs.writeFileSync(path.join(directory, `${name}.example.db`), ZONE);
    fs.writeFileSync(path.join(directory, 'broken.example.db'), '@ SOA a b 1 1 1 1 1\n@ NS ns1\n@ FOO bar\n');
    const ports = await freePorts();
    writeConfiguration(directory, ports, ZONES, { options: 'dnssec-validation no;' });
    if (who === 'ours') writeConfiguration(directory, ports, ZONES);
    servers.push(await NamedProcess.start(directory, ports, who));
    await servers[index].line(/dnssec\.example.* next key event/);
  }
});

after(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
  for (const directory of directories) directory[Symbol.dispose]();
});

/** What must agree: without times, key tags, and serials that each server counts by itself. */
function comparable({ code, stdout, stderr }: Outcome): string {
  return `${code}\n${stdout}${stderr}`
    .replaceAll(/\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/g, 'TIME')
    .replaceAll(/\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}/g, 'TIME')
    .replaceAll(/key: \d+/g, 'key: TAG')
    .replaceAll(/signed serial: \d+/g, 'signed serial: N')
    .replaceAll(/next resign node: \S+/g, 'next resign node: X');
}

async function agree(...words: string[]): Promise<void> {
  const [ours, debians] = await Promise.all(servers.map((server) => server.rndc(...words)));
  assert.equal(comparable(ours), comparable(debians));
}

const SAME = [
  'zonestatus dnssec.example',
  'zonestatus plain.example',
  'zonestatus plain.example IN _default',
  'zonestatus broken.example',
  'zonestatus nope.example',
  'zonestatus plain.example IN nope',
  'zonestatus plain.example XX',
  'zonestatus a..b',
  'zonestatus',
  'dnssec -status dnssec.example',
  'dnssec -status plain.example',
  'dnssec -status nope.example',
  'dnssec -nonsense x',
  'dnssec',
  'signing -list dnssec.example',
  'signing -list plain.example',
  'signing -nonsense plain.example',
  'signing',
  'reload plain.example',
  'reload dnssec.example',
  'reload nope.example',
  'reconfig',
  'reload',
  'loadkeys dnssec.example',
  'loadkeys plain.example',
  'loadkeys',
  'sign dnssec.example',
  'sign plain.example',
  'sign',
  'sync',
  'sync -clean',
  'sync dnssec.example',
  'sync -clean dnssec.example',
  'sync plain.example',
  'sync nope.example',
  'notify plain.example',
  'notify',
  'freeze plain.example',
  'freeze dnssec.example',
  'thaw plain.example',
  'null',
  'scan',
  'nonsense',
  'trace xx',
  'trace 3',
  'notrace',
  'querylog maybe',
  'querylog on',
  'querylog off',
];

for (const line of SAME) {
  test(`rndc ${line}: the same output, errors and exit code as Debian's named`, () => agree(...line.split(' ')));
}

test('rndc status has the lines of BIND, but for those of its resolver', async () => {
  const [ours, debians] = await Promise.all(servers.map((server) => server.rndc('status')));
  const labels = (text: string): string[] => text.split('\n').map((line) => line.replace(/(:| is| up).*$/, ''));
  const resolver = ['recursive clients'];
  assert.deepEqual(
    labels(ours.stdout),
    labels(debians.stdout).filter((label) => !resolver.includes(label)),
  );
});

test('commands that we do not have are refused by name', async () => {
  for (const line of [
    'dumpdb',
    'addzone x',
    'dnssec -rollover -key 1 dnssec.example',
    'signing -clear all plain.example',
  ]) {
    const { code, stdout, stderr } = await servers[0].rndc(...line.split(' '));
    assert.equal(code, 1);
    assert.match(stdout + stderr, new RegExp(`not implemented\\ncommand '${line.split(' ')[0]}.*is not supported`));
  }
});

test('a wrong key is refused, and logged as BIND logs it', async () => {
  for (const server of servers) {
    const file = path.join(server.directory, 'rndc.conf');
    const good = fs.readFileSync(file, 'latin1');
    const from = server.log.length;
    fs.writeFileSync(file, good.replace('c2ln', 'c2lo'));
    const { code } = await server.rndc('status');
    fs.writeFileSync(file, good);
    assert.equal(code, 1);
    await server.line(/invalid command from 127\.0\.0\.1#\d+: bad auth$/m, from);
  }
});

test('a refused configuration leaves everything as it is', async () => {
  for (const server of servers) {
    const file = path.join(server.directory, 'named.conf');
    const good = fs.readFileSync(file, 'latin1');
    fs.writeFileSync(file, `${good}\nfoo;\n`);
    const { code, stderr } = await server.rndc('reconfig');
    fs.writeFileSync(file, good);
    assert.equal(code, 1);
    assert.match(stderr, /^rndc: 'reconfig' failed: failure$/m);
    assert.match(await server.dig('+short', 'www.plain.example', 'A'), /192\.0\.2\.1/);
  }
});

test('stop -p tells the process id and ends the server', async () => {
  for (const server of servers) {
    const { code, stdout } = await server.rndc('stop', '-p');
    assert.equal(code, 0);
    assert.equal(stdout, `pid: ${server.child.pid}\n`);
    await server.line(/ exiting$/m);
    await until(() => !fs.existsSync(path.join(server.directory, 'named.pid')), 'the pid file is removed');
  }
});
