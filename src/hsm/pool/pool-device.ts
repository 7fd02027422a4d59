import type { Clock } from '../../base/clock.ts';
import type { CryptoDevice } from '../device/crypto-device.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { OperationKind } from '../web/latencies.ts';

/**
 *     down --markUp--> joining --reconciled--> up
 *       ^                 |                     |
 *       +---- a call failed, or markDown -------+        tampered: until markUp
 *
 * A device that joins answers, and takes logins and changes of PINs, but no operations on keys.
 */
export type PoolCondition = 'down' | 'joining' | 'up' | 'tampered';

/** What a call means for the device: how much it keeps others away while it lasts, and what it is counted as. */
export interface Weight {
  readonly load: number;
  readonly kind: OperationKind;
}

/** Operations that take long keep others away more than those that do not. */
export const WEIGHT = {
  SHORT: { load: 1, kind: 'other' },
  SIGN: { load: 1, kind: 'sign' },
  VERIFY: { load: 1, kind: 'verify' },
  LONG: { load: 100, kind: 'other' },
  /** A key is made, loaded or imported. */
  MAKE: { load: 100, kind: 'generate' },
} as const satisfies Record<string, Weight>;

/** Told how long each call took. */
export interface CallTimes {
  record(device: number, kind: OperationKind, milliseconds: number): void;
}

/** One device as the pool sees it. */
export class PoolDevice {
  readonly index: number;
  readonly device: CryptoDevice;
  condition: PoolCondition = 'down';
  /** Why it is not up; for messages. */
  why = 'it has not answered since the start';
  /** Of the process that was compared last. */
  pid: number | undefined;
  /** Counts the processes that it was. */
  life = 0;
  /** Logins ended with the tamper event that lasts. */
  hasTamperEvent = false;
  /** Its key table was read, completely, since it is up. */
  isListed = false;
  /** It was listed at least once: what it holds is known, even while it is down. */
  isKnown = false;
  /** Something could not be written to it: it is compared again later. */
  isBehind = false;
  /** Weight of what is under way. */
  load = 0;
  underWay = 0;
  readonly #onGone: (device: PoolDevice, error: HalError) => void;
  readonly #clock: Clock;
  readonly #times: CallTimes | undefined;

  constructor(
    index: number,
    device: CryptoDevice,
    onGone: (device: PoolDevice, error: HalError) => void,
    dependencies: { readonly clock: Clock; readonly times?: CallTimes },
  ) {
    this.index = index;
    this.device = device;
    this.#onGone = onGone;
    this.#clock = dependencies.clock;
    this.#times = dependencies.times;
  }

  get name(): string {
    return this.device.name;
  }

  get bit(): number {
    return 1 << this.index;
  }

  get answers(): boolean {
    return this.condition === 'up' || this.condition === 'joining';
  }

  /** Also while it is tampered: that is how an operator gets in to reset it. */
  get takesLogins(): boolean {
    return this.answers || this.condition === 'tampered';
  }

  async run<Result>(weight: Weight, operation: (device: CryptoDevice) => Promise<Result>): Promise<Result> {
    const began = this.begin(weight);
    try {
      return await operation(this.device);
    } catch (error) {
      this.noteFailure(error);
      throw error;
    } finally {
      this.end(weight, began);
    }
  }

  /** A call goes to the device; `end` must follow. Gives when it began. */
  begin(weight: Weight): number {
    this.load += weight.load;
    this.underWay++;
    return this.#times === undefined ? 0 : this.#clock.monotonic();
  }

  end(weight: Weight, began: number): void {
    this.load -= weight.load;
    this.underWay--;
    this.#times?.record(this.index, weight.kind, this.#clock.monotonic() - began);
  }

  /** Before `end`. */
  noteFailure(error: unknown): void {
    if (isGone(error)) this.#onGone(this, error);
  }
}

/** The device's process is gone or does not answer: nothing is known about what it did. */
export function isGone(error: unknown): error is HalError {
  return error instanceof HalError && error.status === HalStatus.IO_OS_ERROR;
}
