import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendStatistics } from '../../src/daemon/statistics-file.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const textOf = (disk: MemoryDisk, file: string): string => Buffer.from(disk.read(file) ?? []).toString('utf8');

test('statistics are appended to what is there, and the file is made if it is missing', () => {
  const disk = new MemoryDisk({ '/s/old': 'before\n' });
  appendStatistics('/s/old', 'one\n', disk);
  appendStatistics('/s/new', 'one\n', disk);
  appendStatistics('/s/new', 'two\n', disk);
  assert.equal(textOf(disk, '/s/old'), 'before\none\n');
  assert.equal(textOf(disk, '/s/new'), 'one\ntwo\n');
  assert.equal(disk.facts('/s/new')?.mode, 0o644);
});

test('a disk that refuses: the error names the file, and the file is as before', () => {
  const disk = new MemoryDisk({ '/s/old': 'before\n' });
  disk.refusal = 'ENOSPC';
  assert.throws(() => appendStatistics('/s/old', 'one\n', disk), /\/s\/old.*ENOSPC|ENOSPC.*\/s\/old/);
  disk.refusal = undefined;
  assert.equal(textOf(disk, '/s/old'), 'before\n');
});

test('a dump that could not be written whole is taken back', () => {
  const disk = new MemoryDisk({ '/s/old': 'before\n' });
  const { openAppend } = disk;
  disk.openAppend = (path, mode) => {
    const handle = openAppend.call(disk, path, mode);
    return {
      append: (octets) => handle.append(octets.subarray(0, 2)),
      sync: () => {
        throw new Error('the disk is full');
      },
      truncate: (size) => handle.truncate(size),
      close: () => handle.close(),
    };
  };
  assert.throws(() => appendStatistics('/s/old', 'one\n', disk), /the disk is full/);
  assert.equal(textOf(disk, '/s/old'), 'before\n');
});
