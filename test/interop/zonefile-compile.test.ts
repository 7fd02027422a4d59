import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zonePool, type PoolZone } from '../zones/zone-pool.ts';
import { inDirectory, readFile, runOurs, runPeer, writeFiles } from './zonefile-peer.ts';

// What the host's resolver says of names outside the zone is no part of the output.
const CHECKS = ['-q', '-i', 'local', '-k', 'ignore'];

/** Compiles the zone with both programs; the outputs are files named after `format` in the directory. */
async function compileBoth(directory: string, zone: string, format: string, options: readonly string[]): Promise<void> {
  const argv = [...CHECKS, ...options];
  const peer = runPeer('named-compilezone', [...argv, '-o', `peer.${format}`, zone, 'zone.db'], directory);
  assert.deepEqual(peer, { code: 0, text: '' });
  const ours = await runOurs('named-compilezone', [...argv, '-o', `ours.${format}`, zone, 'zone.db'], directory);
  assert.deepEqual(ours, { code: 0, text: '' });
}

/** RRsets of a raw file, sorted: within a node BIND writes them in the order of its memory. */
function rawRRsets(file: Buffer): string[] {
  const headerLength = file.readUInt32BE(4) === 0 ? 12 : 24;
  const rrsets: string[] = [];
  for (let at = headerLength; at < file.length; at += file.readUInt32BE(at)) {
    rrsets.push(file.toString('latin1', at, at + file.readUInt32BE(at)));
  }
  return rrsets.toSorted();
}

async function compare(pooled: PoolZone): Promise<void> {
  await inDirectory(async (directory) => {
    writeFiles(directory, pooled.files);
    for (const style of ['full', 'relative']) {
      await compileBoth(directory, pooled.zone, style, ['-s', style]);
      assert.equal(
        readFile(directory, `ours.${style}`).toString('latin1'),
        readFile(directory, `peer.${style}`).toString('latin1'),
      );
    }
    for (const format of ['raw', 'raw=0']) {
      await compileBoth(directory, pooled.zone, format, ['-F', format, '-L', '77']);
      const ours = readFile(directory, `ours.${format}`);
      const peer = readFile(directory, `peer.${format}`);
      const timeAt = 8;
      assert.equal(ours.toString('hex', 0, timeAt), peer.toString('hex', 0, timeAt));
      const headerLength = format === 'raw' ? 24 : 12;
      assert.equal(ours.toString('hex', timeAt + 4, headerLength), peer.toString('hex', timeAt + 4, headerLength));
      assert.deepEqual(rawRRsets(ours), rawRRsets(peer));
      await crossLoad(directory, pooled.zone, format);
    }
  });
}

/** Each reads what the other wrote, and makes the same text of it as of the zone file. */
async function crossLoad(directory: string, zone: string, format: string): Promise<void> {
  const argv = (output: string, input: string): string[] => [...CHECKS, '-f', 'raw', '-o', output, zone, input];
  assert.equal(runPeer('named-compilezone', argv('from-ours', `ours.${format}`), directory).code, 0);
  assert.equal((await runOurs('named-compilezone', argv('from-peer', `peer.${format}`), directory)).code, 0);
  const expected = readFile(directory, 'peer.full').toString('latin1');
  assert.equal(readFile(directory, 'from-ours').toString('latin1'), expected);
  assert.equal(readFile(directory, 'from-peer').toString('latin1'), expected);
}

for (const pooled of zonePool()) {
  test(`S-021 named-compilezone writes what BIND's writes: ${pooled.title}`, () => compare(pooled));
}

for (const [title, options] of [
  ['NSEC', []],
  ['NSEC3', ['-3', 'aabb']],
] as const) {
  test(`S-021 named-compilezone writes what BIND's writes: signed with ${title}`, async () => {
    await inDirectory(async (directory) => {
      const unsigned = zonePool()[1];
      writeFiles(directory, { 'unsigned.db': unsigned.files['zone.db'] });
      for (const flag of [[], ['-f', 'KSK']]) {
        const made = runPeer('dnssec-keygen', ['-q', '-a', 'ED25519', ...flag, unsigned.zone], directory);
        assert.equal(made.code, 0, made.text);
      }
      const signing = ['-S', ...options, '-o', unsigned.zone, '-f', 'signed.db', 'unsigned.db'];
      const signed = runPeer('dnssec-signzone', signing, directory);
      assert.equal(signed.code, 0, signed.text);
      const files = { 'zone.db': readFile(directory, 'signed.db').toString('latin1') };
      await compare({ title, zone: unsigned.zone, files });
    });
  });
}
