import path from 'node:path';
import type { AppendHandle, Disk, FileFacts, UpdateHandle } from '../../src/base/disk.ts';
import { latin1Octets } from '../../src/base/octets.ts';

/** A disk with these text files (and the directories they are in), for readers: whatever writes is a mistake. */
export class MemoryDisk implements Disk {
  readonly #files: ReadonlyMap<string, string>;

  constructor(files: Readonly<Record<string, string>>) {
    this.#files = new Map(Object.entries(files).map(([file, text]) => [path.normalize(file), text]));
  }

  read(file: string): Uint8Array<ArrayBuffer> | undefined {
    const text = this.#files.get(path.normalize(file));
    return text === undefined ? undefined : latin1Octets(text);
  }

  facts(file: string): FileFacts | undefined {
    const isDirectory = this.list(file) !== undefined;
    if (!isDirectory && !this.#files.has(path.normalize(file))) return undefined;
    return { size: 0, mode: 0o755, modified: 0, isDirectory, owner: 0 };
  }

  list(directory: string): string[] | undefined {
    const prefix = path.normalize(directory) === '.' ? '' : `${path.normalize(directory).replace(/\/$/, '')}/`;
    const inside = [...this.#files.keys()].filter((file) => file.startsWith(prefix));
    const names = new Set(inside.map((file) => file.slice(prefix.length).split('/')[0]));
    return names.size > 0 ? [...names] : undefined;
  }

  replace(file: string): never {
    throw new Error(`unexpected write of ${file}`);
  }

  openAppend(file: string): AppendHandle {
    throw new Error(`unexpected write of ${file}`);
  }

  openUpdate(file: string): UpdateHandle {
    throw new Error(`unexpected write of ${file}`);
  }

  remove(file: string): never {
    throw new Error(`unexpected removal of ${file}`);
  }

  rename(file: string): never {
    throw new Error(`unexpected rename of ${file}`);
  }

  makeDirectory(directory: string): never {
    throw new Error(`unexpected directory ${directory}`);
  }

  lock(file: string): never {
    throw new Error(`unexpected lock ${file}`);
  }
}
