import fs from 'node:fs';
import path from 'node:path';
import { SystemClock, type Clock } from '../base/clock.ts';
import {
  parseCommandLine,
  type CommandOutput,
  type ParsedCommandLine,
  type ParsedOption,
} from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { productVersion } from '../base/product-version.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { classCode } from '../wire/class-text.ts';
import { nameFromText, nameToShortText } from '../wire/name-text.ts';
import type { Name } from '../wire/name.ts';
import { CLASS } from '../wire/type-codes.ts';
import { zoneFileText } from '../keys/key-file-name.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { loadKeyFiles } from '../keys/key-pair-files.ts';
import { parseInterval } from '../keys/time-argument.ts';

/** What dnssec-keygen, dnssec-settime and dnssec-dsfromkey have in common. */
export interface KeyToolContext {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Mode of .key and .state files: 0666 less the umask, as BIND's tools make them. */
  readonly publicMode: number;
  /** True when standard error is a terminal: progress is shown. */
  readonly isInteractive: boolean;
  /** All of standard input. */
  readInput(): Uint8Array;
}

export function processContext(): KeyToolContext {
  return {
    output: processOutput,
    disk: new NodeDisk(),
    clock: new SystemClock(),
    publicMode: 0o666 & ~process.umask(),
    isInteractive: process.stderr.isTTY,
    readInput: () => fs.readFileSync(0),
  };
}

/** Ends a command with "program: fatal: message" and exit code 1. */
export class Fatal extends Error {}

/** Ends a command with its usage and exit code 1. */
export class WantsUsage extends Error {}

/** Runs a command's work; its failures become one line on standard error. Returns the exit code. */
export function runKeyTool(program: string, usage: string, output: CommandOutput, work: () => number): number {
  try {
    return work();
  } catch (fault) {
    if (fault instanceof WantsUsage) output.complain(`${fault.message}${usage}`);
    else if (fault instanceof Fatal || fault instanceof SignetError)
      output.complain(`${program}: fatal: ${fault.message}\n`);
    else throw fault;
    return 1;
  }
}

/** "dnssec-keygen 0.1.0 (Signet)" */
export function versionLine(program: string): string {
  return `${program} ${productVersion()} (Signet)\n`;
}

export interface KeyToolCommandLine extends ParsedCommandLine {
  /** --lab-legacy: algorithms 1, 5 and 7 are allowed. */
  readonly labLegacy: boolean;
}

/**
 * Options of a key tool; an unknown one throws WantsUsage when its turn comes, so what precedes it is acted on first.
 * @param takesTwo true for options whose argument has two words ("-P sync 20300101"): they arrive joined by a space
 */
export function parseKeyToolLine(
  argv: readonly string[],
  letters: string,
  takesTwo: (letter: string, argument: string) => boolean,
): KeyToolCommandLine {
  const plain = argv.filter((word) => word !== '--lab-legacy');
  const line = parseCommandLine(joinTwoWordArguments(plain, letters, takesTwo), letters);
  return { ...line, labLegacy: plain.length < argv.length };
}

function joinTwoWordArguments(
  argv: readonly string[],
  letters: string,
  takesTwo: (letter: string, argument: string) => boolean,
): string[] {
  const joined: string[] = [];
  let at = 0;
  while (at < argv.length && /^-[^-]/.test(argv[at])) {
    const word = argv[at++];
    const found = optionWithArgument(word, letters);
    if (!found) {
      joined.push(word);
      continue;
    }
    const isApart = found.argument === '';
    const first = isApart ? argv[at++] : found.argument;
    if (first === undefined) return [...joined, word];
    const needsSecond = takesTwo(found.letter, first) && at < argv.length;
    const argument = needsSecond ? `${first} ${argv[at++]}` : first;
    joined.push(isApart ? word : word.slice(0, -first.length), argument);
  }
  return [...joined, ...argv.slice(at)];
}

/** The option in a word of bundled letters that takes an argument, and what of it is in the same word. */
function optionWithArgument(word: string, letters: string): { letter: string; argument: string } | undefined {
  for (let i = 1; i < word.length; i++) {
    const known = word[i] === ':' ? -1 : letters.indexOf(word[i]);
    if (known < 0) return undefined;
    if (letters[known + 1] === ':') return { letter: word[i], argument: word.slice(i + 1) };
  }
  return undefined;
}

/** Throws what BIND's tools do for an option that cannot be read. */
export function refuseOption(program: string, letter: string): never {
  throw new WantsUsage(`${program}: invalid argument -${letter}\n`);
}

/** What BIND's zone tools say before their usage of an option that cannot be read. */
export function invalidOptionText(program: string, option: ParsedOption & { readonly kind: 'invalid' }): string {
  const what = option.reason === 'unknown' ? 'illegal option' : 'option requires an argument';
  return `${program}: ${what} -- ${option.letter}\n${program}: invalid argument -${option.letter}\n`;
}

/** Argument of -c of the tools that sign and verify. @throws Fatal for every class but IN */
export function checkZoneClass(text: string): void {
  if (classArgument(text) !== CLASS.IN)
    throw new Fatal(`-c ${text}: zones of other classes than IN are not supported: leave -c out`);
}

export function refuseEngine(engine: string): never {
  const remedy = 'leave -E out for keys in files';
  throw new Fatal(`-E ${engine}: keys in hardware (PKCS#11) are not supported by this version; ${remedy}`);
}

export function debugLevel(text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new Fatal('-v must be followed by a number');
}

/** Argument of -c: the number of a class. */
export function classArgument(text: string): number {
  const code = classCode(text);
  if (code < 0) throw new Fatal(`unknown class ${text}`);
  return code;
}

/** Argument of -L and -T: seconds; "none" is 0. */
export function ttlArgument(text: string): number {
  return text.toLowerCase() === 'none' ? 0 : parseInterval(text);
}

/** A name on a command line; `describe` makes the message from the fault. */
export function nameArgument(text: string, describe: (fault: string) => string): Name {
  // Arguments arrive decoded as UTF-8; names are octets.
  const name = nameFromText(Buffer.from(text, 'utf8').toString('latin1'));
  if (typeof name === 'string') throw new Fatal(describe(name));
  return name;
}

/** "example.com/ECDSAP256SHA256/12345", as BIND's messages name a key. */
export function keyText(pair: KeyPair): string {
  return `${nameToShortText(pair.zone)}/${algorithmText(pair.algorithm)}/${pair.tag}`;
}

export interface FoundKey {
  readonly pair: KeyPair;
  readonly directory: string;
}

/**
 * Loads the key that an argument names: with or without directory, with or without .key or .private.
 * @throws Fatal "Invalid keyfile ..." naming the file and what to do
 */
export function loadKeyArgument(context: KeyToolContext, argument: string, directory: string | undefined): FoundKey {
  const { base, place } = keyFileArgument(argument, directory);
  if (!context.disk.facts(`${base}.key`)) throw new Fatal(`Invalid keyfile ${argument}: file not found`);
  const { pair, faults } = loadKeyFiles(context.disk, { base });
  if (!pair?.private) {
    const reason = faults.find((fault) => fault.facts.loses !== 'nothing');
    throw new Fatal(`Invalid keyfile ${argument}: ${reason?.message}`);
  }
  return { pair, directory: place };
}

/** Path without extension, and its directory. A directory in the argument itself counts more than -K. */
export function keyFileArgument(argument: string, directory: string | undefined): { base: string; place: string } {
  const stem = argument.replace(/\.(key|private|)$/, '');
  const place = stem.includes('/') ? path.dirname(stem) : (directory ?? '.');
  return { base: path.join(place, path.basename(stem)), place };
}

/** "./Kexample.+013+12345.key": how dnssec-settime names a file it wrote. */
export function writtenPath(directory: string, fileBase: string, kind: string): string {
  return `${directory.replace(/\/+$/, '')}/${fileBase}.${kind}`;
}

/** "dsset-example.": written like the names of key files, so that a slash does not lead to another directory. */
export function setFileName(kind: 'dsset' | 'keyset', zone: Name): string {
  return `${kind}-${zoneFileText(zone)}.`;
}
