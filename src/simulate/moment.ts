import { parseDuration } from '../conf/duration.ts';

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
