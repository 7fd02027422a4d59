import { parseCommandLine } from '../base/command-line.ts';
import type { DefaultPorts } from './listen-addresses.ts';

/** What the command line of named asks for. */
export interface NamedOptions {
  readonly configurationFile: string;
  /** background: a daemon; foreground: -f; foreground-stderr: -g, logging to standard error only. */
  readonly mode: 'background' | 'foreground' | 'foreground-stderr';
  readonly family: 'both' | 'ipv4' | 'ipv6';
  readonly debugLevel: number;
  /** -p: where no listen-on names a port. */
  readonly ports: DefaultPorts;
  /** -n: responder threads. */
  readonly threads: number | undefined;
  /** -L: file that takes the place of syslog. */
  readonly logFile: string | undefined;
  /** -t */
  readonly rootDirectory: string | undefined;
  /** -u */
  readonly user: string | undefined;
  /** -X: 'none' or a path; undefined: the lock beside the pid file is decided by the configuration. */
  readonly lockFile: string | undefined;
  /** -s: memory use on standard output at exit. */
  readonly memoryStatistics: boolean;
}

const DEFAULT_CONFIGURATION_FILE = '/etc/bind/named.conf';

const LETTERS = '46A:c:Cd:D:E:fFgL:M:m:n:N:p:sS:t:T:U:u:vVx:X:';

const USAGE = `usage: named [-4|-6] [-c conffile] [-d debuglevel] [-D comment] [-E engine]
             [-f|-g] [-L logfile] [-n number_of_cpus] [-p port] [-s]
             [-S sockets] [-t chrootdir] [-u username] [-U listeners]
             [-X lockfile] [-m {usage|trace|record}]
             [-M fill|nofill]
usage: named [-v|-V|-C]
`;

export type NamedCommandLine =
  | { readonly kind: 'run'; readonly options: NamedOptions }
  | { readonly kind: 'version' | 'build information' | 'defaults' }
  /** Text for standard error, exit code 1. */
  | { readonly kind: 'refused'; readonly text: string };

type Mutable = { -readonly [Field in keyof NamedOptions]: NamedOptions[Field] };

/** What `argv` (the words after the command's name) asks for, with BIND 9.18's words for what is wrong. */
export function readNamedOptions(argv: readonly string[]): NamedCommandLine {
  const { options: given, operands } = parseCommandLine(argv, LETTERS);
  const options: Mutable = { ...NO_OPTIONS };
  const letters = new Set<string>();
  for (const option of given) {
    if (option.kind === 'invalid') return refuseInvalid(option.letter, option.reason);
    if (option.letter === 'v') return { kind: 'version' };
    if (option.letter === 'V') return { kind: 'build information' };
    if (option.letter === 'C') return { kind: 'defaults' };
    letters.add(option.letter);
    const fault = apply(options, option.letter, option.kind === 'value' ? option.argument : '');
    if (fault !== undefined) return { kind: 'refused', text: `named: ${fault}\n` };
  }
  if (letters.has('4') && letters.has('6')) return { kind: 'refused', text: 'named: cannot specify -4 and -6\n' };
  if (letters.has('f') && letters.has('g')) return { kind: 'refused', text: 'named: cannot specify -f and -g\n' };
  if (operands.length > 0) return { kind: 'refused', text: `${USAGE}named: extra command line arguments\n` };
  return { kind: 'run', options };
}

const NO_OPTIONS: NamedOptions = {
  configurationFile: DEFAULT_CONFIGURATION_FILE,
  mode: 'background',
  family: 'both',
  debugLevel: 0,
  ports: {},
  threads: undefined,
  logFile: undefined,
  rootDirectory: undefined,
  user: undefined,
  lockFile: undefined,
  memoryStatistics: false,
};

function refuseInvalid(letter: string, reason: 'unknown' | 'argument missing'): NamedCommandLine {
  const text =
    reason === 'unknown'
      ? `${USAGE}named: unknown option '-${letter}'\n`
      : `${USAGE}named: option '-${letter}' requires an argument\n`;
  return { kind: 'refused', text };
}

/** Options that are known, with the reason why they are refused. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  A: "option '-A' is for BIND's own tests",
  E: "option '-E' is not supported: keys are used from files only, there is no cryptographic engine",
  M: "option '-M' is not supported: memory is managed by Node.js",
  m: "option '-m' is not supported: memory is managed by Node.js",
  T: "option '-T' is not supported: it is for BIND's own tests",
  x: "option '-x' is not supported",
};

/** What is wrong with the option, or undefined when it was taken. */
function apply(options: Mutable, letter: string, argument: string): string | undefined {
  if (Object.hasOwn(UNSUPPORTED, letter)) return UNSUPPORTED[letter];
  switch (letter) {
    case '4':
      options.family = 'ipv4';
      return undefined;
    case '6':
      options.family = 'ipv6';
      return undefined;
    case 'c':
      options.configurationFile = argument;
      return undefined;
    case 'f':
      options.mode = 'foreground';
      return undefined;
    case 'g':
      options.mode = 'foreground-stderr';
      return undefined;
    case 'L':
      options.logFile = argument;
      return undefined;
    case 's':
      options.memoryStatistics = true;
      return undefined;
    case 't':
      options.rootDirectory = argument;
      return undefined;
    case 'u':
      options.user = argument;
      return undefined;
    case 'X':
      options.lockFile = argument;
      return undefined;
    case 'd':
      return number(argument, 'debug level', (value) => (options.debugLevel = value));
    case 'n':
    case 'N':
      return number(argument, 'number of cpus', (value) => (options.threads = Math.max(1, value)));
    case 'p':
      return port(argument, options);
    case 'S':
    case 'U':
      // BIND 9.18 reads these numbers and does nothing with them any more.
      return number(argument, letter === 'S' ? 'max number of sockets' : 'number of UDP listeners', () => undefined);
    default:
      return undefined; // -D is for ps(1), -F is nothing any more
  }
}

function number(text: string, what: string, take: (value: number) => void): string | undefined {
  if (!/^\d{1,9}$/.test(text)) return `${what} '${text}' must be numeric`;
  take(Number(text));
  return undefined;
}

function port(argument: string, options: Mutable): string | undefined {
  const [, kind = 'dns', text] = /^(?:(dns|tls|https?)=)?(.*)$/.exec(argument) ?? [];
  if (!/^\d{1,9}$/.test(text)) return `port '${text}' must be numeric`;
  const value = Number(text);
  if (value < 1 || value > 65535) return `port '${text}' out of range`;
  const transport = kind === 'dns' ? 'plain' : (kind as 'tls' | 'https' | 'http');
  options.ports = { ...options.ports, [transport]: value };
  return undefined;
}
