import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  execute,
  executeNamed,
  freePorts,
  NamedProcess,
  type Ports,
  until,
  writeConfiguration,
} from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

const ZONE = `$TTL 300
@ SOA ns1 host 3 3600 600 86400 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
www AAAA 2001:db8::1
alias CNAME www
other DNAME www
*.wild TXT "any"
deep.empty.non.terminal A 192.0.2.2
sub NS ns.sub
ns.sub A 192.0.2.9
secure NS ns.secure
secure DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123
ns.secure A 192.0.2.10
`;

/** Whom -u names: root can become somebody else, everybody can stay who they are. */
const USER = process.getuid!() === 0 ? 'nobody' : os.userInfo().username;

/** The zone block of the manual, unchanged. */
const SIX_LINES = `zone "dnssec.example" {
    type primary;
    file "dnssec.example.db";
    dnssec-policy default;
    inline-signing yes;
};`;

const NSEC3 = `dnssec-policy "custom" {
    dnskey-ttl 600;
    keys {
        ksk lifetime P1Y algorithm ecdsap384sha384;
        zsk lifetime 60d algorithm ecdsap384sha384;
    };
    nsec3param iterations 0 optout no salt-length 0;
};
zone "dnssec.example" { type primary; file "dnssec.example.db"; dnssec-policy custom; inline-signing yes; };`;

async function withNamed(
  zones: string,
  work: (named: NamedProcess, directory: string) => Promise<void>,
  prepare: (directory: string, ports: Ports) => void = () => undefined,
): Promise<void> {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'dnssec.example.db'), ZONE);
  writeConfiguration(directory.path, ports, zones);
  prepare(directory.path, ports);
  await using named = await NamedProcess.start(directory.path, ports);
  await work(named, directory.path);
}

/** Trust anchor of the zone's key that signs keys, as delv takes it. */
function anchorOf(directory: string): string {
  const file = fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.key'))
    .map((name) => fs.readFileSync(path.join(directory, name), 'latin1'))
    .find((text) => text.includes('DNSKEY 257'));
  assert.ok(file !== undefined);
  const [, flags, protocol, algorithm, key] = /DNSKEY (\d+) (\d+) (\d+) (.*)/.exec(file) ?? [];
  const anchors = path.join(directory, 'anchors');
  const text = key.replaceAll(/\s/g, '');
  fs.writeFileSync(
    anchors,
    `trust-anchors { dnssec.example. static-key ${flags} ${protocol} ${algorithm} "${text}"; };\n`,
  );
  return anchors;
}

const QUESTIONS: readonly [name: string, type: string, verdict: RegExp][] = [
  ['www', 'A', /^; fully validated$/m],
  ['www', 'MX', /^; negative response, fully validated$/m],
  ['nonexist', 'A', /^; negative response, fully validated$/m],
  ['alias', 'A', /^; fully validated$/m],
  ['below.other', 'A', /fully validated$/m],
  ['some.wild', 'TXT', /^; fully validated$/m],
  ['some.wild', 'A', /^; negative response, fully validated$/m],
  ['non.terminal', 'A', /^; negative response, fully validated$/m],
  ['sub', 'DS', /^; negative response, fully validated$/m],
  ['secure', 'DS', /^; fully validated$/m],
  ['', 'SOA', /^; fully validated$/m],
  ['', 'DNSKEY', /^; fully validated$/m],
];

for (const [title, zones, denial] of [
  ['S-018 S-031 S-032 the six-line zone block', SIX_LINES, 'NSEC'],
  ['S-034 S-047 a custom policy with KSK, ZSK and NSEC3', NSEC3, 'NSEC3'],
] as const) {
  test(`${title}: delv validates every class of answer, and dnssec-verify the whole zone`, () =>
    withNamed(zones, async (named, directory) => {
      const anchors = anchorOf(directory);
      for (const [owner, type, verdict] of QUESTIONS) {
        const name = owner === '' ? 'dnssec.example' : `${owner}.dnssec.example`;
        const args = [`@${HOST}`, '-p', String(named.ports.dns), '-a', anchors, '+root=dnssec.example', name, type];
        const { stdout, stderr } = await execute('delv', args);
        assert.match(stdout + stderr, verdict, `${name} ${type}`);
      }
      assert.match(await named.dig('+dnssec', 'nonexist.dnssec.example', 'A'), new RegExp(`IN\\s+${denial}\\s`));
      fs.writeFileSync(path.join(directory, 'copy'), await named.dig('dnssec.example', 'AXFR', '+onesoa'));
      const verify = await execute('dnssec-verify', ['-z', '-o', 'dnssec.example', 'copy'], directory);
      assert.equal(verify.code, 0, verify.stderr);
      const ldns = await execute('ldns-verify-zone', ['copy'], directory);
      assert.equal(ldns.code, 0, ldns.stdout + ldns.stderr);
      assert.equal(fs.readFileSync(path.join(directory, 'dnssec.example.db'), 'latin1'), ZONE);
    }));
}

test('S-021 an edit and a reload show new data with a higher serial; SIGHUP does the same', () =>
  withNamed(SIX_LINES, async (named, directory) => {
    const file = path.join(directory, 'dnssec.example.db');
    const serial = async (): Promise<number> =>
      Number((await named.dig('+short', 'dnssec.example', 'SOA')).split(' ')[2]);
    const first = await serial();
    fs.writeFileSync(file, ZONE.replace('192.0.2.1', '192.0.2.77'));
    await named.rndcUntil(/\(signed\): serial \d+/, 'reload', 'dnssec.example');
    assert.match(await named.dig('+short', 'www.dnssec.example', 'A'), /192\.0\.2\.77/);
    const second = await serial();
    assert.ok(second > first);
    fs.writeFileSync(file, ZONE.replace('192.0.2.1', '192.0.2.78'));
    const from = named.log.length;
    named.child.kill('SIGHUP');
    await named.line(/received SIGHUP signal to reload zones[\s\S]*\(signed\): serial \d+/, from);
    assert.match(await named.dig('+short', 'www.dnssec.example', 'A'), /192\.0\.2\.78/);
    assert.ok((await serial()) > second);
  }));

test('zones that come and go with the configuration; a broken one does not stop the others', () =>
  withNamed(`${SIX_LINES}\nzone "broken.example" { type primary; file "broken.db"; };`, async (named, directory) => {
    assert.match(named.log, /zone broken\.example\/IN: not loaded due to errors\./);
    assert.match(await named.dig('broken.example', 'SOA'), /status: SERVFAIL/);
    assert.match(await named.dig('www.dnssec.example', 'A'), /status: NOERROR/);
    fs.writeFileSync(path.join(directory, 'new.db'), ZONE);
    writeConfiguration(directory, named.ports, 'zone "new.example" { type primary; file "new.db"; };');
    await named.rndcUntil(/any newly configured zones are now loaded/, 'reconfig');
    assert.match(await named.dig('+short', 'www.new.example', 'A'), /192\.0\.2\.1/);
    assert.match(await named.dig('www.dnssec.example', 'A'), /status: REFUSED/);
    assert.match(named.log, /zone dnssec\.example\/IN: \(primary\) removed/);
  }));

test('a zone that gets a policy is served all the time: unsigned first, then signed with a higher serial', () =>
  withNamed('zone "dnssec.example" { type primary; file "dnssec.example.db"; };', async (named, directory) => {
    const first = await named.dig('+dnssec', 'www.dnssec.example', 'A');
    assert.match(first, /status: NOERROR/);
    assert.doesNotMatch(first, /RRSIG/);
    writeConfiguration(directory, named.ports, SIX_LINES);
    const answers: string[] = [];
    const asking = (async () => {
      while (!/any newly configured zones are now loaded/.test(named.log)) {
        answers.push(await named.dig('+dnssec', 'www.dnssec.example', 'A'));
      }
    })();
    await named.rndc('reconfig');
    await named.line(/any newly configured zones are now loaded/);
    await asking;
    for (const answer of answers) assert.match(answer, /status: NOERROR/);
    assert.match(await named.dig('+dnssec', 'www.dnssec.example', 'A'), /RRSIG/);
    assert.equal(Number((await named.dig('+short', 'dnssec.example', 'SOA')).split(' ')[2]), 4);
  }));

test('a secondary is told of a new version and has it at once', async () => {
  using secondary = temporaryDirectory();
  const ports = await freePorts();
  const also = `also-notify { ${HOST} port ${ports.dns}; }; notify explicit; allow-transfer { any; };`;
  await withNamed(SIX_LINES.replace('};', `${also} };`), async (named, directory) => {
    const zone = `zone "dnssec.example" { type secondary; file "copy"; masterfile-format text; primaries { ${HOST} port ${named.ports.dns}; }; };`;
    writeConfiguration(secondary.path, ports, zone, { options: 'dnssec-validation no;' });
    await using debian = await NamedProcess.start(secondary.path, ports, 'debian');
    await debian.line(/Transfer status: success/);
    const from = debian.log.length;
    fs.writeFileSync(path.join(directory, 'dnssec.example.db'), ZONE.replace('192.0.2.1', '192.0.2.99'));
    await named.rndc('reload', 'dnssec.example');
    await debian.line(/received notify for zone 'dnssec\.example'[^]*Transfer status: success/, from);
    assert.match(await debian.dig('+short', 'www.dnssec.example', 'A'), /192\.0\.2\.99/);
  });
});

test('a restart carries on with the keys, the serial and the signatures there are', async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'dnssec.example.db'), ZONE);
  writeConfiguration(directory.path, ports, SIX_LINES);
  const transfers: string[] = [];
  for (let start = 0; start < 2; start++) {
    await using named = await NamedProcess.start(directory.path, ports);
    const copy = await named.dig('dnssec.example', 'AXFR', '+onesoa');
    transfers.push(copy.replaceAll(/^;.*\n/gm, ''));
    assert.equal(await named.end(), 0);
  }
  assert.equal(transfers[0], transfers[1]);
});

test('BIND takes over our keys and signed zone, and we take them back', async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'dnssec.example.db'), ZONE);
  const keys = (): string[] =>
    fs.readdirSync(directory.path).filter((name) => name.startsWith('K') && name.endsWith('.key'));
  const serials: number[] = [];
  let key: string[] | undefined;
  for (const who of ['ours', 'debian', 'ours'] as const) {
    writeConfiguration(directory.path, ports, SIX_LINES, { options: who === 'debian' ? 'dnssec-validation no;' : '' });
    await using named = await NamedProcess.start(directory.path, ports, who);
    await named.line(/next key event/);
    await until(async () => (await named.dig('+dnssec', 'www.dnssec.example', 'A')).includes('RRSIG'), 'signed');
    serials.push(Number((await named.dig('+short', 'dnssec.example', 'SOA')).split(' ')[2]));
    const anchors = anchorOf(directory.path);
    const args = [
      `@${HOST}`,
      '-p',
      String(ports.dns),
      '-a',
      anchors,
      '+root=dnssec.example',
      'www.dnssec.example',
      'A',
    ];
    assert.match((await execute('delv', args)).stdout, /^; fully validated$/m, who);
    assert.deepEqual(keys(), (key ??= keys()), who);
    await named.rndc('stop');
    await until(() => named.child.exitCode !== null, 'stopped');
  }
  assert.equal(keys().length, 1);
  assert.ok(serials[1] >= serials[0] && serials[2] >= serials[1], serials.join(' '));
});

test('in the background: the command ends when the server serves, and rndc ends that', async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'dnssec.example.db'), ZONE);
  const logging =
    'logging { channel out { file "out.log" versions 2 size 1m; print-time yes; print-category yes; print-severity yes; }; category default { out; }; };';
  writeConfiguration(directory.path, ports, `${logging}\n${SIX_LINES}`);
  const outcome = await executeNamed(['-c', 'named.conf'], directory.path);
  assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
  const pid = Number(fs.readFileSync(path.join(directory.path, 'named.pid'), 'latin1'));
  try {
    const args = [`@${HOST}`, '-p', String(ports.dns), '+short', 'www.dnssec.example', 'A'];
    assert.match((await execute('dig', args)).stdout, /192\.0\.2\.1/);
    const again = await executeNamed(['-c', 'named.conf'], directory.path);
    assert.equal(again.code, 1);
    assert.match(
      again.stderr,
      new RegExp(`another named process is already running: process ${pid} works in ${directory.path}`),
    );
    // It finds that out before it binds anything, and so takes no queries from the first; nor does a server elsewhere.
    const visible = await executeNamed(['-g', '-c', 'named.conf'], directory.path);
    assert.equal(visible.code, 1);
    assert.doesNotMatch(visible.stderr, /listening on/);
    assert.equal(Number(fs.readFileSync(path.join(directory.path, 'named.pid'), 'latin1')), pid);
    using elsewhere = temporaryDirectory();
    fs.writeFileSync(path.join(elsewhere.path, 'dnssec.example.db'), ZONE);
    writeConfiguration(elsewhere.path, { ...(await freePorts()), dns: ports.dns }, SIX_LINES);
    const neighbour = await executeNamed(['-g', '-c', 'named.conf'], elsewhere.path);
    assert.equal(neighbour.code, 1);
    assert.match(neighbour.stderr, /EADDRINUSE\): another program holds it: stop that program or choose another port/);
    const stop = await execute('rndc', ['-c', path.join(directory.path, 'rndc.conf'), 'stop']);
    assert.equal(stop.code, 0);
    await until(() => !fs.existsSync(`/proc/${pid}`), 'the daemon ended');
  } finally {
    if (fs.existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  }
  const log = fs.readFileSync(path.join(directory.path, 'out.log'), 'latin1');
  assert.match(log, /^\d\d-\w{3}-\d{4} [\d:.]{12} general: notice: running$/m);
  assert.match(
    log,
    /^\d\d-\w{3}-\d{4} [\d:.]{12} zoneload: info: zone dnssec\.example\/IN \(unsigned\): loaded serial 3$/m,
  );
});

test('a configuration that cannot be used: exit code 1, and the fault with file, line and column', async () => {
  using directory = temporaryDirectory();
  writeConfiguration(directory.path, await freePorts(), `${SIX_LINES}\nnonsense yes;`);
  for (const args of [
    ['-g', '-c', 'named.conf'],
    ['-c', 'named.conf'],
  ]) {
    const { code, stderr } = await executeNamed(args, directory.path);
    assert.equal(code, 1);
    assert.match(
      stderr,
      args.includes('-g') ? /named\.conf:\d+:\d+: unknown option 'nonsense'/ : /loading configuration/,
    );
  }
});

test('the command line: versions, usage and refusals in the words of BIND', async () => {
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await executeNamed(args, '/');
    return `${code} ${stdout}${stderr}`;
  };
  assert.match(await run('-v'), /^0 Signet \d+\.\d+\.\d+\n$/);
  assert.match(await run('-V'), /^0 Signet [\s\S]*linked to OpenSSL version/);
  for (const args of [
    ['-Q'],
    ['-c'],
    ['-4', '-6'],
    ['-p', '0'],
    ['-p', 'abc'],
    ['-n', 'x'],
    ['-d', 'x'],
    ['-g', '-u', 'nosuchuser'],
    ['extra'],
  ]) {
    const debian = await execute('/usr/sbin/named', args);
    assert.equal(await run(...args), `${debian.code} ${debian.stdout}${debian.stderr}`, args.join(' '));
  }
  assert.match(await run('-E', 'pkcs11'), /^1 named: option '-E' is not supported/);
});

test('-u: after the start the server is that user, with all threads, and writes its files as that user', async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'dnssec.example.db'), ZONE);
  writeConfiguration(directory.path, ports, SIX_LINES);
  const userId = Number((await execute('id', ['-u', USER])).stdout);
  fs.chownSync(directory.path, userId, -1);
  await using named = await NamedProcess.start(directory.path, ports, 'ours', ['-u', USER]);
  const tasks = fs.readdirSync(`/proc/${named.child.pid}/task`);
  for (const task of tasks) {
    const file = `/proc/${named.child.pid}/task/${task}/status`;
    if (!fs.existsSync(file)) continue; // a thread that has ended meanwhile
    const status = fs.readFileSync(file, 'latin1');
    assert.match(status, new RegExp(`^Uid:\\s+${userId}\\s+${userId}\\s+${userId}`, 'm'));
  }
  for (const name of fs.readdirSync(directory.path).filter((one) => /^K|signed|pid|session/.test(one))) {
    assert.equal(fs.statSync(path.join(directory.path, name)).uid, userId, name);
  }
  assert.match(await named.dig('+dnssec', 'www.dnssec.example', 'A'), /RRSIG/);
});

test('S-030 a directory that may not be written: one message with path and user, and work goes on after chmod', async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'dnssec.example.db'), ZONE);
  writeConfiguration(directory.path, ports, SIX_LINES);
  const configuration = path.join(directory.path, 'named.conf');
  const text = fs.readFileSync(configuration, 'latin1');
  fs.writeFileSync(
    configuration,
    text.replace(/pid-file ".*?"/, 'pid-file none').replace(/session-keyfile ".*?"/, 'session-keyfile none'),
  );
  fs.chmodSync(directory.path, 0o555);
  await using named = await NamedProcess.start(directory.path, ports, 'ours', ['-u', USER]);
  const userId = (await execute('id', ['-u', USER])).stdout.trim();
  assert.match(named.log, new RegExp(`${directory.path}.*EACCES \\(user id ${userId}\\).*still serving`));
  assert.match(await named.dig('+short', 'www.dnssec.example', 'A'), /192\.0\.2\.1/);
  fs.chmodSync(directory.path, 0o777);
  await named.rndcUntil(/\(signed\): serial \d+/, 'loadkeys', 'dnssec.example');
  assert.match(await named.dig('+dnssec', 'www.dnssec.example', 'A'), /RRSIG/);
});
