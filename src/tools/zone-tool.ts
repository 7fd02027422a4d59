import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { classText } from '../wire/class-text.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { outsideFaults, type AddressLookup } from '../zone/checks/outside-names.ts';
import { isSigned } from '../zone/checks/zone-checks.ts';
import { loadZone, type LoadZoneResult } from '../zone/load-zone.ts';
import { loadingThreads } from '../zone/parallel/parallel-scan.ts';
import { FULL_FORMAT, printZone, RELATIVE_FORMAT, type PrintFormat } from '../zone/print-zone.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ExtentPool } from '../zone/store/extent-pool.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { ZoneStore } from '../zone/store/zone-store.ts';
import { versionLine } from './key-tool.ts';
import { PlacedDisk } from './placed-disk.ts';
import { readZoneToolOptions, type ZoneProgram, type ZoneToolOptions } from './zone-tool-options.ts';

/** What named-checkzone and named-compilezone need of the machine. */
export interface ZoneToolContext {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly lookup: AddressLookup;
  /** Where the zone is kept while the command runs. */
  readonly arena: Arena;
  /** True for what exists and is neither file nor directory. */
  isSpecialFile(path: string): boolean;
  /** All of standard input. */
  readInput(): Uint8Array;
}

/**
 * named-checkzone(1) and named-compilezone(1): loads a zone file, makes the checks, and writes the zone where asked.
 * @returns the exit code: 0 when the zone is good, otherwise 1
 */
export async function runZoneTool(
  program: ZoneProgram,
  argv: readonly string[],
  context: ZoneToolContext,
): Promise<number> {
  const options = readZoneToolOptions(program, argv);
  if (options.kind === 'version') {
    context.output.print(versionLine(program));
    return 0;
  }
  if (options.kind === 'refused') {
    context.output.complain(options.text);
    return 1;
  }
  try {
    return await new ZoneTool(program, options, context).run();
  } catch (fault) {
    if (!(fault instanceof SignetError)) throw fault;
    context.output.complain(`${program}: ${fault.message}\n`);
    return 1;
  }
}

class ZoneTool {
  readonly #program: ZoneProgram;
  readonly #options: ZoneToolOptions;
  readonly #context: ZoneToolContext;
  readonly #disk: PlacedDisk;
  readonly #arena: Arena;
  readonly #zoneText: string;

  constructor(program: ZoneProgram, options: ZoneToolOptions, context: ZoneToolContext) {
    this.#program = program;
    this.#options = options;
    this.#context = context;
    this.#arena = context.arena;
    this.#disk = new PlacedDisk(context.disk, options.root ?? '/', this.#workingDirectory());
    this.#zoneText = `zone ${nameToShortText(options.zone)}/${classText(options.zoneClass)}`;
  }

  /** After a change of root paths begin at "/", as after chroot(2). */
  #workingDirectory(): string {
    const { root, workingDirectory } = this.#options;
    const start = root === undefined ? process.cwd() : '/';
    return path.resolve(start, workingDirectory ?? '.');
  }

  async run(): Promise<number> {
    const options = this.#options;
    if (!this.#checkDirectories()) return 1;
    if (options.debug) {
      const className = classText(options.zoneClass);
      const zone = nameToShortText(options.zone);
      this.#context.output.complain(`loading "${zone}" from "${options.file}" class "${className}"\n`);
    }
    const store = new ZoneStore({ apex: options.zone }, { arena: this.#arena, extents: new ExtentPool(this.#arena) });
    const result = loadZone(store, this.#loadOptions(), { arena: this.#arena, disk: this.#disk });
    if (!(await this.#report(result))) return 1;
    const dumped = options.outputFile === undefined || this.#dump(result.version, options.outputFile);
    if (dumped && !options.quiet) this.#say('OK');
    return dumped ? 0 : 1;
  }

  #checkDirectories(): boolean {
    const { root, workingDirectory } = this.#options;
    const { disk, output } = this.#context;
    if (root !== undefined && !disk.facts(root)?.isDirectory) {
      output.complain(`${this.#program}: -t ${root}: directory not found\n`);
      return false;
    }
    if (workingDirectory !== undefined && !this.#disk.facts('.')?.isDirectory) {
      output.complain(`${this.#program}: -w ${workingDirectory}: directory not found\n`);
      return false;
    }
    return true;
  }

  #loadOptions(): Parameters<typeof loadZone>[1] {
    const { file, format, zoneClass, maxTtl, checks, journal } = this.#options;
    const content = file === '-' ? this.#context.readInput() : undefined;
    const now = this.#context.clock.now();
    return { file, content, format, zoneClass, maxTtl, checks, journal, now, threads: loadingThreads() };
  }

  /** Prints what was found. @returns true when the zone is good */
  async #report(result: LoadZoneResult): Promise<boolean> {
    const options = this.#options;
    for (const fault of result.faults) this.#log(fault.message);
    if (result.failure !== undefined) {
      this.#log(`${this.#zoneText}: loading from master file ${options.file} failed: ${result.failure}`);
    }
    let good = result.version !== 0;
    if (good && result.outside.length > 0) {
      const faults = await outsideFaults(result.outside, options, this.#context.lookup);
      for (const fault of faults) {
        this.#log(fault.message);
        if (fault.severity === 'error') good = false;
      }
    }
    if (!good) {
      this.#log(`${this.#zoneText}: not loaded due to errors.`);
      return false;
    }
    const reader = new ZoneReader(this.#arena).open(result.version);
    this.#log(`${this.#zoneText}: loaded serial ${reader.serial}${isSigned(reader) ? ' (DNSSEC signed)' : ''}`);
    return true;
  }

  #dump(version: VersionRef, file: string): boolean {
    const format = this.#printFormat();
    if (isStandardOutput(file)) {
      printZone(version, format, this.#arena, (piece) => this.#context.output.print(piece), this.#options.zoneClass);
      return true;
    }
    const tells = this.#program === 'named-compilezone' && !this.#options.quiet;
    const pieces: Uint8Array[] = [];
    printZone(version, format, this.#arena, (piece) => pieces.push(piece), this.#options.zoneClass);
    try {
      this.#write(file, pieces);
    } catch (fault) {
      if (!(fault instanceof SignetError)) throw fault;
      this.#context.output.complain(`could not open output file "${file}" for writing: ${fault.message}\n`);
      return false;
    }
    if (tells) this.#say(`dump zone to ${file}...done`);
    return true;
  }

  /** A regular file is replaced in one step; a device or pipe is written to, for it must stay what it is. */
  #write(file: string, pieces: readonly Uint8Array[]): void {
    if (!this.#context.isSpecialFile(this.#disk.place(file))) {
      this.#disk.replace(file, pieces);
      return;
    }
    const handle = this.#disk.openAppend(file);
    try {
      for (const piece of pieces) handle.append(piece);
    } finally {
      handle.close();
    }
  }

  #printFormat(): PrintFormat {
    const { outputFormat, style, sourceSerial } = this.#options;
    if (outputFormat === 'text') return style === 'full' ? FULL_FORMAT : RELATIVE_FORMAT;
    const version = outputFormat === 'raw=0' ? 0 : 1;
    return { kind: 'raw', header: { version, written: this.#context.clock.now(), sourceSerial } };
  }

  #log(line: string): void {
    if (!this.#options.quiet) this.#say(line);
  }

  /** Standard output, unless the zone itself goes there. */
  #say(line: string): void {
    const { outputFile } = this.#options;
    if (outputFile !== undefined && isStandardOutput(outputFile)) this.#context.output.complain(`${line}\n`);
    else this.#context.output.print(`${line}\n`);
  }
}

function isStandardOutput(file: string): boolean {
  return file === '-' || file === '/dev/stdout';
}
