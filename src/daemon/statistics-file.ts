import { appendRecord, type Disk } from '../base/disk.ts';

/** Readable for all, as BIND's. */
const MODE = 0o644;

/**
 * Appends a dump to the statistics file, whole or not at all: programs that read the file never meet half of one.
 * @throws DiskError, which names the file
 */
export function appendStatistics(file: string, text: string, disk: Disk): void {
  const size = disk.facts(file)?.size ?? 0;
  const handle = disk.openAppend(file, MODE);
  try {
    appendRecord(handle, Buffer.from(text, 'utf8'), size);
  } finally {
    handle.close();
  }
}
