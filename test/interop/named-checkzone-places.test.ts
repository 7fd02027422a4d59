import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { deepZone, delegationZone, oddNamesZone, wildcardZone } from '../zones/zone-pool.ts';
import { inDirectory, runOurs, runPeer, writeFiles } from './zonefile-peer.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const ZONE = '$TTL 3600\n@ SOA ns h 7 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n';

/** Starts our command as a process of its own. */
function start(
  words: readonly string[],
  directory: string,
  input = '',
): { code: number | null; out: string; err: string } {
  const command = path.join(ROOT, 'src/tools/named-checkzone.ts');
  const run = spawnSync(process.execPath, [command, ...words], { cwd: directory, input, timeout: 120_000 });
  return { code: run.status, out: run.stdout.toString('latin1'), err: run.stderr.toString('latin1') };
}

test('S-021 the command reads standard input, prints to standard output and exits with 0 or 1', async () => {
  await inDirectory(async (directory) => {
    assert.deepEqual(start(['example'], directory, ZONE), {
      code: 0,
      out: 'zone example/IN: loaded serial 7\nOK\n',
      err: '',
    });
    const broken = start(['example', '-'], directory, `${ZONE}a A 1.2\n`);
    assert.equal(broken.code, 1);
    assert.match(broken.out, /^-:5:5: near '1\.2': expected IPv4 address\n/);
    // The zone goes to standard output, so the rest goes to standard error.
    const dumped = start(['-D', 'example', '-'], directory, ZONE);
    assert.match(dumped.out, /^example\.\t/);
    assert.equal(dumped.err, 'zone example/IN: loaded serial 7\nOK\n');
    assert.deepEqual(start(['-q', 'example', 'missing.db'], directory), { code: 1, out: '', err: '' });
  });
});

test('S-021 -w and -t: paths, includes too, are under the directories named', async () => {
  await inDirectory(async (directory) => {
    fs.mkdirSync(path.join(directory, 'root/zones'), { recursive: true });
    writeFiles(path.join(directory, 'root/zones'), {
      'z.db': `${ZONE}$INCLUDE more.db\n`,
      'more.db': 'b A 192.0.2.2\n',
    });
    writeFiles(directory, { 'outside.db': 'c A 192.0.2.3\n' });
    const zones = path.join(directory, 'root/zones');
    const run = (words: string[]): Promise<{ code: number }> => runOurs('named-checkzone', words, directory);
    assert.equal((await run(['-w', zones, 'example', 'z.db'])).code, 0);
    assert.equal((await run(['-t', path.join(directory, 'root'), '-w', '/zones', 'example', 'z.db'])).code, 0);
    fs.writeFileSync(path.join(zones, 'z.db'), `${ZONE}$INCLUDE ../../outside.db\n`);
    assert.equal((await run(['-w', zones, 'example', 'z.db'])).code, 0);
    assert.equal((await run(['-t', path.join(directory, 'root'), '-w', '/zones', 'example', 'z.db'])).code, 1);
    assert.match(
      (await runOurs('named-checkzone', ['-w', '/nowhere', 'a', 'b'], directory)).text,
      /-w \/nowhere: directory not found/,
    );
  });
});

test('S-030 a directory that cannot be written gives one line that names the file', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'z.db': ZONE });
    const run = await runOurs('named-compilezone', ['-q', '-o', 'missing/out.db', 'example', 'z.db'], directory);
    assert.equal(run.code, 1);
    assert.match(run.text, /^could not open output file "missing\/out\.db" for writing: .*ENOENT.*\n$/);
  });
});

test('S-021 a pipe or device named by -o is written to, not replaced', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'z.db': ZONE });
    assert.equal((await runOurs('named-compilezone', ['-q', '-o', '/dev/null', 'example', 'z.db'], directory)).code, 0);
    assert.ok(fs.statSync('/dev/null').isCharacterDevice());
  });
});

test('S-021 -c: classes other than IN', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'z.db': '$TTL 60\n@ CH SOA ns h 7 1 2 3 4\n@ NS ns\nns TXT x\n' });
    const argv = ['-c', 'CH', '-i', 'none', '-D', 'version', 'z.db'];
    const ours = await runOurs('named-checkzone', argv, directory);
    const peer = runPeer('named-checkzone', argv, directory);
    assert.equal(ours.code, peer.code);
    assert.deepEqual(ours.text.split('\n').toSorted(), peer.text.split('\n').toSorted());
  });
});

test('S-021 Knot and ldns read what we write', async () => {
  for (const { zone, files } of [delegationZone(50), deepZone(), wildcardZone(), oddNamesZone()]) {
    await inDirectory(async (directory) => {
      writeFiles(directory, files);
      for (const style of ['full', 'relative']) {
        const argv = ['-q', '-i', 'local', '-k', 'ignore', '-s', style, '-o', style, zone, 'zone.db'];
        assert.equal((await runOurs('named-compilezone', argv, directory)).code, 0);
        // Knot's scanner wants octets like "!" in names escaped, BIND's output has them as they are.
        if (zone !== 'odd.example.') {
          const knot = runPeer('kzonecheck', ['-o', zone, style], directory);
          assert.equal(knot.code, 0, knot.text);
        }
        const ldns = runPeer('ldns-read-zone', ['-0', style], directory);
        assert.equal(ldns.code, 0, ldns.text);
      }
    });
  }
});
