/**
 * The tamper circuit of one device: a process apart that owns the master key memory and the sensors. It goes on when the device
 * hangs, and when the appliance restarts ("battery"); it is gone with the host. A tamper event clears the master key and ends the device's process
 * (which may hold unwrapped keys), within a second, and stays until it is reset.
 *
 * Rejects with HalError: TAMPER while an event lasts or is not reset, MASTERKEY_NOT_SET, MASTERKEY_BAD_LENGTH.
 */
export interface Watchdog extends AsyncDisposable {
  getStatus(): Promise<WatchdogStatus>;

  /** Of a device that has started: it is killed on tamper. The last registration counts. */
  registerDevice(pid: number): Promise<void>;

  // Master key memory
  setMasterKey(key: Uint8Array): Promise<void>;
  eraseMasterKey(): Promise<void>;
  /** 16 octets that tell whether a key is the one before, and nothing else about it (of `key`, else of the one that is set). */
  getCheckValue(key?: Uint8Array): Promise<Uint8Array>;
  /** AES-256 key wrap with padding, RFC 5649, under the master key. */
  wrap(plain: Uint8Array): Promise<Uint8Array>;
  /** @throws HalError KEYWRAP_BAD_MAGIC, KEYWRAP_BAD_LENGTH, KEYWRAP_BAD_PADDING */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array>;
  /** Derived from the master key (HKDF-SHA-256, info "signet keystore"): authenticates what the keystore has beside wrapped keys. 32 octets. */
  getKeystoreKey(): Promise<Uint8Array>;

  // Tamper
  readSensors(): Promise<SensorReadings>;
  /** @throws HalError BAD_ARGUMENTS when a value is out of range */
  setThreshold(name: ThresholdName, value: number): Promise<void>;
  /** Bits of SensorBit. */
  enableSensors(mask: number): Promise<void>;
  disableSensors(mask: number): Promise<void>;
  /** Begins to watch (config 85); before that no sensor clears anything. */
  arm(): Promise<void>;
  /** Raises a tamper event as a sensor would. */
  testTamper(): Promise<void>;
  /** @throws HalError TAMPER while a sensor still sees it: the message names it */
  resetTamper(): Promise<void>;
  /** What a sensor shows from now on: the simulator's side, `hsmd sensor`. */
  setSensor(
    name: SensorName,
    value: number | { readonly x: number; readonly y: number; readonly z: number },
  ): Promise<void>;
  /** Called with each change of status (tamper, key set or erased, faults). Returns what ends it. */
  watch(changed: (status: WatchdogStatus) => void): () => void;
}

/** light, temperature and vibe are numbers (vibe: per axis); case is 1 when open; line is 1 when low; battery is 1 when on it; bus counts sensors that do not answer. */
export type SensorName = 'light' | 'temperature' | 'vibe' | 'case' | 'line' | 'battery' | 'bus';
export type ThresholdName = 'light' | 'temperature low' | 'temperature high' | 'vibe' | 'battery';
export const SensorBit = {
  LIGHT: 0x01,
  TEMPERATURE: 0x02,
  VIBE: 0x04,
  CASE: 0x08,
  /** The chip that reads the sensors does not answer. */
  BUS: 0x10,
  LOW_LINE: 0x20,
  USART: 0x40,
  UNKNOWN: 0x80,
} as const;

export interface SensorReadings {
  readonly light: number;
  readonly temperature: number;
  readonly vibe: { readonly x: number; readonly y: number; readonly z: number };
  readonly isCaseOpen: boolean;
  readonly isLineLow: boolean;
  readonly isOnBattery: boolean;
  readonly busFailures: number;
}

export interface TamperFault {
  readonly sensor: SensorName | 'test' | 'unknown';
  /** Of SensorBit. */
  readonly bit: number;
  readonly value: number;
  /** Unix time. */
  readonly at: number;
}

export interface WatchdogStatus {
  readonly pid: number | undefined;
  readonly masterKey: 'set' | 'not set';
  /** `lasts`: a sensor still sees it; `latched`: it is over and not reset. */
  readonly tamper: 'ok' | 'lasts' | 'latched';
  readonly isArmed: boolean;
  readonly enabledSensors: number;
  readonly thresholds: Readonly<Record<ThresholdName, number | undefined>>;
  /** Oldest first, at most 6: those of the event that is not reset. */
  readonly faults: readonly TamperFault[];
  readonly keptIn: 'process' | 'kernel keyring';
}
