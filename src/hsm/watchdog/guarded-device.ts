import fs from 'node:fs';

/** Processes of this host, as far as a watchdog looks at them. */
export interface ProcessTable {
  /** What tells a process from a later one of the same id; undefined when there is none. */
  identity(pid: number): string | undefined;
  /** Ends the process at once, stopped or not. False when it is gone. @throws Error when that is not allowed */
  kill(pid: number): boolean;
}

export const systemProcesses: ProcessTable = {
  identity: (pid) => {
    const stat = readText(`/proc/${pid}/stat`);
    const boot = readText('/proc/sys/kernel/random/boot_id');
    if (stat === undefined) return undefined;
    // proc(5): the name, in parentheses, may hold anything; after it the state is field 3 and the start time field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that has ended and waits for its parent holds no memory.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : `${boot?.trim() ?? ''} ${fields[19]}`;
  },
  kill: (pid) => {
    try {
      return process.kill(pid, 'SIGKILL');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw cause;
    }
  },
};

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** A device's process, which may hold unwrapped keys. */
export interface GuardedDevice {
  readonly pid: number;
  /** As it was when the device registered. */
  readonly identity: string;
}

/** True when the process was there and is not any more. */
export function endDevice({ pid, identity }: GuardedDevice, processes: ProcessTable): boolean {
  return processes.identity(pid) === identity && processes.kill(pid);
}
