import { KEY_CONDITIONS, type KeyCondition, type StateCondition } from '../keys/key-state.ts';
import type { KeyTime } from '../keys/key-times.ts';
import { parseInterval, parseTimeArgument, type TimeArgument } from '../keys/time-argument.ts';
import {
  debugLevel,
  Fatal,
  parseKeyToolLine,
  refuseEngine,
  refuseOption,
  ttlArgument,
  WantsUsage,
  type KeyToolContext,
} from './key-tool.ts';

export const PROGRAM = 'dnssec-settime';

export interface StateSetting {
  readonly condition: KeyCondition | undefined;
  /** undefined for the goal, which has no time. */
  readonly since?: TimeArgument;
}

export interface SettimeOptions {
  directory: string | undefined;
  force: boolean;
  /** Seconds; 0 removes it. */
  ttl: number | undefined;
  times: Map<KeyTime, TimeArgument>;
  interval: number | undefined;
  predecessor: string | undefined;
  updatesState: boolean;
  states: Map<StateCondition, StateSetting>;
  prints: Set<KeyTime>;
  printsUnixTime: boolean;
  argument: string;
}

const LETTERS = 'A:D:d:E:fg:hI:i:K:k:L:P:p:R:r:S:suv:Vz:';

/** Option words in messages, with the time each sets. */
const TIME_OPTIONS: Readonly<Record<string, KeyTime>> = {
  '-P': 'publish',
  '-P ds': 'dsPublish',
  '-P sync': 'syncPublish',
  '-A': 'activate',
  '-R': 'revoke',
  '-I': 'inactive',
  '-D': 'delete',
  '-D ds': 'dsRemoved',
  '-D sync': 'syncDelete',
};

const STATE_OPTIONS: Readonly<Record<string, StateCondition>> = { d: 'ds', k: 'dnskey', r: 'krrsig', z: 'zrrsig' };

/** What -p prints, in the order of `-p all`. */
export const PRINTABLE: readonly (readonly [argument: string, time: KeyTime, label: string])[] = [
  ['C', 'created', 'Created'],
  ['P', 'publish', 'Publish'],
  ['A', 'activate', 'Activate'],
  ['R', 'revoke', 'Revoke'],
  ['I', 'inactive', 'Inactive'],
  ['D', 'delete', 'Delete'],
  ['Psync', 'syncPublish', 'SYNC Publish'],
  ['Dsync', 'syncDelete', 'SYNC Delete'],
  ['Pds', 'dsPublish', 'DS Publish'],
  ['Dds', 'dsRemoved', 'DS Delete'],
];

/** The options, or 'version'. @throws Fatal, WantsUsage */
export function readSettimeOptions(argv: readonly string[], context: KeyToolContext): SettimeOptions | 'version' {
  if (argv.length === 0) throw new WantsUsage('');
  const line = parseKeyToolLine(argv, LETTERS, takesTwo);
  const options: SettimeOptions = {
    directory: undefined,
    force: false,
    ttl: undefined,
    times: new Map(),
    interval: undefined,
    predecessor: undefined,
    updatesState: false,
    states: new Map(),
    prints: new Set(),
    printsUnixTime: false,
    argument: '',
  };
  for (const option of line.options) {
    if (option.kind === 'invalid') refuseOption(PROGRAM, option.letter);
    if (option.letter === 'V') return 'version';
    readOption(option.letter, option.kind === 'value' ? option.argument : '', options, context);
  }
  if (options.states.size > 0 && !options.updatesState)
    throw new Fatal('Options -g, -d, -k, -r and -z require -s to be set');
  if (line.operands.length === 0) throw new Fatal('The key file name was not specified');
  if (line.operands.length > 1) throw new Fatal('Extraneous arguments');
  options.argument = line.operands[0];
  return options;
}

/** "-P sync DATE", "-D ds DATE", and the state options: "-k STATE DATE". */
function takesTwo(letter: string, argument: string): boolean {
  return 'PD'.includes(letter) ? argument === 'sync' || argument === 'ds' : letter in STATE_OPTIONS;
}

function readOption(letter: string, argument: string, options: SettimeOptions, context: KeyToolContext): void {
  switch (letter) {
    case 'E':
      refuseEngine(argument);
      break;
    case 'f':
      options.force = true;
      break;
    case 'g':
      options.states.set('goal', { condition: goalArgument(argument) });
      break;
    case 'h':
      throw new WantsUsage('');
    case 'i':
      options.interval = parseInterval(argument);
      break;
    case 'K':
      options.directory = argument;
      break;
    case 'L':
      options.ttl = ttlArgument(argument);
      break;
    case 'p':
      readPrint(argument, options);
      break;
    case 'S':
      options.predecessor = argument;
      break;
    case 's':
      options.updatesState = true;
      break;
    case 'u':
      options.printsUnixTime = true;
      break;
    case 'v':
      debugLevel(argument);
      break;
    case 'd':
    case 'k':
    case 'r':
    case 'z':
      options.states.set(STATE_OPTIONS[letter], stateArgument(argument, context.clock.now()));
      break;
    default:
      readTime(`-${letter}`, argument, options, context.clock.now());
  }
}

function readTime(option: string, argument: string, options: SettimeOptions, now: number): void {
  const which = /^(ds|sync) /.exec(argument)?.[1];
  const name = which === undefined ? option : `${option} ${which}`;
  const time = TIME_OPTIONS[name];
  if (options.times.has(time)) throw new Fatal(`${name} specified more than once`);
  options.times.set(time, parseTimeArgument(which === undefined ? argument : argument.slice(which.length + 1), now));
}

function readPrint(argument: string, options: SettimeOptions): void {
  const wanted = PRINTABLE.filter(([word]) => argument === 'all' || argument === word);
  if (wanted.length === 0) throw new WantsUsage('');
  for (const [, time] of wanted) options.prints.add(time);
}

function conditionArgument(text: string): KeyCondition | undefined {
  if (text.toLowerCase() === 'none') return undefined;
  const condition = KEY_CONDITIONS.find((one) => one === text.toLowerCase());
  if (!condition) throw new Fatal(`unknown key state ${text}`);
  return condition;
}

function goalArgument(text: string): KeyCondition | undefined {
  const goal = conditionArgument(text);
  if (goal === 'rumoured' || goal === 'unretentive') throw new Fatal('-g must be either none, hidden, or omnipresent');
  return goal;
}

function stateArgument(argument: string, now: number): StateSetting {
  const space = argument.indexOf(' ');
  const condition = conditionArgument(space < 0 ? argument : argument.slice(0, space));
  if (space < 0) throw new WantsUsage(''); // the date is missing
  return { condition, since: parseTimeArgument(argument.slice(space + 1), now) };
}
