import fs from 'node:fs';
import path from 'node:path';
import type { AppendHandle, Disk, FileFacts, UpdateHandle } from './disk.ts';
import { DiskError } from './disk-error.ts';

/** Milliseconds after which the next change of a directory surely gets another time; FAT has two seconds. */
const SETTLED_AFTER = 2500;

/** The Disk port on the real file system. */
export class NodeDisk implements Disk {
  #temporary = 0;

  read(file: string): Uint8Array<ArrayBuffer> | undefined {
    return attempt('read', file, () => {
      const octets = fs.readFileSync(file);
      return new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
    });
  }

  replace(file: string, octets: Uint8Array | readonly Uint8Array[], mode = 0o644): void {
    const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}.${this.#temporary++}`);
    try {
      // In a container a process may have the id of one that was killed while it wrote.
      fs.rmSync(temporary, { force: true });
      const handle = fs.openSync(temporary, 'wx', mode);
      try {
        keepOwner(handle, file);
        fs.fchmodSync(handle, mode);
        for (const part of octets instanceof Uint8Array ? [octets] : octets) writeWhole(handle, part);
        fs.fsyncSync(handle);
      } finally {
        fs.closeSync(handle);
      }
      fs.renameSync(temporary, file);
      syncDirectory(path.dirname(file));
    } catch (cause) {
      fs.rmSync(temporary, { force: true });
      throw new DiskError('write', file, cause);
    }
  }

  openAppend(file: string, mode = 0o644): AppendHandle {
    const isNew = !fs.existsSync(file);
    const handle = must('open', file, () => fs.openSync(file, 'a', mode));
    if (isNew) must('open', file, () => syncDirectory(path.dirname(file)));
    return {
      append: (octets) => must('append to', file, () => writeWhole(handle, octets)),
      sync: () => must('sync', file, () => fs.fdatasyncSync(handle)),
      truncate: (size) => must('truncate', file, () => fs.ftruncateSync(handle, size)),
      close: () => must('close', file, () => fs.closeSync(handle)),
    };
  }

  openUpdate(file: string): UpdateHandle | undefined {
    const handle = attempt('open', file, () => fs.openSync(file, 'r+'));
    if (handle === undefined) return undefined;
    return {
      size: () => must('look at', file, () => fs.fstatSync(handle).size),
      read: (at, octets) => must('read', file, () => readAt(handle, octets, at)),
      write: (at, octets) => must('write to', file, () => writeWhole(handle, octets, at)),
      sync: () => must('sync', file, () => fs.fdatasyncSync(handle)),
      truncate: (size) => must('truncate', file, () => fs.ftruncateSync(handle, size)),
      close: () => must('close', file, () => fs.closeSync(handle)),
    };
  }

  facts(file: string): FileFacts | undefined {
    return attempt('look at', file, () => {
      const stat = fs.statSync(file);
      return {
        size: stat.size,
        mode: stat.mode & 0o7777,
        modified: Math.floor(stat.mtimeMs / 1000),
        isDirectory: stat.isDirectory(),
        owner: stat.uid,
      };
    });
  }

  list(directory: string): string[] | undefined {
    return attempt('list', directory, () => fs.readdirSync(directory));
  }

  changeStamp(directory: string): string | undefined {
    const stat = attempt('look at', directory, () => fs.statSync(directory, { bigint: true }));
    // A change within one tick of the file system's clock after another leaves the time as it is.
    const isSettled = stat !== undefined && Math.abs(Date.now() - Number(stat.mtimeMs)) > SETTLED_AFTER;
    return isSettled ? `${stat.dev} ${stat.ino} ${stat.mtimeNs}` : undefined;
  }

  remove(file: string): boolean {
    const removed = attempt('remove', file, () => {
      fs.unlinkSync(file);
      syncDirectory(path.dirname(file));
      return true;
    });
    return removed ?? false;
  }

  rename(from: string, to: string): void {
    must('rename', from, () => {
      fs.renameSync(from, to);
      syncDirectory(path.dirname(to));
    });
  }

  makeDirectory(directory: string, mode = 0o755): void {
    must('make directory', directory, () => fs.mkdirSync(directory, { recursive: true, mode }));
  }

  /** The lock file holds the owner's process id and start time, so a lock left by a killed process is seen as stale. */
  lock(file: string): { release(): void } | undefined {
    const mine = `${process.pid} ${processStart(process.pid)}\n`;
    for (let tries = 0; tries < 3; tries++) {
      try {
        // A link is made in one step with its content already there, unlike a file that is created and then written.
        const draft = `${file}.${process.pid}`;
        fs.writeFileSync(draft, mine, { mode: 0o644 });
        try {
          fs.linkSync(draft, file);
        } finally {
          fs.rmSync(draft, { force: true });
        }
        return { release: () => fs.rmSync(file, { force: true }) };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw new DiskError('lock', file, cause);
      }
      const found = attempt('read', file, () => fs.readFileSync(file, 'latin1')) ?? '';
      const [pid, start] = found.trim().split(' ');
      const alive = pid !== undefined && start !== undefined && isStillRunning(Number(pid), start);
      if (alive && Number(pid) !== process.pid) return undefined;
      must('lock', file, () => removeStale(file, found));
    }
    return undefined;
  }
}

/** @param position where in the file; undefined is where the last write ended */
/**
 * Removes a lock file that was found to be stale, but not one that another process put in its place meanwhile: it is moved
 * aside in one step, looked at again, and put back when it is not the one that was found.
 */
function removeStale(file: string, found: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    fs.renameSync(file, aside);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return; // another process was faster
    throw cause;
  }
  if (fs.readFileSync(aside, 'latin1') !== found) fs.linkSync(aside, file);
  fs.rmSync(aside);
}

function writeWhole(handle: number, octets: Uint8Array, position?: number): void {
  for (let at = 0; at < octets.length;) {
    const place = position === undefined ? undefined : position + at;
    at += fs.writeSync(handle, octets, at, octets.length - at, place);
  }
}

function readAt(handle: number, octets: Uint8Array, position: number): number {
  let at = 0;
  while (at < octets.length) {
    const read = fs.readSync(handle, octets, at, octets.length - at, position + at);
    if (read === 0) break;
    at += read;
  }
  return at;
}

function syncDirectory(directory: string): void {
  const handle = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** What root replaces stays its owner's: a key that root retimed must still open for the user that named runs as. */
function keepOwner(handle: number, file: string): void {
  if (process.getuid?.() !== 0) return; // nobody else can give files away
  const before = fs.statSync(file, { throwIfNoEntry: false });
  if (before) fs.fchownSync(handle, before.uid, before.gid);
}

/** Field 22 of /proc/PID/stat: with the process id it names one process for as long as the host is up. */
function processStart(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Ended, and waiting for a parent to ask: where process 1 never asks, it stays so.
    return state === 'Z' || state === 'X' ? undefined : rest[18];
  } catch {
    return undefined; // no such process
  }
}

/** Without /proc, as under a changed root, the process id alone has to tell. */
function isStillRunning(pid: number, start: string): boolean {
  if (start !== 'undefined' && processStart(process.pid) !== undefined) return processStart(pid) === start;
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'; // it runs as somebody else
  }
}

/** Runs `work`; undefined when the file is not there, DiskError for any other failure. */
function attempt<T>(operation: string, file: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DiskError(operation, file, cause);
  }
}

function must<T>(operation: string, file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new DiskError(operation, file, cause);
  }
}
