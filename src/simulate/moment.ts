import { parseDuration } from '../conf/duration.ts';

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/**
 * Unix seconds of `2027-03-01`, `2027-03-01T12:00:00Z` (UTC both) or `+90d`, which counts from `base`; undefined for
 * anything else.
 */
export function parseMoment(text: string, base: number): number | undefined {
  if (text.startsWith('+')) {
    const duration = parseDuration(text.slice(1));
    return typeof duration === 'object' ? base + duration.seconds : undefined;
  }
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?$/.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  // Date.parse takes 30 February for 2 March in some forms; what it made must read the same.
  if (Number.isNaN(milliseconds)) return undefined;
  const isSame = new Date(milliseconds).toISOString().startsWith(text.replace('Z', ''));
  return isSame ? milliseconds / 1000 : undefined;
}

/** "60 days", "1 day 2 h", "2 h 5 min", "45 s": at most two units, exact whenever two are enough. */
export function durationText(seconds: number): string {
  if (seconds < 0) return `-${durationText(-seconds)}`;
  const days = Math.floor(seconds / DAY);
  const hours = Math.floor((seconds % DAY) / HOUR);
  const minutes = Math.floor((seconds % HOUR) / MINUTE);
  const parts = [
    days > 0 ? `${days} ${days === 1 ? 'day' : 'days'}` : '',
    hours > 0 ? `${hours} h` : '',
    minutes > 0 ? `${minutes} min` : '',
    seconds % MINUTE > 0 || seconds === 0 ? `${seconds % MINUTE} s` : '',
  ];
  return parts
    .filter((part) => part !== '')
    .slice(0, 2)
    .join(' ');
}
