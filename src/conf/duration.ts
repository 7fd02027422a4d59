/**
 * Durations as BIND reads them: ISO 8601 (`P1Y2M3DT4H5M6S`, `P2W`) or TTL-style (`1w2d`, `3600`). In seconds: a year is
 * 365 days and a month 31 days, because nobody can say which ones are meant.
 */
export interface Duration {
  readonly seconds: number;
  /** Canonical: ISO 8601 in capitals when written so, else seconds. */
  readonly text: string;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const WEEK = 7 * DAY;
const MONTH = 31 * DAY;
const YEAR = 365 * DAY;

/** Durations are 32-bit numbers of seconds, as TTLs and RRSIG times. */
const LONGEST_DURATION = 0xffffffff;

const ISO = /^P(?:(\d+)W|(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/;

/** Undefined when the text is neither form; 'range' when it does not fit in 32 bits. */
export function parseDuration(text: string): Duration | 'range' | undefined {
  return /^p/i.test(text) ? parseIsoDuration(text.toUpperCase()) : parseTtl(text);
}

/** BIND takes `P` and `PT`, which ISO 8601 does not have, as no time at all. */
function parseIsoDuration(text: string): Duration | 'range' | undefined {
  const parts = text.length <= 80 ? ISO.exec(text) : null;
  if (!parts) return undefined;
  const [weeks, years, months, days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  const total = weeks * WEEK + years * YEAR + months * MONTH + days * DAY + hours * HOUR + minutes * MINUTE + seconds;
  if (total > LONGEST_DURATION) return 'range';
  if (weeks > 0) return { seconds: total, text: `P${weeks}W` };
  const date = unit(years, 'Y') + unit(months, 'M') + unit(days, 'D');
  const time = unit(hours, 'H') + unit(minutes, 'M') + unit(seconds, 'S');
  return { seconds: total, text: total === 0 ? 'PT0S' : `P${date}${time && `T${time}`}` };
}

function unit(count: number, letter: string): string {
  return count > 0 ? `${count}${letter}` : '';
}

const TTL_UNITS: Readonly<Record<string, number>> = { w: WEEK, d: DAY, h: HOUR, m: MINUTE, s: 1 };

function parseTtl(text: string): Duration | 'range' | undefined {
  if (!/^(?:\d+|(?:\d+[wdhms])+)$/i.test(text) || text.length > 80) return undefined;
  let total = 0;
  for (const [, digits, letter] of text.matchAll(/(\d+)([wdhms]?)/gi))
    total += Number(digits) * (TTL_UNITS[letter.toLowerCase()] ?? 1);
  return total <= LONGEST_DURATION ? { seconds: total, text: String(total) } : 'range';
}
