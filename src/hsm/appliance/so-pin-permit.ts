import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';

/*
 * A so who forgot the PIN: under the two-person rule wheel must not set it alone, or one person would be both. The second person is then whoever
 * administers the host, who has to be there as root for it:
 *
 *     host: hsmd so-pin permit  -->  STATE/so-pin-permit.json  -->  console: set pin so, with the PIN of wheel; once, within a quarter of an hour
 */

export const SO_PIN_PERMIT_FILE = 'so-pin-permit.json';

/** Seconds for which a permit is good. */
export const SO_PIN_PERMIT_SECONDS = 900;

export interface SoPinPermit {
  /** Unix times. */
  readonly made: number;
  readonly until: number;
  /** Who made it, for the audit log. */
  readonly by: string;
}

/** The console's side: reads the file that only the host's administrator can have written. */
export class SoPinPermits {
  readonly #state: string;
  readonly #disk: Disk;
  readonly #clock: Clock;

  constructor(state: string, dependencies: { readonly disk: Disk; readonly clock: Clock }) {
    this.#state = state;
    this.#disk = dependencies.disk;
    this.#clock = dependencies.clock;
  }

  /** The one that is good now. One that others could have written, that is malformed, of the future or over is none. */
  get current(): SoPinPermit | undefined {
    const file = this.#file;
    const facts = this.#disk.facts(file);
    if (facts === undefined || facts.isDirectory || (facts.mode & 0o077) !== 0) return undefined;
    if (facts.owner !== 0 && facts.owner !== this.#disk.facts(this.#state)?.owner) return undefined;
    const octets = this.#disk.read(file);
    const permit = octets && parse(Buffer.from(octets).toString('utf8'));
    if (permit === undefined) return undefined;
    const now = this.#clock.now();
    return permit.made <= now && now < Math.min(permit.until, permit.made + SO_PIN_PERMIT_SECONDS) ? permit : undefined;
  }

  /** It is good once. Durable when it returns. @throws DiskError */
  use(): void {
    this.#disk.remove(this.#file);
  }

  get #file(): string {
    return path.join(this.#state, SO_PIN_PERMIT_FILE);
  }
}

/**
 * The host's side. Resolves to the permit.
 * @param who the user id of this process, and for the record who asked for it
 * @throws SignetError SO_PIN_PERMIT unless root, or the owner of the state directory; DiskError
 */
export function writeSoPinPermit(
  state: string,
  who: { readonly userId: number; readonly name: string },
  dependencies: { readonly disk: Disk; readonly clock: Clock; readonly giveTo: (file: string, owner: number) => void },
): SoPinPermit {
  const { disk, clock, giveTo } = dependencies;
  const owner = requireAdministrator(state, who.userId, disk);
  const made = clock.now();
  const permit = { made, until: made + SO_PIN_PERMIT_SECONDS, by: `user id ${who.userId}, ${who.name}` };
  const file = path.join(state, SO_PIN_PERMIT_FILE);
  disk.replace(file, Buffer.from(`${JSON.stringify(permit)}\n`), 0o600);
  if (owner !== who.userId) giveTo(file, owner);
  return permit;
}

/** True when there was one. @throws as writeSoPinPermit */
export function revokeSoPinPermit(state: string, userId: number, disk: Disk): boolean {
  requireAdministrator(state, userId, disk);
  return disk.remove(path.join(state, SO_PIN_PERMIT_FILE));
}

/** The owner of the state directory. */
function requireAdministrator(state: string, userId: number, disk: Disk): number {
  const facts = disk.facts(state);
  if (facts === undefined || !facts.isDirectory)
    throw new SignetError('SO_PIN_PERMIT', `${state} is no state directory: give it by --state`, { state });
  if (userId !== 0 && userId !== facts.owner)
    throw new SignetError(
      'SO_PIN_PERMIT',
      `${state} belongs to user id ${facts.owner}: run this as root on the machine of the HSM`,
      { state },
    );
  return facts.owner;
}

function parse(text: string): SoPinPermit | undefined {
  try {
    const { made, until, by } = JSON.parse(text) as Partial<SoPinPermit>;
    if (!Number.isSafeInteger(made) || !Number.isSafeInteger(until) || typeof by !== 'string') return undefined;
    return { made: made!, until: until!, by: by.slice(0, 200) };
  } catch {
    return undefined; // not written by this program
  }
}
