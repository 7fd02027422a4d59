import path from 'node:path';
import type { AppendHandle, Disk, FileFacts, UpdateHandle } from '../base/disk.ts';

/** A disk seen from another root and working directory: what -t and -w of BIND's checking tools do to all paths. */
export class PlacedDisk implements Disk {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #workingDirectory: string;

  /** @param workingDirectory absolute, as seen from `root` */
  constructor(disk: Disk, root: string, workingDirectory: string) {
    this.#disk = disk;
    this.#root = root;
    this.#workingDirectory = workingDirectory;
  }

  /** The path as the disk itself knows it. ".." does not lead out of the root. */
  place(file: string): string {
    return path.join(this.#root, path.resolve('/', this.#workingDirectory, file));
  }

  read(file: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#disk.read(this.place(file));
  }

  replace(file: string, octets: Uint8Array | readonly Uint8Array[], mode?: number): void {
    this.#disk.replace(this.place(file), octets, mode);
  }

  openAppend(file: string, mode?: number): AppendHandle {
    return this.#disk.openAppend(this.place(file), mode);
  }

  openUpdate(file: string): UpdateHandle | undefined {
    return this.#disk.openUpdate(this.place(file));
  }

  facts(file: string): FileFacts | undefined {
    return this.#disk.facts(this.place(file));
  }

  list(directory: string): string[] | undefined {
    return this.#disk.list(this.place(directory));
  }

  remove(file: string): boolean {
    return this.#disk.remove(this.place(file));
  }

  rename(from: string, to: string): void {
    this.#disk.rename(this.place(from), this.place(to));
  }

  makeDirectory(directory: string, mode?: number): void {
    this.#disk.makeDirectory(this.place(directory), mode);
  }

  lock(file: string): { release(): void } | undefined {
    return this.#disk.lock(this.place(file));
  }
}
