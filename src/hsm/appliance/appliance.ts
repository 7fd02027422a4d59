import type { Role } from '../hal-constants.ts';
import type { Program } from '../device/device-program.ts';
import type { DeviceStatus } from '../device/crypto-device.ts';
import type { SensorReadings, ThresholdName, WatchdogStatus } from '../watchdog/watchdog.ts';
import type { Leds } from './leds.ts';
import type { SettingName, Settings } from './settings.ts';

/**
 * The appliance as its faces see it: console, status page, metrics, discovery. What it may not do rejects with HalError or
 * SignetError whose message is made for the person at the console.
 */
export interface Appliance {
  readonly identity: ApplianceIdentity;
  /** A new connection to a console: its rights begin with nothing. `peer` is an address. */
  openConsole(peer: string): Operator;

  getState(): ApplianceState;
  /** Called with each change of state, LEDs or devices. Returns what ends it. */
  watch(changed: (state: ApplianceState) => void): () => void;
}

export interface ApplianceIdentity {
  /** "1000-0002": in hsm.conf, mDNS, certificate and `show serial-number`. */
  readonly serial: string;
  /** "2026-11-21-01 - 1.2.3.4". */
  readonly version: string;
  /** TLS name, "dks-hsm". */
  readonly servername: string;
}

export interface ApplianceState {
  readonly stage: 'power on' | 'network' | 'probing' | 'starting' | 'ready' | 'shut down';
  readonly leds: Leds;
  readonly isLocked: boolean;
  /** Why it is locked and what to do, a sentence each; empty when it is not. */
  readonly whyLocked: readonly string[];
  /** What is wrong and does not lock it, with what to do, a sentence each. */
  readonly troubles: readonly string[];
  readonly devices: readonly DeviceState[];
  readonly address: string | undefined;
  readonly ports: { readonly rpc: number; readonly console: number; readonly web: number };
  readonly fingerprint: string;
  /** Seconds since each stage began, for the log and the page. */
  readonly since: number;
}

export interface DeviceState {
  readonly index: number;
  readonly name: string;
  readonly condition: 'starting' | 'up' | 'down' | 'tampered';
  /** As GET_HSM_STATE and the status page say it: "Active - Ready", ... */
  readonly text: string;
  /** As of the last answer; undefined: never answered. */
  readonly status: DeviceStatus | undefined;
  readonly watchdog: WatchdogStatus | undefined;
  /** Operations under way. */
  readonly busy: number;
  /** What its processes were started from, where that is known. */
  readonly programs?: Readonly<Partial<Record<UpdatePart, Program>>> | undefined;
}

/**
 * A person at a console. Rights: before `login` only what is said here; commands check the rights matrix (appliance/rights.ts); those
 * of the two-person rule ask `confirm` for the PINs of both roles first, where the setting asks for it.
 */
export interface Operator extends AsyncDisposable {
  readonly role: Role | undefined;
  /** @throws HalError PIN_INCORRECT (with the delay in the message), FORBIDDEN (role may not, locked out until when, PIN not initialised) */
  login(role: Role, pin: Uint8Array): Promise<LoginOutcome>;
  logout(): Promise<void>;
  /** Roles whose PINs must be entered anew before `command`, in that order: none, ["wheel"], or ["so", "wheel"] by the setting. */
  requiredFor(command: string): readonly Role[];
  /** One of them; the right to run `command` once, within a minute, begins with the last. @throws as login */
  confirm(command: string, role: Role, pin: Uint8Array): Promise<void>;

  // Each method names the console command whose rights it needs. @throws HalError FORBIDDEN without them
  setPin(role: Role, pin: Uint8Array): Promise<void>;
  liftLockOut(of: { readonly role?: Role; readonly peer?: string }): Promise<number>;
  listLockOuts(): Promise<readonly { readonly what: string; readonly failures: number; readonly until: number }[]>;

  masterKeyStatus(): Promise<readonly { readonly device: number; readonly status: string; readonly keptIn: string }[]>;
  /**
   * undefined: a random one, which is returned, once. All devices that are up get it, or none: `failed` says which device did not take it, and
   * why. Devices that are down are in `failed`, too, when the others have it.
   */
  setMasterKey(key: Uint8Array | undefined): Promise<{
    readonly isSet: boolean;
    readonly made: Uint8Array | undefined;
    /** Devices that have the key now. */
    readonly set: readonly number[];
    readonly failed: readonly { readonly device: number; readonly why: string }[];
  }>;
  eraseMasterKey(): Promise<void>;

  listKeys(): Promise<readonly { readonly device: number; readonly keys: readonly KeyLine[] }[]>;
  eraseKeystore(preservePins: boolean): Promise<void>;
  restore(preserve: { readonly pins: boolean; readonly keys: boolean }): Promise<void>;
  /** Compares the key tables of all devices and mirrors what should be mirrored; tells each step. */
  synchronize(tell: (line: string) => void): Promise<void>;
  /** From one device to another, at most `limit` keys (0: all). */
  copyKeys(from: number, to: number, limit: number, tell: (line: string) => void): Promise<number>;

  /** The backup under a KEKEK, in the vendor's JSON forms. */
  makeBackupSetup(device: number): Promise<Uint8Array>;
  exportBackup(device: number, setup: Uint8Array, tell: (line: string) => void): Promise<Uint8Array>;
  importBackup(device: number, backup: Uint8Array, tell: (line: string) => void): Promise<number>;

  getSettings(): Settings;
  setSetting(name: SettingName, value: string): Promise<{ readonly needsRestart: boolean }>;

  // Tamper, for one device or all.
  tamperStatus(): Promise<
    readonly { readonly device: number; readonly status: WatchdogStatus; readonly sensors: SensorReadings }[]
  >;
  testTamper(): Promise<void>;
  resetTamper(): Promise<void>;
  setThreshold(name: ThresholdName, value: number): Promise<void>;
  enableSensors(mask: number): Promise<void>;
  disableSensors(mask: number): Promise<void>;
  armTamper(): Promise<void>;

  /** Checks a signed update and installs it into the slot that is not in use. @throws SignetError UPDATE_... */
  installUpdate(octets: Uint8Array, options: { readonly isOlderAllowed: boolean }): Promise<UpdateOutcome>;
  /** "firmware", "bootloader", "fpga", "tamper": the part that is already inside, installed again. */
  reinstall(part: UpdatePart): Promise<void>;

  showLog(): AsyncIterable<string>;
  /** Lets the SYSTEM light blink red for some seconds, to find the appliance in its rack. */
  flashLeds(): Promise<void>;
  network(): NetworkView;
  shutDown(how: 'stop' | 'restart'): Promise<void>;
}

export interface LoginOutcome {
  /** It was the login that unlocked the HSM after a restart, or could have. */
  readonly isFirstSinceStart: boolean;
  readonly masterKeySet: boolean;
  readonly hasDefaultPin: boolean;
}

export interface KeyLine {
  readonly uuid: string;
  readonly type: string;
  readonly flags: number;
  readonly label: string;
}

export type UpdatePart = 'firmware' | 'bootloader' | 'fpga' | 'tamper';

export interface UpdateOutcome {
  readonly version: string;
  readonly previous: string;
  readonly parts: readonly string[];
}

export interface NetworkView {
  readonly address: string | undefined;
  readonly netmask: string | undefined;
  readonly gateway: string | undefined;
  readonly hardwareAddress: string | undefined;
  readonly mode: 'host' | 'dhcp' | 'static';
}
