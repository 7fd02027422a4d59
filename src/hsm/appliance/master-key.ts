import type { Clock } from '../../base/clock.ts';
import { secretCopy } from '../../base/secret-octets.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { SupervisedDevice } from './parts.ts';

/** What became of setting the master key of all devices. */
export interface MasterKeyOutcome {
  /** All devices that are up have it; false: nothing has changed. */
  readonly isSet: boolean;
  /** The random key, when one was made: shown once, then cleared by whoever shows it. */
  readonly made: Uint8Array | undefined;
  /** Devices that have the key now. */
  readonly set: readonly number[];
  /** Devices that do not, and why. */
  readonly failed: readonly { readonly device: number; readonly why: string }[];
}

/** Milliseconds between tries on a device that is busy: together the 45 seconds that Diamond-HSM manual section 4.2.3 asks a person to wait. */
const PAUSES = [250, 500, 1000, 2000, 4000, 8000, 14_000, 15_000];

/** What passes by itself. */
const PASSING: readonly HalStatus[] = [
  HalStatus.CORE_BUSY,
  HalStatus.IO_TIMEOUT,
  HalStatus.IO_OS_ERROR,
  HalStatus.NOT_READY,
  HalStatus.RPC_TRANSPORT,
];

/**
 * Sets the master key of all devices, or of none: a device that does not take it gives the others back the state of before, which is
 * having none. One that had the same key keeps it.
 * @param client logged in as wheel on the devices
 * @param key undefined: a random one
 */
export async function setMasterKeyOfAll(
  devices: readonly SupervisedDevice[],
  client: number,
  key: Uint8Array | undefined,
  clock: Clock,
): Promise<MasterKeyOutcome> {
  const up = devices.filter(({ condition }) => condition === 'up');
  const down = devices
    .filter(({ condition }) => condition !== 'up')
    .map(({ index, condition }) => ({ device: index, why: whyNot(condition) }));
  if (up.length === 0) return { isSet: false, made: undefined, set: [], failed: down };
  const fresh: Fresh[] = [];
  let made: Uint8Array | undefined;
  for (const device of up) {
    try {
      const before = await patiently(clock, () => checkValue(device));
      const answer = await patiently(clock, () => setOn(device, client, made ?? key));
      const after = await patiently(clock, () => checkValue(device));
      if (before !== after) fresh.push({ device, hadOther: before !== undefined });
      made ??= key === undefined ? answer : undefined;
      if (key === undefined && made === undefined)
        throw new HalError(HalStatus.MASTERKEY_FAIL, 'it made no key and told no reason');
    } catch (error) {
      const kept = await takeBack(fresh, client);
      made?.fill(0);
      const failed = [{ device: device.index, why: (error as Error).message }, ...kept, ...down];
      return {
        isSet: false,
        made: undefined,
        set: kept.filter(({ hasNew }) => hasNew).map((one) => one.device),
        failed,
      };
    }
  }
  return { isSet: true, made, set: up.map(({ index }) => index), failed: down };
}

function whyNot(condition: SupervisedDevice['condition']): string {
  return condition === 'tampered'
    ? "it was tampered with: end that with 'tamper reset', then use 'masterkey set' with the same key"
    : `it is ${condition}: use 'masterkey set' with the same key when it is back`;
}

/** A device that has the new key, and had none or, without keys under it, another one. */
interface Fresh {
  readonly device: SupervisedDevice;
  readonly hadOther: boolean;
}

async function takeBack(
  fresh: readonly Fresh[],
  client: number,
): Promise<{ readonly device: number; readonly why: string; readonly hasNew: boolean }[]> {
  const failed: { readonly device: number; readonly why: string; readonly hasNew: boolean }[] = [];
  for (const { device, hadOther } of fresh)
    try {
      await device.device.eraseMasterKey(client);
      if (hadOther)
        failed.push({
          device: device.index,
          why: 'it has no master key now: no key was under the one that it had',
          hasNew: false,
        });
    } catch (error) {
      const why = `it has the new key and could not be made to forget it (${(error as Error).message}): use 'masterkey erase'`;
      failed.push({ device: device.index, why, hasNew: true });
    }
  return failed;
}

/** Tells master keys apart; undefined: none is set. */
async function checkValue({ watchdog }: SupervisedDevice): Promise<string | undefined> {
  if ((await watchdog.getStatus()).masterKey !== 'set') return undefined;
  return Buffer.from(await watchdog.getCheckValue()).toString('hex');
}

/** Tries again what may be over in a moment. */
async function patiently<T>(clock: Clock, work: () => Promise<T>): Promise<T> {
  for (const pause of PAUSES) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof HalError) || !PASSING.includes(error.status)) throw error;
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  }
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HalError) || !PASSING.includes(error.status)) throw error;
    throw new HalError(error.status, `${error.message}; wait about 45 seconds and try again`, error.facts, error);
  }
}

/** Callees may clear what they are given, and it is needed again. */
async function setOn(
  { device }: SupervisedDevice,
  client: number,
  key: Uint8Array | undefined,
): Promise<Uint8Array | undefined> {
  const copy = key && secretCopy(key);
  try {
    return await device.setMasterKey(client, copy);
  } finally {
    copy?.fill(0);
  }
}
