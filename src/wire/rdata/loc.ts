import { readUint32 } from '../../base/octets.ts';
import { MalformedError, type Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { within } from './define-type.ts';
import { nextWord } from './fields.ts';
import { genericText } from './generic.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { LINE_STYLE } from './text-style.ts';

/*
 * LOC RDATA of version 0 (RFC 1876 section 2)
 *
 *    0 version (8) | 1 size (8) | 2 horizontal precision (8) | 3 vertical precision (8): base (4), power of ten (4), in cm
 *    4 latitude (32) | 8 longitude (32): thousandths of a second of arc, the equator and Greenwich at 2^31
 *   12 altitude (32): cm above 100,000 m below the reference ellipsoid
 */
const LENGTH = 16;
const MIDDLE = 0x80000000;
const DEGREE = 3600000;
const MOST_LATITUDE = 90 * DEGREE;
const MOST_LONGITUDE = 180 * DEGREE;
const ALTITUDE_ZERO = 10000000;
/** 1 m, 10,000 m, 10 m (RFC 1876 section 3). */
const DEFAULT_PRECISIONS = [0x12, 0x16, 0x13];

/** Position on earth (RFC 1876). Versions above 0 are kept as they are. */
export const LOC: RecordType = {
  code: 29,
  mnemonic: 'LOC',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      const at = reader.at;
      const rdata = reader.rest();
      if (rdata.length === 0) throw new MalformedError('LOC is empty', at);
      if (rdata[0] === 0) check(rdata, at);
      out.bytes(rdata);
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical: (rdata) => rdata,
  toText(rdata, style = LINE_STYLE) {
    if (rdata[0] !== 0) return genericText(rdata, style);
    const latitude = angleText(readUint32(rdata, 4) - MIDDLE, 'N', 'S');
    const longitude = angleText(readUint32(rdata, 8) - MIDDLE, 'E', 'W');
    const altitude = `${((readUint32(rdata, 12) - ALTITUDE_ZERO) / 100).toFixed(2)}m`;
    return [latitude, longitude, altitude, ...[1, 2, 3].map((i) => precisionText(rdata[i]))].join(' ');
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    const latitude = angleFromText(tokens, MOST_LATITUDE, 0x4e, 0x53, 'latitude');
    const longitude = angleFromText(tokens, MOST_LONGITUDE, 0x45, 0x57, 'longitude');
    const altitude = metresFromText(tokens, -10000000, 4284967295, 'altitude');
    const precisions = DEFAULT_PRECISIONS.map((standard) =>
      tokens.more() ? precisionOf(metresFromText(tokens, 0, 9000000000, 'size or precision')) : standard,
    );
    out.uint8(0);
    for (const precision of precisions) out.uint8(precision);
    out.uint32(latitude);
    out.uint32(longitude);
    out.uint32(altitude + ALTITUDE_ZERO);
  },
};

function check(rdata: Uint8Array, at: number): void {
  if (rdata.length !== LENGTH) throw new MalformedError('LOC is not of 16 octets', at);
  for (let i = 1; i <= 3; i++) {
    const base = rdata[i] >> 4;
    const power = rdata[i] & 15;
    if (base > 9 || power > 9 || (base === 0 && power !== 0))
      throw new MalformedError('precision of LOC is out of range', at + i);
  }
  if (Math.abs(readUint32(rdata, 4) - MIDDLE) > MOST_LATITUDE)
    throw new MalformedError('latitude is out of range', at + 4);
  if (Math.abs(readUint32(rdata, 8) - MIDDLE) > MOST_LONGITUDE)
    throw new MalformedError('longitude is out of range', at + 8);
}

/** "42 21 54.000 N" of thousandths of a second. */
function angleText(angle: number, positive: string, negative: string): string {
  const size = Math.abs(angle);
  const seconds = ((size % 60000) / 1000).toFixed(3);
  return `${Math.floor(size / DEGREE)} ${Math.floor(size / 60000) % 60} ${seconds} ${angle < 0 ? negative : positive}`;
}

/** "10m", "0.50m" of a base and a power of ten in cm. */
function precisionText(precision: number): string {
  const [base, power] = [precision >> 4, precision & 15];
  return power > 1 ? `${base * 10 ** (power - 2)}m` : `0.${power === 1 ? `${base}0` : `0${base}`}m`;
}

/** Base and power of ten of so many cm, further digits cut off. */
function precisionOf(centimetres: number): number {
  let power = 0;
  let base = centimetres;
  for (; base >= 10; power++) base = Math.floor(base / 10);
  return (base << 4) | power;
}

const wordOf = (tokens: RdataTokens): string =>
  Buffer.from(tokens.octets.subarray(tokens.start, tokens.end)).toString('latin1');

/** Degrees, minutes and seconds, of which the last two may be left out, and the direction. */
function angleFromText(tokens: RdataTokens, most: number, positive: number, negative: number, what: string): number {
  const directions = `${String.fromCharCode(positive)} or ${String.fromCharCode(negative)}`;
  const parts: number[] = [];
  for (;;) {
    nextWord(tokens, parts.length === 0 ? `${what} in degrees` : `${what}: a number, or ${directions}`);
    const letter = tokens.end - tokens.start === 1 ? tokens.octets[tokens.start] : 0;
    if (parts.length > 0 && (letter === positive || letter === negative)) {
      const angle = (parts[0] * 60 + (parts[1] ?? 0)) * 60000 + (parts[2] ?? 0);
      if (angle > most) tokens.fail(`${what} of at most ${most / DEGREE} degrees`);
      return MIDDLE + (letter === negative ? -angle : angle);
    }
    if (parts.length === 3) tokens.fail(directions);
    parts.push(parts.length === 2 ? secondsOf(tokens) : wholeOf(tokens, parts.length === 0 ? most / DEGREE : 59, what));
  }
}

function wholeOf(tokens: RdataTokens, most: number, what: string): number {
  const word = wordOf(tokens);
  if (!/^\d{1,5}$/.test(word) || Number(word) > most) tokens.fail(`${what}: a number from 0 to ${most}`);
  return Number(word);
}

/** Thousandths of a second. */
function secondsOf(tokens: RdataTokens): number {
  const match = /^(\d{0,5})(?:\.(\d{0,3}))?$/.exec(wordOf(tokens));
  if (match === null || wordOf(tokens) === '.' || Number(match[1]) > 59) tokens.fail('seconds (0 to 59.999)');
  return Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(3, '0'));
}

/** The next token in cm: metres with at most two decimals, "m" behind them or not. */
function metresFromText(tokens: RdataTokens, least: number, most: number, what: string): number {
  const expected = `${what} in metres (${least / 100} to ${most / 100}, two decimals)`;
  nextWord(tokens, expected);
  const match = /^([-+]?)(\d{0,10})(?:\.(\d{0,2}))?m?$/.exec(wordOf(tokens));
  if (match === null || (match[2] === '' && (match[3] ?? '') === '')) tokens.fail(expected);
  const size = Number(match[2]) * 100 + Number((match[3] ?? '').padEnd(2, '0'));
  const value = match[1] === '-' ? -size : size;
  if (value < least || value > most) tokens.fail(expected);
  return value;
}
