import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';

/** Writes this process's id, making the directory if need be. @throws SignetError PID_FILE */
export function writePidFile(file: string, disk: Disk): void {
  try {
    disk.makeDirectory(path.dirname(file), 0o755);
    disk.replace(file, Buffer.from(`${process.pid}\n`, 'latin1'), 0o644);
  } catch (cause) {
    const reason = (cause as SignetError).facts?.reason ?? (cause as Error).message;
    throw new SignetError(
      'PID_FILE',
      `couldn't open pid file '${file}': ${String(reason)}: make the directory for the user named runs as, or set pid-file`,
      { file },
      cause,
    );
  }
}
