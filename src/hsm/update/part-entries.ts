import { SignetError } from '../../base/error.ts';
import type { UpdatePart } from '../appliance/appliance.ts';
import type { TarFile } from './tar.ts';

/** In an update, and in a device's slot: the file of each part that is started or loaded. */
export const PART_ENTRIES: Readonly<Record<UpdatePart | 'software', string>> = {
  software: 'software/hsmd.js',
  firmware: 'firmware/device-process.js',
  bootloader: 'bootloader/boot-process.js',
  fpga: 'fpga/hsm.node',
  tamper: 'tamper/watchdog-process.js',
};

/** @throws SignetError UPDATE_PART: a part has files, and not the one that is started */
export function requireEntries(files: readonly TarFile[]): void {
  for (const [part, entry] of Object.entries(PART_ENTRIES)) {
    const own = files.filter(({ name }) => name.startsWith(`${part}/`));
    if (own.length > 0 && !own.some(({ name }) => name === entry))
      throw new SignetError(
        'UPDATE_PART',
        `the update has a part '${part}' without ${entry}, which is what is started of it: nothing was changed`,
        { part, entry },
      );
  }
}
