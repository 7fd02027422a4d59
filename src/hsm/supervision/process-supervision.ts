import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Log } from '../../base/log.ts';
import type { DeviceSupervision, SupervisedDevice } from '../appliance/parts.ts';
import type { DevicePrograms } from '../device/device-program.ts';
import type { ScryptCost } from '../device/pin-hash.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { runDirectory } from '../state-directory.ts';
import { DeviceKeeper } from './device-keeper.ts';

export interface SupervisionOptions {
  /** Everything the HSM keeps is under it. */
  readonly stateDirectory: string;
  /** Devices, from 1 on. */
  readonly count: number;
  /** Watchdogs outlive hsmd, and the master key with them. */
  readonly battery: boolean;
  readonly memory: 'process' | 'kernel keyring';
  /** Of PIN hashes made from now on; undefined: the default, which is strong. */
  readonly scrypt?: ScryptCost | undefined;
  /** Milliseconds without an answer after which a process hangs. Default 15,000. */
  readonly hungAfter?: number | undefined;
  /** Milliseconds before a process is started again the first time. Default 250. */
  readonly firstPause?: number | undefined;
}

export interface SupervisionDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  /** What devices are started from; undefined: what lies beside this program. */
  readonly programs?: DevicePrograms | undefined;
}

/** Devices and watchdogs as processes: each is started again by itself when it ends or hangs. */
export class ProcessSupervision implements DeviceSupervision, AsyncDisposable {
  readonly devices: readonly SupervisedDevice[];
  readonly #keepers: readonly DeviceKeeper[];
  readonly #watchers = new Set<(index: number) => void>();
  readonly #options: SupervisionOptions;
  readonly #disk: Disk;

  constructor(options: SupervisionOptions, dependencies: SupervisionDependencies) {
    this.#options = options;
    this.#disk = dependencies.disk;
    this.#keepers = Array.from(
      { length: options.count },
      (_, index) => new DeviceKeeper({ ...options, state: options.stateDirectory, index }, dependencies),
    );
    this.devices = this.#keepers;
    for (const keeper of this.#keepers)
      keeper.onChange = () => {
        for (const changed of this.#watchers) changed(keeper.index);
      };
  }

  /**
   * Resolves when every device is up or could not be started; the latter is tried again.
   * @throws SignetError STATE_DIRECTORY, DiskError
   */
  async start(): Promise<void> {
    runDirectory(this.#options.stateDirectory, this.#disk);
    await Promise.all(this.#keepers.map((keeper) => keeper.start()));
  }

  watch(changed: (index: number) => void): () => void {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  }

  async restart(index: number): Promise<void> {
    const keeper = this.#keepers[index];
    if (!keeper) throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no device ${index}`, { index });
    await keeper.restart();
  }

  /** Devices end; watchdogs too, unless they have a battery. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watchers.clear();
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
  }
}
