import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Clock, SystemClock } from '../../src/base/clock.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import type { KeyToolContext } from '../../src/tools/key-tool.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import type { PoolZone } from '../zones/zone-pool.ts';

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly complaint: string;
}

/** Runs a program of Debian's in `directory`. */
export function peer(directory: string, program: string, ...argv: string[]): Outcome {
  const result = spawnSync(program, argv, { cwd: directory, encoding: 'latin1', timeout: 120_000, maxBuffer: 1 << 27 });
  if (result.error) throw result.error;
  return { status: result.status ?? -1, out: result.stdout, complaint: result.stderr };
}

type Main = (argv: readonly string[], context: KeyToolContext, createArena: () => Arena) => Promise<number>;

/** Runs a command of ours in this process; paths are given whole. */
export const ours = (main: Main, ...argv: string[]): Promise<Outcome> => oursAt(new SystemClock(), main, ...argv);

/** As `ours`, at the time of the clock. */
export async function oursAt(clock: Clock, main: Main, ...argv: string[]): Promise<Outcome> {
  let out = '';
  let complaint = '';
  const context: KeyToolContext = {
    output: {
      print: (text) => void (out += typeof text === 'string' ? text : Buffer.from(text).toString('latin1')),
      complain: (text) => void (complaint += text),
    },
    disk: new NodeDisk(),
    clock,
    publicMode: 0o644,
    isInteractive: false,
    readInput: () => new Uint8Array(0),
  };
  return { status: await main(argv, context, () => Arena.create(16 << 20)), out, complaint };
}

/** A directory that goes away with the test. */
export function temporaryDirectory(): { readonly path: string } & Disposable {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-sign-'));
  return { path: directory, [Symbol.dispose]: () => fs.rmSync(directory, { recursive: true }) };
}

export function writeZone(directory: string, zone: PoolZone): void {
  for (const [name, text] of Object.entries(zone.files)) fs.writeFileSync(path.join(directory, name), text, 'latin1');
}

/** KSK and ZSK by BIND's own dnssec-keygen. */
export function makeKeys(directory: string, zone: string, algorithm: string): void {
  const size = algorithm.startsWith('RSA') ? ['-b', '1024'] : [];
  for (const role of [['-f', 'KSK'], []]) {
    const made = peer(directory, 'dnssec-keygen', '-q', '-a', algorithm, ...size, ...role, zone);
    if (made.status !== 0) throw new Error(made.complaint);
  }
}
