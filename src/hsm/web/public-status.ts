import type { ApplianceIdentity, ApplianceState, DeviceState } from '../appliance/appliance.ts';

/**
 * What anybody who reaches the web port may know, field by field: a field that the state gets later is not shown by
 * itself. No process ids, no thresholds of sensors, no names of keys.
 */
export interface PublicStatus {
  readonly identity: ApplianceIdentity;
  readonly stage: ApplianceState['stage'];
  /** Seconds since the stage began. */
  readonly since: number;
  readonly leds: ApplianceState['leds'];
  readonly isLocked: boolean;
  readonly whyLocked: readonly string[];
  readonly troubles: readonly string[];
  readonly address: string | undefined;
  readonly ports: ApplianceState['ports'];
  readonly fingerprint: string;
  readonly devices: readonly PublicDevice[];
}

export interface PublicDevice {
  readonly index: number;
  readonly condition: DeviceState['condition'];
  readonly text: string;
  readonly serial: string | undefined;
  readonly version: string | undefined;
  readonly masterKey: 'set' | 'not set' | 'failed' | 'unknown';
  readonly tamper: 'ok' | 'lasts' | 'latched' | 'unknown';
  /** Sensors of the event that is not reset. */
  readonly tamperedBy: readonly string[];
  readonly isArmed: boolean;
  readonly tokenKeys: number | undefined;
  readonly volatileKeys: number | undefined;
  readonly logins: number | undefined;
  readonly operations: Readonly<Record<string, number>>;
  /** Operations under way. */
  readonly busy: number;
}

export function publicStatus(identity: ApplianceIdentity, state: ApplianceState): PublicStatus {
  const { stage, since, leds, isLocked, whyLocked, troubles, address, ports, fingerprint, devices } = state;
  return {
    identity: { serial: identity.serial, version: identity.version, servername: identity.servername },
    stage,
    since,
    leds,
    isLocked,
    whyLocked,
    troubles,
    address,
    ports,
    fingerprint,
    devices: devices.map(publicDevice),
  };
}

function publicDevice({ index, condition, text, status, watchdog, busy }: DeviceState): PublicDevice {
  return {
    index,
    condition,
    text,
    serial: status?.serial,
    version: status?.version,
    // The watchdog has the key, and tells at once when it is gone; that it is the wrong one only the device knows.
    masterKey: status?.masterKey === 'failed' ? 'failed' : (watchdog?.masterKey ?? status?.masterKey ?? 'unknown'),
    tamper: watchdog?.tamper ?? (status?.isTampered === true ? 'latched' : 'unknown'),
    tamperedBy: [...new Set(watchdog?.faults.map(({ sensor }) => sensor))],
    isArmed: watchdog?.isArmed ?? false,
    tokenKeys: status?.tokenKeys,
    volatileKeys: status?.volatileKeys,
    logins: status?.logins,
    operations: status?.operations ?? {},
    busy,
  };
}
