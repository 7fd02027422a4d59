import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { UpdateOutcome, UpdatePart } from '../appliance/appliance.ts';
import { applianceEvent } from '../appliance/events.ts';
import type { DeviceSupervision, UpdatePort } from '../appliance/parts.ts';
import { readUpdate, readUpdateKeys } from './signed-update.ts';
import { Slots } from './slots.ts';
import type { TarFile } from './tar.ts';
import { compareVersions, parseVersion } from './version.ts';

/*
 *   STATE/software/{a,b}, active.json           updates of the whole appliance
 *   STATE/parts/N/PART/{a,b}, active.json       what runs on device N: firmware, bootloader, fpga, tamper
 */

export interface UpdateStoreOptions {
  readonly state: string;
  /** PEM file of the keys that sign updates. */
  readonly keyFile: string;
  /** Version of the software that runs. */
  readonly version: string;
  /** Files of the parts that the running software brought. */
  readonly partFiles: Readonly<Record<UpdatePart, readonly string[]>>;
}

/** Takes signed updates, and installs the parts inside on the devices again. */
export class UpdateStore implements UpdatePort {
  readonly #options: UpdateStoreOptions;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #supervision: DeviceSupervision;
  #isBusy = false;

  constructor(
    options: UpdateStoreOptions,
    dependencies: { readonly disk: Disk; readonly log: Log; readonly supervision: DeviceSupervision },
  ) {
    this.#options = options;
    this.#disk = dependencies.disk;
    this.#log = dependencies.log;
    this.#supervision = dependencies.supervision;
  }

  install(octets: Uint8Array, { isOlderAllowed }: { readonly isOlderAllowed: boolean }): Promise<UpdateOutcome> {
    return this.#alone(async () => {
      const update = await readUpdate(octets, this.#keys());
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

  reinstall(part: UpdatePart): Promise<void> {
    return this.#alone(async () => {
      const files = this.#filesOf(part);
      for (const { index, name } of this.#supervision.devices) {
        const slots = partSlots(this.#options.state, index, part, this.#disk);
        slots.install(this.#options.version, files);
        slots.begin();
        try {
          await this.#supervision.restart(index);
        } catch (cause) {
          slots.rollBack();
          throw new SignetError(
            'UPDATE_PART',
            `${name} did not come up with the ${part} of ${this.#options.version} (${(cause as Error).message}): it has the one of before again`,
            { device: index, part },
            cause,
          );
        }
        slots.confirm();
        this.#log.write(applianceEvent.update(`${part} of ${this.#options.version} was installed on ${name}`));
      }
    });
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

  #filesOf(part: UpdatePart): readonly TarFile[] {
    const names = this.#options.partFiles[part];
    const files = names.map((file) => ({
      name: `${part}/${path.basename(file)}`,
      octets: this.#disk.read(file),
      file,
    }));
    const missing = files.find(({ octets }) => octets === undefined);
    if (missing !== undefined || files.length === 0)
      throw new SignetError(
        'UPDATE_PART',
        `this software brought no ${part} (${missing?.file ?? 'it has no file'}): nothing was changed`,
        { part },
      );
    return files.map(({ name, octets }) => ({ name, octets: octets! }));
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

export function partSlots(state: string, device: number, part: UpdatePart, disk: Disk): Slots {
  return new Slots(path.join(state, 'parts', String(device), part), disk);
}
