import { latin1Octets, latin1Text } from '../base/octets.ts';
import { keyBits } from '../crypto/public-key.ts';
import { nameToText } from '../wire/name-text.ts';
import { readFields, type FileField } from './file-fields.ts';
import { keyFileError } from './key-file-error.ts';
import type { KeyPair } from './key-pair.ts';
import {
  KEY_CONDITIONS,
  type KeyCondition,
  type KeyState,
  type StateChange,
  type StateCondition,
} from './key-state.ts';
import { formatBothTimes, parseKeyTime, STATE_FILE_TIMES, type KeyTime, type KeyTimes } from './key-times.ts';

/** What a .state file says. Its times replace those of the .private file, as in BIND. */
export interface StateFile {
  readonly state: KeyState;
  readonly times: KeyTimes;
  readonly predecessor?: number;
  readonly successor?: number;
}

const CHANGES: readonly (readonly [field: string, change: StateChange])[] = [
  ['DNSKEYChange', 'dnskeyChange'],
  ['ZRRSIGChange', 'zrrsigChange'],
  ['KRRSIGChange', 'krrsigChange'],
  ['DSChange', 'dsChange'],
];

const CONDITIONS: readonly (readonly [field: string, condition: StateCondition])[] = [
  ['DNSKEYState', 'dnskey'],
  ['ZRRSIGState', 'zrrsig'],
  ['KRRSIGState', 'krrsig'],
  ['DSState', 'ds'],
  ['GoalState', 'goal'],
];

/** Where the first is, all tools write the second after it. */
const REQUIRED: readonly (readonly [present: string, required: string])[] = [
  ['Lifetime', 'KSK'],
  ['KSK', 'ZSK'],
  ...CHANGES.map(([field]) => [field, field.replace('Change', 'State')] as const),
];

/** The .state file of a key that has a state, field by field in BIND's order. */
export function writeStateFile(pair: KeyPair): Uint8Array<ArrayBuffer> {
  const state = pair.state!;
  const lines = [`; This is the state of key ${pair.tag}, for ${nameToText(pair.zone)}`];
  const put = (field: string, value: string | number | undefined): void => {
    if (value !== undefined) lines.push(`${field}: ${value}`);
  };
  put('Algorithm', pair.algorithm);
  put('Length', state.length ?? keyBits(pair.dnskey));
  put('Lifetime', state.lifetime);
  put('Predecessor', pair.predecessor);
  put('Successor', pair.successor);
  put('KSK', yesOrNo(state.ksk));
  put('ZSK', yesOrNo(state.zsk));
  for (const [field, time] of STATE_FILE_TIMES) put(field, bothTimes(pair.times[time]));
  for (const [field, change] of CHANGES) put(field, bothTimes(state[change]));
  for (const [field, condition] of CONDITIONS) put(field, state[condition]);
  lines.push(...(state.unknownLines ?? []));
  return latin1Octets(`${lines.join('\n')}\n`);
}

function yesOrNo(value: boolean | undefined): string | undefined {
  if (value === undefined) return undefined;
  return value ? 'yes' : 'no';
}

const bothTimes = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : formatBothTimes(time);

/**
 * @param file for messages
 * @throws SignetError KEY_FILE_SYNTAX, KEY_FILE_TRUNCATED
 */
export function readStateFile(file: string, octets: Uint8Array): StateFile {
  const state: { -readonly [K in keyof KeyState]: KeyState[K] } = {};
  const times: { [K in KeyTime]?: number } = {};
  const numbers: { predecessor?: number; successor?: number } = {};
  const unknown: string[] = [];
  const names = new Set<string>();
  for (const field of readFields(file, latin1Text(octets))) {
    names.add(field.name);
    if (!takeField(file, field, state, times, numbers)) unknown.push(`${field.name}: ${field.value}`);
  }
  checkWhole(file, names);
  if (unknown.length > 0) state.unknownLines = unknown;
  return { state, times, ...numbers };
}

/** A state that is cut off must not be taken for that of a new key: its DNSKEY would vanish from the zone. */
function checkWhole(file: string, names: ReadonlySet<string>): void {
  const missing = REQUIRED.find(([present, required]) => names.has(present) && !names.has(required))?.[1];
  const isBare = !names.has('Algorithm') || ![...names].some((name) => name !== 'Algorithm' && name !== 'Length');
  if (missing === undefined && !isBare) return;
  const detail = `the file is cut off: it has no ${missing ?? 'state'}; restore it from a backup`;
  throw keyFileError('KEY_FILE_TRUNCATED', file, detail);
}

/** Takes a known field over; false for an unknown one. */
function takeField(
  file: string,
  field: FileField,
  state: { -readonly [K in keyof KeyState]: KeyState[K] },
  times: { [K in KeyTime]?: number },
  numbers: { predecessor?: number; successor?: number },
): boolean {
  const time = STATE_FILE_TIMES.find(([name]) => name === field.name)?.[1];
  const change = CHANGES.find(([name]) => name === field.name)?.[1];
  const condition = CONDITIONS.find(([name]) => name === field.name)?.[1];
  if (time) times[time] = timeOf(file, field);
  else if (change) state[change] = timeOf(file, field);
  else if (condition) state[condition] = conditionOf(file, field);
  else
    switch (field.name) {
      case 'Algorithm': // the DNSKEY says it
        break;
      case 'Length':
        state.length = numberOf(file, field);
        break;
      case 'Lifetime':
        state.lifetime = numberOf(file, field);
        break;
      case 'Predecessor':
        numbers.predecessor = numberOf(file, field);
        break;
      case 'Successor':
        numbers.successor = numberOf(file, field);
        break;
      case 'KSK':
        state.ksk = booleanOf(file, field);
        break;
      case 'ZSK':
        state.zsk = booleanOf(file, field);
        break;
      default:
        return false;
    }
  return true;
}

function timeOf(file: string, field: FileField): number {
  // "20260101000000 (Thu Jan  1 00:00:00 2026)": what is in brackets is for people.
  const time = parseKeyTime(field.value.replace(/ *\(.*\)$/, ''));
  return time ?? bad(file, field, 'a time YYYYMMDDHHMMSS');
}

function conditionOf(file: string, field: FileField): KeyCondition {
  const condition = KEY_CONDITIONS.find((one) => one === field.value.toLowerCase());
  return condition ?? bad(file, field, `one of ${KEY_CONDITIONS.join(', ')}`);
}

function numberOf(file: string, field: FileField): number {
  return /^\d{1,10}$/.test(field.value) ? Number(field.value) : bad(file, field, 'a number');
}

function booleanOf(file: string, field: FileField): boolean {
  const value = field.value.toLowerCase();
  if (value === 'yes' || value === 'true' || value === '1') return true;
  if (value === 'no' || value === 'false' || value === '0') return false;
  return bad(file, field, 'yes or no');
}

function bad(file: string, field: FileField, expected: string): never {
  const detail = `line ${field.line}: ${field.name} is not ${expected}; restore the file from a backup`;
  throw keyFileError('KEY_FILE_SYNTAX', file, detail);
}
