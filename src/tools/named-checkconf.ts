import type { Clock } from '../base/clock.ts';
import { SystemClock } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import { parseCommandLine } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import { latin1Octets } from '../base/octets.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { formatFault } from '../conf/fault.ts';
import { namedConfClauses } from '../conf/grammar/named-conf.ts';
import { readConfiguration } from '../conf/read-configuration.ts';
import type { ReadResult } from '../conf/read-configuration.ts';
import { printTree } from '../conf/syntax/read-tree.ts';
import { clausesNamed, fieldOf, textField } from '../conf/syntax/tree.ts';
import type { Clause, MapValue } from '../conf/syntax/tree.ts';
import { Arena } from '../zone/store/arena.ts';
import { versionLine } from './key-tool.ts';
import { PlacedDisk } from './placed-disk.ts';
import { testLoadZones } from './test-load-zones.ts';

const PROGRAM = 'named-checkconf';
const USAGE = `usage: ${PROGRAM} [-chijlvz] [-p [-x]] [-t directory] [named.conf]\n`;

/** Where Debian's BIND has it. */
const DEFAULT_FILE = '/etc/bind/named.conf';

interface Options {
  readonly file: string;
  readonly list: boolean;
  readonly print: boolean;
  readonly hideSecrets: boolean;
  readonly ignoreDeprecated: boolean;
  readonly root: string | undefined;
  readonly load: boolean;
  readonly journals: boolean;
  readonly debug: boolean;
}

/** What the command needs of the machine. */
export interface CheckConfContext {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly clock: Clock;
  /** Where zones are kept while they are test-loaded; made only for -z. */
  readonly makeArena: () => Arena;
}

/** named-checkconf(1): checks a configuration and the files it includes. Faults go to standard output, as BIND's do. */
export function main(argv: readonly string[], context: CheckConfContext): number {
  const { output } = context;
  const options = parseOptions(argv, output);
  if (typeof options === 'number') return options;
  const { root } = options;
  if (root !== undefined && !context.disk.facts(root)?.isDirectory)
    return refuse(output, `-t ${root}: no such directory\n`);
  // After a change of root paths begin at "/", as after chroot(2).
  const disk = root === undefined ? context.disk : new PlacedDisk(context.disk, root, '/');
  const result = readConfiguration(options.file, disk);
  reportFaults(result, options, output);
  const { configuration, tree } = result;
  if (!configuration || !tree) return 1;
  // As BIND: a list of zones is all that -l does, and a configuration whose zones do not load is not printed.
  if (options.list) {
    output.print(latin1Octets(zoneList(tree)));
    return 0;
  }
  const tools = { debug: options.debug, journals: options.journals };
  if (options.load && !testLoadZones(configuration, tools, { ...context, disk })) return 1;
  if (options.print) output.print(latin1Octets(printTree(tree, namedConfClauses, options)));
  return 0;
}

/** The options, or the exit code where there is nothing to check. */
function parseOptions(argv: readonly string[], output: CommandOutput): Options | number {
  const letters = new Set<string>();
  let root: string | undefined;
  const { options, operands } = parseCommandLine(argv, 'cdhijlm:pt:vxz');
  for (const option of options) {
    if (option.kind === 'invalid') return refuse(output, `invalid argument -${option.letter}\n${USAGE}`);
    if (option.letter === 'h') {
      output.complain(USAGE);
      return 0;
    }
    if (option.letter === 'v') {
      output.print(versionLine(PROGRAM));
      return 0;
    }
    if (option.letter === 't' && option.kind === 'value') root = option.argument;
    letters.add(option.letter);
  }
  if (operands.length > 1) return refuse(output, `one file at a time\n${USAGE}`);
  if (letters.has('l') && letters.has('p')) return refuse(output, '-l cannot be used with -p\n');
  if (letters.has('x') && !letters.has('p')) return refuse(output, '-x cannot be used without -p\n');
  // -c leaves plugins alone, -m is for debugging of BIND's memory: there are neither.
  return {
    file: operands[0] ?? DEFAULT_FILE,
    list: letters.has('l'),
    print: letters.has('p'),
    hideSecrets: letters.has('x'),
    ignoreDeprecated: letters.has('i'),
    root,
    load: letters.has('z'),
    journals: letters.has('j'),
    debug: letters.has('d'),
  };
}

function refuse(output: CommandOutput, text: string): number {
  output.complain(`${PROGRAM}: ${text}`);
  return 1;
}

function reportFaults(result: ReadResult, options: Options, output: CommandOutput): void {
  for (const fault of result.faults) {
    if (options.ignoreDeprecated && (fault.code === 'CONF_DEPRECATED' || fault.code === 'CONF_OBSOLETE')) continue;
    output.print(latin1Octets(`${formatFault(fault)}\n`));
  }
}

/** One line a zone: name, class, view and type as they were written. */
function zoneList(tree: MapValue): string {
  const views = clausesNamed(tree, 'view');
  const scopes =
    views.length === 0
      ? [{ view: '_default', zones: clausesNamed(tree, 'zone') }]
      : views.map(({ value }) => ({
          view: textField(value, 'name') ?? '',
          zones: clausesNamed(fieldOf(value, 'body') as MapValue, 'zone'),
        }));
  return scopes.flatMap(({ view, zones }) => zones.map((zone) => `${zoneLine(zone, view)}\n`)).join('');
}

function zoneLine({ value }: Clause, view: string): string {
  const type = clausesNamed(fieldOf(value, 'body') as MapValue, 'type')[0]?.value;
  const name = textField(value, 'class')?.toUpperCase() ?? 'IN';
  return `${textField(value, 'name')} ${name} ${view} ${type?.kind === 'text' ? type.text : ''}`;
}

if (import.meta.main)
  process.exitCode = main(process.argv.slice(2), {
    output: processOutput,
    disk: new NodeDisk(),
    clock: new SystemClock(),
    makeArena: () => Arena.create(),
  });
