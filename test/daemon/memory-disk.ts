import path from 'node:path';
import type { AppendHandle, Disk, FileFacts, UpdateHandle } from '../../src/base/disk.ts';
import { DiskError } from '../../src/base/disk-error.ts';

/** The process died here. Not a SignetError: nothing may handle it. */
export class Crash extends Error {}

interface MemoryFile {
  octets: Uint8Array<ArrayBuffer>;
  /** Content that is sure to survive a crash. */
  durable: Uint8Array<ArrayBuffer>;
  /** Writes since then: each may survive, in part, or not. */
  pending: { at: number; octets: Uint8Array }[];
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
    this.files.set(file, { octets, durable: octets, pending: [], mode: 0o644 });
  }

  afterCrash(): MemoryDisk {
    const files = new Map<string, MemoryFile>();
    for (const [name, { durable, pending, mode }] of this.files) {
      let octets = durable;
      for (const { at, octets: written } of pending) octets = overwrite(octets, at, this.#survivor(at, written));
      files.set(name, { octets, durable: octets, pending: [], mode });
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
    this.files.set(file, { octets: whole, durable: whole, pending: [], mode });
    this.#change('sync', file);
  }

  openAppend(file: string): AppendHandle {
    this.#change('open', file);
    if (!this.files.has(file)) this.put(file, '');
    const { write, sync, truncate, close } = this.#handle(file);
    return { append: (octets) => write(this.files.get(file)?.octets.length ?? 0, octets), sync, truncate, close };
  }

  openUpdate(file: string): UpdateHandle | undefined {
    this.#alive();
    return this.files.has(file) ? this.#handle(file) : undefined;
  }

  #handle(file: string): UpdateHandle {
    const held = this.files.get(file)!;
    return {
      size: () => held.octets.length,
      read: (at, octets) => {
        this.#alive();
        const part = held.octets.subarray(at, at + octets.length);
        octets.set(part);
        return part.length;
      },
      write: (at, octets) => {
        held.pending.push({ at, octets: octets.slice() });
        this.#change('write', file);
        held.octets = overwrite(held.octets, at, octets);
      },
      sync: () => {
        this.#change('sync', file);
        held.durable = held.octets;
        held.pending = [];
      },
      truncate: (size) => {
        this.#change('truncate', file);
        held.octets = held.octets.slice(0, size);
        held.durable = held.octets;
      },
      close: () => this.#alive(),
    };
  }

  /** A sector is written whole or not at all; more than that may be cut off anywhere. */
  #survivor(at: number, octets: Uint8Array): Uint8Array {
    const isSector = at % SECTOR === 0 && octets.length <= SECTOR;
    if (isSector) return this.survival < 0.5 ? octets.subarray(0, 0) : octets;
    return octets.subarray(0, Math.floor(octets.length * this.survival));
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

const SECTOR = 512;

function overwrite(before: Uint8Array<ArrayBuffer>, at: number, octets: Uint8Array): Uint8Array<ArrayBuffer> {
  if (octets.length === 0) return before;
  const after = new Uint8Array(Math.max(before.length, at + octets.length));
  after.set(before);
  after.set(octets, at);
  return after;
}
