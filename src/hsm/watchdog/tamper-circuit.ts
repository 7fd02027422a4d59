import type { Clock, Timer } from '../../base/clock.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Sensors } from './sensors.ts';
import { CHECKS, type TamperCheck, type TamperConfiguration } from './tamper-limits.ts';
import { SensorBit, type SensorReadings, type TamperFault } from './watchdog.ts';

/*
 *                 a sensor is wrong for longer than noise, a test
 *        ok ------------------------------------------------------> lasts <----+
 *        ^                                                            | no     | another event: one more fault,
 *        |  reset, and no sensor sees anything                        v sensor | the key is cleared again
 *        +-------------------------------------------------------- latched ----+
 *
 * Samples are taken every 20 ms while something is wrong and not yet an event; else a change of a reading is what wakes the circuit.
 */

/** Milliseconds. The slowest sensor that clears the key (temperature, 26 samples) takes 0.52 s of the second it has. */
const SAMPLE_INTERVAL = 20;

/** So many are kept of one event: the first ones, which tell how it began, and the latest. */
const MOST_FAULTS = 6;

export interface TamperCircuitOptions {
  readonly configuration: TamperConfiguration;
  /** Of an event that was not reset when the process before this one ended: the circuit begins latched. */
  readonly faults: readonly TamperFault[];
}

export interface TamperCircuitDependencies {
  readonly clock: Clock;
  readonly sensors: Sensors;
  /** An event has begun, the first or another: the master key must be gone when this returns. */
  readonly onEvent: (fault: TamperFault, words: string) => void;
  /** Something of the state changed, events included. */
  readonly onChange: () => void;
}

/** Looks at the sensors and says when they see tampering. What then happens is its owner's part. */
export class TamperCircuit implements Disposable {
  #configuration: TamperConfiguration;
  #faults: readonly TamperFault[];
  #isTampered: boolean;
  /** Samples in a row in which each check was wrong; stays above its limit while it is. */
  readonly #wrong = CHECKS.map(() => 0);
  #timer: Timer | undefined;
  readonly #unwatch: () => void;
  readonly #clock: Clock;
  readonly #sensors: Sensors;
  readonly #onEvent: TamperCircuitDependencies['onEvent'];
  readonly #onChange: () => void;

  constructor(options: TamperCircuitOptions, dependencies: TamperCircuitDependencies) {
    this.#configuration = options.configuration;
    this.#faults = options.faults;
    this.#isTampered = options.faults.some(({ bit }) => bit !== SensorBit.LOW_LINE);
    this.#clock = dependencies.clock;
    this.#sensors = dependencies.sensors;
    this.#onEvent = dependencies.onEvent;
    this.#onChange = dependencies.onChange;
    this.#unwatch = this.#sensors.watch(() => this.#sample(this.#timer === undefined));
  }

  /** Takes the first sample: sensors may have seen something before there was anybody to look. */
  start(): void {
    const readings = this.#read();
    // What was told before and still lasts is the same event, not another.
    for (const [i, check] of CHECKS.entries())
      if (this.#isWrong(check, readings) && this.#faults.some(({ sensor }) => sensor === check.sensor))
        this.#wrong[i] = check.debounce + 1;
    this.#sample(true);
  }

  get configuration(): TamperConfiguration {
    return this.#configuration;
  }

  get faults(): readonly TamperFault[] {
    return this.#faults;
  }

  get tamper(): 'ok' | 'lasts' | 'latched' {
    if (!this.#isTampered) return 'ok';
    return this.#isRaised('tamper') ? 'lasts' : 'latched';
  }

  /** It runs on its battery and is to give the key to nobody then. */
  get isWithheld(): boolean {
    return this.#isRaised('withhold');
  }

  configure(configuration: TamperConfiguration): void {
    this.#configuration = configuration;
    this.#sample(this.#timer === undefined);
    this.#onChange();
  }

  /** Raises an event as a sensor would. */
  test(): void {
    this.#raise({ sensor: 'test', bit: SensorBit.UNKNOWN, value: 0, at: this.#clock.now() }, 'a test was asked for');
    this.#onChange();
  }

  /** @throws HalError TAMPER while a sensor still sees it: the message names it */
  reset(): void {
    const readings = this.#read();
    const still = CHECKS.filter((check) => check.effect === 'tamper' && this.#isWrong(check, readings));
    if (still.length > 0) {
      const words = still.map((check) => `${check.words} (sensor ${check.sensor})`).join(', ');
      const message = `the tamper event cannot be reset, it still lasts: ${words}. End that, or disable the sensor`;
      throw new HalError(HalStatus.TAMPER, message, { sensors: still.map(({ sensor }) => sensor).join(' ') });
    }
    this.#faults = [];
    this.#isTampered = false;
    this.#wrong.fill(0);
    this.#sample(this.#timer === undefined);
    this.#onChange();
  }

  /** Asks the sensors. Those that do not answer read as a failure of the bus. */
  read(): SensorReadings | undefined {
    return this.#read();
  }

  [Symbol.dispose](): void {
    this.#unwatch();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** @param counts it is a sample in its turn, not a change between two */
  #sample(counts: boolean): void {
    const before = `${this.tamper} ${this.isWithheld} ${this.#faults.length}`;
    const readings = this.#read();
    let pending = false;
    for (const [i, check] of CHECKS.entries()) {
      if (!this.#isWrong(check, readings)) {
        this.#wrong[i] = 0;
        continue;
      }
      if (this.#wrong[i] > check.debounce) continue; // this event has been told
      if (counts || check.debounce === 0) this.#wrong[i]++;
      if (this.#wrong[i] <= check.debounce) pending = true;
      else this.#tell(check, readings);
    }
    if (counts) this.#timer = undefined;
    if (pending) this.#timer ??= this.#clock.after(SAMPLE_INTERVAL, () => this.#sample(true));
    if (before !== `${this.tamper} ${this.isWithheld} ${this.#faults.length}`) this.#onChange();
  }

  #tell(check: TamperCheck, readings: SensorReadings | undefined): void {
    const value = readings === undefined ? UNANSWERED : check.value(readings);
    const fault: TamperFault = { sensor: check.sensor, bit: check.bit, value, at: this.#clock.now() };
    if (check.effect === 'tamper') this.#raise(fault, check.words);
    else if (check.effect === 'note') this.#keep(fault);
  }

  #raise(fault: TamperFault, words: string): void {
    this.#isTampered = true;
    this.#keep(fault);
    this.#onEvent(fault, words);
  }

  #keep(fault: TamperFault): void {
    this.#faults = [...this.#faults.slice(0, MOST_FAULTS - 1), fault];
  }

  #isRaised(effect: TamperCheck['effect']): boolean {
    return CHECKS.some((check, i) => check.effect === effect && this.#wrong[i] > check.debounce);
  }

  #isWrong(check: TamperCheck, readings: SensorReadings | undefined): boolean {
    const { enabled, isArmed, thresholds } = this.#configuration;
    if (!isArmed || (enabled & check.bit) === 0) return false;
    return readings === undefined ? check.sensor === 'bus' : check.isWrong(readings, thresholds);
  }

  /** Sensors that fail must not look like sensors that are content. */
  #read(): SensorReadings | undefined {
    try {
      const readings = this.#sensors.read();
      const { light, temperature, vibe, busFailures } = readings;
      return [light, temperature, vibe.x, vibe.y, vibe.z, busFailures].every(Number.isFinite) ? readings : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What a fault shows of sensors that did not answer at all. */
const UNANSWERED = 0xffff;
