import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandWords } from '../../src/daemon/command-words.ts';
import { readNamedOptions } from '../../src/daemon/options.ts';

test('options of named(8), bundled or apart', () => {
  const read = readNamedOptions(
    '-4g -c/etc/x.conf -d 3 -p dns=5300 -n2 -u bind -t /jail -D tag -S 99 -U 4 -X none -L out.log -s'.split(' '),
  );
  assert.ok(read.kind === 'run');
  assert.deepEqual(read.options, {
    configurationFile: '/etc/x.conf',
    mode: 'foreground-stderr',
    family: 'ipv4',
    debugLevel: 3,
    ports: { plain: 5300 },
    threads: 2,
    logFile: 'out.log',
    rootDirectory: '/jail',
    user: 'bind',
    lockFile: 'none',
    memoryStatistics: true,
  });
});

test('options that are known and not there are refused by name, with the reason', () => {
  for (const [letter, argument] of [
    ['A', 'x'],
    ['E', 'pkcs11'],
    ['M', 'fill'],
    ['m', 'usage'],
    ['T', 'x'],
    ['x', 'y'],
  ]) {
    const read = readNamedOptions(argument === '' ? [`-${letter}`] : [`-${letter}`, argument]);
    assert.ok(read.kind === 'refused' && read.text.startsWith(`named: option '-${letter}' is`), letter);
  }
});

test('-p takes a port for each protocol, in as many options', () => {
  const read = readNamedOptions('-p 5300 -p tls=1853 -p https=1443 -p http=1080'.split(' '));
  assert.ok(read.kind === 'run');
  assert.deepEqual(read.options.ports, { plain: 5300, tls: 1853, https: 1443, http: 1080 });
  for (const wrong of ['tls=', 'tls=x', 'http=0', 'https=65536', 'quic=1'])
    assert.equal(readNamedOptions(['-p', wrong]).kind, 'refused', wrong);
});

test('-v, -V and -C ask for texts', () => {
  const kinds = ['-v', '-V', '-C'].map((option) => readNamedOptions([option]).kind);
  assert.deepEqual(kinds, ['version', 'build information', 'defaults']);
});

test('words of a command: white space parts them, quotes keep them together', () => {
  assert.deepEqual(commandWords('  reload  example.org IN  '), ['reload', 'example.org', 'IN']);
  assert.deepEqual(commandWords('reload "a \\"b\\" c" d'), ['reload', 'a "b" c', 'd']);
  assert.deepEqual(commandWords(''), []);
  assert.equal(commandWords('reload "open'), undefined);
});
