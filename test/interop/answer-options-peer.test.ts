import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ZONE } from '../server/context-asker.ts';
import { execute, executeNamed, freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* Options on the form of answers: the same configuration and questions for Debian's named and for ours. */

const SECRETS = ['000102030405060708090a0b0c0d0e0f', 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'];
const ZONES = 'zone "example" { type primary; file "db.example"; };';

/** What dig shows of an answer that can be the same twice: neither id, times nor the client's part of new cookies. */
function shape(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => /^[^;\s]|status:|flags:|COOKIE|KEEPALIVE|timed out|BADCOOKIE|NSID/.test(line))
    .map((line) => line.replace(/, id: \d+/, '').replace(/COOKIE: [0-9a-f]{16}(\d{8})[0-9a-f]+/, 'COOKIE: $1'))
    .toSorted();
}

/** Both servers with these options. */
async function start(directories: readonly { readonly path: string }[], options: string): Promise<NamedProcess[]> {
  return Promise.all(
    directories.map(async ({ path: directory }, i) => {
      const ports = await freePorts();
      fs.writeFileSync(path.join(directory, 'db.example'), ZONE);
      writeConfiguration(directory, ports, ZONES, { options: `minimal-any no; version "one"; ${options}` });
      return NamedProcess.start(directory, ports, i === 0 ? 'debian' : 'ours');
    }),
  );
}

const QUESTIONS: readonly string[] = [
  'www.example A',
  'www.example A +norecurse',
  'www.example ANY',
  'www.example MX',
  'gone.example A',
  'x.sub.example A',
  'example NS',
  'example NS +norecurse',
  'example DNSKEY',
  'alias.example A',
  'many.example A +ignore',
  'many.example A +ignore +bufsize=4096',
  'many.example A +ignore +bufsize=4096 +norecurse',
  'many.example A +tcp',
  'a.test A',
  'version.bind CH TXT',
  'example SOA +keepalive',
  'example SOA +tcp +keepalive',
];

const COOKIE_QUESTIONS: readonly string[] = [
  ...QUESTIONS.map((question) => `${question} +cookie`),
  'www.example A +cookie +nobadcookie',
  'www.example A +cookie=0102030405060708010000000000000000000000aabbccdd +nobadcookie',
  'www.example A +cookie=0102030405060708aabbccddeeff00112233445566778899aabbccddeeff0011 +nobadcookie',
  'www.example A +tcp +cookie +nobadcookie',
  'www.example A +nocookie +ednsopt=10:',
  'www.example A +nocookie +ednsopt=10:01020304050607',
  'www.example A +nocookie +ednsopt=10:010203040506070809',
  'www.example A +cookie +edns=1 +noednsnegotiation',
  'www.example CH TXT +cookie +nobadcookie',
  'a.test A +cookie +nobadcookie',
  'example SOA +header-only +cookie',
  'example SOA +header-only +nocookie',
];

const COOKIES = SECRETS.map((secret) => `cookie-secret "${secret}";`).join(' ');

const CONFIGURATIONS: Readonly<Record<string, readonly string[]>> = {
  [COOKIES]: COOKIE_QUESTIONS,
  'answer-cookie no;': COOKIE_QUESTIONS,
  'require-server-cookie yes;': COOKIE_QUESTIONS,
  'nocookie-udp-size 600; max-udp-size 1400;': COOKIE_QUESTIONS,
  'minimal-responses yes; edns-udp-size 1400; max-udp-size 700;': QUESTIONS,
  'minimal-responses no; max-udp-size 9999; nocookie-udp-size 10;': QUESTIONS,
  'minimal-responses no-auth; allow-query-on { !127.0.0.2; any; };': QUESTIONS,
  'minimal-responses no-auth-recursive; allow-query-on { 127.0.0.2; };': QUESTIONS.filter(
    (question) => !question.includes(' CH '),
  ),
};

for (const [options, questions] of Object.entries(CONFIGURATIONS))
  describe(options.replaceAll(/"[0-9a-f]+"/g, '...'), () => {
    const directories = [temporaryDirectory(), temporaryDirectory()];
    let servers: NamedProcess[] = [];

    before(async () => {
      servers = await start(directories, options);
    });
    after(async () => {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      for (const directory of directories) directory[Symbol.dispose]();
    });

    test('the same answers as BIND', async () => {
      for (const question of questions) {
        const words = [...question.split(' '), '+noad', ...(question.includes('cookie') ? [] : ['+nocookie'])];
        const [theirs, ours] = await Promise.all(servers.map((server) => server.dig(...words)));
        assert.deepEqual(shape(ours), shape(theirs), `${question}\n${ours}\n${theirs}`);
      }
    });

    if (options === COOKIES)
      test('RFC 9018: a cookie that BIND made is good for us, and the other way round', async () => {
        const cookie = async (server: NamedProcess, word: string): Promise<string> =>
          /COOKIE: ([0-9a-f]+)/.exec(await server.dig('www.example', `+cookie${word}`))?.[1] ??
          assert.fail('no cookie');
        for (const [maker, taker] of [servers, servers.toReversed()]) {
          const made = await cookie(maker, '=0102030405060708');
          assert.equal(
            (await taker.dig('many.example', '+bufsize=4096', `+cookie=${made}`)).includes('BADCOOKIE'),
            false,
          );
          assert.equal((await cookie(taker, `=${made}`)).slice(0, 24), made.slice(0, 24));
        }
        const [theirs, ours] = await Promise.all(servers.map((server) => cookie(server, '=0102030405060708')));
        if (theirs.slice(16, 32) === ours.slice(16, 32)) assert.equal(ours, theirs);
      });
  });

test('what BIND refuses in rate-limit and cookie-secret is refused with the same words, and secrets are not shown', async () => {
  using directory = temporaryDirectory();
  const file = path.join(directory.path, 'named.conf');
  const bodies = [
    ...['responses', 'referrals', 'nodata', 'nxdomains', 'errors', 'all'].map((what) => `${what}-per-second 1001;`),
    'window 0;',
    'window 3601;',
    'slip 11;',
    'ipv4-prefix-length 0;',
    'ipv4-prefix-length 33;',
    'ipv6-prefix-length 15;',
    'ipv6-prefix-length 65;',
    'qps-scale 0;',
    'max-table-size 499;',
    'min-table-size 600; max-table-size 599;',
    'exempt-clients { nobody-knows; };',
  ].map((body) => `rate-limit { ${body} };`);
  const secrets = ['00', '', 'zz0102030405060708090a0b0c0d0e0f', `${SECRETS[0]}00`].map(
    (text) => `cookie-secret "${text}";`,
  );
  const good = [
    'rate-limit { responses-per-second 1000; window 3600; slip 10; };',
    'rate-limit { min-table-size 30000; };',
    COOKIES,
  ];
  const ours = path.resolve(import.meta.dirname, '../../src/tools/named-checkconf.ts');
  for (const body of [...bodies, ...secrets, ...good]) {
    fs.writeFileSync(file, `options { directory "${directory.path}"; recursion no; ${body} };\n`);
    const they = await execute('named-checkconf', [file]);
    const we = await execute(process.execPath, [ours, file]);
    assert.equal(we.code, they.code, body);
    assert.deepEqual(we.stdout.replaceAll(/^(\S+?:\d+):\d+:/gm, '$1:'), they.stdout, body);
  }
  fs.writeFileSync(file, `options {\n\t${COOKIES}\n};\n`);
  const hidden = await execute(process.execPath, [ours, '-p', '-x', file]);
  assert.equal(hidden.stdout, (await execute('named-checkconf', ['-p', '-x', file])).stdout);
  assert.ok(!hidden.stdout.includes(SECRETS[0]));
  fs.writeFileSync(file, `options { directory "${directory.path}"; cookie-algorithm aes; };\n`);
  const refused = await executeNamed(['-g', '-c', file], directory.path);
  assert.match(refused.stderr, /'cookie-algorithm' with this value is known but not supported by this version/);
});
