import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { applianceEvent } from './events.ts';
import { type LedLines, ledLinesAt } from './led-lines.ts';
import { BLINK_MILLISECONDS, type Led, type Leds } from './leds.ts';

/** Lines of the vendor's front panel: a red and a green light behind each window; POWER is wired to the supply. */
const LINES = { tamper: { red: 5, green: 6 }, system: { red: 26, green: 19 } } as const;

/** Lights on lines of the host. Yellow is red and green together. */
export class GpioLeds implements Disposable {
  readonly #lines: LedLines;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #written = new Map<number, boolean>();
  #leds: Leds | undefined;
  #isDark = false;
  #timer: Timer | undefined;
  #hasFailed = false;

  /** @param file a directory like /sys/class/gpio, or a device like /dev/gpiochip0 */
  constructor(
    file: string,
    dependencies: { readonly clock: Clock; readonly log: Log; readonly linesAt?: typeof ledLinesAt },
  ) {
    const { linesAt = ledLinesAt } = dependencies;
    this.#lines = linesAt(file, [LINES.system.red, LINES.system.green, LINES.tamper.red, LINES.tamper.green]);
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
    this.#lines[Symbol.dispose]();
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
    if (this.#written.get(line) === isOn) return;
    try {
      this.#lines.set(line, isOn);
      this.#written.set(line, isOn);
    } catch (error) {
      // Lights are no reason to stop; it is said once.
      if (!this.#hasFailed) this.#log.write(applianceEvent.gpioFailed((error as Error).message));
      this.#hasFailed = true;
    }
  }
}
