import path from 'node:path';
import type { AppendHandle, Disk, FileFacts } from '../../src/base/disk.ts';
import { DiskError } from '../../src/base/disk-error.ts';

/** The process died here. Not a SignetError: nothing may handle it. */
export class Crash extends Error {}

interface MemoryFile {
  octets: Uint8Array<ArrayBuffer>;
  /** Octets that are sure to survive a crash. */
  durable: number;
  mode: number;
}

/**
 * A disk in memory that can be full, read-only, or lose power. After a crash every call throws; `afterCrash` is the disk
 * that the next process finds: replaced files are old or new as a whole, appended octets that were not synced may be
 * there in part or not at all.
 */
export class MemoryDisk implements Disk {
  readonly files: Map<string, MemoryFile>;
  readonly locks = new Set<string>();
  /** Reason that every change fails with, such as ENOSPC or EROFS. */
  refusal: string | undefined;
  /** Changes that still succeed; the one after dies, half done. */
  changesUntilCrash = Infinity;
  changes = 0;
  crashed = false;
  /** Between 0 and 1: what part of unsynced octets survives. */
  survival = 0.5;

  constructor(files = new Map<string, MemoryFile>()) {
    this.files = files;
  }

  put(file: string, text: string): void {
    const octets = Uint8Array.from(Buffer.from(text, 'latin1'));
    this.files.set(file, { octets, durable: octets.length, mode: 0o644 });
  }

  afterCrash(): MemoryDisk {
    const files = new Map<string, MemoryFile>();
    for (const [name, { octets, durable, mode }] of this.files) {
      const length = durable + Math.floor((octets.length - durable) * this.survival);
      files.set(name, { octets: octets.slice(0, length), durable: length, mode });
    }
    return new MemoryDisk(files);
  }

  read(file: string): Uint8Array<ArrayBuffer> | undefined {
    this.#alive();
    return this.files.get(file)?.octets.slice();
  }

  replace(file: string, octets: Uint8Array | readonly Uint8Array[], mode = 0o644): void {
    const parts = octets instanceof Uint8Array ? [octets] : octets;
    const whole = Uint8Array.from(Buffer.concat(parts));
    // Two instants to die at: before the rename, and after it.
    this.#change('write', file);
    this.files.set(file, { octets: whole, durable: whole.length, mode });
    this.#change('sync', file);
  }

  openAppend(file: string, mode = 0o644): AppendHandle {
    this.#change('open', file);
    if (!this.files.has(file)) this.files.set(file, { octets: new Uint8Array(), durable: 0, mode });
    const held = (): MemoryFile => this.files.get(file) ?? { octets: new Uint8Array(), durable: 0, mode };
    return {
      append: (octets) => {
        const one = held();
        one.octets = Uint8Array.from(Buffer.concat([one.octets, octets]));
        this.#change('append to', file);
      },
      sync: () => {
        this.#change('sync', file);
        held().durable = held().octets.length;
      },
      truncate: (size) => {
        this.#change('truncate', file);
        const one = held();
        one.octets = one.octets.slice(0, size);
        one.durable = Math.min(one.durable, size);
      },
      close: () => this.#alive(),
    };
  }

  facts(file: string): FileFacts | undefined {
    this.#alive();
    const one = this.files.get(file);
    if (one) return { size: one.octets.length, mode: one.mode, modified: 0, isDirectory: false, owner: 0 };
    if (!this.#hasDirectory(file)) return undefined;
    return { size: 0, mode: 0o755, modified: 0, isDirectory: true, owner: 0 };
  }

  list(directory: string): string[] | undefined {
    this.#alive();
    if (!this.#hasDirectory(directory)) return undefined;
    return [...this.files.keys()].filter((name) => path.dirname(name) === directory).map((name) => path.basename(name));
  }

  remove(file: string): boolean {
    if (!this.files.has(file)) return false;
    this.#change('remove', file);
    return this.files.delete(file);
  }

  rename(from: string, to: string): void {
    const one = this.files.get(from);
    if (!one) throw new DiskError('rename', from, { code: 'ENOENT' });
    this.#change('rename', from);
    this.files.delete(from);
    this.files.set(to, one);
  }

  makeDirectory(): void {
    this.#alive();
  }

  lock(file: string): { release(): void } | undefined {
    this.#change('lock', file);
    if (this.locks.has(file)) return undefined;
    this.locks.add(file);
    return { release: () => this.locks.delete(file) };
  }

  #hasDirectory(directory: string): boolean {
    for (const name of this.files.keys()) if (name.startsWith(`${directory}/`)) return true;
    return false;
  }

  #alive(): void {
    if (this.crashed) throw new Crash('the process is dead');
  }

  #change(operation: string, file: string): void {
    this.#alive();
    if (this.refusal !== undefined) throw new DiskError(operation, file, { code: this.refusal });
    if (this.changes++ < this.changesUntilCrash) return;
    this.crashed = true;
    throw new Crash(`died when it was to ${operation} ${file}`);
  }
}
