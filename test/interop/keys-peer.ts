import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SimulatedClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import type { KeyToolContext } from '../../src/tools/key-tool.ts';
import type { MovedClock } from './moved-clock.ts';

/** What a command did. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Command = (argv: readonly string[], context: KeyToolContext) => number;

/** Runs Debian's program in `directory`. */
export function runPeer(program: string, argv: readonly string[], directory: string, input?: string): Outcome {
  const result = spawnSync(program, argv, { cwd: directory, encoding: 'latin1', input, timeout: 120_000 });
  if (result.error) throw result.error;
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Runs our command in this process, in `directory`, at Unix time `now`. */
export function runOurs(main: Command, argv: readonly string[], directory: string, now: number, input = ''): Outcome {
  let stdout = '';
  let stderr = '';
  const before = process.cwd();
  process.chdir(directory);
  try {
    const output = {
      print: (text: string | Uint8Array) => (stdout += Buffer.from(text as string).toString('latin1')),
      complain: (text: string) => (stderr += text),
    };
    const context = {
      output,
      disk: new NodeDisk(),
      clock: new SimulatedClock(now),
      publicMode: 0o644,
      isInteractive: false,
      readInput: () => Buffer.from(input, 'latin1'),
    };
    return { code: main(argv, context), stdout, stderr };
  } finally {
    process.chdir(before);
  }
}

/** Runs both at the time of the clock, which stands: "now" means the same to them, however slow the machine is. */
export function runBoth(
  program: string,
  main: Command,
  argv: readonly string[],
  directories: { readonly theirs: string; readonly ours: string },
  clock: MovedClock,
): { readonly theirs: Outcome; readonly ours: Outcome } {
  const theirs = runPeer(program, argv, directories.theirs);
  return { theirs, ours: runOurs(main, argv, directories.ours, clock.now) };
}

export function temporaryDirectory(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'signet-keys-'));
}

export function removeDirectory(directory: string): void {
  fs.rmSync(directory, { recursive: true, force: true });
}
