import type { Name } from '../wire/name.ts';
import { parseInterval, parseTimeArgument, type TimeArgument } from '../keys/time-argument.ts';
import {
  classArgument,
  debugLevel,
  Fatal,
  nameArgument,
  parseKeyToolLine,
  refuseEngine,
  refuseOption,
  ttlArgument,
  WantsUsage,
  type KeyToolContext,
} from './key-tool.ts';

export const PROGRAM = 'dnssec-keygen';

/** Times that an option can set, by the word that names the option in messages. */
export type TimeOption = '-P' | '-P sync' | '-A' | '-R' | '-I' | '-D' | '-D sync';

export interface KeygenOptions {
  algorithm: string | undefined;
  bits: number | undefined;
  class: number;
  directory: string | undefined;
  flags: Set<'KSK' | 'REVOKE'>;
  generator: boolean;
  generateOnly: boolean;
  prepublication: number | undefined;
  policy: string | undefined;
  policyFile: string | undefined;
  ttl: number | undefined;
  legacyFormat: boolean;
  nameType: string | undefined;
  nsec3Capable: boolean;
  protocol: number | undefined;
  quiet: boolean;
  predecessor: string | undefined;
  signatory: number;
  recordType: 'DNSKEY' | 'KEY' | undefined;
  keyUse: string | undefined;
  times: Map<TimeOption, TimeArgument>;
  verbosity: number;
  labLegacy: boolean;
  zone: string | undefined;
}

const LETTERS = '3A:a:b:Cc:D:d:E:ef:Gg:hI:i:K:k:L:l:m:n:P:p:qR:r:S:s:T:t:v:V';

/** The options, or 'version'. @throws Fatal, WantsUsage */
export function readKeygenOptions(argv: readonly string[], context: KeyToolContext): KeygenOptions | 'version' {
  if (argv.length === 0) throw new WantsUsage('');
  const line = parseKeyToolLine(argv, LETTERS, (letter, argument) => 'PD'.includes(letter) && argument === 'sync');
  const options = { ...EMPTY, flags: new Set<'KSK' | 'REVOKE'>(), times: new Map<TimeOption, TimeArgument>() };
  options.labLegacy = line.labLegacy;
  for (const option of line.options) {
    if (option.kind === 'invalid') refuseOption(PROGRAM, option.letter);
    if (option.letter === 'V') return 'version';
    readOption(option.letter, option.kind === 'value' ? option.argument : '', options, context);
  }
  if (line.operands.length > 1) throw new Fatal('extraneous arguments');
  options.zone = line.operands[0];
  checkCombination(options);
  return options;
}

const EMPTY: Omit<KeygenOptions, 'flags' | 'times'> = {
  algorithm: undefined,
  bits: undefined,
  class: 1,
  directory: undefined,
  generator: false,
  generateOnly: false,
  prepublication: undefined,
  policy: undefined,
  policyFile: undefined,
  ttl: undefined,
  legacyFormat: false,
  nameType: undefined,
  nsec3Capable: false,
  protocol: undefined,
  quiet: false,
  predecessor: undefined,
  signatory: 0,
  recordType: undefined,
  keyUse: undefined,
  verbosity: 0,
  labLegacy: false,
  zone: undefined,
};

function readOption(letter: string, argument: string, options: KeygenOptions, context: KeyToolContext): void {
  switch (letter) {
    case '3':
      options.nsec3Capable = true;
      break;
    case 'a':
      options.algorithm = argument;
      break;
    case 'b':
      options.bits = numberArgument('b', argument, undefined);
      break;
    case 'C':
      options.legacyFormat = true;
      break;
    case 'c':
      options.class = classArgument(argument);
      break;
    case 'd': // bits of a digest: has no meaning for any algorithm that is left
      numberArgument('d', argument, undefined);
      break;
    case 'E':
      refuseEngine(argument);
      break;
    case 'e':
      context.output.complain("phased-out option -e (was 'use (RSA) large exponent')\n");
      break;
    case 'f':
      options.flags.add(flagArgument(argument));
      break;
    case 'G':
      options.generateOnly = true;
      break;
    case 'g':
      numberArgument('g', argument, undefined);
      options.generator = true;
      break;
    case 'h':
      throw new WantsUsage('');
    case 'i':
      options.prepublication = parseInterval(argument);
      break;
    case 'K':
      if (!context.disk.facts(argument)?.isDirectory)
        throw new Fatal(`cannot open directory ${argument}: file not found`);
      options.directory = argument;
      break;
    case 'k':
      options.policy = argument;
      break;
    case 'L':
      options.ttl = ttlArgument(argument);
      break;
    case 'l':
      options.policyFile = argument;
      break;
    case 'm': // debugging of BIND's memory contexts, which there are none of
      break;
    case 'n':
      options.nameType = argument;
      break;
    case 'p':
      options.protocol = numberArgument('p', argument, 255);
      break;
    case 'q':
      options.quiet = true;
      break;
    case 'r':
      throw new Fatal('The -r option has been deprecated.\nSystem random data is always used.\n');
    case 'S':
      options.predecessor = argument;
      break;
    case 's':
      options.signatory = numberArgument('s', argument, 15);
      break;
    case 'T':
      options.recordType = recordTypeArgument(argument);
      break;
    case 't':
      options.keyUse = argument;
      break;
    case 'v':
      options.verbosity = debugLevel(argument);
      break;
    default:
      readTime(`-${letter}`, argument, options, context);
  }
}

/** -P -A -R -I -D, the first and last also as "sync". */
function readTime(option: string, argument: string, options: KeygenOptions, context: KeyToolContext): void {
  const isSync = argument.startsWith('sync ');
  const name = (isSync ? `${option} sync` : option) as TimeOption;
  if (options.times.has(name)) throw new Fatal(`${name} specified more than once`);
  options.times.set(name, parseTimeArgument(isSync ? argument.slice(5) : argument, context.clock.now()));
}

function checkCombination(options: KeygenOptions): void {
  if (options.predecessor !== undefined)
    refuseTogether('-S', options, ['-3', '-C', '-b', '-n', '-t', '-P', '-A', '-G']);
  else if (options.policy === undefined && options.zone === undefined)
    throw new Fatal('the key name was not specified');
  if (options.policy === undefined) return;
  if (options.predecessor !== undefined) throw new Fatal('-k and -S cannot be used together');
  if (options.recordType === 'KEY') throw new Fatal('-k and -T KEY cannot be used together');
  refuseTogether('-k', options, ['-3', '-b', '-C', '-f', '-g', '-i', '-L', '-n', '-t']);
  if (options.zone === undefined) throw new Fatal('the key name was not specified');
}

const IS_GIVEN: Readonly<Record<string, (options: KeygenOptions) => boolean>> = {
  '-3': (options) => options.nsec3Capable,
  '-b': (options) => options.bits !== undefined,
  '-C': (options) => options.legacyFormat,
  '-f': (options) => options.flags.size > 0,
  '-g': (options) => options.generator,
  '-G': (options) => options.generateOnly,
  '-i': (options) => options.prepublication !== undefined,
  '-L': (options) => options.ttl !== undefined,
  '-n': (options) => options.nameType !== undefined,
  '-t': (options) => options.keyUse !== undefined,
  '-P': (options) => options.times.has('-P'),
  '-A': (options) => options.times.has('-A'),
};

function refuseTogether(option: string, options: KeygenOptions, others: readonly string[]): void {
  for (const other of others)
    if (IS_GIVEN[other](options)) throw new Fatal(`${option} and ${other} cannot be used together`);
}

function numberArgument(letter: string, text: string, limit: number | undefined): number {
  if (limit === undefined) {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new Fatal(`-${letter} requires a non-negative number`);
  }
  if (/^\d{1,9}$/.test(text) && Number(text) <= limit) return Number(text);
  throw new Fatal(`-${letter} must be followed by a number [0..${limit}]`);
}

function flagArgument(text: string): 'KSK' | 'REVOKE' {
  const flag = text.toUpperCase();
  if (flag === 'KSK' || flag === 'REVOKE') return flag;
  throw new Fatal(`unknown flag '${text}'`);
}

function recordTypeArgument(text: string): 'DNSKEY' | 'KEY' {
  const type = text.toUpperCase();
  if (type === 'DNSKEY' || type === 'KEY') return type;
  throw new Fatal(`unknown type '${text}'`);
}

/** The zone that the last argument names. */
export function zoneOf(options: KeygenOptions): Name {
  return nameArgument(options.zone!, (fault) => `invalid key name ${options.zone}: ${fault}`);
}
