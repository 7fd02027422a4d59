import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createServer, type TlsOptions } from 'node:tls';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { SystemRandom } from '../../src/base/random.ts';
import { toHex } from '../../src/base/octets.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { readConfiguration } from '../../src/conf/read-configuration.ts';
import { formatFault } from '../../src/conf/fault.ts';
import { KeyParents } from '../../src/daemon/key-parents.ts';
import type { WatchedKey, ZoneParent } from '../../src/parent/parent-watch.ts';
import { parseMessage } from '../../src/wire/message.ts';
import { nameKey, type Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { temporaryDirectory } from '../interop/serve-peers.ts';
import { makeCertificate } from '../interop/tls-files.ts';
import { SignedZone } from '../parent/signed-zones.ts';
import { answerTo, type Behaviour, record, TestAgent } from '../parent/test-agent.ts';

const ZONE = mustName('child.example.');
const { dnskey: KSK } = generateKey({ algorithm: 13, flags: 257 });
const PARENT = new SignedZone('example.');
const WAITS: WatchedKey = { id: 'K', name: 'child.example/ECDSAP256SHA256/1 (KSK)', dnskey: KSK, awaits: 'published' };
const NOW = Math.floor(Date.now() / 1000);

const SIGNED_DS = PARENT.signed(ZONE, TYPE.DS, [dsRdata(ZONE, KSK, 2)], { now: NOW });
const FORGED_DS = [record(ZONE, TYPE.DS, dsRdata(ZONE, KSK, 2))];
const KEYS = PARENT.signed('example.', TYPE.DNSKEY, [PARENT.dnskey], { now: NOW });

/** A server of the parent that has this as DS RRset, and the parent's keys. */
const parentWith =
  (ds: typeof SIGNED_DS): Behaviour =>
  (asked) => [answerTo(asked, { answers: asked.message.questions[0].type === TYPE.DNSKEY ? KEYS : ds })];

interface Opened extends AsyncDisposable {
  readonly parent: ZoneParent | undefined;
  readonly log: MemoryLog;
  /** Lets a round be asked and gives the report of the first agent. */
  round(): Promise<string | undefined>;
}

/** The parent of the zone in a named.conf with these clauses. */
function open(
  clauses: string,
  {
    statements = '',
    directory = '.',
    localKeys = (): Uint8Array[] => [],
    resolvConf = '/nonexistent',
    port = 53,
    family = 'both',
  }: Settings = {},
): Opened {
  const disk = new NodeDisk();
  const file = path.join(fs.mkdtempSync(path.join(directory, 'conf-')), 'named.conf');
  fs.writeFileSync(file, `${statements}\nzone child.example { type primary; file "z"; ${clauses} };`);
  const { configuration, faults } = readConfiguration(file, disk, { programVersion: 'test' });
  assert.ok(configuration, faults.map(formatFault).join('\n'));
  const log = new MemoryLog();
  const dependencies = { clock: new SystemClock(), disk, log, random: new SystemRandom(), localKeys };
  const client = { udpWait: 30_000, udpAttempts: 2, streamLimit: 60_000 };
  const parents = new KeyParents({ family, client, resolvConf, port }, dependencies);
  parents.configure(configuration);
  let wake: () => void = () => undefined;
  const parent = parents.open(configuration.views[0].zones[0], 'zone child.example/IN', () => wake());
  const round = async (): Promise<string | undefined> => {
    const told = new Promise<void>((resolve) => (wake = resolve));
    parent?.expect([WAITS]);
    await told;
    return parent?.fault ?? parent?.report[0]?.fault;
  };
  return { parent, log, round, [Symbol.asyncDispose]: () => parents[Symbol.asyncDispose]() };
}

interface Settings {
  readonly statements?: string;
  readonly directory?: string;
  readonly localKeys?: (zone: Name) => readonly Uint8Array[];
  readonly resolvConf?: string;
  readonly port?: number;
  readonly family?: 'both' | 'ipv4' | 'ipv6';
}

const agentsOf = (...agents: TestAgent[]): string =>
  `parental-agents { ${agents.map(({ agent }) => `${agent.address.join('.')} port ${agent.port};`).join(' ')} };`;

test('S-074 S-077 S-078 agents of named.conf are asked, from parental-source; without any, or with checkds no, nobody is', async () => {
  using directory = temporaryDirectory();
  await using first = await TestAgent.start(parentWith(FORGED_DS));
  await using second = await TestAgent.start(parentWith([]), '127.0.0.3');
  const clauses = `${agentsOf(first, second)} parental-source 127.0.0.8;`;
  await using opened = open(clauses, { directory: directory.path });
  second.behave = parentWith(FORGED_DS);
  assert.equal(await opened.round(), undefined);
  assert.deepEqual([...opened.parent!.dsSeen.keys()], ['K']);
  assert.deepEqual([...first.asked, ...second.asked].map(({ address }) => address), ['127.0.0.8', '127.0.0.8']); // prettier-ignore
  for (const none of ['', `${clauses} checkds no;`]) {
    await using silent = open(none, { directory: directory.path });
    assert.equal(silent.parent, undefined);
  }
});

const anchorStatement = (): string => {
  const [high, low, algorithm, digest] = PARENT.ds();
  return `trust-anchors { example static-ds ${(high << 8) | low} ${algorithm} ${digest} "${toHex(PARENT.ds().subarray(4))}"; };`;
};

test('S-076 with trust-anchors a forged DS advances nothing and is logged; dnssec-validation no believes it', async () => {
  using directory = temporaryDirectory();
  await using agent = await TestAgent.start(parentWith(SIGNED_DS));
  const settings = { directory: directory.path, statements: anchorStatement() };
  await using proved = open(agentsOf(agent), settings);
  assert.equal(await proved.round(), undefined);
  assert.deepEqual([...proved.parent!.dsSeen.keys()], ['K']);
  agent.behave = parentWith(FORGED_DS);
  await using forged = open(agentsOf(agent), settings);
  assert.match((await forged.round())!, /does not validate: the signature of the DS RRset by example is missing/);
  assert.equal(forged.parent!.dsSeen.size, 0);
  assert.ok(
    forged.log.records.some(({ severity, text }) => severity === 'warning' && text.includes('does not validate')),
  );
  const trusting = { ...settings, statements: `options { dnssec-validation no; }; ${settings.statements}` };
  await using believed = open(agentsOf(agent), trusting);
  assert.equal(await believed.round(), undefined);
});

test('S-076 the parent is signed by this server: its keys prove the answer of the agent', async () => {
  using directory = temporaryDirectory();
  await using agent = await TestAgent.start(parentWith(SIGNED_DS));
  const localKeys = (zone: Name): Uint8Array[] => (nameKey(zone) === nameKey(PARENT.apex) ? [PARENT.dnskey] : []);
  await using proved = open(agentsOf(agent), { directory: directory.path, localKeys });
  assert.equal(await proved.round(), undefined);
  agent.behave = parentWith(FORGED_DS);
  await using forged = open(agentsOf(agent), { directory: directory.path, localKeys });
  assert.match((await forged.round())!, /does not validate/);
});

test('an agent of an address family that is not in use is named and not asked', async () => {
  using directory = temporaryDirectory();
  await using agent = await TestAgent.start(parentWith(FORGED_DS));
  await using opened = open(agentsOf(agent), { directory: directory.path, family: 'ipv6' });
  assert.match((await opened.round())!, /address family is not in use/);
  assert.equal(agent.asked.length, 0);
});

test('S-077 checkds yes: the name servers of the parent are found through the resolvers of the host', async () => {
  using directory = temporaryDirectory();
  // One port for the resolver and the server that it names: found servers are asked at the port of DNS.
  const resolver: Behaviour = (asked) => {
    const [{ name, type }] = asked.message.questions;
    if (type === TYPE.DS) return parentWith(FORGED_DS)(asked);
    const flags = 0x8080;
    if (type === TYPE.NS) {
      const isParent = nameKey(name) === nameKey(PARENT.apex);
      return [
        answerTo(asked, { flags, answers: isParent ? [record('example.', TYPE.NS, mustName('ns.example.'))] : [] }),
      ];
    }
    return [
      answerTo(asked, { flags, answers: type === TYPE.A ? [record(name, TYPE.A, Uint8Array.of(127, 0, 0, 1))] : [] }),
    ];
  };
  const resolvConf = path.join(directory.path, 'resolv.conf');
  await using missing = open('checkds yes;', { directory: directory.path, resolvConf });
  assert.match((await missing.round())!, /no resolver is known/);
  assert.match(missing.log.records[0].text, /name them in parental-agents, or use "rndc dnssec -checkds"/);
  fs.writeFileSync(resolvConf, 'nameserver 127.0.0.1\n');
  await using server = await TestAgent.start(resolver);
  await using found = open('checkds yes;', { directory: directory.path, resolvConf, port: server.agent.port });
  assert.equal(await found.round(), undefined);
  assert.deepEqual([...found.parent!.dsSeen.keys()], ['K']);
});

/** A server of the parent over TLS. */
async function startTls(options: TlsOptions): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer({ ...options, ALPNProtocols: ['dot'] }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (octets: Buffer) => {
      if (socket.alpnProtocol !== 'dot') return socket.destroy();
      const [answer] = parentWith(FORGED_DS)({ message: parseMessage(octets.subarray(2)) } as never);
      return socket.write(Buffer.concat([Uint8Array.of(answer.length >> 8, answer.length & 255), answer]));
    });
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const dispose = async (): Promise<void> => {
    server.close();
    await once(server, 'close');
  };
  return { port, [Symbol.asyncDispose]: dispose };
}

test('S-074 tls: encrypted with anybody, or with whom the block says, or not at all', async () => {
  using directory = temporaryDirectory();
  const at = (file: string): string => path.join(directory.path, file);
  for (const name of ['good', 'other']) makeCertificate(directory.path, name, `${name}.example`);
  const [cert, key, ca] = [at('good.pem'), at('good.key'), at('good.pem')].map((file) => fs.readFileSync(file));
  await using server = await startTls({ cert, key });
  await using strict = await startTls({ cert, key, ca, requestCert: true, rejectUnauthorized: true });
  const outcome = async (block: string, port = server.port): Promise<string | undefined> => {
    const name = block === '' ? 'ephemeral' : 't';
    const statements = block === '' ? '' : `tls t { ${block} };`;
    await using opened = open(`parental-agents { 127.0.0.1 port ${port} tls ${name}; };`, {
      directory: directory.path,
      statements,
    });
    return await opened.round();
  };
  const [goodCa, otherCa] = [`ca-file "${at('good.pem')}";`, `ca-file "${at('other.pem')}";`];
  assert.equal(await outcome(''), undefined);
  assert.equal(await outcome('protocols { TLSv1.3; };'), undefined);
  assert.equal(await outcome(goodCa), undefined);
  assert.equal(await outcome(`${goodCa} remote-hostname "good.example";`), undefined);
  assert.match((await outcome(`${goodCa} remote-hostname "bad.example";`))!, /ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.match((await outcome(otherCa))!, /it cannot be asked over TCP/);
  assert.match((await outcome('remote-hostname "good.example";'))!, /it cannot be asked over TCP/);
  assert.match((await outcome('', strict.port))!, /it /);
  const own = `cert-file "${at('good.pem')}"; key-file "${at('good.key')}";`;
  assert.equal(await outcome(own, strict.port), undefined);
  assert.match(
    (await outcome(`ca-file "${at('none.pem')}";`))!,
    /tls 't': ca-file .*none\.pem cannot be read \(ENOENT\)/,
  );
  const secret = (await outcome(`cert-file "${at('good.pem')}"; key-file "${at('none.key')}";`))!;
  assert.match(secret, /tls 't': key-file cannot be read/);
  assert.doesNotMatch(secret, /none\.key/);
  const mixed = `cert-file "${at('good.pem')}"; key-file "${at('other.key')}";`;
  assert.match((await outcome(mixed))!, /cannot be used together/);
});
