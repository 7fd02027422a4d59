import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';

/** What is wrong with a path that should be a directory; undefined when it is one. */
export function directoryFault(disk: Disk, path: string): { isMissing: boolean; text: string } | undefined {
  try {
    const facts = disk.facts(path);
    if (!facts) return { isMissing: true, text: 'no such directory; create it or correct the path' };
    return facts.isDirectory ? undefined : { isMissing: false, text: 'not a directory; correct the path' };
  } catch (cause) {
    if (!(cause instanceof DiskError)) throw cause;
    return { isMissing: false, text: cause.message };
  }
}
