import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { TarFile } from './tar.ts';

/*
 *   DIRECTORY/a/, DIRECTORY/b/   content, written only while the slot is not the active one
 *   DIRECTORY/active.json        which one counts; replaced in one step, so that a kill at any instant leaves the old or the new
 *
 *   none --install--> trial --begin--> trying --confirm--> good
 *                       ^                |
 *                       |            next start, or rollBack: the slot before is active again
 *                    install
 */

export type SlotName = 'a' | 'b';

export interface ActiveSlot {
  /** undefined: what came with the package. */
  readonly slot: SlotName | undefined;
  readonly version: string | undefined;
  readonly state: 'good' | 'trial' | 'trying';
  /** What it goes back to. */
  readonly before: { readonly slot: SlotName | undefined; readonly version: string | undefined };
}

const PACKAGE: ActiveSlot = {
  slot: undefined,
  version: undefined,
  state: 'good',
  before: { slot: undefined, version: undefined },
};

/** Two places for something that must always work: the new goes where the old is not. */
export class Slots {
  readonly #directory: string;
  readonly #disk: Disk;

  constructor(directory: string, disk: Disk) {
    this.#directory = directory;
    this.#disk = disk;
  }

  /** @throws SignetError UPDATE_SLOTS when the pointer is damaged */
  get active(): ActiveSlot {
    const octets = this.#disk.read(this.#pointer);
    if (octets === undefined) return PACKAGE;
    try {
      const { slot, version, state, before } = JSON.parse(Buffer.from(octets).toString('utf8')) as ActiveSlot;
      const slots = [slot, before.slot];
      if (!slots.every((one) => one === undefined || one === 'a' || one === 'b'))
        throw new TypeError('it names no slot');
      if (!['good', 'trial', 'trying'].includes(state)) throw new TypeError('it has no state');
      return { slot, version, state, before: { slot: before.slot, version: before.version } };
    } catch (cause) {
      throw new SignetError(
        'UPDATE_SLOTS',
        `${this.#pointer} is damaged (${(cause as Error).message}): remove it to go back to the software of the package`,
        { file: this.#pointer },
        cause,
      );
    }
  }

  /** Directory of a slot's content. */
  pathOf(slot: SlotName): string {
    return path.join(this.#directory, slot);
  }

  /** Writes `files` into the slot that does not count, then makes it count, on trial. */
  install(version: string, files: readonly TarFile[]): SlotName {
    const { slot: now, version: current, state, before } = this.active;
    // A trial that never came up is written over; what it would have gone back to stays.
    const good = state === 'good' ? { slot: now, version: current } : before;
    const slot = good.slot === 'a' ? 'b' : 'a';
    // Until the new content is whole, nothing must point to where it is written.
    if (state !== 'good') this.#point({ ...good, state: 'good', before: good });
    this.#empty(this.pathOf(slot));
    for (const { name, octets } of files) {
      const file = path.join(this.pathOf(slot), name);
      this.#disk.makeDirectory(path.dirname(file), 0o700);
      this.#disk.replace(file, octets, 0o600);
    }
    this.#point({ slot, version, state: 'trial', before: good });
    return slot;
  }

  /**
   * What to start now. A trial is tried once: when it is found half tried, it did not come up, and the one before counts again.
   * @returns also the version that was given up
   */
  begin(): { readonly slot: SlotName | undefined; readonly givenUp: string | undefined } {
    const { slot, version, state, before } = this.active;
    if (state === 'good') return { slot, givenUp: undefined };
    if (state === 'trying') return { slot: this.rollBack(), givenUp: version };
    this.#point({ slot, version, state: 'trying', before });
    return { slot, givenUp: undefined };
  }

  /** What was begun works: it stays. */
  confirm(): void {
    const { slot, version, state } = this.active;
    if (state === 'trying') this.#point({ slot, version, state: 'good', before: { slot, version } });
  }

  /** The one before counts again. Returns it. */
  rollBack(): SlotName | undefined {
    const { before } = this.active;
    this.#point({ ...before, state: 'good', before });
    return before.slot;
  }

  get #pointer(): string {
    return path.join(this.#directory, 'active.json');
  }

  #point(active: ActiveSlot): void {
    this.#disk.makeDirectory(this.#directory, 0o700);
    this.#disk.replace(this.#pointer, Buffer.from(`${JSON.stringify(active)}\n`), 0o600);
  }

  /** Files only: directories that stay empty do no harm. */
  #empty(directory: string): void {
    for (const name of this.#disk.list(directory) ?? []) {
      const file = path.join(directory, name);
      if (this.#disk.facts(file)?.isDirectory === true) this.#empty(file);
      else this.#disk.remove(file);
    }
  }
}
