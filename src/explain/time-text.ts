import { durationText } from '../base/duration-text.ts';
import { isoTime } from '../base/iso-time.ts';

/*
 * Times for people: a moment is UTC in ISO 8601, and beside it how far away it is.
 */

/** `in 3 days`, `now`, `3 days ago`. */
export function distanceText(at: number, now: number): string {
  const distance = Math.floor(at) - Math.floor(now);
  if (distance === 0) return 'now';
  return distance > 0 ? `in ${durationText(distance)}` : `${durationText(-distance)} ago`;
}

/** `2026-11-24T14:15:16Z (in 3 days)`. */
export function momentText(at: number, now: number): string {
  return `${isoTime(at)} (${distanceText(at, now)})`;
}
