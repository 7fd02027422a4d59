import fs from 'node:fs';
import path from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { applianceEvent } from './events.ts';
import { BLINK_MILLISECONDS, type Led, type Leds } from './leds.ts';

/** Lines of the vendor's front panel: a red and a green light behind each window; POWER is wired to the supply. */
const LINES = { tamper: { red: 5, green: 6 }, system: { red: 26, green: 19 } } as const;

/**
 * Lights on the lines of a directory like /sys/class/gpio: `gpioN/value` takes "0" or "1". Yellow is red and green together. A line that is not
 * there is exported first.
 */
export class GpioLeds implements Disposable {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #written = new Map<number, string>();
  #leds: Leds | undefined;
  #isDark = false;
  #timer: Timer | undefined;
  #hasFailed = false;

  constructor(directory: string, dependencies: { readonly clock: Clock; readonly log: Log }) {
    this.#directory = directory;
    this.#clock = dependencies.clock;
    this.#log = dependencies.log;
    this.#tick();
  }

  show(leds: Leds): void {
    this.#leds = leds;
    this.#write();
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #tick(): void {
    this.#isDark = !this.#isDark;
    this.#write();
    this.#timer = this.#clock.after(BLINK_MILLISECONDS, () => this.#tick());
  }

  #write(): void {
    if (this.#leds === undefined) return;
    for (const which of ['system', 'tamper'] as const) {
      const { red, green } = this.#coloursOf(this.#leds[which]);
      this.#set(LINES[which].red, red);
      this.#set(LINES[which].green, green);
    }
  }

  #coloursOf({ colour, isBlinking }: Led): { readonly red: boolean; readonly green: boolean } {
    const isOn = !(isBlinking && this.#isDark);
    return {
      red: isOn && (colour === 'red' || colour === 'yellow'),
      green: isOn && (colour === 'green' || colour === 'yellow'),
    };
  }

  #set(line: number, isOn: boolean): void {
    const value = isOn ? '1' : '0';
    if (this.#written.get(line) === value) return;
    const directory = path.join(this.#directory, `gpio${line}`);
    try {
      if (!fs.existsSync(directory)) {
        fs.writeFileSync(path.join(this.#directory, 'export'), String(line));
        fs.writeFileSync(path.join(directory, 'direction'), 'out');
      }
      fs.writeFileSync(path.join(directory, 'value'), value);
      this.#written.set(line, value);
    } catch (error) {
      // Lights are no reason to stop; it is said once.
      if (!this.#hasFailed) this.#log.write(applianceEvent.gpioFailed((error as Error).message));
      this.#hasFailed = true;
    }
  }
}
