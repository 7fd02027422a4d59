/** Where the parts of the devices come from: the update that runs, or the package. */
import fs from 'node:fs';
import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import type { UpdatePart } from '../hsm/appliance/appliance.ts';
import type { PartSource, PartSources } from '../hsm/update/device-parts.ts';
import { PART_ENTRIES } from '../hsm/update/part-entries.ts';
import type { TarFile } from '../hsm/update/tar.ts';

/** Beside hsmd, as `npm run build` makes it, and in a checkout from its root. */
const PLACES: Readonly<Record<UpdatePart, readonly [built: string, checkout: string]>> = {
  firmware: ['device-process.js', 'src/hsm/device/device-process.ts'],
  bootloader: ['boot-process.js', 'src/hsm/supervision/boot-process.ts'],
  fpga: ['native/hsm.node', '.build/native/hsm.node'],
  tamper: ['watchdog-process.js', 'src/hsm/watchdog/watchdog-process.ts'],
};

export interface PackageFacts {
  /** Of the package: hsmd.js, or hsmd.ts in a checkout. */
  readonly entry: string;
  readonly version: string;
}

/**
 * @param update the slot of the update that runs; undefined: the package runs
 */
export function partSources(
  { entry: hsmd, version }: PackageFacts,
  update: { readonly directory: string; readonly version: string } | undefined,
  disk: Disk,
): PartSources {
  const source = (part: UpdatePart): PartSource => {
    const inPackage = packagePart(hsmd, part);
    const brought = update && updatePart(update.directory, part, disk);
    if (update === undefined || brought === undefined)
      return { version, isPackage: true, ...inPackage, inPackage: { file: inPackage.file, version } };
    return { version: update.version, isPackage: false, ...brought, inPackage: { file: inPackage.file, version } };
  };
  return {
    firmware: source('firmware'),
    bootloader: source('bootloader'),
    fpga: source('fpga'),
    tamper: source('tamper'),
  };

  function packagePart(
    from: string,
    part: UpdatePart,
  ): { readonly file: string; readonly entry: string; readonly files: () => readonly TarFile[] } {
    const [built, checkout] = PLACES[part];
    if (!from.endsWith('.ts') || part === 'fpga') {
      const root = from.endsWith('.ts') ? checkoutOf(from) : path.dirname(from);
      const file = path.join(root, from.endsWith('.ts') ? checkout : built);
      const name = PART_ENTRIES[part];
      return { file, entry: name, files: () => [{ name, octets: mustRead(file, part, disk) }] };
    }
    const root = checkoutOf(from);
    return {
      file: path.join(root, checkout),
      entry: `${part}/${checkout}`,
      files: () =>
        ['package.json', ...sourceFiles(root, checkout)].map((name) => ({
          name: `${part}/${name}`,
          octets: mustRead(path.join(root, name), part, disk),
        })),
    };
  }
}

/** The part's own folder, else what lies beside the update's hsmd; undefined: the update has it in neither place. */
function updatePart(
  directory: string,
  part: UpdatePart,
  disk: Disk,
): { readonly entry: string; readonly files: () => readonly TarFile[] } | undefined {
  const entry = PART_ENTRIES[part];
  const read = (names: readonly (readonly [name: string, file: string])[]) => () =>
    names.map(([name, file]) => ({ name, octets: mustRead(path.join(directory, file), part, disk) }));
  if (disk.facts(path.join(directory, entry)) !== undefined)
    return { entry, files: read(filesUnder(directory, part, disk).map((name) => [name, name])) };
  const beside = path.join('software', PLACES[part][0]);
  if (disk.facts(path.join(directory, beside)) === undefined) return undefined;
  return { entry, files: read([[entry, beside]]) };
}

function filesUnder(root: string, directory: string, disk: Disk): string[] {
  return (disk.list(path.join(root, directory)) ?? []).flatMap((one) => {
    const name = `${directory}/${one}`;
    return disk.facts(path.join(root, name))?.isDirectory === true ? filesUnder(root, name, disk) : [name];
  });
}

/** What is between ROOT and src/daemon/hsmd.ts. */
function checkoutOf(hsmd: string): string {
  return path.resolve(path.dirname(hsmd), '../..');
}

/** In a checkout there are no bundles: the file and all that it imports, by names from the root. */
function sourceFiles(root: string, entry: string): readonly string[] {
  const found = new Set([entry]);
  for (const name of found) {
    const text = fs.readFileSync(path.join(root, name), 'utf8');
    for (const [, specifier] of text.matchAll(IMPORTS)) found.add(path.posix.join(path.posix.dirname(name), specifier));
  }
  return [...found];
}

/** Imports and re-exports of files, but for those of types alone. */
const IMPORTS = /^(?:import (?!type )[^;]*?|export [^;=]*?from |import )'(\.[^'\n]*)';$/gm;

function mustRead(file: string, part: UpdatePart, disk: Disk): Uint8Array {
  const octets = disk.read(file);
  if (octets !== undefined) return octets;
  throw new SignetError('UPDATE_PART', `this software brought no ${part} (${file} is missing): nothing was changed`, {
    part,
    file,
  });
}
