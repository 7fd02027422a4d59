/** What a file is, as far as we care. `mode` holds the permission bits, times are Unix seconds. */
export interface FileFacts {
  readonly size: number;
  readonly mode: number;
  readonly modified: number;
  readonly isDirectory: boolean;
  readonly owner: number;
}

/** A file open for appending. Nothing is durable before `sync` has returned. */
export interface AppendHandle {
  append(octets: Uint8Array): void;
  sync(): void;
  /** Cuts the file to `size` octets: takes back what was appended after the last good record. */
  truncate(size: number): void;
  close(): void;
}

/**
 * Appends a record to a file of `size` octets. Durable when it returns; when it throws, nothing of the record stands before the next one.
 * @throws DiskError
 */
export function appendRecord(handle: AppendHandle, octets: Uint8Array, size: number): void {
  try {
    handle.append(octets);
    handle.sync();
  } catch (error) {
    handle.truncate(size);
    throw error;
  }
}

/** A file open for reading and writing anywhere in it. Nothing is durable before `sync` has returned. */
export interface UpdateHandle {
  /** Octets in the file now. */
  size(): number;
  /** Fills `octets` from `at` on; returns how many there were. */
  read(at: number, octets: Uint8Array): number;
  write(at: number, octets: Uint8Array): void;
  sync(): void;
  truncate(size: number): void;
  close(): void;
}

/** Thrown by every Disk call that fails: facts are `path`, `operation` and `reason` (ENOSPC, EACCES, ENOENT ...). */
export { DiskError } from './disk-error.ts';

/**
 * The only way to the file system. Calls are synchronous: what must be durable before something else is said is then
 * said in program order. All throw DiskError, except where undefined says that the file is not there.
 */
export interface Disk {
  /** The whole file, as octets that belong to the caller, or undefined when it does not exist. */
  read(path: string): Uint8Array<ArrayBuffer> | undefined;
  /** Replaces the file in one step, durably: temporary file beside it, fsync, rename, fsync of the directory. */
  replace(path: string, octets: Uint8Array | readonly Uint8Array[], mode?: number): void;
  /** Opens for appending, creating the file with `mode` if it is missing. */
  openAppend(path: string, mode?: number): AppendHandle;
  /** Opens an existing file for reading and writing; undefined when it does not exist. */
  openUpdate(path: string): UpdateHandle | undefined;
  facts(path: string): FileFacts | undefined;
  list(directory: string): string[] | undefined;
  /**
   * Another text after each change of the names in the directory. Undefined (or no such method) when that cannot be told,
   * as right after a change: then the directory must be listed.
   */
  changeStamp?(directory: string): string | undefined;
  /** True when the file was there. Durable on return. */
  remove(path: string): boolean;
  rename(from: string, to: string): void;
  makeDirectory(path: string, mode?: number): void;
  /**
   * Takes an exclusive lock that ends with the process, on a lock file. Undefined when another process holds it.
   */
  lock(path: string): { release(): void } | undefined;
}
