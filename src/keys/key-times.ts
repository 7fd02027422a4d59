import type { PlannedTimes } from '../policy/planned-key.ts';

/**
 * Times of a key in Unix seconds, named as in BIND's .private files. An absent time is "unset": it never comes.
 * RFC 7583 section 3.1 says what the moments mean.
 */
export type KeyTimes = PlannedTimes;

export type KeyTime = keyof KeyTimes;

/** Field name and time, in the order of a file. */
export type TimeFields = readonly (readonly [field: string, time: KeyTime])[];

/** Comments of .key files. */
export const PUBLIC_FILE_TIMES: TimeFields = [
  ['Created', 'created'],
  ['Publish', 'publish'],
  ['Activate', 'activate'],
  ['Revoke', 'revoke'],
  ['Inactive', 'inactive'],
  ['Delete', 'delete'],
  ['SyncPublish', 'syncPublish'],
  ['SyncDelete', 'syncDelete'],
];

/** Last fields of .private files. BIND keeps DSPublish here too, but DSRemoved in the state file only. */
export const PRIVATE_FILE_TIMES: TimeFields = [
  ...PUBLIC_FILE_TIMES.slice(0, 6),
  ['DSPublish', 'dsPublish'],
  ...PUBLIC_FILE_TIMES.slice(6),
];

export const STATE_FILE_TIMES: TimeFields = [
  ['Generated', 'created'],
  ['Published', 'publish'],
  ['Active', 'activate'],
  ['Retired', 'inactive'],
  ['Revoked', 'revoke'],
  ['Removed', 'delete'],
  ['DSPublish', 'dsPublish'],
  ['DSRemoved', 'dsRemoved'],
  ['PublishCDS', 'syncPublish'],
  ['DeleteCDS', 'syncDelete'],
];

/** "20260131235959": UTC, as every key file has it. */
export function formatKeyTime(time: number): string {
  const date = new Date(time * 1000);
  const day = `${String(date.getUTCFullYear()).padStart(4, '0')}${two(date.getUTCMonth() + 1)}${two(date.getUTCDate())}`;
  return `${day}${two(date.getUTCHours())}${two(date.getUTCMinutes())}${two(date.getUTCSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** "Sat Jan 31 23:59:59 2026" in local time (TZ), the form of ctime(3): for people, as BIND prints it. */
export function formatCalendarTime(time: number): string {
  const date = new Date(time * 1000);
  const [weekday, month] = [DAYS[date.getDay()], MONTHS[date.getMonth()]];
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two);
  return `${weekday} ${month} ${String(date.getDate()).padStart(2, ' ')} ${clock.join(':')} ${date.getFullYear()}`;
}

/** Both forms, as comments and state files have them. */
export function formatBothTimes(time: number): string {
  return `${formatKeyTime(time)} (${formatCalendarTime(time)})`;
}

export const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Unix time of YYYYMMDDHHMMSS (UTC), undefined when it is not a time of the calendar. */
export function parseKeyTime(text: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)?.slice(1).map(Number);
  if (!parts) return undefined;
  const [year, month, day, hour, minute, second] = parts;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  date.setUTCFullYear(year); // Date.UTC takes years below 100 as 19xx
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal && year >= 1970 ? date.getTime() / 1000 : undefined;
}
