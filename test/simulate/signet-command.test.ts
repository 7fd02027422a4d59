import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { conf, confDisk, signet, SPLIT, START } from './signet-fixture.ts';

const SUBCOMMANDS = ['simulate', 'plan', 'explain', 'history', 'watch'];

test('signet without a subcommand, or with one that is none, names those that there are', () => {
  const none = signet(confDisk(''), []);
  assert.equal(none.code, 2);
  const unknown = signet(confDisk(''), ['simulat']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /^signet: simulat: no such subcommand/);
  for (const { err } of [none, unknown]) for (const name of SUBCOMMANDS) assert.ok(err.includes(name), name);
});

test('signet and each subcommand have a help that tells every option', () => {
  assert.equal(signet(confDisk(''), ['--help']).code, 0);
  assert.match(signet(confDisk(''), ['--version']).out, /^signet \d/);
  for (const name of SUBCOMMANDS) {
    const { code, out, err } = signet(confDisk(''), [name, '--help']);
    assert.deepEqual([code, err], [0, ''], name);
    assert.match(out, new RegExp(`^usage: signet ${name} `));
    const { err: unknown } = signet(confDisk(''), [name, '--bogus']);
    const listed = /there are (.*)\n/.exec(unknown)?.[1].split(', ') ?? [];
    assert.ok(listed.length > 2);
    for (const option of listed) assert.ok(out.includes(`${option} `), `${name} ${option}`);
  }
});

const DISK = (): ReturnType<typeof confDisk> =>
  confDisk(conf(SPLIT, 'zone "plain.example" { type primary; file "p.db"; };'));

/** Words that are refused, and what the message has to say. */
const REFUSED: readonly (readonly [words: string, message: RegExp])[] = [
  ['simulate', /missing: the named.conf/],
  ['simulate /named.conf /other.conf', /one only/],
  ['simulate /nothing.conf', /\/nothing.conf has errors/],
  ['simulate /named.conf --zone nowhere.example', /there is no zone nowhere.example/],
  ['simulate /named.conf --zone a..b', /a\.\.b: this is no domain name/],
  ['simulate /named.conf --zone plain.example', /plain.example has no dnssec-policy/],
  ['simulate /named.conf --view inside', /no such view/],
  ['simulate /named.conf --years 0', /--years 0/],
  ['simulate /named.conf --years 101', /at most 100/],
  ['simulate /named.conf --years x', /--years x/],
  ['simulate /named.conf --from yesterday', /--from yesterday: this is no time/],
  ['simulate /named.conf --format png', /there are text, json and svg/],
  ['simulate /named.conf --fault meteor', /no such fault/],
  ['simulate /named.conf --policy +1d=nothing', /there are default, insecure, tested/],
  ['simulate /named.conf --policy default', /write TIME=NAME/],
  ['simulate /named.conf --rollover dsk', /write ksk, zsk or csk/],
  ['simulate /named.conf --years', /--years needs an argument: N/],
  ['simulate /named.conf --years 1 --years=2', /may be given once only/],
  ['simulate /named.conf --timing=1', /takes no argument/],
  ['plan /named.conf --format svg', /there are text and json/],
  ['plan /named.conf --against /nothing.conf', /\/nothing.conf has errors/],
  ['explain', /name a zone/],
  ['explain dnssec.example 1 2 -c /named.conf', /name a zone/],
  ['explain dnssec.example 12345 -c /named.conf', /has no key 12345; there are none/],
  ['explain dnssec.example xyz -c /named.conf', /name a key by its tag/],
  ['history', /missing: the zone/],
  ['history dnssec.example -c /named.conf', /there is no such file/],
  ['history dnssec.example -c /named.conf --limit 0', /--limit 0: a number from 1/],
];

for (const [words, message] of REFUSED)
  test(`signet ${words} is refused by name`, () => {
    const { code, out, err } = signet(DISK(), words.split(' '));
    assert.match(err, message);
    assert.deepEqual([code, out], [2, '']);
  });

test('a configuration with faults is refused with file, line and column', () => {
  const { code, err } = signet(confDisk('options { nonsense 1; };'), ['simulate', '/named.conf']);
  assert.equal(code, 2);
  assert.match(err, /\/named\.conf:1:\d+/);
});

test('a key directory that is not there is named', () => {
  const disk = confDisk(conf(SPLIT).replace('"keys"', '"nokeys"'));
  const { code, err } = signet(disk, ['simulate', '/named.conf']);
  assert.equal(code, 2);
  assert.match(err, /nokeys/);
});

test('whatever is typed, signet answers or refuses, and never breaks', () => {
  const word = fc.oneof(
    fc.constantFrom(...SUBCOMMANDS, '/named.conf', 'dnssec.example', '--zone', '--years', '0.1', '--fault', '--policy'),
    fc.constantFrom(
      'parent-never',
      'parent-late=',
      '--format',
      'json',
      'svg',
      '--',
      '-',
      '-c',
      '--rollover',
      'ksk',
      '--json',
      'valueOf',
      '--constructor',
    ),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...SUBCOMMANDS), fc.array(word, { maxLength: 6 }), (name, words) => {
      const { code, out, err } = signet(DISK(), [name, ...words]);
      assert.ok(code === 0 || code === 1 || code === 2);
      assert.equal(code === 2, out === '' && err !== '');
    }),
    { numRuns: 300 },
  );
});

test('signet plan looks as far ahead as it can where keys live for minutes, and says how far', () => {
  const swift = `dnssec-policy tested { keys {
      ksk lifetime unlimited algorithm 13; zsk lifetime PT6M algorithm 13; };
    dnskey-ttl 10; max-zone-ttl 60; zone-propagation-delay 2; publish-safety 3; retire-safety 3; parent-ds-ttl 10; parent-propagation-delay 2;
    signatures-validity PT20M; signatures-validity-dnskey PT20M; signatures-refresh PT17M; signatures-jitter 0; };`;
  const disk = confDisk(conf(swift));
  const { code, out } = signet(disk, ['plan', '/named.conf']);
  assert.equal(code, 0);
  const [, until] = /^looked ahead until (\S+) only: keys come and go so fast/m.exec(out) ?? [];
  assert.ok(Date.parse(until) / 1000 > START + 3600);
  const json = JSON.parse(signet(disk, ['plan', '/named.conf', '--format', 'json']).out) as {
    zones: [{ horizon: string }];
  };
  assert.equal(json.zones[0].horizon, until);
  const long = signet(disk, ['simulate', '/named.conf', '--years', '1']);
  assert.equal(long.code, 2);
  assert.match(long.err, /too much to simulate: .* ask for fewer --years/);
  assert.doesNotMatch(signet(confDisk(conf(SPLIT)), ['plan', '/named.conf']).out, /looked ahead/);
});
