import type { CryptoDevice, PartitionRecord } from '../device/crypto-device.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Failed } from './pin-table.ts';
import type { PoolClient, PoolClients } from './pool-clients.ts';
import { isGone, type PoolDevice, WEIGHT } from './pool-device.ts';

/** Partition numbers that the appliance gives away. */
const MOST_PARTITIONS = 1024;

/**
 * Keeps the partitions of all devices the same: of each number the newest version wins, a label or that it was deleted, whichever device was away
 * when it changed, and whether hsmd was started anew since.
 */
export class PartitionTable {
  readonly #devices: readonly PoolDevice[];
  readonly #failed: Failed;
  /** The appliance's own client, never logged in but as `asWheel` says. */
  readonly #self: number;
  /** Devices whose partitions were read since the start. */
  readonly #seen = new Set<PoolDevice>();
  /** The newest of each number, deleted ones too. */
  readonly #newest = new Map<number, PartitionRecord>();
  #last: Promise<void> = Promise.resolve();

  constructor(
    { devices, clients }: { readonly devices: readonly PoolDevice[]; readonly clients: PoolClients },
    failed: Failed,
  ) {
    this.#devices = devices;
    this.#failed = failed;
    this.#self = clients.open(undefined);
  }

  /** Makes the partitions of a device those of the others, and theirs those of the device. @throws HalError as gone */
  async join(device: PoolDevice): Promise<void> {
    await this.#spread();
    if (!device.answers) throw new HalError(HalStatus.IO_OS_ERROR, `${device.name} went away.`);
  }

  /** Runs something on a device as wheel, for the appliance itself. @throws HalError */
  async asWheel<Result>(
    one: PoolDevice,
    work: (device: CryptoDevice, client: number) => Promise<Result>,
  ): Promise<Result> {
    return await one.run(WEIGHT.SHORT, async (device) => {
      const pin = (await device.readPins()).find(({ role }) => role === 'wheel');
      await device.resumeLogin(this.#self, 0, 'wheel', pin?.version ?? 0);
      try {
        return await work(device, this.#self);
      } finally {
        await device.logout(this.#self);
      }
    });
  }

  /** One device makes the new version, and the others get it. @param number undefined: the first that is free */
  async write(client: PoolClient, number: number | undefined, label: string): Promise<number> {
    const chosen = number ?? this.#free();
    if (!this.#isThere(chosen)) this.#refuseUnseen(chosen);
    for (const one of this.#ready(client))
      try {
        await one.run(WEIGHT.SHORT, (device) => device.writePartition(client.number, { number: chosen, label }));
        await this.#spread();
        return chosen;
      } catch (error) {
        // The next one does it; who went away is made like the others when it is back.
        if (!isGone(error)) throw error;
      }
    throw noDevice();
  }

  /** On all devices, or on none: one that has keys in it refuses. */
  async delete(client: PoolClient, number: number): Promise<void> {
    // A device that is away may have keys in it.
    const absent = this.#devices.filter(({ answers }) => !answers);
    if (absent.length > 0)
      throw new HalError(
        HalStatus.NOT_READY,
        `Partition ${number} was not deleted: ${namesOf(absent)} may have keys in it and does not answer. Try again when all devices are up.`,
        { partition: number },
      );
    const label = this.#newest.get(number)?.label;
    const done: PoolDevice[] = [];
    for (const one of this.#ready(client)) {
      try {
        await one.run(WEIGHT.SHORT, (device) => device.deletePartition(client.number, number));
        done.push(one);
      } catch (error) {
        if (isGone(error)) continue;
        for (const other of done)
          await other
            .run(WEIGHT.SHORT, async (device) => {
              if (label !== undefined) await device.writePartition(client.number, { number, label });
            })
            .catch((failure: unknown) => this.#told(other, failure));
        throw error;
      }
    }
    if (done.length === 0) throw noDevice();
    await this.#spread();
  }

  /** Gives all devices that answer the newest partitions of any of them. Never rejects. */
  #spread(): Promise<void> {
    this.#last = this.#last.then(() => this.#spreadNow());
    return this.#last;
  }

  async #spreadNow(): Promise<void> {
    const found = new Map<PoolDevice, ReadonlyMap<number, PartitionRecord>>();
    for (const one of this.#devices.filter(({ answers }) => answers)) {
      const theirs = await one
        .run(WEIGHT.SHORT, (device) => device.readPartitions())
        .catch((error: unknown) => this.#told(one, error));
      if (theirs === undefined) continue;
      this.#seen.add(one);
      found.set(one, new Map(theirs.map((record) => [record.number, record])));
      for (const record of theirs)
        if (record.version >= (this.#newest.get(record.number)?.version ?? 0)) this.#newest.set(record.number, record);
    }
    for (const [one, theirs] of found) {
      const lacking = [...this.#newest.values()].filter(
        ({ number, version }) => version > (theirs.get(number)?.version ?? -1),
      );
      if (lacking.length > 0)
        await one
          .run(WEIGHT.SHORT, (device) => device.writePartitions(lacking))
          .catch((error: unknown) => this.#told(one, error));
    }
  }

  #ready(client: PoolClient): PoolDevice[] {
    return this.#devices.filter(({ answers, bit }) => answers && (client.admitted & bit) !== 0);
  }

  #isThere(number: number): boolean {
    return number === 0 || this.#newest.get(number)?.label !== undefined;
  }

  /** A device that nobody has seen since the start may have a partition of that number, and its keys would be in this one. */
  #refuseUnseen(number: number): void {
    const unseen = this.#devices.filter((one) => !this.#seen.has(one));
    if (unseen.length === 0) return;
    throw new HalError(
      HalStatus.NOT_READY,
      `Partition ${number} was not made: ${namesOf(unseen)} may have one of that number and has not answered since the start. Try again when it has.`,
      { partition: number },
    );
  }

  #told(one: PoolDevice, error: unknown): undefined {
    if (!isGone(error)) this.#failed(one, 'its partitions could not be made those of the other devices', error);
    return undefined;
  }

  #free(): number {
    for (let number = 1; number < MOST_PARTITIONS; number++) if (!this.#isThere(number)) return number;
    throw new HalError(HalStatus.NO_KEY_INDEX_SLOTS, `There are ${MOST_PARTITIONS} partitions, which is the most.`);
  }
}

function namesOf(devices: readonly PoolDevice[]): string {
  return devices.map(({ name }) => name).join(', ');
}

function noDevice(): HalError {
  return new HalError(HalStatus.IO_OS_ERROR, 'No device answers: see the console.');
}
