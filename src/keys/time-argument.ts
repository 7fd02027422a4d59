import { SignetError } from '../base/error.ts';
import { MONTHS, parseKeyTime } from './key-times.ts';

/** What a command's time argument says: a Unix time, or that the time shall be unset. */
export type TimeArgument = number | 'unset';

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  y: 365 * 86400,
  mo: 30 * 86400,
  w: 7 * 86400,
  d: 86400,
  h: 3600,
  mi: 60,
  '': 1,
};

/**
 * A date or offset as BIND's key tools take it (dnssec-keygen(1), Timing options): YYYYMMDD, YYYYMMDDHHMMSS,
 * "Day Mon DD HH:MM:SS YYYY" (local time), Unix seconds, "now", none/never/unset, each but the last with +/-offset.
 * @param now Unix seconds that "now" and a bare offset mean
 * @throws SignetError TIME_ARGUMENT, its message without the program's name
 */
export function parseTimeArgument(text: string, now: number): TimeArgument {
  if (['none', 'never', 'unset'].includes(text.toLowerCase())) return 'unset';
  const sign = /[+-]/.exec(text)?.index ?? text.length;
  const base = parseBase(text.slice(0, sign), text, now);
  return sign === text.length ? base : base + parseOffset(text.slice(sign), text);
}

/** Seconds of a length of time with BIND's offset units: "1y", "30d", "90mi", "3600". @throws SignetError TIME_ARGUMENT */
export function parseInterval(text: string): number {
  if (!/^\d/.test(text)) throw invalid(text, 'TTL must be numeric');
  return parseOffset(`+${text}`, text);
}

function parseBase(base: string, whole: string, now: number): number {
  if (base === '' || base === 'now') return now;
  if (/^\d{8}$|^\d{14}$/.test(base)) {
    const time = parseKeyTime(base.padEnd(14, '0'));
    if (time === undefined) throw invalid(whole, `time value ${whole} is invalid: out of range`);
    return time;
  }
  // Nine or ten digits cannot be a date: BIND takes them for Unix time as printed by dnssec-settime -u.
  if (/^\d{9,10}$/.test(base)) return Number(base);
  return parseCalendarTime(base) ?? fail(whole);
}

function parseCalendarTime(text: string): number | undefined {
  const match = /^[A-Z][a-z]{2} +([A-Z][a-z]{2}) +(\d{1,2}) +(\d\d):(\d\d):(\d\d) +(\d{4})$/.exec(text);
  const month = match ? MONTHS.indexOf(match[1]) : -1;
  if (!match || month < 0) return undefined;
  const [day, hour, minute, second, year] = match.slice(2).map(Number);
  const date = new Date(year, month, day, hour, minute, second);
  return date.getDate() === day && date.getHours() === hour ? date.getTime() / 1000 : undefined;
}

/** As BIND: one number with one unit; what follows the unit is not looked at ("+1d2h" is one day). */
function parseOffset(text: string, whole: string): number {
  const match = /^([+-])(\d*)(.*)$/s.exec(text);
  if (!match) throw invalid(whole, `time value ${whole} is invalid`);
  const [, sign, digits, rest] = match;
  const letters = rest.slice(0, 2).toLowerCase();
  const unit = letters.startsWith('m') ? letters : letters.slice(0, 1);
  if (unit !== 'mo' && unit !== 'mi' && unit.startsWith('m'))
    throw invalid(whole, `'${whole}' ambiguous: use 'mi' for minutes or 'mo' for months`);
  if (!Object.hasOwn(UNIT_SECONDS, unit)) throw invalid(whole, `time value ${whole} is invalid`);
  return (sign === '-' ? -1 : 1) * Number(digits) * UNIT_SECONDS[unit];
}

function fail(whole: string): never {
  throw invalid(whole, `time value ${whole} is invalid`);
}

function invalid(text: string, message: string): SignetError {
  return new SignetError('TIME_ARGUMENT', message, { text });
}
