import { parseCommandLine } from '../base/command-line.ts';
import { classCode } from '../wire/class-text.ts';
import type { Name } from '../wire/name.ts';
import { nameFromText } from '../wire/name-text.ts';
import { CLASS } from '../wire/type-codes.ts';
import {
  CHECKZONE_CHECKS,
  COMPILEZONE_CHECKS,
  type CheckMode,
  type IntegrityMode,
  type ZoneCheckOptions,
} from '../zone/checks/check-options.ts';

export type ZoneProgram = 'named-checkzone' | 'named-compilezone';

export interface ZoneToolOptions {
  readonly kind: 'run';
  readonly zone: Name;
  /** "-" is standard input. */
  readonly file: string;
  readonly zoneClass: number;
  readonly format: 'text' | 'raw';
  readonly outputFormat: 'text' | 'raw=0' | 'raw=1';
  readonly style: 'full' | 'relative';
  /** "-" is standard output; undefined: nothing is written. */
  readonly outputFile: string | undefined;
  readonly checks: ZoneCheckOptions;
  readonly maxTtl: number | undefined;
  readonly sourceSerial: number | undefined;
  /** Path of the journal that is to be applied where it exists. */
  readonly journal: string | undefined;
  readonly root: string | undefined;
  readonly workingDirectory: string | undefined;
  readonly debug: boolean;
  readonly quiet: boolean;
}

/** What a command line asks for; `text` is for standard error, the exit code is then 1. */
export type ZoneToolRequest =
  ZoneToolOptions | { readonly kind: 'version' } | { readonly kind: 'refused'; readonly text: string };

const LETTERS = 'c:df:F:hi:jJ:k:l:L:m:M:n:o:qr:s:S:t:T:vw:W:D';

const MODES: readonly CheckMode[] = ['fail', 'warn', 'ignore'];
const INTEGRITY: readonly IntegrityMode[] = ['full', 'full-sibling', 'local', 'local-sibling', 'none'];

/** Letter to the check that it sets. */
const CHECK_LETTERS: Readonly<Record<string, keyof ZoneCheckOptions>> = {
  i: 'integrity',
  k: 'hostNames',
  m: 'mxAddress',
  M: 'mxAlias',
  n: 'nsAddress',
  S: 'srvAlias',
  r: 'duplicates',
  T: 'spf',
  W: 'innerWildcards',
};

/** The values that each check takes. */
function valuesOf(letter: string): readonly string[] {
  if (letter === 'i') return INTEGRITY;
  return letter === 'T' || letter === 'W' ? ['warn', 'ignore'] : MODES;
}

/** Reads the words of a command line as named-checkzone(1) describes them. */
export function readZoneToolOptions(program: ZoneProgram, argv: readonly string[]): ZoneToolRequest {
  const { options, operands } = parseCommandLine(argv, LETTERS);
  const draft = startOf(program);
  for (const option of options) {
    if (option.kind === 'invalid') {
      const named = option.letter === '?' ? '' : `${program}: invalid argument -${option.letter}\n`;
      return refused(named + usage(program));
    }
    if (option.letter === 'v') return { kind: 'version' };
    if (option.letter === 'h') return refused(usage(program));
    const fault =
      option.kind === 'flag' ? setFlag(draft, option.letter) : setValue(draft, option.letter, option.argument);
    if (fault !== undefined) return refused(`${fault}\n`);
  }
  if (operands.length < 1 || operands.length > 2) return refused(usage(program));
  return complete(program, draft, operands[0], operands[1] ?? '-');
}

type Draft = {
  -readonly [Key in keyof Omit<ZoneToolOptions, 'kind' | 'zone' | 'file' | 'checks'>]: ZoneToolOptions[Key];
} & {
  checks: Record<keyof ZoneCheckOptions, string>;
  dump: boolean;
  readsJournal: boolean;
};

function startOf(program: ZoneProgram): Draft {
  return {
    zoneClass: CLASS.IN,
    format: 'text',
    outputFormat: 'text',
    style: 'full',
    outputFile: undefined,
    checks: { ...(program === 'named-checkzone' ? CHECKZONE_CHECKS : COMPILEZONE_CHECKS) },
    maxTtl: undefined,
    sourceSerial: undefined,
    journal: undefined,
    root: undefined,
    workingDirectory: undefined,
    debug: false,
    quiet: false,
    dump: false,
    readsJournal: false,
  };
}

function refused(text: string): ZoneToolRequest {
  return { kind: 'refused', text };
}

function setFlag(draft: Draft, letter: string): undefined {
  if (letter === 'd') draft.debug = true;
  else if (letter === 'q') draft.quiet = true;
  else if (letter === 'D') draft.dump = true;
  else draft.readsJournal = true;
}

/** @returns what is wrong with the argument */
function setValue(draft: Draft, letter: string, argument: string): string | undefined {
  const check = CHECK_LETTERS[letter];
  if (check !== undefined) {
    if (!valuesOf(letter).includes(argument)) return `invalid argument to -${letter}: ${argument}`;
    draft.checks[check] = argument;
    return undefined;
  }
  switch (letter) {
    case 'c':
      draft.zoneClass = classCode(argument);
      return draft.zoneClass < 0 ? `unknown class: ${argument}` : undefined;
    case 'f':
      return setFormat(draft, argument);
    case 'F':
      return setOutputFormat(draft, argument);
    case 's':
      if (argument !== 'full' && argument !== 'relative') return `unknown or unsupported style: ${argument}`;
      draft.style = argument;
      return undefined;
    case 'l':
      draft.maxTtl = parseNumber(argument);
      return draft.maxTtl === undefined ? 'maximum TTL must be numeric' : undefined;
    case 'L':
      draft.sourceSerial = parseNumber(argument);
      return draft.sourceSerial === undefined ? 'source serial number must be numeric' : undefined;
    default:
      setPath(draft, letter, argument);
      return undefined;
  }
}

function setPath(draft: Draft, letter: string, argument: string): void {
  if (letter === 'o') draft.outputFile = argument;
  else if (letter === 't') draft.root = argument;
  else if (letter === 'w') draft.workingDirectory = argument;
  else if (letter === 'J') {
    draft.journal = argument;
    draft.readsJournal = true;
  }
}

function setFormat(draft: Draft, argument: string): string | undefined {
  if (argument !== 'text' && argument !== 'raw') return unknownFormat(argument);
  draft.format = argument;
  return undefined;
}

function setOutputFormat(draft: Draft, argument: string): string | undefined {
  if (argument === 'text') draft.outputFormat = 'text';
  else if (argument === 'raw' || argument === 'raw=1') draft.outputFormat = 'raw=1';
  else if (argument === 'raw=0') draft.outputFormat = 'raw=0';
  else if (argument.startsWith('raw=')) return 'unknown raw format version';
  else return unknownFormat(argument);
  return undefined;
}

function unknownFormat(format: string): string {
  const hint = format === 'map' ? ' (BIND 9.18 dropped it too: use raw)' : '';
  return `unknown file format: ${format}${hint}`;
}

function parseNumber(text: string): number | undefined {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return value <= 0xffffffff ? value : undefined;
}

function complete(program: ZoneProgram, draft: Draft, zoneText: string, file: string): ZoneToolRequest {
  const { dump, readsJournal, ...rest } = draft;
  const zone = nameFromText(zoneText);
  if (typeof zone === 'string') return refused(`${program}: ${zoneText}: ${zone}\n`);
  if (program === 'named-compilezone' && rest.outputFile === undefined) {
    return refused(`output file required, but not specified\n${usage(program)}`);
  }
  const outputFile = rest.outputFile ?? (dump ? '-' : undefined);
  const journal = readsJournal ? (rest.journal ?? `${file}.jnl`) : undefined;
  // Each letter's argument was compared with the values of its check.
  const checks = rest.checks as unknown as ZoneCheckOptions;
  return { kind: 'run', ...rest, zone, file, outputFile, journal, checks };
}

function usage(program: ZoneProgram): string {
  const output = program === 'named-compilezone' ? '-o filename' : '[-o filename]';
  return (
    `usage: ${program} [-djqvD] [-c class] [-f inputformat] [-F outputformat] [-J filename] [-s (full|relative)] ` +
    '[-t directory] [-w directory] [-k (ignore|warn|fail)] [-m (ignore|warn|fail)] [-n (ignore|warn|fail)] ' +
    '[-r (ignore|warn|fail)] [-i (full|full-sibling|local|local-sibling|none)] [-M (ignore|warn|fail)] ' +
    `[-S (ignore|warn|fail)] [-T (ignore|warn)] [-W (ignore|warn)] [-l ttl] [-L serial] ${output} zonename [ (filename|-) ]\n`
  );
}
