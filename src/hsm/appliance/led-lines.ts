import fs from 'node:fs';
import path from 'node:path';
import { GpioChip, loadChipCalls } from './gpio-chip.ts';

/** Lines of a front panel, by their numbers. */
export interface LedLines extends Disposable {
  /** @throws Error with what is wrong, for a person; it may be tried again */
  set(line: number, isOn: boolean): void;
}

/** Those of a directory like /sys/class/gpio, or of a device like /dev/gpiochip0. Nothing is opened yet. */
export function ledLinesAt(file: string, lines: readonly number[]): LedLines {
  const isChip = fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() === false;
  return isChip ? new GpioChip({ device: file, lines }, loadChipCalls()) : new SysfsLines(file);
}

/** `gpioN/value` takes "0" or "1". A line that is not there is exported first. */
class SysfsLines implements LedLines {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  set(line: number, isOn: boolean): void {
    const directory = path.join(this.#directory, `gpio${line}`);
    if (!fs.existsSync(directory)) {
      fs.writeFileSync(path.join(this.#directory, 'export'), String(line));
      fs.writeFileSync(path.join(directory, 'direction'), 'out');
    }
    fs.writeFileSync(path.join(directory, 'value'), isOn ? '1' : '0');
  }

  /** Lines stay as they are. */
  [Symbol.dispose](): void {
    // Nothing is open.
  }
}
