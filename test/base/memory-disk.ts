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
  /** By normalized path. */
  readonly files = new Map<string, MemoryFile>();
  /** Modes by normalized path. */
  readonly #directories = new Map([
    ['/', 0o755],
    ['.', 0o755],
  ]);
  readonly locks = new Set<string>();
  /** Reason that every change fails with, such as ENOSPC or EROFS. */
  refusal: string | undefined;
  /** Changes that still succeed; the one after dies, half done. */
  changesUntilCrash = Infinity;
  changes = 0;
  crashed = false;
  /** Between 0 and 1: what part of unsynced octets survives. */
  survival = 0.5;

  constructor(texts: Readonly<Record<string, string>> = {}) {
    for (const [file, text] of Object.entries(texts)) this.put(file, text);
  }

  /** A disk for readers: whatever writes to it is a mistake. */
  static readOnly(texts: Readonly<Record<string, string>>): MemoryDisk {
    const disk = new MemoryDisk(texts);
    disk.refusal = 'EROFS';
    return disk;
  }

  /** Puts a Latin-1 text there, with the directories above it, as another program would. */
  put(file: string, text: string): void {
    const name = path.normalize(file);
    this.#makeDirectories(path.dirname(name), 0o755);
    const octets = Uint8Array.from(Buffer.from(text, 'latin1'));
    this.files.set(name, { octets, durable: octets, pending: [], mode: 0o644 });
  }

  afterCrash(): MemoryDisk {
    const after = new MemoryDisk();
    for (const [name, mode] of this.#directories) after.#directories.set(name, mode);
    for (const [name, { durable, pending, mode }] of this.files) {
      let octets = durable;
      for (const { at, octets: written } of pending) octets = overwrite(octets, at, this.#survivor(at, written));
      after.files.set(name, { octets, durable: octets, pending: [], mode });
    }
    return after;
  }

  read(file: string): Uint8Array<ArrayBuffer> | undefined {
    this.#alive();
    const name = path.normalize(file);
    if (this.#directories.has(name)) throw new DiskError('read', file, { code: 'EISDIR' });
    return this.files.get(name)?.octets.slice();
  }

  replace(file: string, octets: Uint8Array | readonly Uint8Array[], mode = 0o644): void {
    const parts = octets instanceof Uint8Array ? [octets] : octets;
    const whole = Uint8Array.from(Buffer.concat(parts));
    // Two instants to die at: before the rename, and after it.
    this.#change('write', file);
    this.files.set(this.#place('replace', file), { octets: whole, durable: whole, pending: [], mode });
    this.#change('sync', file);
  }

  openAppend(file: string, mode = 0o644): AppendHandle {
    this.#change('open', file);
    const name = this.#place('open', file);
    const empty = new Uint8Array();
    const held = this.files.get(name) ?? { octets: empty, durable: empty, pending: [], mode };
    this.files.set(name, held);
    const { write, sync, truncate, close } = this.#handle(file, held);
    return { append: (octets) => write(held.octets.length, octets), sync, truncate, close };
  }

  openUpdate(file: string): UpdateHandle | undefined {
    this.#alive();
    const held = this.files.get(path.normalize(file));
    return held && this.#handle(file, held);
  }

  #handle(file: string, held: MemoryFile): UpdateHandle {
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
    const name = path.normalize(file);
    const one = this.files.get(name);
    if (one) return { size: one.octets.length, mode: one.mode, modified: 0, isDirectory: false, owner: 0 };
    const mode = this.#directories.get(name);
    return mode === undefined ? undefined : { size: 0, mode, modified: 0, isDirectory: true, owner: 0 };
  }

  list(directory: string): string[] | undefined {
    this.#alive();
    const name = path.normalize(directory);
    if (this.files.has(name)) throw new DiskError('list', directory, { code: 'ENOTDIR' });
    if (!this.#directories.has(name)) return undefined;
    const all = [...this.files.keys(), ...this.#directories.keys()];
    return all.filter((one) => one !== name && path.dirname(one) === name).map((one) => path.basename(one));
  }

  remove(file: string): boolean {
    const name = path.normalize(file);
    if (!this.files.has(name)) return false;
    this.#change('remove', file);
    return this.files.delete(name);
  }

  rename(from: string, to: string): void {
    const one = this.files.get(path.normalize(from));
    if (!one) throw new DiskError('rename', from, { code: 'ENOENT' });
    this.#change('rename', from);
    this.files.set(this.#place('rename', to), one);
    this.files.delete(path.normalize(from));
  }

  makeDirectory(directory: string, mode = 0o755): void {
    this.#change('make', directory);
    this.#makeDirectories(path.normalize(directory), mode);
  }

  lock(file: string): { release(): void } | undefined {
    this.#change('lock', file);
    if (this.locks.has(file)) return undefined;
    this.locks.add(file);
    return { release: () => this.locks.delete(file) };
  }

  #makeDirectories(name: string, mode: number): void {
    if (this.#directories.has(name)) return;
    this.#makeDirectories(path.dirname(name), mode);
    this.#directories.set(name, mode);
  }

  /** Where a file can be, normalized: in a directory that exists, and not in the place of one. */
  #place(operation: string, file: string): string {
    const name = path.normalize(file);
    const isMissing = !this.#directories.has(path.dirname(name));
    if (isMissing || this.#directories.has(name))
      throw new DiskError(operation, file, { code: isMissing ? 'ENOENT' : 'EISDIR' });
    return name;
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
