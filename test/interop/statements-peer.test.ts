import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { execute, executeNamed, freePorts, type Ports, until } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* Who may ask what, which view answers, what the server says of itself and what it logs: as Debian's named with the same file. */

const KEY = 'key "rndc-key" { algorithm hmac-sha256; secret "c3RhdGVtZW50cw=="; };';
const SECRET = 'YWJjZGVmZ2hpamtsbW5vcA==';
const ZONE = '$TTL 300\n@ SOA ns1 host 3 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.';

/** named.conf of both; relative names are under the directory of each. */
function configuration(home: string, { dns, control }: Ports): string {
  return `include "${home}/keys.conf";
acl inside { 127.0.0.1; !127.0.0.3; 127.0.0.2; };
options {
  directory "${home}"; listen-on port ${dns} { ${HOST}; }; listen-on-v6 { none; };
  recursion no; notify no; pid-file "named.pid"; session-keyfile none;
  version "my version"; server-id "me"; hostname "some-host";
  allow-query { any; }; allow-transfer { key k; };
};
controls { inet ${HOST} port ${control} allow { ${HOST}; } keys { "rndc-key"; }; };
logging {
  channel asked { file "asked.log" versions 2 size 1m; print-category yes; print-severity yes; };
  channel rejected { file "rejected.log"; severity error; print-severity yes; print-category yes; };
  category queries { asked; };
  category security { rejected; };
  category default { null; };
};
view in {
  match-clients { inside; };
  allow-query { inside; };
  zone a.example { type primary; file "a.db"; allow-query { 127.0.0.1; }; allow-transfer { 127.0.0.2; }; };
  zone c.example { type primary; file "a.db"; };
};
view keyed { match-clients { key k; }; zone a.example { type primary; file "b.db"; }; };
view out { match-clients { any; }; match-destinations { ${HOST}; }; zone b.example { type primary; file "b.db"; }; };
`;
}

const directory = temporaryDirectory();

interface Peer {
  readonly home: string;
  readonly ports: Ports;
}
const peers: Peer[] = [];

const rndc = ({ home }: Peer, word: string) => execute('rndc', ['-c', path.join(home, 'rndc.conf'), word]);

before(async () => {
  for (const who of ['ours', 'debian']) {
    const home = path.join(directory.path, who);
    const ports = await freePorts();
    fs.mkdirSync(home);
    const put = (name: string, text: string): void => fs.writeFileSync(path.join(home, name), text);
    put('a.db', `${ZONE}1\n`);
    put('b.db', `${ZONE}2\n`);
    put('keys.conf', `${KEY}\nkey k { algorithm hmac-sha512; secret "${SECRET}"; };\n`);
    put('named.conf', configuration(home, ports));
    const client = `default-server ${HOST}; default-port ${ports.control}; default-key "rndc-key";`;
    put('rndc.conf', `${KEY}\noptions { ${client} };\n`);
    peers.push({ home, ports });
    // One thread: lines of two could come in either order.
    const args = ['-n', '1', '-c', path.join(home, 'named.conf')];
    const { code, stderr } = who === 'ours' ? await executeNamed(args, home) : await execute('named', args, home);
    assert.equal(code, 0, stderr);
  }
  for (const peer of peers) await until(async () => (await rndc(peer, 'status')).code === 0, 'rndc status');
});

async function stop(peer: Peer): Promise<void> {
  const pidFile = path.join(peer.home, 'named.pid');
  if (!fs.existsSync(pidFile)) return;
  await rndc(peer, 'stop');
  await until(() => !fs.existsSync(pidFile), 'the end of named');
}

after(async () => {
  for (const peer of peers) await stop(peer);
  directory[Symbol.dispose]();
});

const KEYED = ['-y', `hmac-sha512:k:${SECRET}`];
const WRONG = ['-y', 'hmac-sha512:k:bm90IHRoZSBzZWNyZXQ='];

/** Arguments of dig; the server is 127.0.0.1 where none is given. */
const QUESTIONS: readonly (readonly string[])[] = [
  ['version.bind', 'CH', 'TXT'],
  ['id.server', 'CH', 'TXT'],
  ['hostname.bind', 'CH', 'TXT'],
  ['+nsid', 'a.example', 'SOA'],
  ['-b', '127.0.0.1', 'ns1.a.example', 'A'],
  ['-b', '127.0.0.2', 'ns1.a.example', 'A'],
  ['-b', '127.0.0.2', 'ns1.c.example', 'A'],
  ['-b', '127.0.0.3', 'ns1.b.example', 'A'],
  ['-b', '127.0.0.3', 'ns1.a.example', 'A'],
  ['-b', '127.0.0.3', ...KEYED, 'ns1.a.example', 'A'],
  ['-b', '127.0.0.1', ...KEYED, 'ns1.a.example', 'A'],
  ['-b', '127.0.0.3', ...WRONG, 'ns1.a.example', 'A'],
  ['-b', '127.0.0.3', '-y', `hmac-sha256:k:${SECRET}`, 'ns1.a.example', 'A'],
  ['-b', '127.0.0.3', '-y', `hmac-sha512:nobody:${SECRET}`, 'ns1.a.example', 'A'],
  ['-b', '127.0.0.1', 'a.example', 'AXFR'],
  ['-b', '127.0.0.2', 'a.example', 'AXFR'],
  ['-b', '127.0.0.2', 'c.example', 'AXFR'],
  ['-b', '127.0.0.2', ...KEYED, 'c.example', 'AXFR'],
  ['-b', '127.0.0.3', 'b.example', 'AXFR'],
  ['-b', '127.0.0.3', 'nowhere.example', 'AXFR'],
  ['nowhere.example', 'A'],
  ['+tcp', '+dnssec', 'ns1.a.example', 'AAAA'],
];

async function ask({ ports }: Peer, question: readonly string[]): Promise<string[]> {
  const server = question.some((word) => word.startsWith('@')) ? [] : [`@${HOST}`];
  const args = [...server, '-p', String(ports.dns), '+nocookie', '+time=60', '+tries=1', ...question];
  const { stdout } = await execute('dig', args);
  const isTelling = (line: string): boolean =>
    line !== '' && (!line.startsWith(';') || /NSID|Transfer failed/.test(line));
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? '';
  const records = stdout.split('\n').filter((line) => isTelling(line) && !line.includes('\tTSIG\t'));
  return [status, ...records.toSorted()];
}

test('allow-query, allow-transfer, acl, view, match lists, keys, version, server-id, hostname: the answers of BIND', async () => {
  const [ours, debian] = peers;
  for (const question of QUESTIONS)
    assert.deepEqual(await ask(ours, question), await ask(debian, question), question.join(' '));
});

test('logging: categories, channels, severities and query logging by configuration: the lines of BIND', async () => {
  for (const peer of peers) await stop(peer);
  const lines = ({ home, ports }: Peer, name: string): string[] =>
    fs
      .readFileSync(path.join(home, name), 'latin1')
      .replaceAll(/client @0x[0-9a-f]+ /g, 'client ')
      .replaceAll(/(client [0-9.]+)#\d+/g, '$1')
      .replaceAll(String(ports.dns), 'PORT')
      .split('\n')
      .filter((line) => line !== '');
  const [ours, debian] = peers;
  const asked = lines(debian, 'asked.log');
  assert.ok(asked.length >= QUESTIONS.length - 4);
  assert.deepEqual(lines(ours, 'asked.log'), asked);
  const rejected = lines(debian, 'rejected.log');
  assert.ok(rejected.some((line) => line.includes("zone transfer 'c.example/AXFR/IN' denied")));
  assert.deepEqual(lines(ours, 'rejected.log'), rejected);
});
