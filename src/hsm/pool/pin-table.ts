import type { PinRecord } from '../device/crypto-device.ts';
import { isGone, type PoolDevice, WEIGHT } from './pool-device.ts';

/** Tells what could not be done with a device, unless it is gone. */
export type Failed = (device: PoolDevice, what: string, error: unknown) => void;

/** Keeps the PINs of all devices the same (S-358): of each role in each partition the newest version wins. */
export class PinTable {
  readonly #devices: readonly PoolDevice[];
  readonly #failed: Failed;
  #last: Promise<void> = Promise.resolve();

  constructor({ devices }: { readonly devices: readonly PoolDevice[] }, failed: Failed) {
    this.#devices = devices;
    this.#failed = failed;
  }

  /** Gives all devices that answer the newest PINs of any of them. Never rejects. */
  spread(): Promise<void> {
    this.#last = this.#last.then(() => this.#spread());
    return this.#last;
  }

  async #spread(): Promise<void> {
    const found = new Map<PoolDevice, ReadonlyMap<string, PinRecord>>();
    const newest = new Map<string, PinRecord>();
    for (const one of this.#devices.filter(({ answers }) => answers)) {
      const pins = await one
        .run(WEIGHT.SHORT, (device) => device.readPins())
        .catch((error: unknown) => this.#failed(one, 'its PINs could not be read', error));
      if (pins === undefined) continue;
      found.set(one, new Map(pins.map((pin) => [nameOf(pin), pin])));
      for (const pin of pins) if (pin.version > (newest.get(nameOf(pin))?.version ?? -1)) newest.set(nameOf(pin), pin);
    }
    for (const [one, pins] of found) {
      const lacking = [...newest.values()].filter((pin) => pin.version > (pins.get(nameOf(pin))?.version ?? 0));
      if (lacking.length > 0)
        await one
          .run(WEIGHT.SHORT, (device) => device.writePins(lacking))
          .catch((error: unknown) => {
            if (!isGone(error)) this.#failed(one, 'PINs that changed could not be written to it', error);
          });
    }
  }
}

const nameOf = ({ partition, role }: PinRecord): string => `${partition} ${role}`;
