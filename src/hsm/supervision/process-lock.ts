import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import { systemProcesses } from '../watchdog/guarded-device.ts';

/** The process that holds a lock file (Disk.lock), when it is still there: not another one that has its number now. */
export function processOfLock(file: string, disk: Disk): number | undefined {
  const octets = disk.read(file);
  if (!octets) return undefined;
  const [pid, start] = Buffer.from(octets).toString('latin1').trim().split(' ');
  // An identity ends with the start time, which the lock has too.
  return systemProcesses.identity(Number(pid))?.endsWith(` ${start}`) ? Number(pid) : undefined;
}

/** Takes away what a process that has ended left, so that the next one does not take it for alive: as a zombie that nobody waits for, it may look so. */
export function removeStaleLock(file: string, disk: Disk): void {
  if (processOfLock(file, disk) === undefined) disk.remove(file);
}

/** Milliseconds between looks whether a process is gone. */
const LOOK_EVERY = 20;

/** Waits until the process is gone, and ends it itself after `patience` milliseconds. False when even that does not help in as much time again. */
export async function awaitEnd(pid: number, patience: number, clock: Clock): Promise<boolean> {
  const begun = clock.monotonic();
  for (let isKilled = false; systemProcesses.identity(pid) !== undefined;) {
    const waited = clock.monotonic() - begun;
    if (waited > 2 * patience) return false;
    if (waited >= patience && !isKilled) isKilled = systemProcesses.kill(pid);
    await new Promise<void>((resolve) => clock.after(LOOK_EVERY, resolve));
  }
  return true;
}
