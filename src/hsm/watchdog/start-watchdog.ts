import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface WatchdogStart {
  /** The HSM's state directory. */
  readonly state: string;
  /** Of the device, from 0. */
  readonly index: number;
  readonly memory: 'process' | 'kernel keyring';
  /** It goes on when the process that started it has ended. */
  readonly battery: boolean;
  /** The program; undefined: what lies beside this. */
  readonly file?: string | undefined;
}

export function watchdogSocket(state: string, index: number): string {
  return path.join(state, 'run', `watchdog-${index}.sock`);
}

/** In a session of its own: what ends ours does not end it. Its log lines go where ours go (standard error). */
export function startWatchdog(start: WatchdogStart): ChildProcess {
  const file = import.meta.url.endsWith('.ts') ? './watchdog-process.ts' : './watchdog-process.js';
  const entry = start.file ?? fileURLToPath(new URL(file, import.meta.url));
  const options = ['--state', start.state, '--device', String(start.index), '--memory', start.memory];
  if (start.battery) options.push('--battery');
  const child = spawn(process.execPath, [entry, ...options], {
    detached: true,
    // Without the battery the end of this pipe tells it that we have ended.
    stdio: [start.battery ? 'ignore' : 'pipe', 'ignore', 'inherit'],
  });
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return child;
}
