import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';

/*
 *   STATE/            all that the HSM keeps, 0700
 *   STATE/run/        local sockets and what ends with the host's uptime, 0700
 */

/** Bits of a mode by which others than the owner may enter, read or change. */
const OTHERS = 0o077;

/**
 * Makes sure that only this process's user (and root) may enter the state directory: whoever enters it can talk to devices and
 * watchdogs. Makes it when it is missing.
 * @throws SignetError STATE_DIRECTORY; DiskError
 */
export function checkStateDirectory(state: string, disk: Disk): void {
  if (disk.facts(state) === undefined) disk.makeDirectory(state, 0o700);
  checkPrivate(state, disk);
}

/** STATE/run, made when it is missing, checked as the state directory is. @throws SignetError STATE_DIRECTORY; DiskError */
export function runDirectory(state: string, disk: Disk): string {
  checkStateDirectory(state, disk);
  const run = path.join(state, 'run');
  if (disk.facts(run) === undefined) disk.makeDirectory(run, 0o700);
  checkPrivate(run, disk);
  return run;
}

function checkPrivate(directory: string, disk: Disk): void {
  const facts = disk.facts(directory);
  const refuse = (what: string, remedy: string): never => {
    throw new SignetError('STATE_DIRECTORY', `${directory} ${what}: ${remedy}`, { directory });
  };
  if (facts?.isDirectory !== true) return refuse('is not a directory', 'name another one with --state');
  if ((facts.mode & OTHERS) !== 0)
    refuse(
      `may be entered by others (mode ${(facts.mode & 0o777).toString(8)}), and whoever enters it can use the HSM`,
      `chmod 700 ${directory}`,
    );
  const own = process.getuid?.() ?? 0;
  if (facts.owner !== own && facts.owner !== 0)
    refuse(`belongs to user ${facts.owner}, and this process is of user ${own}`, `chown ${own} ${directory}`);
  return undefined;
}
