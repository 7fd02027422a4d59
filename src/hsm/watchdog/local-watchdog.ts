import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Log, Severity } from '../../base/log.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { endDevice, type GuardedDevice, type ProcessTable } from './guarded-device.ts';
import { deriveKey, MASTER_KEY_OCTETS, unwrapKey, wrapKey, type MasterKeyMemory } from './master-key.ts';
import type { Sensors, SensorValue } from './sensors.ts';
import { TamperCircuit } from './tamper-circuit.ts';
import { DEFAULT_CONFIGURATION, withSensors, withThreshold, type TamperConfiguration } from './tamper-limits.ts';
import { readTamperRecord, writeRecord } from './watchdog-files.ts';
import type { SensorName, SensorReadings, TamperFault, ThresholdName, Watchdog, WatchdogStatus } from './watchdog.ts';

export interface LocalWatchdogOptions {
  /** "watchdog of device 0": in messages. */
  readonly name: string;
  /** Where thresholds, what is armed and the event that is not reset are kept; undefined: nowhere (tests). */
  readonly recordFile?: string;
  /** In `getStatus`: the process's own id when it is one. */
  readonly pid?: number;
  readonly device?: GuardedDevice;
}

export interface LocalWatchdogDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly memory: MasterKeyMemory;
  readonly sensors: Sensors;
  readonly processes: ProcessTable;
  /** After the master key was cleared, or a device registered: all that must happen at once has happened. */
  readonly onCleared?: () => void;
  readonly onRegistered?: (device: GuardedDevice) => void;
}

/** The watchdog in this process: what a watchdog process is made of, and what tests use. */
export class LocalWatchdog implements Watchdog {
  readonly #name: string;
  readonly #recordFile: string | undefined;
  readonly #pid: number | undefined;
  #device: GuardedDevice | undefined;
  readonly #circuit: TamperCircuit;
  readonly #watchers = new Set<(status: WatchdogStatus) => void>();
  readonly #dependencies: LocalWatchdogDependencies;

  constructor(options: LocalWatchdogOptions, dependencies: LocalWatchdogDependencies) {
    this.#name = options.name;
    this.#recordFile = options.recordFile;
    this.#pid = options.pid;
    this.#device = options.device;
    this.#dependencies = dependencies;
    const { clock, sensors } = dependencies;
    this.#circuit = new TamperCircuit(this.#recorded(), {
      clock,
      sensors,
      onEvent: (fault, words) => this.#onEvent(fault, words),
      onChange: () => this.#changed(),
    });
    // Kept over a restart in the kernel's keyring, while an event came between: it must not come back.
    if (this.#circuit.tamper !== 'ok') this.#dependencies.memory.clear();
    this.#circuit.start();
  }

  getStatus(): Promise<WatchdogStatus> {
    return Promise.resolve(this.#status());
  }

  registerDevice(pid: number): Promise<void> {
    return now(() => {
      const identity = this.#dependencies.processes.identity(pid);
      if (identity === undefined)
        throw new HalError(HalStatus.BAD_ARGUMENTS, `${this.#name}: there is no process ${pid} to watch`, { pid });
      if (pid === this.#pid)
        throw new HalError(HalStatus.BAD_ARGUMENTS, `${this.#name}: a watchdog is not its own device`, { pid });
      this.#device = { pid, identity };
      this.#dependencies.onRegistered?.(this.#device);
    });
  }

  setMasterKey(key: Uint8Array): Promise<void> {
    return now(() => {
      if (key.length !== MASTER_KEY_OCTETS)
        throw new HalError(HalStatus.MASTERKEY_BAD_LENGTH, `the master key has ${MASTER_KEY_OCTETS} octets, not ${key.length}`); // prettier-ignore
      this.#refuseWhenTampered();
      this.#dependencies.memory.set(key);
      this.#tell('notice', 'the master key was set');
      this.#changed();
    });
  }

  eraseMasterKey(): Promise<void> {
    return now(() => {
      this.#dependencies.memory.clear();
      this.#tell('notice', 'the master key was erased');
      this.#changed();
      this.#dependencies.onCleared?.();
    });
  }

  getCheckValue(key?: Uint8Array): Promise<Uint8Array> {
    return now(() => {
      if (key === undefined) return this.#withKey((set) => deriveKey(set, CHECK_VALUE_INFO, 16));
      if (key.length === MASTER_KEY_OCTETS) return deriveKey(key, CHECK_VALUE_INFO, 16);
      throw new HalError(HalStatus.MASTERKEY_BAD_LENGTH, `a master key has ${MASTER_KEY_OCTETS} octets, not ${key.length}`); // prettier-ignore
    });
  }

  wrap(plain: Uint8Array): Promise<Uint8Array> {
    return now(() => this.#withKey((key) => wrapKey(key, plain)));
  }

  unwrap(wrapped: Uint8Array): Promise<Uint8Array> {
    return now(() => this.#withKey((key) => unwrapKey(key, wrapped)));
  }

  getKeystoreKey(): Promise<Uint8Array> {
    return now(() => this.#withKey((key) => deriveKey(key, KEYSTORE_INFO, 32)));
  }

  readSensors(): Promise<SensorReadings> {
    return now(() => {
      const readings = this.#circuit.read();
      if (readings !== undefined) return readings;
      throw new HalError(HalStatus.IO_UNEXPECTED, `${this.#name}: its sensors do not answer: check their cable and card`); // prettier-ignore
    });
  }

  setThreshold(name: ThresholdName, value: number): Promise<void> {
    return now(() => this.#configure(withThreshold(this.#circuit.configuration, name, value)));
  }

  enableSensors(mask: number): Promise<void> {
    return now(() => this.#configure(withSensors(this.#circuit.configuration, 'enable', mask)));
  }

  disableSensors(mask: number): Promise<void> {
    return now(() => this.#configure(withSensors(this.#circuit.configuration, 'disable', mask)));
  }

  arm(): Promise<void> {
    return now(() => this.#configure({ ...this.#circuit.configuration, isArmed: true }));
  }

  testTamper(): Promise<void> {
    return now(() => this.#circuit.test());
  }

  resetTamper(): Promise<void> {
    return now(() => {
      this.#circuit.reset();
      // A crash here begins latched again, which is no worse than before.
      this.#record();
      this.#tell('notice', 'the tamper event was reset');
    });
  }

  setSensor(name: SensorName, value: SensorValue): Promise<void> {
    return now(() => this.#dependencies.sensors.set(name, value));
  }

  watch(changed: (status: WatchdogStatus) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#circuit[Symbol.dispose]();
    this.#watchers.clear();
    // A key in the kernel's keyring is to outlive this process.
    if (this.#dependencies.memory.keptIn === 'process') this.#dependencies.memory.clear();
    return Promise.resolve();
  }

  /** First what cannot wait, in the order of its weight; then what may fail. */
  #onEvent(fault: TamperFault, words: string): void {
    const failures: string[] = [];
    const attempt = (what: string, step: () => void): void => {
      try {
        step();
      } catch (cause) {
        failures.push(`${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    };
    attempt('clearing the master key', () => this.#dependencies.memory.clear());
    const device = this.#device;
    this.#device = undefined;
    if (device !== undefined)
      attempt(`ending its device, process ${device.pid},`, () => void endDevice(device, this.#dependencies.processes));
    attempt('keeping the event', () => this.#record(fault));
    this.#tell(
      'critical',
      `TAMPER: ${words} (sensor ${fault.sensor}, value ${fault.value}); the master key was cleared`,
    );
    for (const failure of failures) this.#tell('critical', failure);
    this.#dependencies.onCleared?.();
  }

  #withKey<T>(work: (key: Uint8Array) => T): T {
    this.#refuseWhenTampered();
    if (this.#circuit.isWithheld)
      throw new HalError(HalStatus.MASTERKEY_FAIL, `${this.#name}: the HSM runs on its battery and gives the master key to nobody until mains power is back`); // prettier-ignore
    return this.#dependencies.memory.use(work);
  }

  #refuseWhenTampered(): void {
    const { tamper, faults } = this.#circuit;
    if (tamper === 'ok') return;
    const sensors = [...new Set(faults.map(({ sensor }) => sensor))].join(', ');
    const message = `${this.#name}: tamper event (${sensors}), which ${tamper === 'lasts' ? 'still lasts' : 'is over'}: reset it at the console (tamper reset), then enter the master key`; // prettier-ignore
    throw new HalError(HalStatus.TAMPER, message);
  }

  /** Durable before it is obeyed, but for what arms it: that may only be too early. */
  #configure(configuration: TamperConfiguration): void {
    this.#record(undefined, configuration);
    this.#circuit.configure(configuration);
  }

  #record(fault?: TamperFault, configuration = this.#circuit.configuration): void {
    if (this.#recordFile === undefined) return;
    const { faults } = this.#circuit;
    const all = fault === undefined || faults.includes(fault) ? faults : [...faults, fault];
    writeRecord(this.#recordFile, this.#dependencies.disk, { configuration, faults: all });
  }

  #recorded(): { configuration: TamperConfiguration; faults: readonly TamperFault[] } {
    if (this.#recordFile === undefined) return { configuration: DEFAULT_CONFIGURATION, faults: [] };
    const { disk, clock } = this.#dependencies;
    const { record, fault } = readTamperRecord(this.#recordFile, disk, clock.now());
    if (fault !== undefined)
      this.#tell('critical', `${this.#recordFile} cannot be used (${fault}): taken for tampering. Reset it at the console, then check all thresholds`); // prettier-ignore
    return record;
  }

  #status(): WatchdogStatus {
    const { tamper, configuration, faults } = this.#circuit;
    const { memory } = this.#dependencies;
    return {
      pid: this.#pid,
      masterKey: memory.isSet() ? 'set' : 'not set',
      tamper,
      isArmed: configuration.isArmed,
      enabledSensors: configuration.enabled,
      thresholds: configuration.thresholds,
      faults,
      keptIn: memory.keptIn,
    };
  }

  #changed(): void {
    if (this.#watchers.size === 0) return;
    const status = this.#status();
    for (const changed of this.#watchers) changed(status);
  }

  #tell(severity: Severity, text: string): void {
    this.#dependencies.log.write({ severity, category: 'general', text: `${this.#name}: ${text}` });
  }
}

const CHECK_VALUE_INFO = 'signet master key check';
const KEYSTORE_INFO = 'signet keystore';

/** What throws, rejects. */
function now<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
