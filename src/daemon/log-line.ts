import type { LogRecord, Severity } from '../base/log.ts';
import type { LogChannel } from '../conf/configuration.ts';

type LineStyle = Pick<LogChannel, 'printTime' | 'printSeverity' | 'printCategory'>;

/** The line that BIND 9.18 writes for a record, without line end. `milliseconds` is Unix time. */
export function logLine(record: LogRecord, style: LineStyle, milliseconds: number): string {
  const time = style.printTime === 'none' ? '' : `${logTime(milliseconds, style.printTime)} `;
  const category = style.printCategory ? `${record.category}: ` : '';
  const severity = style.printSeverity ? `${record.severity}: ` : '';
  return `${time}${category}${severity}${oneLine(record.text)}`;
}

/** A record is a line: what came from outside must not begin another one. */
function oneLine(text: string): string {
  return text.replace(/(?!\t)\p{Cc}/gu, (character) => `\\${String(character.charCodeAt(0)).padStart(3, '0')}`);
}

/** `local` is "21-Nov-2026 08:08:21.057"; both ISO forms as BIND's print-time iso8601 and iso8601-utc. */
export function logTime(milliseconds: number, form: 'local' | 'iso8601' | 'iso8601-utc'): string {
  const date = new Date(milliseconds);
  if (form === 'iso8601-utc') return date.toISOString();
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const time = `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  if (form === 'local') return `${two(date.getDate())}-${MONTHS[date.getMonth()]}-${date.getFullYear()} ${time}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${time}${zoneOffset(date)}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function zoneOffset(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** True when a channel of severity `threshold` takes a record. `dynamic` follows the server's debug level. */
export function takesSeverity(threshold: LogChannel['severity'], severity: Severity, debugLevel: number): boolean {
  const limit =
    threshold === 'dynamic' ? debugLevel : typeof threshold === 'object' ? threshold.debug : -rank(threshold);
  return severity.startsWith('debug ') ? Number(severity.slice(6)) <= limit : -rank(severity as PlainSeverity) <= limit;
}

type PlainSeverity = 'critical' | 'error' | 'warning' | 'notice' | 'info';

/** info is 0, more severe is higher; debug levels go on below. */
function rank(severity: PlainSeverity): number {
  return ['info', 'notice', 'warning', 'error', 'critical'].indexOf(severity);
}

/** Level of syslog(3) for a severity. */
export function syslogPriority(severity: Severity): number {
  return severity.startsWith('debug ') ? 7 : 6 - rank(severity as PlainSeverity);
}
