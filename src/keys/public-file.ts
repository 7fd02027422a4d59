import { fromBase64, toBase64 } from '../base/base64.ts';
import { latin1Octets, latin1Text } from '../base/octets.ts';
import { algorithmByName } from '../crypto/algorithm.ts';
import { DNSKEY_FLAG, DNSKEY_HEADER, dnskeyFlags } from '../crypto/dnskey.ts';
import { concatOctets } from '../base/octets.ts';
import { CLASS } from '../wire/type-codes.ts';
import { nameFromText, nameToText } from '../wire/name-text.ts';
import type { Name } from '../wire/name.ts';
import { MAX_KEY_FILE_LENGTH } from './file-fields.ts';
import { keyFileError } from './key-file-error.ts';
import type { KeyPair } from './key-pair.ts';
import { formatBothTimes, parseKeyTime, PUBLIC_FILE_TIMES, type KeyTime, type KeyTimes } from './key-times.ts';

/** What a .key file says. Its times are comments: they count only where no other file of the key has any. */
export interface PublicFile {
  readonly zone: Name;
  readonly ttl?: number;
  readonly class: number;
  readonly recordType: 'DNSKEY' | 'KEY';
  readonly rdata: Uint8Array<ArrayBuffer>;
  readonly times: KeyTimes;
}

const CLASS_NAMES: readonly (readonly [string, number])[] = [
  ['IN', CLASS.IN],
  ['CH', CLASS.CH],
  ['HS', CLASS.HS],
  ['ANY', CLASS.ANY],
];

/** The .key file: comments about the key's role and times, then its record. */
export function writePublicFile(pair: KeyPair): Uint8Array<ArrayBuffer> {
  const zone = nameToText(pair.zone);
  const recordType = pair.recordType ?? 'DNSKEY';
  const lines = recordType === 'KEY' ? [] : comments(pair, zone);
  const ttl = pair.ttl ? `${pair.ttl} ` : '';
  const className = CLASS_NAMES.find(([, code]) => code === (pair.class ?? CLASS.IN))?.[0] ?? `CLASS${pair.class}`;
  lines.push(`${zone} ${ttl}${className} ${recordType} ${rdataText(pair.dnskey)}`);
  return latin1Octets(`${lines.join('\n')}\n`);
}

function comments(pair: KeyPair, zone: string): string[] {
  const revoked = pair.flags & DNSKEY_FLAG.REVOKE ? 'revoked ' : '';
  const role = pair.flags & DNSKEY_FLAG.SEP ? 'key' : 'zone';
  const lines = [`; This is a ${revoked}${role}-signing key, keyid ${pair.tag}, for ${zone}`];
  if (pair.formatVersion === '1.2') return lines;
  for (const [field, time] of PUBLIC_FILE_TIMES) {
    const value = pair.times[time];
    if (value !== undefined) lines.push(`; ${field}: ${formatBothTimes(value)}`);
  }
  return lines;
}

/** Presentation form with the key in groups of 56 characters, as BIND writes it. */
function rdataText(rdata: Uint8Array): string {
  const groups = toBase64(rdata.subarray(DNSKEY_HEADER)).match(/.{1,56}/g) ?? [];
  return [dnskeyFlags(rdata), rdata[2], rdata[3], ...groups].join(' ');
}

/**
 * @param file for messages
 * @throws SignetError KEY_FILE_SYNTAX, KEY_FILE_TRUNCATED
 */
export function readPublicFile(file: string, octets: Uint8Array): PublicFile {
  if (octets.length > MAX_KEY_FILE_LENGTH)
    throw keyFileError('KEY_FILE_SYNTAX', file, `${octets.length} octets are too many for a key file; restore it`);
  const text = latin1Text(octets);
  const words = recordWords(text);
  if (words.length === 0) throw truncated(file, 'it has no record');
  const zone = nameFromText(words[0]);
  if (typeof zone === 'string')
    throw keyFileError('KEY_FILE_SYNTAX', file, `the owner name is wrong: ${zone}; restore it`);
  return { zone, ...readRecord(file, words.slice(1)), times: readTimes(text) };
}

/** Words of the record; comments end at the line's end, brackets join lines. Backslashes keep a special character. */
function recordWords(text: string): string[] {
  const withoutComments = text.replaceAll(/(\\[^])|;[^\n]*/g, (_, escaped?: string) => escaped ?? '');
  return withoutComments.match(/(?:\\[^]|[^\s()\\])+/g) ?? [];
}

function readRecord(file: string, words: string[]): Omit<PublicFile, 'zone' | 'times'> {
  let ttl: number | undefined;
  let recordClass: number = CLASS.IN;
  // TTL and class may come in either order (RFC 1035 section 5.1).
  for (let i = 0; i < 2; i++) {
    const known = CLASS_NAMES.find(([name]) => name === words[0]?.toUpperCase());
    if (known) recordClass = known[1];
    else if (/^(\d+[smhdw]?)+$/i.test(words[0] ?? '')) ttl = ttlSeconds(words[0]);
    else break;
    words = words.slice(1);
  }
  const type = words[0]?.toUpperCase();
  if (type === undefined) throw truncated(file, 'the record has no type');
  if (type !== 'DNSKEY' && type !== 'KEY')
    throw keyFileError('KEY_FILE_SYNTAX', file, 'has no DNSKEY or KEY record; restore it from a backup');
  return { ttl, class: recordClass, recordType: type, rdata: readRdata(file, words.slice(1)) };
}

function readRdata(file: string, words: readonly string[]): Uint8Array<ArrayBuffer> {
  const [flags, protocol, algorithm, ...groups] = words;
  if (groups.length === 0) throw truncated(file, 'the record has no key');
  const number = algorithmByName(algorithm)?.number ?? Number(algorithm);
  const numbers = [Number(flags), Number(protocol), number];
  const fits = [0xffff, 255, 255].every(
    (limit, i) => Number.isInteger(numbers[i]) && numbers[i] >= 0 && numbers[i] <= limit,
  );
  if (!fits)
    throw keyFileError('KEY_FILE_SYNTAX', file, 'flags, protocol or algorithm is no number in range; restore it');
  const key = fromBase64(groups.join(''));
  if (!key) throw truncated(file, 'the key is no whole base 64 string');
  return concatOctets([new Uint8Array([numbers[0] >> 8, numbers[0] & 0xff, numbers[1], numbers[2]]), key]);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

function ttlSeconds(text: string): number {
  let seconds = 0;
  for (const [, digits, unit] of text.toLowerCase().matchAll(/(\d+)([smhdw]?)/g))
    seconds += Number(digits) * (UNIT_SECONDS[unit] ?? 1);
  return seconds;
}

function readTimes(text: string): KeyTimes {
  const times: { [K in KeyTime]?: number } = {};
  for (const [, field, value] of text.matchAll(/^; ?([A-Za-z]+): (\d{14})\b/gm)) {
    const time = PUBLIC_FILE_TIMES.find(([name]) => name === field)?.[1];
    if (time) times[time] = parseKeyTime(value);
  }
  return times;
}

function truncated(file: string, what: string): Error {
  return keyFileError('KEY_FILE_TRUNCATED', file, `the file is cut off: ${what}; restore it from a backup`);
}
