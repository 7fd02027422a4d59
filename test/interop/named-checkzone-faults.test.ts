import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCases } from '../zones/read-cases.ts';
import { inDirectory, runOurs, runPeer, writeFiles, type ToolRun } from './zonefile-peer.ts';

const brokenLines = readCases('broken-lines');
const questionableZones = readCases('questionable-zones');

const HEAD = '$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n';

async function runBoth(directory: string, body: string, options: readonly string[]): Promise<[ToolRun, ToolRun]> {
  writeFiles(directory, { 'zone.db': `${HEAD}${body}\n` });
  const argv = [...options, 'example', 'zone.db'];
  return [await runOurs('named-checkzone', argv, directory), runPeer('named-checkzone', argv, directory)];
}

/** Lines of zone.db that a program complains of. */
function linesNamed(run: ToolRun): string[] {
  return [...new Set([...run.text.matchAll(/zone\.db:(\d+):/g)].map((match) => match[1]))];
}

/**
 * Messages without what is known to differ: we add the column, BIND adds names of its functions, an empty line, and takes
 * the end of a file that it did not read for a missing newline.
 */
function messages(run: ToolRun): string[] {
  return run.text
    .split('\n')
    .map((line) => line.replace(/^(dns_master_load|dns_rdata_fromtext|\$GENERATE): /, ''))
    .map((line) => line.replace(/^(zone\.db:\d+):\d+:/, '$1:'))
    .filter((line) => line !== '' && !line.endsWith('file does not end with newline'));
}

test('S-021 errors of master files name the line that BIND names', async () => {
  await inDirectory(async (directory) => {
    for (const body of brokenLines) {
      const [ours, peer] = await runBoth(directory, body, ['-i', 'none']);
      assert.equal(ours.code, peer.code, `${body}\n${ours.text}${peer.text}`);
      assert.deepEqual(linesNamed(ours), linesNamed(peer), `${body}\n${ours.text}${peer.text}`);
    }
  });
});

for (const options of [
  ['-i', 'local'],
  ['-i', 'none', '-T', 'ignore'],
  ['-i', 'local-sibling', ...['-k', '-m', '-M', '-n', '-S', '-r', '-W', '-T'].flatMap((letter) => [letter, 'ignore'])],
]) {
  test(`S-021 named-checkzone ${options.join(' ')} says what BIND's says`, async () => {
    await inDirectory(async (directory) => {
      for (const body of questionableZones) {
        const [ours, peer] = await runBoth(directory, body, options);
        assert.equal(ours.code, peer.code, body);
        assert.deepEqual(messages(ours), messages(peer), body);
      }
    });
  });
}

test('S-021 named-checkzone refuses with "fail" what BIND refuses', async () => {
  const options = ['-i', 'local', ...['-k', '-m', '-M', '-n', '-S', '-r'].flatMap((letter) => [letter, 'fail'])];
  await inDirectory(async (directory) => {
    for (const body of questionableZones) {
      const [ours, peer] = await runBoth(directory, body, options);
      assert.equal(ours.code, peer.code, `${body}\n${ours.text}${peer.text}`);
      assert.deepEqual(linesNamed(ours), linesNamed(peer), body);
    }
  });
});

test('S-056 a TTL above the maximum of -l refuses the zone and is named', async () => {
  await inDirectory(async (directory) => {
    const [ours, peer] = await runBoth(directory, 'a 7200 A 192.0.2.1', ['-l', '3600']);
    assert.equal(ours.code, 1);
    assert.deepEqual(
      messages(ours).filter((line) => line.includes('TTL 7200')),
      ['zone.db:5: TTL 7200 exceeds configured max-zone-ttl 3600'],
    );
    assert.deepEqual(linesNamed(ours), linesNamed(peer));
  });
});

test('S-021 options that BIND refuses are refused with its words', async () => {
  await inDirectory(async (directory) => {
    writeFiles(directory, { 'zone.db': HEAD });
    const refusals = [
      ['-i', 'sideways'],
      ['-k', 'maybe'],
      ['-T', 'fail'],
      ['-f', 'xml'],
      ['-F', 'raw=2'],
      ['-s', 'pretty'],
    ];
    for (const words of refusals) {
      const argv = [...words, 'example', 'zone.db'];
      const ours = await runOurs('named-checkzone', argv, directory);
      assert.deepEqual(ours, runPeer('named-checkzone', argv, directory), words.join(' '));
    }
  });
});

test('S-021 without zone, with too many words or unknown letters the usage is printed', async () => {
  await inDirectory(async (directory) => {
    for (const argv of [[], ['a', 'b', '-q'], ['-Z', 'a'], ['-o'], ['-h'], ['-?']]) {
      const ours = await runOurs('named-checkzone', argv, directory);
      const peer = runPeer('named-checkzone', argv, directory);
      assert.equal(ours.code, peer.code);
      const firstLine = (run: ToolRun): string => run.text.replace(/usage: (\S+)[^]*/, 'usage: $1');
      assert.equal(firstLine(ours), firstLine(peer));
    }
    assert.match(
      (await runOurs('named-compilezone', ['a', 'b'], directory)).text,
      /^output file required, but not specified\n/,
    );
  });
});
