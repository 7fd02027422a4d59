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
    // BIND signs after that, and until then the zone is not secure.
    const status = ['zonestatus', 'dnssec.example'];
    await until(async () => (await servers[index].rndc(...status)).stdout.includes('secure: yes'), 'signed');
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
  'dnssec -status',
  'dnssec -status dnssec.example in',
  'dnssec -status dnssec.example ch',
  'dnssec -status dnssec.example nope',
  'dnssec -stat dnssec.example',
  'dnssec -checkds',
  'dnssec -checkds published',
  'dnssec -checkds nonsense dnssec.example',
  'dnssec -checkds published plain.example',
  'dnssec -checkds published nope.example',
  'dnssec -checkds published ..',
  'dnssec -checkds published dnssec.example in nope',
  'dnssec -checkds published withdrawn dnssec.example',
  'dnssec -checkds -nonsense published dnssec.example',
  'dnssec -checkds -key',
  'dnssec -checkds -key abc published dnssec.example',
  'dnssec -checkds -key -5 published dnssec.example',
  'dnssec -checkds -key 65535 published dnssec.example',
  'dnssec -checkds -key 65536 published dnssec.example',
  'dnssec -checkds -k 65535 -a 8 published dnssec.example',
  'dnssec -checkds -alg',
  'dnssec -checkds -alg 13 published dnssec.example',
  'dnssec -checkds -key 1 -alg nonsense published dnssec.example',
  'dnssec -checkds -key 1 -alg 300 published dnssec.example',
  'dnssec -checkds -when',
  'dnssec -checkds -when now published dnssec.example',
  'dnssec -checkds -when 2020 published dnssec.example',
  'dnssec -checkds -when 20261301000000 published dnssec.example',
  'dnssec -checkds -when 202613010000000 published dnssec.example',
  'dnssec -rollover',
  'dnssec -rollover dnssec.example',
  'dnssec -rollover -key 1',
  'dnssec -rollover -key 1 plain.example',
  'dnssec -rollover -key 65535 dnssec.example',
  'dnssec -rollover -key 1 published dnssec.example',
  'dnssec -nonsense x',
  'dnssec',
  'DNSSEC -STATUS dnssec.example',
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

test('S-079 S-080 S-081 S-083 S-084 -checkds and -rollover in their forms: the same output, and the same status after it', async () => {
  const tags = await Promise.all(servers.map((server) => tagOf(server)));
  for (const line of [
    'dnssec -checkds -when 20990102030405 published dnssec.example',
    'dnssec -checkds -key TAG -when 20990102030406 published dnssec.example',
    'dnssec -CHECKDS -K TAG -ALG ecdsap256sha256 -W 20990102030407 PUBLISHED dnssec.example in _default',
    'dnssec -status dnssec.example',
    'dnssec -rollover -key TAG -alg 13 -when 20900102030405 dnssec.example',
    'dnssec -status dnssec.example',
    'dnssec -checkds -key TAG -when 20990102030408 withdrawn dnssec.example',
  ]) {
    const [ours, debians] = await Promise.all(
      servers.map((server, index) => server.rndc(...line.replaceAll('TAG', tags[index]).split(' '))),
    );
    const plain = (outcome: Outcome, tag: string): string => comparable(outcome).replaceAll(tag, 'TAG').trimEnd();
    const expected = plain(debians, tags[1]);
    // What waits for the parent stands behind what BIND prints.
    assert.equal(plain(ours, tags[0]).replace(/\n\nwaits:\n[^]*/, ''), expected, line);
  }
});

async function tagOf(server: NamedProcess): Promise<string> {
  const { stdout } = await server.rndc('dnssec', '-status', 'dnssec.example');
  return /^key: (\d+)/m.exec(stdout)![1];
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
  for (const line of ['dumpdb', 'addzone x', 'signing -clear all plain.example']) {
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
