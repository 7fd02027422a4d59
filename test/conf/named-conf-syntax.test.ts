import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultList } from '../../src/conf/fault.ts';
import { namedConfClauses } from '../../src/conf/grammar/named-conf.ts';
import { printTree, readTreeText } from '../../src/conf/syntax/read-tree.ts';
import { matchesComponent } from '../../src/conf/syntax/include-files.ts';
import { faultsOf, good } from './configurations.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

test('comments of C, C++ and shell stand wherever a token could', () => {
  const text = '/* a\n b */ options { // c }\n  port 54; # d }\n/**/listen-on-v6 { none; };\n}; /* e */';
  assert.equal(good(text).port, 54);
});

test('a comment begins only where a token could', () => {
  assert.deepEqual(faultsOf('options { version a#b; };'), ["named.conf:1:19: expected quoted string near 'a#b'"]);
});

test('a backslash hides a quote and otherwise stays', () => {
  assert.equal(good('options { version "a\\"b\\\\c\\d"; };').version, 'a"b\\\\c\\d');
});

test('a quoted string may go over lines, and the lines count', () => {
  assert.deepEqual(faultsOf('options {\n version "a\n b";\n foo;};'), ["named.conf:4:2: unknown option 'foo'"]);
});

/** Text and the faults it gives. */
const FAULTS: readonly [string, ...string[]][] = [
  ['options { directory "x', 'named.conf:1:23: unexpected end of input: the string opened in line 1 is not closed'],
  ['/* abc', "named.conf:1:7: unexpected end of input: a comment opened with '/*' is not closed"],
  ['options { };\noptions { };', "named.conf:2:1: 'options' redefined near 'options'"],
  ['options { recursion no; recursion no; };', "named.conf:1:25: 'recursion' redefined near 'recursion'"],
  ['options { directory "." };', "named.conf:1:25: missing ';' before '}'"],
  ['options {\n', "named.conf:2:1: '}' expected near end of file"],
  ['}', "named.conf:1:1: syntax error near '}'"],
  ['foo;', "named.conf:1:1: unknown option 'foo'"],
  [`${'x'.repeat(100_000)};`, `named.conf:1:1: unknown option '${'x'.repeat(984)}...`],
  [
    '\u00ef\u00bb\u00bfoptions { };',
    'named.conf:1:1: the file begins with a byte order mark: save it as UTF-8 without one',
  ],
  ['foo { bar; { }; };\nbar;', "named.conf:1:1: unknown option 'foo'", "named.conf:2:1: unknown option 'bar'"],
  ['options { recursion maybe; };', "named.conf:1:21: boolean expected near 'maybe'"],
  ['options { listen-on port 70000 { any; }; };', "named.conf:1:26: port value '70000' is out of range"],
  ['options { port abc; };', "named.conf:1:16: expected number near 'abc'"],
  ['options { allow-query any; };', "named.conf:1:23: '{' expected near 'any'"],
  ['zone "a" { type bogus; };', "named.conf:1:17: 'bogus' unexpected"],
  ['acl x { 1.2.3; };', "named.conf:1:14: incomplete IPv4 address or prefix near ';'"],
  ['acl x { 1.2.3.4/33; };', "named.conf:1:17: invalid prefix length '33' near '33'"],
  ['acl x { 1.2.3.4/8; };', "named.conf:1:9: '1.2.3.4/8': address/prefix length mismatch '8'"],
  ['acl x { geoip; };', "named.conf:1:14: expected unquoted string near ';'"],
  ['acl x { geoip planet Mars; };', "named.conf:1:15: 'planet' unexpected near 'planet'"],
  [
    'options { allow-query { !geoip db "d" country US; }; };',
    "named.conf:1:26: 'geoip' is known but not supported by this version",
  ],
  ['options { directory /tmp; };', "named.conf:1:21: expected quoted string near '/'"],
  ['options { dnssec-enable yes; };', "named.conf:1:11: option 'dnssec-enable' no longer exists"],
  ['key k { algorithm hmac-sha256; secret "?"; };', 'named.conf:1:39: bad base64 encoding'],
  [
    'options { directory "/nonexistent"; };',
    "named.conf:1:21: change directory to '/nonexistent' failed: no such directory; create it or correct the path",
  ],
  ['include "no.conf";', "named.conf:1:1: include 'no.conf': file not found"],
  ['include "no*.conf";', "named.conf:1:1: include 'no*.conf': file not found"],
];

test('S-019 syntax errors say file, line, column and what was expected, in the words of BIND', () => {
  for (const [text, ...faults] of FAULTS) assert.deepEqual(faultsOf(text), faults, text);
});

test('geoip elements of match lists are printed so that they can be read again', () => {
  const faults = new FaultList();
  const read = (text: string) =>
    readTreeText('named.conf', text, namedConfClauses, { disk: MemoryDisk.readOnly({}), faults });
  const text = 'acl "a" {\n\t!geoip db "d" country "US";\n\tgeoip asnum "AS64496 Example";\n};\n';
  assert.equal(printTree(read(text)!, namedConfClauses), text);
  assert.deepEqual(faults.all, []);
});

test('includes are read in their place, in the order of their names, under the directory in force', () => {
  const files = {
    'conf.d/20.conf': 'acl b { none; };',
    'conf.d/10.conf': 'acl a { any; };\nacl c { a; };',
    'conf.d/.hidden.conf': 'nonsense',
    'sub/rest.conf': 'port 77;\n',
  };
  const text = 'include "conf.d/*.conf";\noptions { directory "sub"; include "rest.conf"; allow-query { c; b; }; };';
  const configuration = good(text, files);
  assert.equal(configuration.port, 77);
  assert.equal(configuration.directory, 'sub');
});

test('a fault in an included file names that file', () => {
  const faults = faultsOf('include "a.conf";\nfoo;', { 'a.conf': '\n  bar;' });
  assert.deepEqual(faults, ["a.conf:2:3: unknown option 'bar'", "named.conf:2:1: unknown option 'foo'"]);
});

test('a file that includes itself ends with one clear fault', () => {
  const [fault, ...others] = faultsOf('include "named.conf";');
  assert.match(fault, /^named\.conf:1:1: more than 64 files include each other; does 'named\.conf' include itself\?$/);
  assert.deepEqual(others, []);
});

test('wildcards match as in the shell, with bounded work', () => {
  const cases: readonly [string, string, boolean][] = [
    ['*.conf', 'a.conf', true],
    ['*.conf', 'a.conf~', false],
    ['?[a-c]*', 'xb', true],
    ['?[!a-c]*', 'xb', false],
    ['[]x]', ']', true],
    ['a[', 'a[', true],
    ['*a*a*a*a*a*a*a*b', 'a'.repeat(5000), false],
  ];
  for (const [pattern, name, matches] of cases) assert.equal(matchesComponent(pattern, name), matches, pattern);
});

test('blocks inside blocks end at a bound', () => {
  const [fault] = faultsOf(`acl x { ${'{'.repeat(100_000)}`);
  assert.match(fault, /more than 256 blocks inside each other/);
});
