/*
 * The arithmetic of rate limits, as BIND 9.18 does it. A balance begins at `rate`, is debited one for each answer, and
 * credited `rate` for each whole second, never above `rate`. A negative balance is debt: that answer is over the limit.
 * Debt is bounded by `window` seconds' worth of credit, so that an end of a flood is noticed at most that much later.
 */

/** Seconds from `then` to `now`. A clock that was set back by little stands still; by more, all is long ago. */
export function elapsed(then: number, now: number): number {
  if (now >= then) return now - then;
  return then - now <= MOST_TIME_TRAVEL ? 0 : LONG_AGO;
}
const MOST_TIME_TRAVEL = 5;
export const LONG_AGO = 0x3fffffff;

/** What a balance is after some seconds. */
export function credited(balance: number, seconds: number, rate: number, window: number): number {
  if (seconds > window) return rate;
  return Math.min(rate, balance + rate * seconds);
}

/** What a balance is after one answer more. */
export function debited(balance: number, rate: number, window: number): number {
  return Math.max(balance - 1, -window * rate);
}
