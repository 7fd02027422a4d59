import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ScryptCost } from './pin-hash.ts';

export interface DeviceStart {
  /** The HSM's state directory. */
  readonly state: string;
  /** Of the device, from 0. */
  readonly index: number;
  /** Of PIN hashes made from now on; undefined: the default. */
  readonly scrypt?: ScryptCost | undefined;
}

export function deviceSocket(state: string, index: number): string {
  return path.join(state, 'run', `device-${index}.sock`);
}

/** Says which process the device is. */
export function deviceLock(state: string, index: number): string {
  return path.join(state, 'run', `device-${index}.lock`);
}

export function keystoreFile(state: string, index: number): string {
  return path.join(state, `keystore-${index}.db`);
}

/** Ends when its standard input ends, so with who started it. Its log lines go where ours go (standard error). */
export function startDevice(start: DeviceStart): ChildProcess {
  const file = import.meta.url.endsWith('.ts') ? './device-process.ts' : './device-process.js';
  const entry = fileURLToPath(new URL(file, import.meta.url));
  const options = ['--state', start.state, '--device', String(start.index)];
  const { scrypt } = start;
  if (scrypt) options.push('--scrypt', `${scrypt.logN},${scrypt.r},${scrypt.p}`);
  return spawn(process.execPath, [entry, ...options], { stdio: ['pipe', 'ignore', 'inherit'] });
}
