/** Numbers, durations and dates in text, read from octets without allocating. */

/** The decimal number that octets[start, end) spell, or -1 when they are not digits only or it is above `maximum`. */
export function parseDecimal(octets: Uint8Array, start: number, end: number, maximum = 0xffffffff): number {
  if (start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = octets[i] - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
    if (value > maximum) return -1;
  }
  return value;
}

/** Seconds of one unit letter in either case: w, d, h, m, s; 0 for another octet. */
function unitSeconds(octet: number): number {
  switch (octet | 0x20) {
    case 0x77:
      return 604800;
    case 0x64:
      return 86400;
    case 0x68:
      return 3600;
    case 0x6d:
      return 60;
    case 0x73:
      return 1;
    default:
      return 0;
  }
}

/**
 * Seconds of a duration as BIND writes it in master files: a number, or numbers with the units w, d, h, m, s
 * ("1w2d3h"). -1 when it is not one or above 2^32 - 1.
 */
export function parseTtl(octets: Uint8Array, start: number, end: number): number {
  const plain = parseDecimal(octets, start, end);
  if (plain >= 0 || start >= end) return plain;
  let total = 0;
  for (let i = start; i < end;) {
    const digits = i;
    while (i < end && octets[i] >= 0x30 && octets[i] <= 0x39) i++;
    const value = parseDecimal(octets, digits, i);
    const unit = i < end ? unitSeconds(octets[i++]) : 0;
    if (value < 0 || unit === 0) return -1;
    total += value * unit;
    if (total > 0xffffffff) return -1;
  }
  return total;
}

const UNITS: readonly (readonly [number, string])[] = [
  [604800, 'week'],
  [86400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A duration in words, as BIND's comments have it: "1 week 2 days", "0 seconds". */
export function durationInWords(seconds: number): string {
  const words: string[] = [];
  let rest = seconds;
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) words.push(`${count} ${unit}${count === 1 ? '' : 's'}`);
  }
  return words.length === 0 ? '0 seconds' : words.join(' ');
}

const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** Days from 1970-01-01 to the first of January of `year`, 1970 or later. */
function daysBeforeYear(year: number): number {
  const y = year - 1;
  return 365 * (year - 1970) + (Math.floor(y / 4) - 492) - (Math.floor(y / 100) - 19) + (Math.floor(y / 400) - 4);
}

/**
 * Unix time of YYYYMMDDHHmmSS (RFC 4034 section 3.2) in octets[start, end), or NaN. Negative before 1970, which serial
 * arithmetic reads as a time after 2038.
 */
function parseDate(octets: Uint8Array, start: number, end: number): number {
  if (end - start !== 14) return NaN;
  const year = parseDecimal(octets, start, start + 4);
  const month = parseDecimal(octets, start + 4, start + 6);
  const day = parseDecimal(octets, start + 6, start + 8);
  const hour = parseDecimal(octets, start + 8, start + 10);
  const minute = parseDecimal(octets, start + 10, start + 12);
  const second = parseDecimal(octets, start + 12, start + 14);
  if (year < 1900 || month < 1 || month > 12 || day < 1) return NaN;
  const leapDay = month === 2 && isLeap(year) ? 1 : 0;
  if (day > DAYS_IN_MONTH[month - 1] + leapDay) return NaN;
  // 60 is a leap second: the same moment as 00 of the next minute in Unix time.
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return NaN;
  const days = daysBeforeYear(year) + DAYS_BEFORE_MONTH[month - 1] + (month > 2 && isLeap(year) ? 1 : 0) + day - 1;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/**
 * A 32-bit time of RRSIG in octets[start, end): YYYYMMDDHHmmSS or, shorter, seconds (RFC 4034 section 3.2), modulo 2^32
 * as serial arithmetic wants it. -1 when it is neither.
 */
export function parseTime32(octets: Uint8Array, start: number, end: number): number {
  if (end - start <= 10) return parseDecimal(octets, start, end);
  const time = parseDate(octets, start, end);
  return Number.isNaN(time) ? -1 : time >>> 0;
}

const pair = (value: number): string => (value < 10 ? `0${value}` : String(value));

/** YYYYMMDDHHmmSS in UTC of Unix seconds. */
export function dateText(time: number): string {
  const date = new Date(time * 1000);
  return (
    String(date.getUTCFullYear()).padStart(4, '0') +
    pair(date.getUTCMonth() + 1) +
    pair(date.getUTCDate()) +
    pair(date.getUTCHours()) +
    pair(date.getUTCMinutes()) +
    pair(date.getUTCSeconds())
  );
}
