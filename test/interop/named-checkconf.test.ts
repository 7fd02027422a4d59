import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { FaultList } from '../../src/conf/fault.ts';
import { namedConfClauses } from '../../src/conf/grammar/named-conf.ts';
import { printTree, readTreeText } from '../../src/conf/syntax/read-tree.ts';
import { main } from '../../src/tools/named-checkconf.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { BAD_POLICIES } from '../conf/bad-policies.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-checkconf-'));
after(() => fs.rmSync(directory, { recursive: true }));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function write(name: string, text: string): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text, 'latin1');
  return file;
}

/** Debian's named-checkconf. */
function bind(...argv: string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync('named-checkconf', argv, {
    cwd: directory,
    encoding: 'latin1',
    timeout: 120_000,
  });
  if (error) throw error;
  return { code: status, stdout, stderr };
}

function ours(...argv: string[]): Outcome {
  let [stdout, stderr] = ['', ''];
  const code = main(argv, {
    output: {
      print: (text) => (stdout += typeof text === 'string' ? text : Buffer.from(text).toString('latin1')),
      complain: (text) => (stderr += text),
    },
    disk: new NodeDisk(),
    clock: new SystemClock(),
    makeArena: () => Arena.create(64 * 1024 * 1024),
  });
  return { code, stdout, stderr };
}

/** Lines of a log: `file:line: text`. */
const isLogLine = (line: string): boolean => /^\S+:\d+: /.test(line);

const CASES = new URL('../conf/cases/', import.meta.url);

test('S-019 -p prints every statement of the grammar as BIND prints it, octet by octet', () => {
  for (const name of fs.readdirSync(CASES)) {
    const text = fs.readFileSync(new URL(name, CASES), 'latin1');
    const peer = bind('-pi', write(name, text));
    assert.equal(peer.code, 0, `${name}: ${peer.stdout}`);
    const faults = new FaultList();
    const tree = readTreeText(name, text, namedConfClauses, { disk: new NodeDisk(), faults });
    assert.ok(tree && !faults.hasErrors, `${name}: ${faults.all.map(({ message }) => message).join('\n')}`);
    const expected = peer.stdout.split('\n').filter((line) => !isLogLine(line));
    assert.deepEqual(printTree(tree, namedConfClauses).split('\n'), expected, name);
  }
});

const KEY = 'key k { algorithm hmac-sha256; secret "YWJj"; };';
const GOOD = `options { directory "${directory}"; listen-on-v6 { none; }; recursion no; };
${KEY}
zone "dnssec.example" { type primary; file "dnssec.example.db"; dnssec-policy default; inline-signing yes; };
zone "b.example" IN { type master; file "b.db"; also-notify { 192.0.2.1 key k; }; };
`;

test('S-140 (part) -p -x -l on a configuration that both accept: the same output and exit codes', () => {
  const file = write('good.conf', GOOD);
  for (const argv of [[], ['-p'], ['-px'], ['-l'], ['-c'], ['-i'], ['-j']])
    assert.deepEqual(ours(...argv, file), bind(...argv, file), argv.join(' '));
});

test('S-140 (part) -z loads the zones and says how each went, as BIND does', () => {
  write('dnssec.example.db', '$TTL 300\n@ SOA ns h 7 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n');
  write('b.db', '$TTL 300\n@ SOA ns h 8 3600 600 86400 300\n');
  const file = write('zones.conf', GOOD);
  const [we, they] = [ours('-z', file), bind('-z', file)];
  assert.deepEqual(we, they);
  assert.equal(we.code, 1);
  assert.match(we.stdout, /^zone dnssec\.example\/IN: loaded serial 7$/m);
});

test('S-140 (part) -t checks below another root', () => {
  write('inside.conf', 'include "/included.conf"; options { directory "/"; };');
  write('included.conf', KEY);
  assert.deepEqual(ours('-t', directory, '/inside.conf'), { code: 0, stdout: '', stderr: '' });
  assert.equal(ours('-t', path.join(directory, 'nowhere'), '/inside.conf').code, 1);
});

test('usage: -h, unknown options, -x without -p, a file that is not there', () => {
  assert.equal(ours('-h').code, 0);
  assert.deepEqual([ours('-q').code, ours('a', 'b').code], [1, 1]);
  assert.deepEqual(ours('-x', 'file'), bind('-x', 'file'));
  assert.equal(ours(path.join(directory, 'none.conf')).code, 1);
});

test('files that cannot be read are faults with a place', () => {
  fs.mkdirSync(path.join(directory, 'sub'), { recursive: true });
  write('plain', '');
  assert.match(ours(path.join(directory, 'sub')).stdout, /sub:1:1: cannot open .*EISDIR/);
  const inside = write('unreadable.conf', `\ninclude "${directory}/sub";`);
  assert.match(ours(inside).stdout, /unreadable\.conf:2:1: include .*EISDIR/);
  const below = write('below.conf', `options { directory "${directory}/plain/x"; };`);
  assert.match(ours(below).stdout, /below\.conf:1:21: change directory .*ENOTDIR/);
});

/** Texts that BIND refuses while reading. */
const REFUSED = [
  'options { directory "x',
  '/* abc',
  'options {\n};\noptions { };',
  'options {\n recursion no;\n\n recursion no;\n};',
  'options { directory "."\n};',
  'options {\n',
  '\n}',
  'foo;',
  '\n\nfoo { bar; { }; };',
  'options {\n recursion\n maybe; };',
  'options { listen-on port 70000 { any; }; };',
  'options {\n port abc; };',
  'options { port 99999999999; };',
  'options { allow-query any; };',
  'zone "a" {\n type bogus; };',
  'acl x {\n 1.2.3; };',
  'acl x { 1.2.3.4/33; };',
  'acl x { 1.2.3.4/8; };',
  'acl x {\n\n y z; };',
  'options { directory /tmp; };',
  'options {\n dnssec-enable yes; };',
  'key k { algorithm hmac-sha256; secret "?"; };',
  'include "no.conf";',
  'options { version; };',
  'options { max-zone-ttl 1x; };',
  'options { max-journal-size 1x; };',
  'options { fetch-quota-params 1 a; };',
  'options { query-source ::1; };',
  'controls { inet 127.0.0.1 keys { x; } allow { any; }; };',
  'dnssec-policy p { nsec3param optout no iterations 1; };',
  'dnssec-policy p { keys { ksk algorithm 13 lifetime 1d; }; };',
  'logging { channel x { severity loud; }; };',
  'zone x { type primary; update-policy { grant k name; }; foo; };',
  'view v { options { }; };',
  'server foo { };',
];

test('S-019 a syntax error is in the line where BIND has it', () => {
  const firstLine = (text: string): string | undefined => /^\S+?:(\d+)/m.exec(text)?.[1];
  for (const text of REFUSED) {
    const file = write('refused.conf', text);
    const [we, they] = [ours(file), bind(file)];
    assert.deepEqual(
      [we.code, firstLine(we.stdout)],
      [they.code, firstLine(they.stdout)],
      `${text}\n${we.stdout}${they.stdout}`,
    );
    assert.equal(they.code, 1, text);
  }
});

test('S-023 (part) S-064 what BIND refuses in a policy or zone we refuse with the same words', () => {
  const bodies = [
    'dnssec-policy p { keys { ksk lifetime unlimited algorithm 13; }; };',
    'dnssec-policy p { keys { csk lifetime unlimited algorithm ecc; }; };',
    'dnssec-policy p { keys { csk lifetime unlimited algorithm 8 512; }; };',
    'dnssec-policy p { keys { csk lifetime 1d algorithm 13; }; };',
    'dnssec-policy p { keys { zsk lifetime 867900 algorithm 13; ksk lifetime unlimited algorithm 13; }; };',
    'dnssec-policy p { signatures-validity 10d; signatures-refresh 9d; };',
    'dnssec-policy p { signatures-jitter 15d; };',
    'dnssec-policy p { nsec3param iterations 151; };',
    'dnssec-policy p { nsec3param salt-length 256; };',
    'dnssec-policy default { };',
    'dnssec-policy a { }; dnssec-policy a { };',
    'zone a { type primary; file "a"; dnssec-policy default; };',
    'zone a { type primary; file "a"; dnssec-policy nosuch; inline-signing yes; };',
    'zone a { type primary; };',
    'zone a { file "a"; };',
    'zone "a..b" { type primary; file "a"; };',
    'zone a { type primary; file "a"; }; zone a { type primary; file "b"; };',
    'acl a { b; }; options { allow-query { a; }; };',
    'acl any { none; };',
    'key k { secret "YWJj"; };',
    'logging { category foo { null; }; };',
    'logging { category default { foo; }; };',
    'view a { }; zone x { type primary; file "x"; };',
  ];
  for (const text of bodies) {
    const file = write('bad.conf', text);
    const [we, they] = [ours(file), bind(file)];
    assert.deepEqual([we.code, they.code], [1, 1], text);
    // Our lines have a column, and more words after what BIND says.
    const said = we.stdout.replaceAll(/^(\S+?:\d+):\d+:/gm, '$1:').split('\n');
    for (const line of they.stdout.trim().split('\n'))
      assert.ok(
        said.some((one) => one.startsWith(line.trim())),
        `${line}\n${we.stdout}`,
      );
  }
});

test('S-064 the check tool refuses each bad policy with its rule, file and line, and exit code 1', () => {
  assert.ok(BAD_POLICIES.length >= 20);
  for (const [body, rule] of BAD_POLICIES) {
    const { code, stdout } = ours(write('policy.conf', `dnssec-policy p {\n${body}\n};\n`));
    const lines = stdout.split('\n').filter((line) => rule.test(line));
    assert.deepEqual([code, lines.length > 0], [1, true], `${body}\n${stdout}`);
    assert.ok(
      lines.every((line) => /policy\.conf:[12]:\d+: /.test(line)),
      stdout,
    );
  }
});

test('S-040 durations of every form mean to BIND what they mean to us', () => {
  for (const duration of [
    'P1Y',
    'p2w',
    'P1Y2M3DT4H5M6S',
    'PT0S',
    'P',
    '1w2d',
    '07',
    '1d1w',
    '4294967295',
    'P1W2D',
    '1h30',
    'P1',
    '-1',
    '1y',
  ]) {
    const text = `options { max-zone-ttl ${duration}; };`;
    const file = write('duration.conf', text);
    const [we, they] = [ours('-p', file), bind('-p', file)];
    assert.equal(we.code, they.code, duration);
    if (we.code === 0) assert.equal(we.stdout, they.stdout, duration);
  }
});

test('-z comes before -p, which prints only what loads; -l lists and does no more; -l with -p is refused', () => {
  write('loads.db', '@ 5 SOA a b 1 2 3 4 5\n@ 5 NS a\na 5 A 192.0.2.1\n');
  write('fails.db', '@ 5 SOA a b 1 2 3 4 5\n');
  const zone = (name: string): string =>
    write(`${name}.conf`, `zone "z.example" { type primary; file "${directory}/${name}.db"; };\n`);
  const [loads, fails] = [zone('loads'), zone('fails')];
  for (const argv of [
    ['-zp', loads],
    ['-zp', fails],
    ['-zl', fails],
    ['-lp', loads],
    ['-zd', loads],
    ['-m', 'trace', loads],
  ])
    assert.deepEqual(ours(...argv), bind(...argv), argv.join(' '));
});
