import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { execute, freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { startNsd, startUnbound } from './resolver-peers.ts';
import { freePort, HOST, type Peer, temporaryDirectory } from './serve-peers.ts';

const ZONE = 'dnssec.example';
const TEXT = `$TTL 300\n@ SOA ns host 1 3600 600 86400 300\n@ NS ns\nns A ${HOST}\nwww A 192.0.2.80\n`;

async function dig(port: number, ...words: string[]): Promise<string> {
  return (await execute('dig', [`@${HOST}`, '-p', String(port), '+time=30', '+tries=2', ...words])).stdout;
}

function startSecondary(directory: string, port: number, primary: number): Peer {
  return startNsd(directory, port, [
    `name: "${ZONE}"`,
    'zonefile: "nsd.zone"',
    `request-xfr: AXFR ${HOST}@${primary} NOKEY`,
  ]);
}

/** Unbound as nothing but a forwarder: it does not validate, and would not notice a changed signature. */
function startForwarder(directory: string, port: number, secondary: number): Peer {
  const forward = `forward-zone:\n  name: "${ZONE}"\n  forward-addr: ${HOST}@${secondary}\n`;
  return startUnbound(directory, port, ['module-config: "iterator"'], forward);
}

test('S-005 data stay verifiable through a foreign secondary and a forwarder, signatures octet for octet', async () => {
  using home = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(home.path, 'zone.db'), TEXT);
  const block = `zone "${ZONE}" { type primary; file "zone.db"; dnssec-policy default; inline-signing yes; };`;
  writeConfiguration(home.path, ports, block, { options: `allow-transfer { ${HOST}; };` });
  await using _primary = await NamedProcess.start(home.path, ports);
  const [secondaryPort, forwarderPort] = [await freePort(), await freePort()];
  await using secondary = startSecondary(home.path, secondaryPort, ports.dns);
  await secondary.until(async () => (await dig(secondaryPort, ZONE, 'SOA')).includes('status: NOERROR'));
  await using _forwarder = startForwarder(home.path, forwarderPort, secondaryPort);
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
