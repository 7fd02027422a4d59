import { fromBase64, toBase64 } from '../base/base64.ts';
import { latin1Octets, latin1Text } from '../base/octets.ts';
import { algorithmByNumber, algorithmText } from '../crypto/algorithm.ts';
import { RSA_FIELDS, type PrivateField, type PrivateKeyMaterial } from '../crypto/private-key.ts';
import { readFields, type FileField } from './file-fields.ts';
import { keyFileError } from './key-file-error.ts';
import type { KeyPair } from './key-pair.ts';
import { formatKeyTime, parseKeyTime, PRIVATE_FILE_TIMES, type KeyTime, type KeyTimes } from './key-times.ts';

/** What a .private file says. */
export interface PrivateFile {
  readonly formatVersion: '1.2' | '1.3';
  readonly algorithm: number;
  readonly fields: PrivateKeyMaterial['fields'];
  readonly times: KeyTimes;
  readonly predecessor?: number;
  readonly successor?: number;
}

const FIELD_ORDER: readonly PrivateField[] = [...RSA_FIELDS, 'PrivateKey', 'Engine', 'Label'];

/** The .private file of a pair that has its private half. Format 1.2 has no times. */
export function writePrivateFile(pair: KeyPair): Uint8Array<ArrayBuffer> {
  const { algorithm, fields } = pair.private!;
  const version = pair.formatVersion ?? '1.3';
  const lines = [`Private-key-format: v${version}`, `Algorithm: ${algorithm} (${algorithmText(algorithm)})`];
  for (const field of FIELD_ORDER) {
    const value = fields[field];
    if (value) lines.push(`${field}: ${toBase64(value)}`);
  }
  if (version === '1.3') {
    if (pair.predecessor !== undefined) lines.push(`Predecessor: ${pair.predecessor}`);
    if (pair.successor !== undefined) lines.push(`Successor: ${pair.successor}`);
    for (const [field, time] of PRIVATE_FILE_TIMES) {
      const value = pair.times[time];
      if (value !== undefined) lines.push(`${field}: ${formatKeyTime(value)}`);
    }
  }
  return latin1Octets(`${lines.join('\n')}\n`);
}

/**
 * @param file for messages
 * @throws SignetError KEY_FILE_TRUNCATED, KEY_FILE_SYNTAX, KEY_FILE_VERSION, KEY_FILE_UNKNOWN_FIELD; no message has a
 * value of the file in it
 */
export function readPrivateFile(file: string, octets: Uint8Array): PrivateFile {
  const fields = readFields(file, latin1Text(octets));
  const version = readVersion(file, fields);
  const algorithm = readAlgorithm(file, fields[1]);
  const secrets: Partial<Record<PrivateField, Uint8Array>> = {};
  const times: { [K in KeyTime]?: number } = {};
  const numbers: { predecessor?: number; successor?: number } = {};
  for (const field of fields.slice(2)) {
    const time = PRIVATE_FILE_TIMES.find(([name]) => name === field.name)?.[1];
    if (time) times[time] = readTime(file, field);
    else if (field.name === 'Predecessor') numbers.predecessor = readTag(file, field);
    else if (field.name === 'Successor') numbers.successor = readTag(file, field);
    else if (isSecretField(field.name, algorithm)) secrets[field.name] = readSecret(file, field);
    else if (!version.isNewer) throw unknownField(file, field);
  }
  checkWhole(file, algorithm, secrets);
  return { formatVersion: version.text, algorithm, fields: secrets, times, ...numbers };
}

/** BIND reads any v1; fields of versions after 1.3 that it does not know it ignores. */
function readVersion(file: string, fields: readonly FileField[]): { text: '1.2' | '1.3'; isNewer: boolean } {
  const [first] = fields;
  if (!first) throw truncated(file, 'it is empty');
  const match = first.name === 'Private-key-format' ? /^v(\d+)\.(\d+)$/.exec(first.value) : null;
  if (!match)
    throw keyFileError('KEY_FILE_SYNTAX', file, 'does not begin with "Private-key-format:"; restore it from a backup');
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major !== 1) {
    const detail = `format v${major}.${minor} is not supported (v1.2 and v1.3 are); write it anew with a tool of BIND 9`;
    throw keyFileError('KEY_FILE_VERSION', file, detail);
  }
  return { text: minor < 3 ? '1.2' : '1.3', isNewer: minor > 3 };
}

function readAlgorithm(file: string, field: FileField | undefined): number {
  if (!field) throw truncated(file, 'it ends after its first line');
  const number = field.name === 'Algorithm' ? /^(\d{1,3})\b/.exec(field.value)?.[1] : undefined;
  if (!number)
    throw keyFileError('KEY_FILE_SYNTAX', file, 'its second line is not "Algorithm:"; restore it from a backup');
  if (!algorithmByNumber(Number(number))?.computation)
    throw keyFileError(
      'KEY_FILE_SYNTAX',
      file,
      `algorithm ${number} is not supported; remove the key from the directory`,
    );
  return Number(number);
}

function isSecretField(name: string, algorithm: number): name is PrivateField {
  if (name === 'Engine' || name === 'Label') return true;
  const isRsa = algorithmByNumber(algorithm)?.keyKind === 'rsa';
  return isRsa ? (RSA_FIELDS as readonly string[]).includes(name) : name === 'PrivateKey';
}

function readSecret(file: string, field: FileField): Uint8Array {
  const octets = fromBase64(field.value.replaceAll(/[ \t]/g, ''));
  if (!octets || octets.length === 0)
    throw truncated(file, `line ${field.line}: ${field.name} is no whole base 64 string`);
  return octets;
}

function readTime(file: string, field: FileField): number {
  const time = parseKeyTime(field.value);
  if (time !== undefined) return time;
  const detail = `line ${field.line}: ${field.name} is not a time YYYYMMDDHHMMSS; correct it`;
  throw keyFileError('KEY_FILE_SYNTAX', file, detail);
}

function readTag(file: string, field: FileField): number {
  if (/^\d{1,5}$/.test(field.value) && Number(field.value) <= 0xffff) return Number(field.value);
  throw keyFileError('KEY_FILE_SYNTAX', file, `line ${field.line}: ${field.name} is not a key tag; correct it`);
}

/** A key in a token has a label; others must have every number, else the file was cut. */
function checkWhole(file: string, algorithm: number, fields: PrivateKeyMaterial['fields']): void {
  if (fields.Label) return;
  const needed: readonly PrivateField[] = algorithmByNumber(algorithm)!.keyKind === 'rsa' ? RSA_FIELDS : ['PrivateKey'];
  const missing = needed.filter((field) => !fields[field]);
  if (missing.length > 0) throw truncated(file, `${missing.join(', ')} missing`);
}

function truncated(file: string, what: string): Error {
  return keyFileError('KEY_FILE_TRUNCATED', file, `the file is cut off: ${what}; restore it from a backup`);
}

function unknownField(file: string, field: FileField): Error {
  const detail = `line ${field.line}: unknown field ${field.name}; saving the key would lose it: remove the line or the key`;
  return keyFileError('KEY_FILE_UNKNOWN_FIELD', file, detail);
}
