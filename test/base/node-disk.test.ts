import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { diskCompliance } from './disk-compliance.ts';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-disk-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));
const freshFolder = (): string => fs.mkdtempSync(path.join(root, 'case-'));

describe('NodeDisk', () => {
  diskCompliance(() => ({ disk: new NodeDisk(), folder: freshFolder() }));

  test('a lock held by another process is not given, and is stale once that process was killed', async () => {
    const file = path.join(freshFolder(), 'lock');
    const module = path.join(import.meta.dirname, '../../src/base/node-disk.ts');
    const program = `
      const { NodeDisk } = await import(${JSON.stringify(module)});
      process.stdout.write(new NodeDisk().lock(${JSON.stringify(file)}) ? 'locked' : 'refused');
      setInterval(() => undefined, 1000);
    `;
    const other = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = new Promise((resolve) => other.once('exit', resolve));
    try {
      const said = await new Promise((resolve) => other.stdout.once('data', (data: Buffer) => resolve(String(data))));
      assert.equal(said, 'locked');
      assert.equal(new NodeDisk().lock(file), undefined);
    } finally {
      other.kill('SIGKILL');
      await exited;
    }
    const lock = new NodeDisk().lock(file);
    assert.ok(lock, 'the lock of a killed process does not stay');
    lock.release();
  });

  test('an empty lock file, left by a crash of another kind, is stale', () => {
    const file = path.join(freshFolder(), 'lock');
    fs.writeFileSync(file, '');
    const lock = new NodeDisk().lock(file);
    assert.ok(lock);
    lock.release();
  });

  test('a file half written by a killed process of the same id is no obstacle', () => {
    const folder = freshFolder();
    const left = path.join(folder, `.x.${process.pid}.0`);
    fs.writeFileSync(left, 'half');
    new NodeDisk().replace(path.join(folder, 'x'), new Uint8Array([1]));
    assert.deepEqual(fs.readdirSync(folder), ['x']);
  });

  test('S-030 a read-only folder is an error that names the file and what to do', () => {
    const folder = freshFolder();
    fs.chmodSync(root, 0o711);
    fs.chmodSync(folder, 0o555);
    const write = (): void => new NodeDisk().replace(path.join(folder, 'x'), new Uint8Array(1));
    asOrdinaryUser(() => assert.throws(write, /EACCES.*give the user/));
    assert.deepEqual(fs.readdirSync(folder), []);
    fs.chmodSync(folder, 0o755);
  });

  test('a full disk is an error that names the file and what to do', () => {
    const handle = new NodeDisk().openAppend('/dev/full');
    assert.throws(() => handle.append(new Uint8Array(4096)), /append to \/dev\/full: ENOSPC .*free space/);
    handle.close();
  });
});

/** Root may write everywhere: such work is done as nobody then. */
function asOrdinaryUser(work: () => void): void {
  if (process.getuid!() !== 0) return work();
  process.seteuid!(65534);
  try {
    work();
  } finally {
    process.seteuid!(0);
  }
}
