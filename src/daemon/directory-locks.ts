import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { latin1Text } from '../base/octets.ts';

const LOCK_FILE = '.named.lock';
/** Temporary files of Disk.replace for keys, signed zones and journals: ".NAME.PROCESS.NUMBER". */
const HALF_WRITTEN = /^\.(?:K.+\.(?:key|private|state)|.+\.signed(?:\.jnl)?)\.\d+\.\d+$/;
/** Seconds after which nobody is writing such a file any more. */
const ABANDONED = 3600;

/**
 * Locks on the directories that this process writes zones and keys in: two servers that sign in one directory would
 * overwrite each other's keys and journals.
 */
export class DirectoryLocks implements Disposable {
  readonly #disk: Disk;
  readonly #held = new Map<string, { release(): void }>();

  constructor(dependencies: { disk: Disk }) {
    this.#disk = dependencies.disk;
  }

  /**
   * Takes the lock unless this process has it. It ends with the process, however that ends.
   * @throws SignetError DIRECTORY_IN_USE when another process has it; DiskError when the directory cannot be written
   */
  take(directory: string): void {
    const file = path.join(directory, LOCK_FILE);
    if (this.#held.has(file)) return;
    this.takeFile(file);
    this.#sweep(directory, this.#disk.facts(file)?.modified ?? 0);
  }

  /** Removes what a process that was killed while it replaced a file has left. @param now when the lock was taken */
  #sweep(directory: string, now: number): void {
    for (const name of this.#disk.list(directory) ?? []) {
      if (!HALF_WRITTEN.test(name)) continue;
      const file = path.join(directory, name);
      // A tool may be writing a key file at this moment.
      if (now - (this.#disk.facts(file)?.modified ?? now) >= ABANDONED) this.#disk.remove(file);
    }
  }

  /** The same with a lock file of any name (named -X). */
  takeFile(file: string): void {
    if (this.#held.has(file)) return;
    const lock = this.#disk.lock(file);
    if (lock === undefined) throw inUse(path.dirname(file), ownerOf(this.#disk, file));
    this.#held.set(file, lock);
  }

  [Symbol.dispose](): void {
    for (const lock of this.#held.values()) lock.release();
    this.#held.clear();
  }
}

function ownerOf(disk: Disk, file: string): string {
  return latin1Text(disk.read(file) ?? new Uint8Array()).split(' ')[0] || 'unknown';
}

function inUse(directory: string, pid: string): SignetError {
  return new SignetError(
    'DIRECTORY_IN_USE',
    `another named process is already running: process ${pid} works in ${directory}: stop it, or give this one other directories`,
    { directory, pid },
  );
}
