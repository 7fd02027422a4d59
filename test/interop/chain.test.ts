import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { execute, freePorts, NamedProcess, type Ports, until, writeConfiguration } from './named-process.ts';
import { freePort, HOST, Peer, temporaryDirectory } from './serve-peers.ts';

/*
 * A chain of trust on loopback: root, tld and zones below, each signed and served by a named of ours, and Unbound, which
 * knows no key but the root's. A delegation cannot name a port, so stub zones tell Unbound where each zone is; what it
 * believes still comes from the chain alone.
 */

const SIGNED = 'dnssec-policy default; inline-signing yes;';

const directory = temporaryDirectory();
const servers: NamedProcess[] = [];
let unbound: Peer | undefined;
let resolverPort = 0;
/** Key file of the root zone, without ".key". */
let rootKey = '';

/** Starts a named on an address with zones and waits until all are signed. */
async function serve(name: string, ports: Ports, zones: Record<string, [text: string, options: string]>) {
  const home = path.join(directory.path, name);
  fs.mkdirSync(home);
  const blocks = Object.entries(zones).map(([apex, [text, options]]) => {
    const file = `db.${apex === '.' ? 'root' : apex}`;
    fs.writeFileSync(path.join(home, file), text);
    return `zone "${apex}" { type primary; file "${file}"; ${options} };`;
  });
  writeConfiguration(home, ports, blocks.join('\n'));
  const server = await NamedProcess.start(home, ports);
  servers.push(server);
  return home;
}

function soa(serial: number): string {
  return `$TTL 300\n@ SOA ns host ${serial} 3600 600 86400 300\n`;
}

/** The DS of a zone's key, as dnssec-dsfromkey of Debian makes it. */
async function dsOf(home: string, zone: string): Promise<string> {
  const key = fs.readdirSync(home).find((name) => name.startsWith(`K${zone}.+`) && name.endsWith('.key'));
  assert.ok(key !== undefined, `a key of ${zone}`);
  return (await execute('dnssec-dsfromkey', ['-2', key], home)).stdout;
}

const data = `${soa(1)}@ NS ns\nns A ${HOST}\nwww A 192.0.2.1\n*.wild TXT "any"\n`;

before(async () => {
  const ports = { zones: await freePorts(), tld: await freePorts(), root: await freePorts() };
  const zones = await serve('zones', ports.zones, {
    'secure.tld': [data, SIGNED],
    'unsigned.tld': [data, ''],
    'tampered.tld': [data, SIGNED],
    // Unbound keeps what proofs of other names said of their neighbours: this one has none that is asked about.
    'zebra.tld': [data, SIGNED],
  });
  const below = ['secure', 'unsigned', 'tampered', 'zebra'];
  const delegations = below.map((zone) => `${zone} NS ns.${zone}\nns.${zone} A ${HOST}\n`);
  const ds = [await dsOf(zones, 'secure.tld'), await dsOf(zones, 'tampered.tld')];
  const tld = await serve('tld', ports.tld, {
    tld: [`${soa(1)}@ NS ns\nns A ${HOST}\n${delegations.join('')}${ds.join('')}`, SIGNED],
  });
  const root = await serve('root', ports.root, {
    '.': [`${soa(1)}@ NS ns\nns A ${HOST}\ntld NS ns.tld\nns.tld A ${HOST}\n${await dsOf(tld, 'tld')}`, SIGNED],
  });
  await tamper(zones, ports.zones);
  const stubs: [zone: string, port: number][] = [
    ['.', ports.root.dns],
    ['tld', ports.tld.dns],
    ...below.map((zone): [string, number] => [`${zone}.tld`, ports.zones.dns]),
  ];
  await startUnbound(root, stubs);
});

/** Serves tampered.tld again, as signed but with another address in it: presigned, so that nobody mends the signature. */
async function tamper(home: string, ports: Ports): Promise<void> {
  const server = servers[0];
  const text = await dig(HOST, ports.dns, 'tampered.tld', 'AXFR', '+onesoa');
  assert.match(text, /RRSIG/);
  await server.end();
  const changed = text.replaceAll('192.0.2.1\n', '192.0.2.66\n');
  assert.notEqual(changed, text);
  fs.writeFileSync(path.join(home, 'db.presigned'), changed);
  const configuration = path.join(home, 'named.conf');
  const original = fs.readFileSync(configuration, 'latin1');
  const block = 'zone "tampered.tld" { type primary; file "db.presigned"; dnssec-policy none; };';
  fs.writeFileSync(configuration, original.replace(/zone "tampered\.tld".*/, block));
  servers[0] = await NamedProcess.start(home, ports);
}

async function startUnbound(root: string, stubs: readonly [zone: string, port: number][]): Promise<void> {
  const key = fs.readdirSync(root).find((name) => name.startsWith('K.+') && name.endsWith('.key'));
  assert.ok(key !== undefined);
  rootKey = path.join(root, key);
  resolverPort = await freePort();
  const file = path.join(directory.path, 'unbound.conf');
  fs.writeFileSync(
    file,
    `server:
  interface: ${HOST}
  port: ${resolverPort}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  chroot: ""
  username: ""
  pidfile: ""
  directory: "${directory.path}"
  do-not-query-localhost: no
  trust-anchor-file: "${path.join(root, key)}"
  module-config: "validator iterator"
  val-bogus-ttl: 1
  qname-minimisation: no
${stubs.map(([zone, port]) => `stub-zone:\n  name: "${zone}"\n  stub-addr: ${HOST}@${port}\n  stub-prime: no`).join('\n')}
remote-control:
  control-enable: no
`,
  );
  unbound = new Peer('/usr/sbin/unbound', ['-d', '-c', file], directory.path);
  // On a busy machine its first questions may have been answered too late for it.
  const isTrusted = async (): Promise<boolean> => /flags: [a-z ]*\bad\b/.test(await ask('secure.tld', 'SOA'));
  await until(isTrusted, 'unbound validates');
}

after(async () => {
  await unbound?.[Symbol.asyncDispose]();
  for (const server of servers) await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

async function dig(address: string, port: number, ...words: string[]): Promise<string> {
  return (await execute('dig', [`@${address}`, '-p', String(port), '+time=30', '+tries=2', ...words])).stdout;
}

const ask = (...words: string[]): Promise<string> => dig(HOST, resolverPort, '+dnssec', ...words);

test('Unbound validates answers of every class from the root down: AD is set', async () => {
  for (const [name, type, status] of [
    ['www.secure.tld', 'A', 'NOERROR'],
    ['a.wild.secure.tld', 'TXT', 'NOERROR'],
    ['www.secure.tld', 'MX', 'NOERROR'],
    ['nonexist.secure.tld', 'A', 'NXDOMAIN'],
    ['nonexist.tld', 'A', 'NXDOMAIN'],
    ['nonexist', 'A', 'NXDOMAIN'],
    ['secure.tld', 'DS', 'NOERROR'],
    ['unsigned.tld', 'DS', 'NOERROR'],
    ['tld', 'DNSKEY', 'NOERROR'],
  ]) {
    const answer = await ask(name, type);
    assert.match(answer, new RegExp(`status: ${status}`), `${name} ${type}`);
    assert.match(answer, /flags: [a-z ]*\bad\b/, `${name} ${type}\n${answer}`);
  }
});

test('an insecure delegation is proved, and its zone is answered without AD', async () => {
  const answer = await ask('www.unsigned.tld', 'A');
  assert.match(answer, /status: NOERROR/);
  assert.match(answer, /192\.0\.2\.1/);
  assert.doesNotMatch(answer, /flags: [a-z ]*\bad\b/);
});

test('a changed address under a good chain is never shown: SERVFAIL', async () => {
  const answer = await ask('www.tampered.tld', 'A');
  assert.match(answer, /status: SERVFAIL/);
  assert.doesNotMatch(answer, /192\.0\.2\.66/);
  assert.match(await ask('+cd', 'www.tampered.tld', 'A'), /192\.0\.2\.66/);
});

/** What delv, which trusts the root's key alone and gets all else from Unbound, says of a name. */
async function delv(name: string, type: string): Promise<string> {
  const [, numbers, publicKey] = /DNSKEY (\d+ 3 \d+) (.*)/.exec(fs.readFileSync(rootKey, 'latin1'))!;
  const anchors = path.join(directory.path, 'anchors');
  fs.writeFileSync(anchors, `trust-anchors { . static-key ${numbers} "${publicKey.replaceAll(/\s/g, '')}"; };\n`);
  const words = [`@${HOST}`, '-p', String(resolverPort), '-a', anchors, '+root=.', name, type];
  const { stdout, stderr } = await execute('delv', words);
  return stdout + stderr;
}

test('S-157 a chain of trust from the root over a parent to a child, all served here: delv says fully validated', async () => {
  for (const [name, type] of [
    ['www.secure.tld', 'A'],
    ['a.wild.secure.tld', 'TXT'],
    ['secure.tld', 'DS'],
  ])
    assert.match(await delv(name, type), /^; fully validated$/m, `${name} ${type}`);
  assert.match(await delv('nonexist.secure.tld', 'A'), /^; negative response, fully validated$/m);
  assert.match(await delv('www.unsigned.tld', 'A'), /^; unsigned answer$/m);
  assert.match(await delv('www.tampered.tld', 'A'), /resolution failed|no valid signature found|broken trust chain/);
});

test('S-159 (part) a DS that is put into the zone of a parent here is signed and served, and makes the child secure', async () => {
  const [zones, tld] = servers;
  const shown = (): Promise<string> => dig(HOST, tld.ports.dns, '+dnssec', '+noall', '+answer', 'zebra.tld', 'DS');
  assert.equal(await shown(), '');
  const file = path.join(tld.directory, 'db.tld');
  const text = fs.readFileSync(file, 'latin1').replace('host 1 ', 'host 100 ');
  fs.writeFileSync(file, text + (await dsOf(zones.directory, 'zebra.tld')));
  const { code, stderr } = await tld.rndc('reload', 'tld');
  assert.equal(code, 0, stderr);
  await until(async () => (await shown()).includes('RRSIG'), 'the DS is served with its signature');
  assert.match(await shown(), /^zebra\.tld\.\s+300\s+IN\s+DS\s[^]*^zebra\.tld\.\s+300\s+IN\s+RRSIG\s+DS /m);
  assert.match(await delv('www.zebra.tld', 'A'), /^; fully validated$/m);
});
