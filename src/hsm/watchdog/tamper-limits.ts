import { HalError, HalStatus } from '../hal-status.ts';
import { SensorBit, type SensorName, type SensorReadings, type ThresholdName } from './watchdog.ts';

/** What an operator sets; kept durably. */
export interface TamperConfiguration {
  readonly thresholds: Readonly<Record<ThresholdName, number>>;
  /** Bits of SensorBit: those that are looked at. */
  readonly enabled: number;
  readonly isArmed: boolean;
}

/**
 * Before an operator sets anything. The appliance of 2019 had no thresholds until they were set; so that arming alone protects, ours are those of
 * a closed case that nobody moves, in a room that people can bear. Light and vibe in steps of the sensor (0 to 65535),
 * temperature in degrees Celsius, battery 1 (watched) or 0.
 */
export const DEFAULT_CONFIGURATION: TamperConfiguration = {
  thresholds: { light: 512, 'temperature low': 0, 'temperature high': 70, vibe: 1024, battery: 0 },
  enabled: 0xff,
  isArmed: false,
};

const RANGES: Readonly<Record<ThresholdName, readonly [number, number]>> = {
  light: [0, 65535],
  'temperature low': [0, 255],
  'temperature high': [0, 255],
  vibe: [0, 65535],
  battery: [0, 1],
};

/** @throws HalError BAD_ARGUMENTS */
export function withThreshold(
  configuration: TamperConfiguration,
  name: ThresholdName,
  value: number,
): TamperConfiguration {
  const range = Object.hasOwn(RANGES, name) ? RANGES[name] : undefined;
  if (range === undefined)
    throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no tamper threshold "${name}": ${Object.keys(RANGES).join(', ')}`); // prettier-ignore
  if (!Number.isInteger(value) || value < range[0] || value > range[1])
    throw new HalError(HalStatus.BAD_ARGUMENTS, `the tamper threshold ${name} is from ${range[0]} to ${range[1]}`);
  const thresholds = { ...configuration.thresholds, [name]: value };
  if (thresholds['temperature low'] >= thresholds['temperature high']) {
    const other = name === 'temperature low' ? 'temperature high' : 'temperature low';
    const message = `with ${name} ${value}, no temperature would be right (${other} is ${thresholds[other]}): set ${other} first`;
    throw new HalError(HalStatus.BAD_ARGUMENTS, message);
  }
  return { ...configuration, thresholds };
}

/** @throws HalError BAD_ARGUMENTS when the mask is not 8 bits */
export function withSensors(
  configuration: TamperConfiguration,
  change: 'enable' | 'disable',
  mask: number,
): TamperConfiguration {
  if (!Number.isInteger(mask) || mask < 0 || mask > 0xff)
    throw new HalError(HalStatus.BAD_ARGUMENTS, 'the mask of sensors is from 0 to 255');
  const { enabled } = configuration;
  return { ...configuration, enabled: change === 'enable' ? enabled | mask : enabled & ~mask };
}

/** One way in which readings can be wrong. */
export interface TamperCheck {
  readonly sensor: SensorName;
  readonly bit: number;
  /** Wrong in more samples than this, one after the other, is an event: single ones are noise. 0: at once, also between samples. */
  readonly debounce: number;
  /** `note`: a fault that clears nothing. `withhold`: the master key is kept and given to nobody as long as it lasts. */
  readonly effect: 'tamper' | 'note' | 'withhold';
  readonly isWrong: (readings: SensorReadings, thresholds: TamperConfiguration['thresholds']) => boolean;
  readonly value: (readings: SensorReadings) => number;
  /** "the case is open": goes into messages. */
  readonly words: string;
}

const strongest = ({ vibe }: SensorReadings): number => Math.max(Math.abs(vibe.x), Math.abs(vibe.y), Math.abs(vibe.z));

/** Numbers of samples as the tamper circuit of 2019 has them, but for the bus: there 200, which would take four seconds. */
export const CHECKS: readonly TamperCheck[] = [
  {
    sensor: 'case',
    bit: SensorBit.CASE,
    debounce: 0,
    effect: 'tamper',
    isWrong: ({ isCaseOpen }) => isCaseOpen,
    value: () => 1,
    words: 'the case is open',
  },
  {
    sensor: 'light',
    bit: SensorBit.LIGHT,
    debounce: 6,
    effect: 'tamper',
    isWrong: ({ light }, thresholds) => light > thresholds.light,
    value: ({ light }) => light,
    words: 'there is too much light',
  },
  {
    sensor: 'temperature',
    bit: SensorBit.TEMPERATURE,
    debounce: 25,
    effect: 'tamper',
    isWrong: ({ temperature }, thresholds) =>
      temperature < thresholds['temperature low'] || temperature > thresholds['temperature high'],
    value: ({ temperature }) => temperature,
    words: 'the temperature is out of its limits',
  },
  {
    sensor: 'vibe',
    bit: SensorBit.VIBE,
    debounce: 6,
    effect: 'tamper',
    isWrong: (readings, thresholds) => strongest(readings) > thresholds.vibe,
    value: strongest,
    words: 'it is being moved',
  },
  {
    sensor: 'bus',
    bit: SensorBit.BUS,
    debounce: 20,
    effect: 'tamper',
    isWrong: ({ busFailures }) => busFailures > 0,
    value: ({ busFailures }) => busFailures,
    words: 'sensors do not answer',
  },
  {
    sensor: 'line',
    bit: SensorBit.LOW_LINE,
    debounce: 100,
    effect: 'note',
    isWrong: ({ isLineLow }) => isLineLow,
    value: () => 1,
    words: 'the battery is low',
  },
  {
    sensor: 'battery',
    bit: SensorBit.LOW_LINE,
    debounce: 100,
    effect: 'withhold',
    isWrong: ({ isOnBattery }, thresholds) => thresholds.battery === 1 && isOnBattery,
    value: () => 1,
    words: 'it runs on its battery',
  },
];
