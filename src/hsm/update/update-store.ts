import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { UpdateOutcome, UpdatePart } from '../appliance/appliance.ts';
import { applianceEvent } from '../appliance/events.ts';
import type { DeviceSupervision, UpdatePort } from '../appliance/parts.ts';
import type { DeviceParts } from './device-parts.ts';
import { requireEntries } from './part-entries.ts';
import { readUpdate, readUpdateKeys } from './signed-update.ts';
import { Slots } from './slots.ts';
import { compareVersions, parseVersion } from './version.ts';

/*
 *   STATE/software/{a,b}, active.json           updates of the whole appliance
 *   STATE/parts/N/PART/{a,b}, active.json       what device N is started from: firmware, bootloader, fpga, tamper (device-parts.ts)
 */

export interface UpdateStoreOptions {
  readonly state: string;
  /** PEM file of the keys that sign updates. */
  readonly keyFile: string;
  /** Version of the software that runs. */
  readonly version: string;
}

/** Takes signed updates, and installs the parts inside on the devices again. */
export class UpdateStore implements UpdatePort {
  readonly #options: UpdateStoreOptions;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #supervision: DeviceSupervision;
  readonly #parts: DeviceParts;
  readonly #serving: () => Promise<void>;
  #isBusy = false;

  constructor(
    options: UpdateStoreOptions,
    dependencies: {
      readonly disk: Disk;
      readonly log: Log;
      readonly supervision: DeviceSupervision;
      readonly parts: DeviceParts;
      /** Resolves when the devices whose processes are up serve again. */
      readonly serving: () => Promise<void>;
    },
  ) {
    this.#options = options;
    this.#disk = dependencies.disk;
    this.#log = dependencies.log;
    this.#supervision = dependencies.supervision;
    this.#parts = dependencies.parts;
    this.#serving = dependencies.serving;
  }

  install(octets: Uint8Array, { isOlderAllowed }: { readonly isOlderAllowed: boolean }): Promise<UpdateOutcome> {
    return this.#alone(async () => {
      const update = await readUpdate(octets, this.#keys());
      requireEntries(update.files);
      const { version } = update.manifest;
      const now = parseVersion(this.#options.version);
      const next = parseVersion(version);
      if (now !== undefined && next !== undefined && compareVersions(next, now) <= 0 && !isOlderAllowed)
        throw new SignetError(
          'UPDATE_OLDER',
          `the update has version ${version}, and ${this.#options.version} runs: it is not newer; confirm that it is wanted`,
          { version, running: this.#options.version },
        );
      const slot = softwareSlots(this.#options.state, this.#disk).install(version, update.files);
      this.#log.write(
        applianceEvent.update(`update ${version} (${update.parts.join(', ')}) is in slot ${slot}; a restart begins it`),
      );
      return { version, previous: this.#options.version, parts: update.parts };
    });
  }

  /** One device after the other, so that the others go on. A watchdog takes its new program at its next start: it has the master key now. */
  reinstall(part: UpdatePart): Promise<void> {
    return this.#alone(async () => {
      const version = this.#parts.versionOf(part);
      for (const { index, name } of this.#supervision.devices) {
        this.#parts.install(index, part);
        if (part !== 'tamper') await this.#restart(index, name, `${part} of ${version}`);
        this.#log.write(applianceEvent.update(`${part} of ${version} was installed on ${name}`));
      }
    });
  }

  /** The start itself goes back to what was there before when this does not come up. */
  async #restart(index: number, name: string, what: string): Promise<void> {
    try {
      await this.#supervision.restart(index);
      await this.#serving();
    } catch (cause) {
      throw new SignetError(
        'UPDATE_PART',
        `${name} did not come up with the ${what} (${(cause as Error).message}): it is started with the one of before; the devices after it were left as they are`,
        { device: index },
        cause,
      );
    }
  }

  #keys(): ReturnType<typeof readUpdateKeys> {
    const file = this.#options.keyFile;
    const octets = this.#disk.read(file);
    if (octets === undefined)
      throw new SignetError(
        'UPDATE_KEY',
        `this HSM trusts nobody's updates: there is no file ${file}; put the public key (PEM) of whoever signs updates into it`,
        { file },
      );
    return readUpdateKeys(Buffer.from(octets).toString('latin1'), file);
  }

  /** One installation at a time: two would write into the same slot. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) throw new SignetError('UPDATE_BUSY', 'another update is being installed: wait until it is done');
    this.#isBusy = true;
    try {
      return await work();
    } finally {
      this.#isBusy = false;
    }
  }
}

export function softwareSlots(state: string, disk: Disk): Slots {
  return new Slots(path.join(state, 'software'), disk);
}
