import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { type Disk, DiskError } from '../../src/base/disk.ts';

const octets = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (found: Uint8Array | undefined): string | undefined => found && Buffer.from(found).toString('latin1');

/**
 * What every adapter of the Disk port must do. Call it inside a `describe`.
 * @param make gives a disk and an empty folder on it for each test
 */
export function diskCompliance(make: () => { disk: Disk; folder: string }): void {
  const on = (name: string, check: (disk: Disk, folder: string) => void): void => {
    test(name, () => {
      const { disk, folder } = make();
      check(disk, folder);
    });
  };

  on('what is not there is undefined, not an error', (disk, folder) => {
    const missing = path.join(folder, 'missing');
    assert.equal(disk.read(missing), undefined);
    assert.equal(disk.facts(missing), undefined);
    assert.equal(disk.list(missing), undefined);
    assert.equal(disk.remove(missing), false);
  });

  on('replace makes the file, or all of its content new, in one or many parts', (disk, folder) => {
    const file = path.join(folder, 'file');
    disk.replace(file, octets('one'), 0o600);
    assert.equal(text(disk.read(file)), 'one');
    assert.equal(disk.facts(file)?.mode, 0o600);
    disk.replace(file, [octets('tw'), octets(''), octets('o')], 0o640);
    assert.equal(text(disk.read(file)), 'two');
    assert.equal(disk.facts(file)?.mode, 0o640, 'the mode is set whatever the umask is');
    assert.equal(disk.facts(file)?.size, 3);
    assert.deepEqual(disk.list(folder), ['file'], 'no temporary file is left');
  });

  on('replace that fails leaves the old file and nothing else', (disk, folder) => {
    const target = path.join(folder, 'taken');
    disk.makeDirectory(path.join(target, 'full'));
    assert.throws(() => disk.replace(target, octets('x')), DiskError);
    assert.deepEqual(disk.list(folder), ['taken']);
    assert.deepEqual(disk.list(target), ['full']);
  });

  on('appending goes on behind what is there, and truncate takes it back', (disk, folder) => {
    const file = path.join(folder, 'journal');
    const first = disk.openAppend(file, 0o600);
    first.append(octets('abc'));
    first.sync();
    first.close();
    assert.equal(disk.facts(file)?.mode, 0o600);
    const second = disk.openAppend(file);
    second.append(octets('defg'));
    second.truncate(5);
    second.append(octets('X'));
    second.sync();
    second.close();
    assert.equal(text(disk.read(file)), 'abcdeX');
  });

  on('folders are made with those above them, and listed', (disk, folder) => {
    const deep = path.join(folder, 'a/b/c');
    disk.makeDirectory(deep, 0o700);
    disk.makeDirectory(deep);
    assert.equal(disk.facts(deep)?.isDirectory, true);
    assert.equal(disk.facts(deep)?.mode, 0o700);
    disk.replace(path.join(deep, 'x'), octets(''));
    disk.replace(path.join(deep, 'y'), octets(''));
    assert.deepEqual(disk.list(deep)?.toSorted(), ['x', 'y']);
  });

  on('rename replaces, remove removes', (disk, folder) => {
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    disk.replace(from, octets('new'));
    disk.replace(to, octets('old'));
    disk.rename(from, to);
    assert.equal(text(disk.read(to)), 'new');
    assert.equal(disk.read(from), undefined);
    assert.equal(disk.remove(to), true);
    assert.equal(disk.read(to), undefined);
  });

  on('what fails says operation, path and reason', (disk, folder) => {
    const file = path.join(folder, 'file');
    disk.replace(file, octets('x'));
    const failures: readonly (readonly [() => unknown, string])[] = [
      [() => disk.read(folder), 'EISDIR'],
      [() => disk.list(file), 'ENOTDIR'],
      [() => disk.rename(path.join(folder, 'no'), path.join(folder, 'where')), 'ENOENT'],
      [() => disk.replace(path.join(folder, 'no/file'), octets('')), 'ENOENT'],
      [() => disk.openAppend(path.join(folder, 'no/file')), 'ENOENT'],
    ];
    for (const [work, reason] of failures)
      assert.throws(work, (error) => {
        assert.ok(error instanceof DiskError);
        assert.equal(error.code, 'DISK');
        assert.equal(error.facts['reason'], reason);
        assert.ok(error.message.includes(String(error.facts['path'])), error.message);
        return true;
      });
  });

  on('a lock is taken once and can be taken again after its release', (disk, folder) => {
    const file = path.join(folder, 'lock');
    const lock = disk.lock(file);
    assert.ok(lock);
    lock.release();
    const again = disk.lock(file);
    assert.ok(again);
    again.release();
    assert.deepEqual(disk.list(folder), []);
  });
}
