import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AddressMatchList } from '../../src/conf/configuration.ts';
import { faultsOf, good } from './configurations.ts';

const KEY = 'key k { algorithm hmac-sha256; secret "YWJj"; };';

test('S-018 S-019 S-020 S-022 the zone block of the manual is read as it is', () => {
  const configuration = good(`
zone "dnssec.example" {
    type primary;
    file "dnssec.example.db";
    dnssec-policy default;
    inline-signing yes;
};`);
  const [view] = configuration.views;
  assert.equal(view.name, '_default');
  assert.deepEqual(view.zones, [
    {
      name: 'dnssec.example.',
      type: 'primary',
      file: 'dnssec.example.db',
      masterfileFormat: 'text',
      inlineSigning: true,
      policy: 'default',
      keyDirectory: '.',
      allowQuery: [{ kind: 'any', negated: false }],
      allowTransfer: [{ kind: 'any', negated: false }],
      notify: 'yes',
      alsoNotify: [],
      serialUpdateMethod: 'increment',
      maxZoneTtl: undefined,
      statistics: 'terse',
      position: { file: 'named.conf', line: 2, column: 1 },
    },
  ]);
});

test('S-020 the old word master means primary', () => {
  assert.equal(good('zone a { type master; file "a"; };').views[0].zones[0].type, 'primary');
});

test('a configuration is plain data that can be sent to another thread', () => {
  const configuration = good(`${KEY} acl a { 10/8; key k; }; zone z { type primary; file "z"; allow-query { a; }; };`);
  assert.deepEqual(structuredClone(configuration), configuration);
});

test('defaults are those of BIND 9.18', () => {
  const configuration = good('');
  assert.equal(configuration.directory, '.');
  assert.equal(configuration.port, 53);
  assert.deepEqual(configuration.listenOn, [
    { port: 53, isDefaultPort: true, transport: 'plain', addresses: [{ kind: 'any', negated: false }] },
  ]);
  assert.deepEqual(configuration.listenOnV6, configuration.listenOn);
  assert.equal(configuration.pidFile, '/run/named/named.pid');
  assert.equal(configuration.sessionKeyFile, '/run/named/session.key');
  assert.equal(configuration.version, 'Signet 1.2.3');
  assert.equal(configuration.hostname, 'host.example');
  assert.equal(configuration.serverId, undefined);
  assert.deepEqual(
    configuration.controls.map(({ address, port, keys }) => ({ address, port, keys })),
    [
      { address: '127.0.0.1', port: 953, keys: [] },
      { address: '::1', port: 953, keys: [] },
    ],
  );
  assert.deepEqual(configuration.logging.categories.get('default'), ['default_syslog', 'default_debug']);
});

test('options go to their places', () => {
  const configuration = good(`options {
    listen-on { 127.0.0.1; }; listen-on port 5353 { !10.0.0.1; 10/8; }; listen-on-v6 { none; };
    port 5300; pid-file none; session-keyfile none; version none; server-id "id"; hostname none; minimal-any no;
  };`);
  assert.deepEqual(
    configuration.listenOn.map(({ port }) => port),
    [5300, 5353],
  );
  assert.deepEqual(configuration.listenOn[1].addresses, [
    { kind: 'prefix', address: Uint8Array.of(10, 0, 0, 1), length: 32, negated: true },
    { kind: 'prefix', address: Uint8Array.of(10, 0, 0, 0), length: 8, negated: false },
  ]);
  assert.equal(configuration.pidFile, undefined);
  assert.equal(configuration.sessionKeyFile, undefined);
  assert.equal(configuration.version, undefined);
  assert.equal(configuration.hostname, undefined);
  assert.equal(configuration.serverId, 'id');
  assert.equal(configuration.answers.minimalAny, false);
  assert.equal(good('options { server-id hostname; };').serverId, 'host.example');
});

test('named lists are put in place of their names', () => {
  const { views } = good(`acl inner { ::1; }; acl outer { !inner; any; };
    zone z { type primary; file "z"; allow-query { outer; localhost; { none; }; }; };`);
  const inner: AddressMatchList = [
    {
      kind: 'prefix',
      address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      length: 128,
      negated: false,
    },
  ];
  assert.deepEqual(views[0].zones[0].allowQuery, [
    {
      kind: 'list',
      negated: false,
      list: [
        { kind: 'list', negated: true, list: inner },
        { kind: 'any', negated: false },
      ],
    },
    { kind: 'localhost', negated: false },
    { kind: 'list', negated: false, list: [{ kind: 'none', negated: false }] },
  ]);
});

test('zones take from their view and the options what they do not say', () => {
  const { views } = good(`
    options { allow-query { none; }; notify no; dnssec-policy default; serial-update-method date; };
    view a { match-clients { 10/8; }; notify explicit; match-recursive-only yes;
      zone x { type primary; file "x"; dnssec-policy none; };
      zone y { type primary; file "y"; inline-signing yes; allow-query { any; }; notify primary-only; }; };
    view b { zone x { type primary; file "x2"; dnssec-policy none; }; };`);
  assert.deepEqual(
    views.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal(views[0].matchRecursiveOnly, true);
  const [x, y] = views[0].zones;
  assert.deepEqual([x.policy, x.notify, x.allowQuery[0].kind], [undefined, 'explicit', 'none']);
  assert.deepEqual([y.policy, y.notify, y.allowQuery[0].kind], ['default', 'primary-only', 'any']);
  assert.deepEqual([views[1].zones[0].notify, views[1].zones[0].serialUpdateMethod], ['no', 'date']);
});

test('also-notify takes addresses with ports and keys, and lists by name', () => {
  const { views } = good(`${KEY} primaries inner { 192.0.2.1; outer; }; primaries outer port 55 { ::1 key k; inner; };
    zone z { type primary; file "z"; also-notify port 54 { 192.0.2.9; 192.0.2.8 port 1 key k; outer; }; };`);
  assert.deepEqual(views[0].zones[0].alsoNotify, [
    { address: '192.0.2.9', port: 54 },
    { address: '192.0.2.8', port: 1, key: 'k' },
    { address: '::1', port: 55, key: 'k' },
    { address: '192.0.2.1', port: 55 },
  ]);
});

test('names of zones are normalised; the case stays', () => {
  const zones = ['Example.COM', 'a\\.b.example.', '\\097b.example', '.'].map(
    (name, i) => `zone "${name}" { type primary; file "${i}"; };`,
  );
  assert.deepEqual(
    good(zones.join('\n')).views[0].zones.map(({ name }) => name),
    ['Example.COM.', 'a\\.b.example.', 'ab.example.', '.'],
  );
});

test('logging: channels and categories', () => {
  const { logging } = good(`logging {
    channel f { file "log/f" versions 3 size 20m suffix timestamp; severity debug 3; print-time iso8601; print-category yes; };
    channel s { syslog local3; severity warning; };
    category default { f; s; }; category dnssec { null; }; };`);
  assert.deepEqual(
    logging.channels.find(({ name }) => name === 'f'),
    {
      name: 'f',
      to: { kind: 'file', path: 'log/f', versions: 3, size: 20_971_520, suffix: 'timestamp' },
      severity: { debug: 3 },
      printTime: 'iso8601',
      printSeverity: false,
      printCategory: true,
      buffered: false,
    },
  );
  assert.deepEqual(logging.categories.get('default'), ['f', 's']);
  assert.deepEqual(logging.categories.get('dnssec'), ['null']);
});

test('controls: where, for whom, with which keys', () => {
  const [one, two] = good(
    `${KEY} controls { inet 127.0.0.1 port 1953 allow { any; } keys { k; } read-only yes; inet ::1 allow { none; }; };`,
  ).controls;
  assert.deepEqual([one.address, one.port, one.keys, one.readOnly], ['127.0.0.1', 1953, ['k'], true]);
  assert.deepEqual([two.address, two.port, two.keys, two.readOnly], ['::1', 953, [], false]);
  assert.deepEqual(good('controls { };').controls, []);
});

/** Configurations that are read and then refused, with what is said. */
const REFUSED: readonly [text: string, ...faults: string[]][] = [
  [
    'options {\n recursion yes;\n forwarders { ::1; };\n};',
    "named.conf:2:2: 'recursion' with this value is known but not supported by this version",
    "named.conf:3:2: 'forwarders' is known but not supported by this version",
  ],
  ['tls none { };', "named.conf:1:1: tls clause name 'none' is reserved for internal use"],
  [
    'zone a { type secondary; };',
    "named.conf:1:10: zone 'a': 'type secondary' is known but not supported by this version",
  ],
  ['options { listen-on tls x { any; }; };', "named.conf:1:21: tls 'x' is not defined"],
  [
    'zone a { type primary; file "a"; dnssec-policy default; };',
    "named.conf:1:1: 'inline-signing yes;' must also be configured explicitly for zones using dnssec-policy without a configured " +
      "'allow-update' or 'update-policy'. See https://kb.isc.org/docs/dnssec-policy-requires-dynamic-dns-or-inline-signing",
  ],
  ['zone a { type primary; };', "named.conf:1:1: zone 'a': missing 'file' entry"],
  ['zone a { file "a"; };', "named.conf:1:1: zone 'a': type not present"],
  ['zone "a..b" { type primary; file "a"; };', "named.conf:1:1: zone 'a..b': is not a valid name"],
  [
    'zone a { type primary; file "a"; };\nzone "A." { type primary; file "b"; };',
    "named.conf:2:1: zone 'A.': already exists previous definition: named.conf:1",
  ],
  [
    'zone a { type primary; file "f"; inline-signing yes; };\nzone b { type primary; file "./f"; };',
    "named.conf:2:1: writeable file './f': already in use: named.conf:1",
  ],
  [
    'zone a { type primary; file "a"; dnssec-policy nosuch; inline-signing yes; };',
    "named.conf:1:34: zone 'a': option 'dnssec-policy nosuch' has no matching dnssec-policy config",
  ],
  [
    'dnssec-policy p { }; view a { zone x { type primary; file "a"; dnssec-policy default; inline-signing yes; }; };\n' +
      'view b { zone x { type primary; file "b"; dnssec-policy p; inline-signing yes; }; };',
    "named.conf:2:10: key-directory '.' already in use by zone x. with policy default: named.conf:1",
  ],
  [
    'view a { };\nzone x { type primary; file "x"; };',
    "named.conf:2:1: when using 'view' statements, all zones must be in views",
  ],
  ['view a { };\nview a { };', "named.conf:2:1: view 'a': already exists previous definition: named.conf:1"],
  ['acl a { b; };\noptions { allow-query { a; }; };', "named.conf:1:9: undefined ACL 'b'"],
  ['acl a { b; }; acl b { a; }; options { allow-query { a; }; };', 'named.conf:1:23: acl loop detected: a'],
  ['acl any { none; };', "named.conf:1:1: attempt to redefine builtin acl 'any'"],
  [
    'acl a { any; }; acl A { none; };',
    "named.conf:1:17: attempt to redefine acl 'A' previous definition: named.conf:1",
  ],
  ['controls { inet ::1 allow { any; } keys { x; }; };', "named.conf:1:43: unknown key 'x'"],
  ['key k { secret "YWJj"; };', "named.conf:1:1: key 'k' must have both 'secret' and 'algorithm' defined"],
  ['key k { algorithm hmac-foo; secret "YWJj"; };', "named.conf:1:19: unknown algorithm 'hmac-foo'"],
  [`${KEY}\n${KEY}`, "named.conf:2:1: key 'k': already exists previous definition: named.conf:1"],
  ['logging { category foo { null; }; };', "named.conf:1:11: undefined category: 'foo'"],
  ['logging { category default { foo; }; };', "named.conf:1:30: undefined channel: 'foo'"],
  [
    'logging { channel x { severity info; }; };',
    "named.conf:1:11: channel 'x': exactly one of file, syslog, null, and stderr must be present",
  ],
  [
    'zone a { type primary; file "a"; also-notify { nosuch; }; };',
    "named.conf:1:48: unable to find primaries list 'nosuch'",
  ],
];

test('S-023 (part) S-064 what is wrong or not supported is refused, all of it, with its place', () => {
  for (const [text, ...faults] of REFUSED) assert.deepEqual(faultsOf(text), faults, text);
});

test('what asks for nothing we lack is taken', () => {
  good(
    'options { recursion no; allow-recursion { none; }; dnssec-validation no; allow-update { none; }; zone-statistics no; };',
  );
});

test('deprecated and obsolete options are told of and do no harm', () => {
  assert.deepEqual(faultsOf('options {\n dscp 3; auto-dnssec off; };'), [
    "warning: named.conf:2:2: option 'dscp' is obsolete and should be removed",
    "warning: named.conf:2:10: option 'auto-dnssec' is deprecated",
  ]);
});

test('a key of a view may be written again, but not with another secret', () => {
  assert.equal(good(`${KEY} view a { ${KEY} }; view b { ${KEY} };`).keys.length, 1);
  assert.deepEqual(faultsOf(`${KEY}\nview a { key k { algorithm hmac-sha256; secret "AAAA"; }; };`), [
    "named.conf:2:1: key 'k' with another secret in a view is known but not supported by this version",
  ]);
});

test('what a primary zone cannot have is refused in the words of BIND', () => {
  assert.deepEqual(faultsOf('zone a { type primary; file "a"; primaries { ::1; }; };'), [
    "named.conf:1:34: option 'primaries' is not allowed in 'primary' zone 'a'",
  ]);
});

test('what is wrong in a list that nobody uses is told of and does no harm, as in BIND', () => {
  assert.deepEqual(faultsOf('acl a { b; };'), ["warning: named.conf:1:9: undefined ACL 'b'"]);
});

test('lists of lists of lists cost what they say, not what they could mean', () => {
  const acls = Array.from(
    { length: 200 },
    (_, i) => `acl a${i} { ${i === 0 ? 'any; any;' : `a${i - 1}; a${i - 1};`} };`,
  );
  assert.equal(good(`${acls.join('\n')} options { allow-query { a199; }; };`).views.length, 1);
});

test('queries are logged when querylog says so, and without it when their category has channels', () => {
  const category = 'logging { category queries { default_syslog; }; };';
  for (const [text, expected] of [
    ['', false],
    ['options { querylog yes; };', true],
    [category, true],
    [`options { querylog no; }; ${category}`, false],
  ] as const)
    assert.equal(good(text).queryLogging, expected, text);
});

test('max-zone-ttl of a zone: 0 and unlimited set no limit, as in BIND', () => {
  const limit = (clause: string): number | undefined =>
    good(`zone a { type primary; file "a"; ${clause} };`).views[0].zones[0].maxZoneTtl;
  assert.deepEqual(['max-zone-ttl 1h;', 'max-zone-ttl 0;', 'max-zone-ttl unlimited;', ''].map(limit), [
    3600,
    undefined,
    undefined,
    undefined,
  ]);
});
