import fs from 'node:fs';
import type { AppendHandle, Disk } from '../../base/disk.ts';
import type { Log, LogRecord } from '../../base/log.ts';

/** Octets after which the file becomes `.1` and a new one is begun. */
const ROTATE_AT = 4 << 20;
/** Lines that `show log` gives. */
const SHOWN = 1000;

/** hsmd's log: standard error and, with what came before, a file that `show log` reads. */
export class HsmLog implements Log, Disposable {
  readonly #file: string;
  readonly #disk: Disk;
  readonly #milliseconds: () => number;
  readonly #stderr: (text: string) => void;
  #handle: AppendHandle | undefined;
  #size = 0;

  constructor(
    file: string,
    dependencies: { readonly disk: Disk; readonly milliseconds: () => number; readonly stderr: (text: string) => void },
  ) {
    this.#file = file;
    this.#disk = dependencies.disk;
    this.#milliseconds = dependencies.milliseconds;
    this.#stderr = dependencies.stderr;
  }

  write({ severity, text }: LogRecord): void {
    // What came from a client must not begin a line, or drive a terminal.
    const line = `${new Date(this.#milliseconds()).toISOString()} ${severity}: ${text.replaceAll(/\p{C}/gu, '?')}\n`;
    this.#stderr(line);
    const octets = Buffer.from(line);
    try {
      this.#open(octets.length).append(octets);
      this.#size += octets.length;
    } catch (error) {
      this.#handle?.close();
      this.#handle = undefined; // tried again with the next line
      this.#stderr(`the log file cannot be written: ${(error as Error).message}\n`);
    }
  }

  /** The last lines, oldest first. */
  async *read(): AsyncGenerator<string> {
    const lines: string[] = [];
    for (const file of [`${this.#file}.1`, this.#file]) {
      const text = await fs.promises.readFile(file, 'utf8').catch(() => '');
      lines.push(...text.split('\n').filter((line) => line !== ''));
    }
    yield* lines.slice(-SHOWN);
  }

  [Symbol.dispose](): void {
    this.#handle?.close();
    this.#handle = undefined;
  }

  #open(octets: number): AppendHandle {
    if (this.#handle !== undefined && this.#size + octets > ROTATE_AT) {
      this.#handle.close();
      this.#handle = undefined;
      this.#disk.rename(this.#file, `${this.#file}.1`);
    }
    if (this.#handle === undefined) {
      this.#handle = this.#disk.openAppend(this.#file, 0o600);
      this.#size = this.#disk.facts(this.#file)?.size ?? 0;
    }
    return this.#handle;
  }
}
