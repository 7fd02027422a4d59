import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeviceProgram, Program } from './device-program.ts';
import type { ScryptCost } from './pin-hash.ts';

export interface DeviceStart {
  /** The HSM's state directory. */
  readonly state: string;
  /** Of the device, from 0. */
  readonly index: number;
  /** Of PIN hashes made from now on; undefined: the default. */
  readonly scrypt?: ScryptCost | undefined;
  /** What the process is made of, begun by the bootloader; undefined: what lies beside this, without one. */
  readonly program?: DeviceProgram | undefined;
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
  const options = ['--state', start.state, '--device', String(start.index)];
  const { scrypt, program } = start;
  if (scrypt) options.push('--scrypt', `${scrypt.logN},${scrypt.r},${scrypt.p}`);
  const words = program ? bootWords(program, options) : [besideThis(), ...options];
  return spawn(process.execPath, words, { stdio: ['pipe', 'ignore', 'inherit'] });
}

function besideThis(): string {
  const file = import.meta.url.endsWith('.ts') ? './device-process.ts' : './device-process.js';
  return fileURLToPath(new URL(file, import.meta.url));
}

/** As src/hsm/supervision/boot-process.ts reads them. */
function bootWords({ bootloader, firmware, fpga }: DeviceProgram, options: readonly string[]): string[] {
  const words = (part: string, { file, content }: Program): string[] => [
    `--${part}`,
    file,
    ...(content ? [`--${part}-slot`, content.directory, `--${part}-digest`, content.digest] : []),
  ];
  return [bootloader.file, ...words('firmware', firmware), ...words('fpga', fpga), '--', ...options];
}
