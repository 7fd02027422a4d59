import { HalStatus } from '../hal-status.ts';
import type { DeviceState } from './appliance.ts';

/** What decides whether the RPC port serves. */
export interface LockFacts {
  /** A wheel PIN was entered at a console since the start and since the last tamper event. */
  readonly isLoggedIn: boolean;
  /** All devices that were up had a master key when it was first so; it stays when one of them loses it later. */
  readonly devices: readonly Pick<DeviceState, 'name' | 'condition' | 'status' | 'watchdog'>[];
  /** It was open before: then one device without a master key does not stop the others. */
  readonly wasOpen: boolean;
}

export interface LockState {
  /** OK: open. Else what each call is answered. */
  readonly status: HalStatus;
  /** A sentence each: why, and what to do. */
  readonly why: readonly string[];
  /** A login of wheel at a console is (also) missing. */
  readonly needsLogin: boolean;
}

const LOG_IN = 'The HSM must be unlocked. Please login using the setup console.';

/** Diamond-HSM manual sections 2.3.1 and 2.4: locked after each start until one wheel login at the console, and a master key on each device. */
export function lockState(facts: LockFacts): LockState {
  const why: string[] = [];
  const statuses: HalStatus[] = [];
  const because = (status: HalStatus, text: string): void => {
    statuses.push(status);
    why.push(text);
  };
  const tampered = facts.devices.filter(isTampered);
  if (tampered.length > 0)
    because(
      HalStatus.TAMPER,
      `A tamper event was detected (${names(tampered)}). Secure the HSM, then log in at the console, use 'tamper reset' and enter the master key again.`,
    );
  const up = facts.devices.filter(({ condition }) => condition === 'up' || condition === 'tampered');
  if (up.length === 0)
    because(
      HalStatus.IO_OS_ERROR,
      'No device works. Wait 90 seconds; if that does not help, restart the HSM and look into its log.',
    );
  if (!facts.isLoggedIn) because(HalStatus.FORBIDDEN, LOG_IN);
  if (up.some(({ status }) => status?.hasDefaultPin === true))
    because(
      HalStatus.FORBIDDEN,
      // The status page shows this to everybody: it does not say that the PIN is the one of the factory.
      'The first set-up is not complete. Log in at the console as wheel, which tells what is missing.',
    );
  const without = up.filter((device) => !hasMasterKey(device));
  if (up.length > 0 && (without.length === up.length || (without.length > 0 && !facts.wasOpen)))
    because(
      HalStatus.MASTERKEY_NOT_SET,
      `The master key is not set on ${names(without)}. Enter it at the console with 'masterkey set'.`,
    );
  return { status: statuses[0] ?? HalStatus.OK, why, needsLogin: !facts.isLoggedIn };
}

export function isTampered({ condition, watchdog, status }: LockFacts['devices'][number]): boolean {
  return (
    condition === 'tampered' || (watchdog !== undefined && watchdog.tamper !== 'ok') || status?.isTampered === true
  );
}

/** The watchdog knows it first; without one the device's last word counts. */
export function hasMasterKey({ watchdog, status }: Pick<DeviceState, 'status' | 'watchdog'>): boolean {
  if (status?.masterKey === 'failed') return false;
  return (watchdog?.masterKey ?? status?.masterKey) === 'set';
}

/** What GET_HSM_STATE and the status page say of one device. */
export function deviceText(
  device: LockFacts['devices'][number],
  lock: LockState,
  underWay: { readonly operations: number; readonly isGenerating: boolean },
): string {
  if (device.watchdog?.tamper === 'latched')
    return 'WARNING - A tamper event has stopped. Please check the HSM and restart it.';
  if (isTampered(device)) return 'ERROR - Tamper detected';
  if (device.condition === 'starting') return 'Device not ready';
  if (device.condition === 'down') return 'Device failure. Try restarting the HSM.';
  if (lock.needsLogin) return LOG_IN;
  // Whoever has logged in must not be sent there again: what else is missing, `why` says.
  if (lock.status !== HalStatus.OK || !hasMasterKey(device)) return 'Device not ready';
  if (underWay.isGenerating) return 'Active - Generating a key';
  return underWay.operations > 0 ? 'Active - Busy' : 'Active - Ready';
}

function names(devices: readonly { readonly name: string }[]): string {
  return devices.map(({ name }) => name).join(', ');
}
