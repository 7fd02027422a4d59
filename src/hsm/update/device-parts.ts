import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import type { Log } from '../../base/log.ts';
import type { UpdatePart } from '../appliance/appliance.ts';
import { applianceEvent } from '../appliance/events.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { DevicePrograms, Program } from '../device/device-program.ts';
import { checkContent, contentOf } from './slot-content.ts';
import { type ActiveSlot, PACKAGE, Slots } from './slots.ts';
import type { TarFile } from './tar.ts';

/** Where one part comes from. */
export interface PartSource {
  /** What devices are to have: as an update brought it, or else as the package has it. */
  readonly version: string;
  /** It is the package's: a device that has no slot of its own runs it where it is. */
  readonly isPackage: boolean;
  /** Name of the file that is started, among `files`. */
  readonly entry: string;
  /** All that it takes to start it. @throws SignetError UPDATE_PART when something is missing; DiskError */
  readonly files: () => readonly TarFile[];
  /** The package's, which is always there. */
  readonly inPackage: { readonly file: string; readonly version: string };
}

export type PartSources = Readonly<Record<UpdatePart, PartSource>>;

/**
 * The slots of the devices, STATE/parts/N/PART: what each device is started from.
 *
 * Devices follow the software: what an update brought for them is installed at their next start, on trial. One that does not come up is given
 * up for the one of before, and not tried again before somebody asks for it. Every slot is proved before each start; where none can be used, the
 * package's runs. A start that was cut off by the end of hsmd says nothing against what was started: it is tried again.
 */
export class DeviceParts implements DevicePrograms {
  readonly #options: { readonly state: string; readonly sources: PartSources };
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #audit: AuditLog;

  constructor(
    options: { readonly state: string; readonly sources: PartSources },
    dependencies: { readonly disk: Disk; readonly log: Log; readonly audit: AuditLog },
  ) {
    this.#options = options;
    this.#disk = dependencies.disk;
    this.#log = dependencies.log;
    this.#audit = dependencies.audit;
  }

  async prepare(device: number, part: UpdatePart): Promise<Program> {
    const slots = this.#slots(device, part);
    try {
      await this.#follow(device, part, slots);
      if (slots.active.state === 'trial') slots.begin();
    } catch (error) {
      this.#warn(device, part, `cannot be installed (${(error as Error).message}); what was there goes on`);
    }
    return this.#usable(slots) ?? this.#ofPackage(part);
  }

  async confirm(device: number, part: UpdatePart): Promise<void> {
    const slots = this.#slots(device, part);
    const { state, version } = activeOf(slots);
    if (state !== 'trying') return;
    slots.confirm();
    this.#log.write(applianceEvent.update(`device ${device}: ${part} of ${version} came up and stays`));
    await this.#record(device, part, { version: version ?? '', outcome: 'runs' });
  }

  async giveUp(device: number, part: UpdatePart, why: string): Promise<void> {
    const slots = this.#slots(device, part);
    const { state, version, before } = activeOf(slots);
    if (state !== 'trying') return;
    slots.rollBack();
    const back = before.version ?? `${this.#options.sources[part].inPackage.version} of the package`;
    this.#warn(device, part, `of ${version} did not come up (${why}): ${back} is started again`);
    await this.#record(device, part, { version: version ?? '', outcome: 'given up', back });
  }

  /** What the software brought goes into the slot that does not count; the next start of the device tries it. */
  install(device: number, part: UpdatePart): void {
    const slots = this.#slots(device, part);
    const { version, entry, files } = this.#options.sources[part];
    if (activeOf(slots) === PACKAGE) slots.reset();
    slots.install(version, files(), entry);
  }

  /** Version that an installation would bring. */
  versionOf(part: UpdatePart): string {
    return this.#options.sources[part].version;
  }

  /** Installs what the devices should have and this one has not. */
  async #follow(device: number, part: UpdatePart, slots: Slots): Promise<void> {
    const wanted = this.#options.sources[part];
    let fault = this.#faultOf(slots);
    if (fault !== undefined) {
      this.#warn(device, part, `is damaged and is not started: ${fault}`);
      await this.#record(device, part, { outcome: 'damaged', fault });
      // A trial goes back to what was good; where that is the damaged one, the package's runs until this one is written anew.
      if (activeOf(slots).state !== 'good') slots.rollBack(false);
      fault = this.#faultOf(slots);
      if (fault !== undefined) slots.reset();
    }
    const { slot, digest, refused } = slots.active;
    if (slot === undefined && wanted.isPackage) return;
    const next = contentOf(wanted.version, wanted.files(), wanted.entry).digest;
    if (next === digest || next === refused) return;
    await this.#audit.append(this.#event(device, part, { version: wanted.version, outcome: 'installed' }));
    this.install(device, part);
    this.#log.write(applianceEvent.update(`device ${device}: ${part} of ${wanted.version} is installed, on trial`));
  }

  #ofPackage(part: UpdatePart): Program {
    const { file, version } = this.#options.sources[part].inPackage;
    return { file, version, slot: undefined, content: undefined };
  }

  /** undefined: none of the slots counts, or the one that does cannot be used. */
  #usable(slots: Slots): Program | undefined {
    const { slot, version, digest } = activeOf(slots);
    if (slot === undefined || digest === undefined || this.#faultOf(slots) !== undefined) return undefined;
    const directory = slots.pathOf(slot);
    const { entry } = checkContent(directory, digest, this.#disk);
    return { file: path.join(directory, entry ?? ''), version: version ?? '', slot, content: { directory, digest } };
  }

  /** Why what counts cannot be started. */
  #faultOf(slots: Slots): string | undefined {
    try {
      const { slot, digest } = slots.active;
      if (slot === undefined) return undefined;
      if (digest === undefined) return 'it was installed by a version that did not start it from there';
      const { entry } = checkContent(slots.pathOf(slot), digest, this.#disk);
      return entry === undefined ? 'it says no file to start' : undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  #slots(device: number, part: UpdatePart): Slots {
    return new Slots(path.join(this.#options.state, 'parts', String(device), part), this.#disk);
  }

  #warn(device: number, part: UpdatePart, text: string): void {
    this.#log.write(applianceEvent.updateWarning(`device ${device}: ${part} ${text}`));
  }

  /** What has happened already: nothing can be refused any more. */
  async #record(device: number, part: UpdatePart, facts: Readonly<Record<string, string>>): Promise<void> {
    try {
      await this.#audit.append(this.#event(device, part, facts));
    } catch (error) {
      this.#warn(device, part, `is not in the audit log with ${facts.outcome}: ${(error as Error).message}`);
    }
  }

  #event(device: number, part: UpdatePart, facts: Readonly<Record<string, string>>): Parameters<AuditLog['append']>[0] {
    return { kind: 'update', by: 'hsmd', facts: { device, part, ...facts } };
  }
}

/** A pointer that cannot be read is as none. */
function activeOf(slots: Slots): ActiveSlot {
  try {
    return slots.active;
  } catch {
    return PACKAGE;
  }
}
