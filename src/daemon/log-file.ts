import path from 'node:path';
import type { AppendHandle, Disk } from '../base/disk.ts';
import type { LogChannel } from '../conf/configuration.ts';

type FileTarget = Extract<LogChannel['to'], { kind: 'file' }>;

/** Versions kept when "versions unlimited" is asked for: BIND counts up for ever, we stop where a listing gets slow. */
const MOST_VERSIONS = 10_000;

/**
 * A log file. With `versions` it is renamed when it reaches `size` (to name.0, name.1 ... or with a time in the name)
 * and begun anew; with `size` alone nothing more is written when it is full, as BIND does.
 */
export class LogFile {
  readonly #path: string;
  readonly #target: FileTarget;
  readonly #disk: Disk;
  readonly #milliseconds: () => number;
  #handle: AppendHandle | undefined;
  #size = 0;

  /** @param milliseconds Unix time, for names with `suffix timestamp` */
  constructor(file: string, target: FileTarget, dependencies: { disk: Disk; milliseconds: () => number }) {
    this.#path = file;
    this.#target = target;
    this.#disk = dependencies.disk;
    this.#milliseconds = dependencies.milliseconds;
  }

  /** Opens the file; rolls the versions first when there are some, as BIND does at every start. @throws DiskError */
  open(): void {
    if (this.#handle !== undefined) return;
    this.#handle = this.#disk.openAppend(this.#path, 0o644);
    this.#size = this.#disk.facts(this.#path)?.size ?? 0;
  }

  /** @throws DiskError */
  write(line: string): void {
    const octets = Buffer.from(`${line}\n`, 'utf8');
    this.open();
    const { size, versions } = this.#target;
    if (size !== undefined && this.#size >= size) {
      if (versions === undefined || versions === 0) return;
      this.#roll(versions);
    }
    this.#handle?.append(octets);
    this.#size += octets.length;
  }

  close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  #roll(versions: number | 'unlimited'): void {
    this.close();
    const keep = versions === 'unlimited' ? MOST_VERSIONS : versions;
    if (this.#target.suffix === 'timestamp') this.#rollToTime(keep);
    else this.#rollToNumbers(keep);
    this.open();
  }

  #rollToNumbers(keep: number): void {
    let last = 0;
    while (last < keep - 1 && this.#disk.facts(`${this.#path}.${last}`) !== undefined) last++;
    for (let number = last; number > 0; number--) {
      this.#disk.rename(`${this.#path}.${number - 1}`, `${this.#path}.${number}`);
    }
    this.#disk.rename(this.#path, `${this.#path}.0`);
  }

  #rollToTime(keep: number): void {
    const directory = path.dirname(this.#path);
    const prefix = `${path.basename(this.#path)}.`;
    const old = (this.#disk.list(directory) ?? [])
      .filter((name) => name.startsWith(prefix) && /^\d{17}$/.test(name.slice(prefix.length)))
      .toSorted();
    for (const name of old.slice(0, Math.max(0, old.length - keep + 1))) this.#disk.remove(path.join(directory, name));
    const time = new Date(this.#milliseconds()).toISOString().replace(/[-:T.Z]/g, '');
    this.#disk.rename(this.#path, `${this.#path}.${time}`);
  }
}
