import path from 'node:path';
import type { Disk } from '../../base/disk.ts';

export const AUDIT_FILE = 'audit.log';
export const AUDIT_HEAD_FILE = 'audit.head';

/** Of a full file whose last line is number `last`: names in order are files in order. */
export function rotatedName(last: number): string {
  return `audit-${String(last).padStart(12, '0')}.log`;
}

/** All files of the log, oldest first. */
export function auditFiles(directory: string, disk: Disk): string[] {
  const names = disk.list(directory) ?? [];
  const rotated = names.filter((name) => /^audit-\d{12}\.log$/.test(name)).toSorted();
  return [...rotated, ...names.filter((name) => name === AUDIT_FILE)].map((name) => path.join(directory, name));
}
