import { HalError, HalStatus } from '../hal-status.ts';
import type { SensorName, SensorReadings } from './watchdog.ts';

/** Where readings come from: a sensor card, or what stands for one. */
export interface Sensors {
  /** @throws Error when the sensors do not answer: that counts as a failure of their bus */
  read(): SensorReadings;
  /** Called when a reading may have changed. Returns what ends it. */
  watch(changed: () => void): () => void;
  /** Simulated sensors only. @throws HalError BAD_ARGUMENTS, NOT_IMPLEMENTED */
  set(name: SensorName, value: SensorValue): void;
}

export type SensorValue = number | { readonly x: number; readonly y: number; readonly z: number };

/** A closed case in a dark room. */
export const QUIET: SensorReadings = {
  light: 0,
  temperature: 21,
  vibe: { x: 0, y: 0, z: 0 },
  isCaseOpen: false,
  isLineLow: false,
  isOnBattery: false,
  busFailures: 0,
};

/** Shows what it was told: `hsmd sensor`. */
export class SimulatedSensors implements Sensors {
  #readings: SensorReadings;
  readonly #watchers = new Set<() => void>();

  constructor(readings: SensorReadings = QUIET) {
    this.#readings = readings;
  }

  read(): SensorReadings {
    return this.#readings;
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  set(name: SensorName, value: SensorValue): void {
    this.#readings = { ...this.#readings, ...readingOf(name, value) };
    for (const changed of this.#watchers) changed();
  }
}

const RANGES: Readonly<Record<SensorName, readonly [number, number]>> = {
  light: [0, 65535],
  temperature: [-128, 255],
  vibe: [-32768, 32767],
  case: [0, 1],
  line: [0, 1],
  battery: [0, 1],
  bus: [0, 65535],
};

export const SENSOR_NAMES = Object.keys(RANGES) as readonly SensorName[];

function readingOf(name: SensorName, value: SensorValue): Partial<SensorReadings> {
  if (!Object.hasOwn(RANGES, name))
    throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no sensor "${name}": ${SENSOR_NAMES.join(', ')}`);
  if (name === 'vibe') {
    const axes = typeof value === 'number' ? { x: value, y: value, z: value } : value;
    return { vibe: { x: inRange(name, axes.x), y: inRange(name, axes.y), z: inRange(name, axes.z) } };
  }
  if (typeof value !== 'number')
    throw new HalError(HalStatus.BAD_ARGUMENTS, `the sensor ${name} shows one number, not three`);
  const number = inRange(name, value);
  switch (name) {
    case 'light':
      return { light: number };
    case 'temperature':
      return { temperature: number };
    case 'case':
      return { isCaseOpen: number === 1 };
    case 'line':
      return { isLineLow: number === 1 };
    case 'battery':
      return { isOnBattery: number === 1 };
    case 'bus':
      return { busFailures: number };
  }
}

function inRange(name: SensorName, value: number): number {
  const [least, most] = RANGES[name];
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new HalError(HalStatus.BAD_ARGUMENTS, `the sensor ${name} shows whole numbers from ${least} to ${most}`);
}
