import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { SystemClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { main as checkzone } from '../../src/tools/named-checkzone.ts';
import { main as compilezone } from '../../src/tools/named-compilezone.ts';
import { isSpecialFile, systemLookup } from '../../src/tools/zone-tool-context.ts';
import { Arena } from '../../src/zone/store/arena.ts';

export interface ToolRun {
  readonly code: number;
  /** Standard output and standard error. */
  readonly text: string;
}

/** A directory that is removed at the end of `work`. */
export async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'zonefile-'));
  try {
    return await work(directory);
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

export function writeFiles(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(directory, name), content, 'latin1');
}

/** Runs BIND's tool. */
export function runPeer(program: string, argv: readonly string[], directory: string): ToolRun {
  const run = spawnSync(program, argv, { cwd: directory, timeout: 120_000, maxBuffer: 1 << 26 });
  if (run.error !== undefined) throw run.error;
  return { code: run.status ?? -1, text: `${run.stdout.toString('latin1')}${run.stderr.toString('latin1')}` };
}

/** Runs our tool in this process: starting one a case would take most of the time. */
export async function runOurs(
  program: 'named-checkzone' | 'named-compilezone',
  argv: readonly string[],
  directory: string,
): Promise<ToolRun> {
  let text = '';
  const output = {
    print: (piece: string | Uint8Array) => {
      text += typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1');
    },
    complain: (piece: string) => {
      text += piece;
    },
  };
  const context = {
    output,
    disk: new NodeDisk(),
    clock: new SystemClock(),
    lookup: systemLookup,
    // Small: a process with many gigabytes of address space cannot start another where memory is not overcommitted.
    arena: Arena.create(1 << 24),
    isSpecialFile,
    readInput: () => new Uint8Array(0),
  };
  const words = ['-w', directory, ...argv];
  const code = await (program === 'named-checkzone' ? checkzone(words, context) : compilezone(words, context));
  return { code, text };
}

export function readFile(directory: string, name: string): Buffer {
  return fs.readFileSync(path.join(directory, name));
}
