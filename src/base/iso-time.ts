/** The last second that a four-digit year has: later moments have no ISO form that other programs read. */
const LATEST = 253_402_300_799;

/** `2026-11-21T14:15:16Z`, ISO 8601 in UTC, for people. @param at Unix seconds; what has no such form is the nearest that has */
export function isoTime(at: number): string {
  return new Date(Math.min(Math.max(0, Math.floor(at)), LATEST) * 1000).toISOString().replace('.000Z', 'Z');
}
