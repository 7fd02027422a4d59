import type { Clock, Timer } from '../../base/clock.ts';
import type { DeletionLedger } from './deletion-ledger.ts';
import type { PoolDevice } from './pool-device.ts';
import type { Reconciler } from './reconciler.ts';

/** Milliseconds between two looks, at first and at most. */
const FIRST_LOOK = 500;
const LAST_LOOK = 60_000;

export interface LookoutDependencies {
  readonly clock: Clock;
  readonly devices: readonly PoolDevice[];
  readonly deletions: DeletionLedger;
  readonly reconciler: Pick<Reconciler, 'writeDeletions' | 'join'>;
  readonly markUp: (index: number) => Promise<void>;
  readonly markTampered: (index: number) => void;
}

/** Looks again at devices that are down, tampered with or behind, less and less often, until all are as they should be. */
export class Lookout implements Disposable {
  readonly #dependencies: LookoutDependencies;
  #look: Timer | undefined;
  #isLooking = false;
  #pause = FIRST_LOOK;
  #isEnding = false;

  constructor(dependencies: LookoutDependencies) {
    this.#dependencies = dependencies;
  }

  /** A device went away just now: it may be back soon. */
  lookAfresh(): void {
    this.#pause = FIRST_LOOK;
    this.lookAgain();
  }

  /** Something could not be done with a device that is up: it is tried again by and by. */
  lookSoon(): void {
    if (this.#look === undefined && !this.#isLooking) this.lookAfresh();
  }

  /** Something has changed: there may be nothing left to look at, or something new. */
  lookAgain(): void {
    this.#look?.cancel();
    this.#look = undefined;
    if (this.#isEnding || this.#isLooking) return;
    if (!this.#isNeeded()) {
      this.#pause = FIRST_LOOK;
      return;
    }
    this.#look = this.#dependencies.clock.after(this.#pause, () => void this.#lookNow());
    this.#pause = Math.min(LAST_LOOK, 2 * this.#pause);
  }

  [Symbol.dispose](): void {
    this.#isEnding = true;
    this.#look?.cancel();
  }

  #isNeeded(): boolean {
    const { deletions, devices } = this.#dependencies;
    return (
      !deletions.isWritten ||
      devices.some(
        ({ condition, isListed, isBehind }) =>
          condition === 'down' || condition === 'tampered' || (condition === 'up' && (!isListed || isBehind)),
      )
    );
  }

  async #lookNow(): Promise<void> {
    const { devices, reconciler, markUp, markTampered } = this.#dependencies;
    this.#look = undefined;
    this.#isLooking = true;
    reconciler.writeDeletions();
    for (const one of devices) {
      if (one.condition === 'down' || one.condition === 'tampered') {
        const status = await one.device.getStatus().catch(() => undefined);
        if (status?.isTampered === true) {
          if (one.condition === 'down') markTampered(one.index);
        } else if (status !== undefined) await markUp(one.index);
      } else if (one.condition === 'up' && (!one.isListed || one.isBehind)) await reconciler.join(one);
    }
    this.#isLooking = false;
    this.lookAgain();
  }
}
