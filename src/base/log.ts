/** Severities of BIND's logging statement, most severe first. Debug levels are 1 and up. */
const SEVERITIES = ['critical', 'error', 'warning', 'notice', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number] | `debug ${number}`;

/** One line of log. `category` is one of BIND's (general, dnssec, notify, ...), `zone` names what it is about. */
export interface LogRecord {
  readonly severity: Severity;
  readonly category: string;
  readonly text: string;
  readonly zone?: string;
}

/** Where all layers tell what happened. Never given secrets. */
export interface Log {
  write(record: LogRecord): void;
}

/** Drops everything: for tools that report by their output and exit code. */
export const silentLog: Log = { write: () => undefined };

/** Keeps records in memory, for tests. */
export class MemoryLog implements Log {
  readonly records: LogRecord[] = [];

  write(record: LogRecord): void {
    this.records.push(record);
  }
}
