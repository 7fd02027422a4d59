import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { execute, freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { freePort, HOST, Peer, temporaryDirectory } from './serve-peers.ts';

const ZONE = 'dnssec.example';
const TEXT = `$TTL 300\n@ SOA ns host 1 3600 600 86400 300\n@ NS ns\nns A ${HOST}\nwww A 192.0.2.80\n`;

async function dig(port: number, ...words: string[]): Promise<string> {
  return (await execute('dig', [`@${HOST}`, '-p', String(port), '+time=5', '+tries=2', ...words])).stdout;
}

async function startSecondary(directory: string, port: number, primary: number): Promise<Peer> {
  const file = path.join(directory, 'nsd.conf');
  fs.writeFileSync(
    file,
    `server:
  ip-address: ${HOST}@${port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${directory}"
  xfrdir: "${directory}"
  pidfile: "${directory}/nsd.pid"
  xfrdfile: "${directory}/xfrd.state"
  zonelistfile: "${directory}/zone.list"
  cookie-secret-file: ""
remote-control:
  control-enable: no
zone:
  name: "${ZONE}"
  zonefile: "nsd.zone"
  request-xfr: AXFR ${HOST}@${primary} NOKEY
`,
  );
  return new Peer('nsd', ['-d', '-c', file], directory);
}

/** Unbound as nothing but a forwarder: it does not validate, and would not notice a changed signature. */
async function startForwarder(directory: string, port: number, secondary: number): Promise<Peer> {
  const file = path.join(directory, 'unbound.conf');
  fs.writeFileSync(
    file,
    `server:
  interface: ${HOST}
  port: ${port}
  do-daemonize: no
  use-syslog: no
  logfile: ""
  chroot: ""
  username: ""
  pidfile: ""
  directory: "${directory}"
  do-not-query-localhost: no
  module-config: "iterator"
forward-zone:
  name: "${ZONE}"
  forward-addr: ${HOST}@${secondary}
remote-control:
  control-enable: no
`,
  );
  return new Peer('/usr/sbin/unbound', ['-d', '-c', file], directory);
}

test('S-005 data stay verifiable through a foreign secondary and a forwarder, signatures octet for octet', async () => {
  using home = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(home.path, 'zone.db'), TEXT);
  const block = `zone "${ZONE}" { type primary; file "zone.db"; dnssec-policy default; inline-signing yes; };`;
  writeConfiguration(home.path, ports, block, { options: `allow-transfer { ${HOST}; };` });
  await using _primary = await NamedProcess.start(home.path, ports);
  const [secondaryPort, forwarderPort] = [await freePort(), await freePort()];
  await using secondary = await startSecondary(home.path, secondaryPort, ports.dns);
  await secondary.until(async () => (await dig(secondaryPort, ZONE, 'SOA')).includes('status: NOERROR'));
  await using _forwarder = await startForwarder(home.path, forwarderPort, secondaryPort);
  await until(async () => (await dig(forwarderPort, ZONE, 'SOA')).includes('status: NOERROR'), 'the forwarder answers');

  const signatures = async (port: number): Promise<string[]> =>
    (await dig(port, '+dnssec', '+short', `www.${ZONE}`, 'A')).split('\n').filter((line) => line.startsWith('A 13 '));
  const made = await signatures(ports.dns);
  assert.equal(made.length, 1);
  assert.deepEqual(await signatures(forwarderPort), made);

  const key = fs.readdirSync(home.path).find((name) => name.startsWith(`K${ZONE}.+`) && name.endsWith('.key'));
  const record = /DNSKEY (\d+ \d+ \d+) (.*)/.exec(fs.readFileSync(path.join(home.path, key!), 'latin1'))!;
  const anchor = path.join(home.path, 'anchor');
  fs.writeFileSync(anchor, `trust-anchors { ${ZONE}. static-key ${record[1]} "${record[2]}"; };\n`);
  const delv = await execute('delv', [
    `@${HOST}`,
    '-p',
    String(forwarderPort),
    '-a',
    anchor,
    `+root=${ZONE}`,
    `www.${ZONE}`,
    'A',
  ]);
  assert.match(delv.stdout, /; fully validated/);
  assert.match(delv.stdout, /192\.0\.2\.80/);
});
