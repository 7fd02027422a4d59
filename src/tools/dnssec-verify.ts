import { availableParallelism } from 'node:os';
import { parseCommandLine } from '../base/command-line.ts';
import { SignetError } from '../base/error.ts';
import { verifyZone } from '../validate/verify-zone.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { Arena } from '../zone/store/arena.ts';
import { ExtentPool } from '../zone/store/extent-pool.ts';
import { ZoneStore } from '../zone/store/zone-store.ts';
import {
  checkZoneClass,
  Fatal,
  invalidOptionText,
  processContext,
  refuseEngine,
  versionLine,
  WantsUsage,
  type KeyToolContext,
} from './key-tool.ts';
import { loadInput, zoneOrigin } from './dnssec-zone-input.ts';
import { printVerdict } from './verify-report.ts';

const PROGRAM = 'dnssec-verify';
const LETTERS = 'c:E:hI:m:o:qv:Vxz';

const USAGE = `Usage:
	${PROGRAM} [options] zonefile [keys]

Options: (default value in parenthesis) 
	-v debuglevel (0)
	-q quiet
	-V:	print version information
	-o origin:
		zone origin (name of zonefile)
	-I format:
		file format of input zonefile (text)
	-c class (IN)
	-E engine:
		name of an OpenSSL engine to use (not supported)
	-x:	DNSKEY record signed with KSKs only, not ZSKs
	-z:	All records signed with KSKs
	--lab-legacy: signatures by algorithm 1 count, in laboratories
`;

interface VerifyCommand {
  readonly file: string;
  readonly origin: string;
  readonly format: 'text' | 'raw';
  readonly quiet: boolean;
  readonly kskOnly: boolean;
  readonly ignoreKskFlag: boolean;
  readonly labLegacy: boolean;
}

/** dnssec-verify(1) of BIND 9.18. @returns the exit code */
export async function main(
  argv: readonly string[],
  context: KeyToolContext = processContext(),
  createArena: () => Arena = () => Arena.create(),
): Promise<number> {
  const { output } = context;
  try {
    const command = parse(argv);
    if (command === 'version') {
      output.complain(versionLine(PROGRAM));
      return 0;
    }
    return await verify(command, context, createArena());
  } catch (fault) {
    if (fault instanceof WantsUsage) {
      output.complain(`${fault.message}${USAGE}`);
      return 0; // as BIND's: to ask how it is used is no failure, and it tells the two cases not apart
    }
    if (fault instanceof Fatal || fault instanceof SignetError)
      output.complain(`${PROGRAM}: fatal: ${fault.message}\n`);
    else throw fault;
    return 1;
  }
}

function parse(argv: readonly string[]): VerifyCommand | 'version' {
  const words = argv.filter((word) => word !== '--lab-legacy');
  const line = parseCommandLine(words, LETTERS);
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (const option of line.options) {
    if (option.kind === 'invalid') {
      throw new WantsUsage(invalidOptionText(PROGRAM, option));
    }
    if (option.letter === 'h') throw new WantsUsage('');
    if (option.letter === 'V') return 'version';
    if (option.kind === 'flag') flags.add(option.letter);
    else values.set(option.letter, option.argument);
    if (option.kind === 'value') check(option.letter, option.argument);
  }
  const [file, extra] = line.operands;
  if (file === undefined || extra !== undefined) throw new WantsUsage('');
  return {
    file,
    origin: values.get('o') ?? file,
    format: values.get('I') === 'raw' ? 'raw' : 'text',
    quiet: flags.has('q'),
    kskOnly: flags.has('x'),
    ignoreKskFlag: flags.has('z'),
    labLegacy: words.length < argv.length,
  };
}

function check(letter: string, argument: string): void {
  if (letter === 'E') refuseEngine(argument);
  if (letter === 'v' && !/^\d+$/.test(argument)) throw new Fatal('verbose level must be numeric');
  if (letter === 'c') checkZoneClass(argument);
  if (letter === 'I' && argument !== 'text' && argument !== 'raw') throw new Fatal(`unknown file format: ${argument}`);
}

async function verify(command: VerifyCommand, context: KeyToolContext, arena: Arena): Promise<number> {
  const report = command.quiet ? () => undefined : (text: string): void => context.output.print(text);
  const apex = zoneOrigin(command.origin);
  report(`Loading zone '${nameToShortText(apex)}' from file '${command.file}'\n\n`);
  const store = new ZoneStore({ apex }, { arena, extents: new ExtentPool(arena) });
  const version = loadInput(PROGRAM, store, arena, command, context);
  const { ignoreKskFlag, labLegacy } = command;
  const settings = { now: context.clock.now(), threads: availableParallelism(), ignoreKskFlag, labLegacy };
  const verdict = await verifyZone(arena, version, settings);
  printVerdict(verdict, command.kskOnly, { report, complain: context.output.complain });
  return verdict.ok ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
