import { Arena } from '../zone/store/arena.ts';
import type { Clock } from '../base/clock.ts';
import { SystemClock } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';

/** What the subcommands of `signet` need of the machine. */
export interface SignetContext {
  readonly output: CommandOutput;
  /** Nothing is written to it but how far `signet watch` has told. */
  readonly disk: Disk;
  readonly clock: Clock;
  /** Where a signed zone is read into; made only when one is. */
  readonly makeArena: () => Arena;
}

export function processSignetContext(): SignetContext {
  return { output: processOutput, disk: new NodeDisk(), clock: new SystemClock(), makeArena: () => Arena.create() };
}

/** Ends a subcommand with a message and exit code 2: what was asked for cannot be answered. */
export class Refusal extends SignetError {
  constructor(message: string) {
    super('COMMAND_REFUSED', message);
  }
}

/** Where Debian's BIND has it. */
export const DEFAULT_CONFIGURATION = '/etc/bind/named.conf';

/** Exit codes of all subcommands. */
export const EXIT = {
  /** All is well. */
  good: 0,
  /** The answer is that something is or would be wrong. */
  wrong: 1,
  /** There is no answer: options, configuration or files are at fault. */
  refused: 2,
} as const;
