import type { Disk } from '../../base/disk.ts';
import { QUIET } from './sensors.ts';
import { DEFAULT_CONFIGURATION, withSensors, withThreshold, type TamperConfiguration } from './tamper-limits.ts';
import type { GuardedDevice } from './guarded-device.ts';
import { SensorBit, type SensorReadings, type TamperFault, type ThresholdName } from './watchdog.ts';

/** Durable: what an operator set, and the event that was not reset. Never a key. */
export interface TamperRecord {
  readonly configuration: TamperConfiguration;
  readonly faults: readonly TamperFault[];
}

/** What is of use only while the host runs: what the simulated sensors show, and whom to kill. */
export interface RunRecord {
  readonly sensors: SensorReadings;
  readonly device: GuardedDevice | undefined;
}

/**
 * Nothing written yet: the defaults. A file that cannot be read or understood fails closed: armed, with an event of an unknown sensor
 * that somebody has to reset.
 */
export function readTamperRecord(file: string, disk: Disk, now: number): { record: TamperRecord; fault?: string } {
  try {
    const octets = disk.read(file);
    if (octets === undefined) return { record: { configuration: DEFAULT_CONFIGURATION, faults: [] } };
    return { record: tamperRecord(JSON.parse(Buffer.from(octets).toString('utf8')) as Untrusted<TamperRecord>) };
  } catch (cause) {
    const unknown: TamperFault = { sensor: 'unknown', bit: SensorBit.UNKNOWN, value: 0, at: now };
    return {
      record: { configuration: { ...DEFAULT_CONFIGURATION, isArmed: true }, faults: [unknown] },
      fault: cause instanceof Error ? cause.message : String(cause),
    };
  }
}

/** @throws DiskError */
export function writeRecord(file: string, disk: Disk, record: TamperRecord | RunRecord): void {
  disk.replace(file, Buffer.from(`${JSON.stringify(record)}\n`), 0o600);
}

/** What cannot be read is as if nothing was written: sensors show what they show anew, a device registers again. */
export function readRunRecord(file: string, disk: Disk): RunRecord {
  try {
    const octets = disk.read(file);
    if (octets !== undefined) return JSON.parse(Buffer.from(octets).toString('utf8')) as RunRecord;
  } catch {
    // As said above.
  }
  return { sensors: QUIET, device: undefined };
}

type Untrusted<T> = { readonly [K in keyof T]?: unknown } | null | undefined;

function tamperRecord(value: Untrusted<TamperRecord>): TamperRecord {
  const { thresholds, enabled, isArmed } = (value?.configuration ?? {}) as Partial<TamperConfiguration>;
  if (thresholds === undefined || typeof isArmed !== 'boolean') throw new Error('it does not have what it should have');
  let configuration: TamperConfiguration = {
    thresholds: { ...DEFAULT_CONFIGURATION.thresholds, 'temperature low': 0, 'temperature high': 255 },
    enabled: 0,
    isArmed,
  };
  configuration = withSensors(configuration, 'enable', enabled as number);
  for (const name of Object.keys(DEFAULT_CONFIGURATION.thresholds) as ThresholdName[])
    configuration = withThreshold(configuration, name, thresholds[name]);
  const faults = value?.faults;
  if (!Array.isArray(faults) || !faults.every(isFault)) throw new Error('its list of faults is not one');
  return { configuration, faults };
}

function isFault(value: unknown): value is TamperFault {
  const fault = value as Partial<TamperFault> | null;
  return typeof fault?.sensor === 'string' && [fault.bit, fault.value, fault.at].every(Number.isFinite);
}
