import { SignetError } from './error.ts';

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'free space on that file system; the work goes on by itself',
  EDQUOT: 'raise the quota or free space; the work goes on by itself',
  EACCES: 'give the user this process runs as access to it',
  EPERM: 'give the user this process runs as access to it',
  EROFS: 'mount the file system read-write',
  ENOENT: 'check the path',
  EISDIR: 'name a file, not a directory',
  ENOTDIR: 'check the path',
  EIO: 'check the disk',
};

/** A file operation that failed. */
export class DiskError extends SignetError {
  constructor(operation: string, path: string, cause: unknown) {
    const reason = (cause as NodeJS.ErrnoException)?.code ?? 'unknown';
    const user = process.getuid?.();
    const remedy = REMEDIES[reason] ?? 'see the reason';
    super('DISK', `${operation} ${path}: ${reason} (user id ${user}): ${remedy}`, { operation, path, reason }, cause);
  }
}
