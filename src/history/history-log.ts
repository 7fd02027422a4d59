import type { LogRecord, Severity } from '../base/log.ts';

/** What the history tells the log of the server about itself. Each once, and again when it has been well in between. */
export const historyLog = {
  putAside: (path: string, reason: string, aside: string): LogRecord =>
    line('error', `history ${path}: ${reason}; it is put aside as ${aside} and begun anew`),
  waits: (path: string, reason: string, seconds: number): LogRecord =>
    line(
      'error',
      `history ${path}: ${reason}; events are kept in memory and written when that is mended, next attempt in ${seconds} seconds`,
    ),
  recovered: (path: string, written: number): LogRecord =>
    line('notice', `history ${path}: is written again, with ${written} events that were kept`),
  lost: (path: string, lost: number, reason: string): LogRecord =>
    line('error', `history ${path}: ${lost} events are lost: ${reason}`),
  foreign: (path: string): LogRecord =>
    line(
      'error',
      `history ${path}: is a database of another program and is left as it is; no history is kept until named is started with another path`,
    ),
  givenUp: (path: string, times: number): LogRecord =>
    line(
      'error',
      `history ${path}: has been put aside ${times} times; no history is kept until named is started again: look at the disk`,
    ),
  vanished: (path: string): LogRecord =>
    line('warning', `history ${path}: was removed while named ran; it is begun anew`),
  noSharedMemory: (path: string, mode: string): LogRecord =>
    line(
      'warning',
      `history ${path}: its file system cannot have SQLite's write-ahead log (journal mode "${mode}"): each event waits for the disk`,
    ),
  badEvent: (path: string, reason: string): LogRecord =>
    line('error', `history ${path}: an event cannot be kept: ${reason}`),
} as const;

function line(severity: Severity, text: string): LogRecord {
  return { severity, category: 'general', text };
}
