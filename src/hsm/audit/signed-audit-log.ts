import path from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';
import { type AppendHandle, appendRecord, type Disk, DiskError } from '../../base/disk.ts';
import type { Log } from '../../base/log.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { AuditEvent, WatchedAuditLog } from './audit-log.ts';
import { readAuditHead, writeAuditHead } from './audit-head.ts';
import { openAuditKey, type AuditKey } from './audit-key.ts';
import { FIRST_PREVIOUS, hashOfLine, readAuditLine, writeAuditLine } from './audit-line.ts';
import { AUDIT_FILE, AUDIT_HEAD_FILE, rotatedName } from './audit-files.ts';

export interface AuditOptions {
  /** Has mode 0700. */
  readonly directory: string;
  /** Octets after which a new file is begun. */
  readonly rotateAt?: number;
}

const ROTATE_AT = 8 << 20;
/** Milliseconds between two tries of a log that could not be written. */
const TRY_AGAIN = 2000;

interface Waiting {
  readonly event: AuditEvent;
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * The audit log on the disk. Events of one turn of the event loop are written together with one fsync. When it cannot be written, `append`
 * rejects, and so does the operation that had to be recorded.
 */
export class SignedAuditLog implements WatchedAuditLog, AsyncDisposable {
  readonly #options: AuditOptions;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #key: AuditKey;
  /** undefined: it could not be opened, and is with the next line. */
  #handle: AppendHandle | undefined;
  #size: number;
  #n: number;
  #prev: string;
  #waiting: Waiting[] = [];
  #trouble: HalError | undefined;
  /** Events that could not be written since then. */
  #refused = 0;
  #next: Timer | undefined;
  #isClosed = false;
  readonly #watchers = new Set<() => void>();

  /** What was found wrong at the start, for the first event; undefined: nothing. */
  readonly fault: string | undefined;

  private constructor(options: AuditOptions, dependencies: Dependencies, key: AuditKey, end: AuditEnd) {
    this.#options = options;
    this.#disk = dependencies.disk;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#key = key;
    this.#n = end.n;
    this.#prev = end.hash;
    this.fault = end.fault;
    this.#handle = this.#disk.openAppend(this.#path(AUDIT_FILE), 0o600);
    this.#size = this.#disk.facts(this.#path(AUDIT_FILE))?.size ?? 0;
  }

  /**
   * Goes on where the log ends. A last line that a crash left unfinished was never acknowledged and is cut off. A log that does not fit its
   * signatures is put aside, and the new one says so in its first line.
   * @throws SignetError AUDIT_KEY, DiskError
   */
  static open(options: AuditOptions, dependencies: Dependencies): SignedAuditLog {
    const { disk } = dependencies;
    disk.makeDirectory(options.directory, 0o700);
    const key = openAuditKey(options.directory, disk);
    return new SignedAuditLog(options, dependencies, key, findEnd(options.directory, key, dependencies));
  }

  append(event: AuditEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ event, resolve, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#write());
    });
  }

  get trouble(): string | undefined {
    return this.#trouble?.message;
  }

  async ready(): Promise<void> {
    if (this.#trouble === undefined) return;
    // There may be room by now.
    this.#write();
    if (this.#trouble !== undefined) throw this.#trouble;
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#write();
    this.#isClosed = true;
    this.#next?.cancel();
    this.#handle?.close();
  }

  #write(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 && this.#trouble === undefined) return;
    this.#waiting = [];
    const events = waiting.map(({ event }) => event);
    // The gap is told of by the line after it.
    if (this.#trouble !== undefined)
      events.unshift({ kind: 'audit resumed', by: 'hsmd', facts: { notRecorded: this.#refused } });
    let { n, prev } = { n: this.#n, prev: this.#prev };
    const lines = events.map((event) => {
      const line = writeAuditLine(event, ++n, this.#clock.now(), prev, this.#key.privateKey);
      prev = hashOfLine(line);
      return `${line}\n`;
    });
    const octets = Buffer.from(lines.join(''));
    try {
      // In this order: a new file may be begun, which has no octets yet.
      const handle = this.#handleFor(octets.length);
      appendRecord(handle, octets, this.#size);
    } catch (error) {
      const trouble = this.#fail(waiting.length, error);
      for (const { reject } of waiting) reject(trouble);
      return;
    }
    this.#size += octets.length;
    this.#n = n;
    this.#prev = prev;
    try {
      writeAuditHead(this.#path(AUDIT_HEAD_FILE), { n, hash: prev }, this.#key.privateKey, this.#disk);
    } catch (error) {
      // The lines are safe; only a cut at the end would go unseen until the next event.
      this.#log.write({ severity: 'error', category: 'hsm', text: `audit head: ${(error as Error).message}` });
    }
    for (const { resolve } of waiting) resolve();
    if (this.#trouble !== undefined) this.#recover();
  }

  #fail(refused: number, cause: unknown): HalError {
    const { facts, message } = cause as Partial<DiskError>;
    const why = typeof facts?.['reason'] === 'string' ? facts['reason'] : message;
    const isNew = this.#trouble === undefined;
    this.#refused += refused;
    this.#trouble ??= new HalError(
      HalStatus.KEYSTORE_ACCESS,
      `the audit log cannot be written (${why}), so nothing is done that has to be recorded: make room on the disk of the HSM, or see its log; it goes on by itself then`,
      { reason: why ?? 'unknown' },
      cause,
    );
    if (isNew) {
      this.#log.write({
        severity: 'critical',
        category: 'hsm',
        text: `the audit log cannot be written: ${message}; operations that have to be recorded are refused until it can`,
      });
      this.#tell();
    }
    if (!this.#isClosed)
      this.#next ??= this.#clock.after(TRY_AGAIN, () => {
        this.#next = undefined;
        this.#write();
      });
    return this.#trouble;
  }

  #recover(): void {
    const text = `the audit log can be written again; ${this.#refused} events could not be recorded, and were refused or had happened by themselves`;
    this.#trouble = undefined;
    this.#refused = 0;
    this.#next?.cancel();
    this.#next = undefined;
    this.#log.write({ severity: 'notice', category: 'hsm', text });
    this.#tell();
  }

  #tell(): void {
    for (const changed of this.#watchers) changed();
  }

  /** What so many octets go to: a new file when they would make this one too large. */
  #handleFor(octets: number): AppendHandle {
    if (this.#handle === undefined) this.#open();
    if (this.#size > 0 && this.#size + octets > (this.#options.rotateAt ?? ROTATE_AT)) {
      this.#handle?.close();
      this.#handle = undefined;
      this.#disk.rename(this.#path(AUDIT_FILE), this.#path(rotatedName(this.#n)));
      this.#open();
    }
    return this.#handle!;
  }

  #open(): void {
    this.#handle = this.#disk.openAppend(this.#path(AUDIT_FILE), 0o600);
    this.#size = this.#disk.facts(this.#path(AUDIT_FILE))?.size ?? 0;
  }

  #path(name: string): string {
    return path.join(this.#options.directory, name);
  }
}

interface Dependencies {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

interface AuditEnd {
  readonly n: number;
  readonly hash: string;
  readonly fault: string | undefined;
}

function findEnd(directory: string, key: AuditKey, { disk, clock }: Dependencies): AuditEnd {
  const file = path.join(directory, AUDIT_FILE);
  const headOctets = disk.read(path.join(directory, AUDIT_HEAD_FILE));
  const head = headOctets && readAuditHead(headOctets, key.publicKey);
  const from = { n: head?.n ?? 0, hash: head?.hash ?? FIRST_PREVIOUS };
  let octets = disk.read(file);
  if (octets === undefined || octets.length === 0) {
    const last = lastRotated(directory, disk, key);
    if (last !== undefined && last.n >= from.n) return { ...last, fault: undefined };
    const isFirst = from.n === 0 && headOctets === undefined;
    return { ...from, fault: isFirst ? undefined : `the file ${AUDIT_FILE} was missing or empty` };
  }
  const end = octets.lastIndexOf(0x0a) + 1;
  if (end < octets.length) {
    const handle = disk.openAppend(file);
    handle.truncate(end);
    handle.sync();
    handle.close();
    octets = octets.subarray(0, end);
    if (end === 0) return { ...from, fault: undefined };
  }
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('utf8');
  const last = text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -1);
  const line = readAuditLine(last, key.publicKey);
  const fault = faultOfEnd(line, last, head);
  if (fault === undefined && !('fault' in line)) return { n: line.n, hash: hashOfLine(last), fault: undefined };
  // What is there stays for whoever looks into it.
  disk.rename(file, path.join(directory, `audit-damaged-${clock.now()}.log`));
  return { ...from, fault };
}

function faultOfEnd(
  line: ReturnType<typeof readAuditLine>,
  text: string,
  head: ReturnType<typeof readAuditHead>,
): string | undefined {
  if ('fault' in line) return `the last line was damaged: ${line.fault}`;
  if (head === undefined) return undefined;
  if (line.n < head.n) return `lines ${line.n + 1} to ${head.n} were missing at the end`;
  if (line.n === head.n && hashOfLine(text) !== head.hash) return `line ${line.n} was another one`;
  return undefined;
}

/** A crash between the renaming of a full file and the first line of the next. */
function lastRotated(
  directory: string,
  disk: Disk,
  key: AuditKey,
): { readonly n: number; readonly hash: string } | undefined {
  const name = (disk.list(directory) ?? [])
    .filter((one) => /^audit-\d{12}\.log$/.test(one))
    .toSorted()
    .at(-1);
  const octets = name === undefined ? undefined : disk.read(path.join(directory, name));
  if (octets === undefined) return undefined;
  const text = Buffer.from(octets).toString('utf8').trimEnd().split('\n').at(-1) ?? '';
  const line = readAuditLine(text, key.publicKey);
  return 'fault' in line ? undefined : { n: line.n, hash: hashOfLine(text) };
}
