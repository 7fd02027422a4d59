import path from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import { CONTENT_FILE, contentOf } from './slot-content.ts';
import type { TarFile } from './tar.ts';

/*
 *   DIRECTORY/a/, DIRECTORY/b/   content, written only while the slot is not the active one; content.json says what it must be
 *   DIRECTORY/active.json        which one counts; replaced in one step, so that a kill at any instant leaves the old or the new
 *
 *   none --install--> trial --begin--> trying --confirm--> good
 *                       ^                |
 *                       |            next start, or rollBack: the slot before is active again
 *                    install
 */

export type SlotName = 'a' | 'b';

export interface Installed {
  /** undefined: what came with the package. */
  readonly slot: SlotName | undefined;
  readonly version: string | undefined;
  /** SHA-256 of the slot's content.json; undefined: of the package, or installed by a version that did not keep it. */
  readonly digest: string | undefined;
}

export interface ActiveSlot extends Installed {
  readonly state: 'good' | 'trial' | 'trying';
  /** What it goes back to. */
  readonly before: Installed;
  /** Digest of the last content that was given up: it is not tried again by itself. */
  readonly refused?: string | undefined;
}

const OF_PACKAGE: Installed = { slot: undefined, version: undefined, digest: undefined };
/** As long as nothing was installed. */
export const PACKAGE: ActiveSlot = { ...OF_PACKAGE, state: 'good', before: OF_PACKAGE };

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
      const { slot, version, digest, state, before, refused } = JSON.parse(
        Buffer.from(octets).toString('utf8'),
      ) as ActiveSlot;
      const slots = [slot, before.slot];
      if (!slots.every((one) => one === undefined || one === 'a' || one === 'b'))
        throw new TypeError('it names no slot');
      if (!['good', 'trial', 'trying'].includes(state)) throw new TypeError('it has no state');
      const back = { slot: before.slot, version: before.version, digest: before.digest };
      return { slot, version, digest, state, before: back, refused };
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

  /** Writes `files` into the slot that does not count, then makes it count, on trial. @param entry the one of them that is started */
  install(version: string, files: readonly TarFile[], entry?: string): SlotName {
    const { state, before, ...current } = this.active;
    // A trial that never came up is written over; what it would have gone back to stays.
    const good = state === 'good' ? installed(current) : before;
    const slot = good.slot === 'a' ? 'b' : 'a';
    // Until the new content is whole, nothing must point to where it is written.
    if (state !== 'good') this.#point({ ...good, state: 'good', before: good });
    this.#empty(this.pathOf(slot));
    const { octets: content, digest } = contentOf(version, files, entry);
    for (const { name, octets } of [...files, { name: CONTENT_FILE, octets: content }]) {
      const file = path.join(this.pathOf(slot), name);
      this.#disk.makeDirectory(path.dirname(file), 0o700);
      this.#disk.replace(file, octets, 0o600);
    }
    this.#point({ slot, version, digest, state: 'trial', before: good });
    return slot;
  }

  /**
   * What to start now. A trial is tried once: when it is found half tried, it did not come up, and the one before counts again.
   * @returns also the version that was given up
   */
  begin(): { readonly slot: SlotName | undefined; readonly givenUp: string | undefined } {
    const { active } = this;
    const { slot, version, state } = active;
    if (state === 'good') return { slot, givenUp: undefined };
    if (state === 'trying') return { slot: this.rollBack(), givenUp: version };
    this.#point({ ...active, state: 'trying' });
    return { slot, givenUp: undefined };
  }

  /** What was begun works: it stays. */
  confirm(): void {
    const { active } = this;
    if (active.state === 'trying') this.#point({ ...installed(active), state: 'good', before: installed(active) });
  }

  /** The one before counts again. Returns it. @param isRefused what is given up is to blame */
  rollBack(isRefused = true): SlotName | undefined {
    const { before, digest } = this.active;
    this.#point({ ...before, state: 'good', before, ...(isRefused && { refused: digest }) });
    return before.slot;
  }

  /** What came with the package counts: the way out when the pointer is damaged. */
  reset(): void {
    this.#point(PACKAGE);
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

function installed({ slot, version, digest }: Installed): Installed {
  return { slot, version, digest };
}
