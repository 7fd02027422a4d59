import type { CryptoDevice, Partition } from '../device/crypto-device.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Failed } from './pin-table.ts';
import type { PoolClient, PoolClients } from './pool-clients.ts';
import { isGone, type PoolDevice, WEIGHT } from './pool-device.ts';

/** Partition numbers that the appliance gives away. */
const MOST_PARTITIONS = 1024;

/**
 * Keeps the partitions of all devices the same. What a device has that is seen for the first time since the start joins what the others
 * have; after that the table here decides, so that a partition which was deleted while a device was away is deleted there, too.
 */
export class PartitionTable {
  readonly #devices: readonly PoolDevice[];
  readonly #failed: Failed;
  /** The appliance's own client, never logged in but as `asWheel` says. */
  readonly #self: number;
  #table = new Map<number, Partition>();

  constructor(
    { devices, clients }: { readonly devices: readonly PoolDevice[]; readonly clients: PoolClients },
    failed: Failed,
  ) {
    this.#devices = devices;
    this.#failed = failed;
    this.#self = clients.open(undefined);
  }

  /** Makes a device's partitions those of the table. @throws HalError as gone */
  async join(device: PoolDevice): Promise<void> {
    const theirs = await device.run(WEIGHT.SHORT, (target) => target.listPartitions());
    if (!device.isKnown) for (const one of theirs) if (!this.#table.has(one.number)) this.#table.set(one.number, one);
    for (const one of device.isKnown ? [device] : this.#devices)
      if (one.answers) await this.#level(one).catch((error: unknown) => this.#told(one, error));
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

  /** @param number undefined: the first that is free */
  async write(client: PoolClient, number: number | undefined, label: string): Promise<number> {
    const chosen = number ?? this.#free();
    const partition: Partition = { number: chosen, label };
    const before = this.#table.get(chosen);
    await this.#onAll(
      client,
      (device) => device.writePartition(client.number, partition),
      (device) =>
        before === undefined
          ? device.deletePartition(client.number, chosen)
          : device.writePartition(client.number, before),
    );
    this.#table.set(chosen, partition);
    return chosen;
  }

  async delete(client: PoolClient, number: number): Promise<void> {
    const partition = this.#table.get(number);
    // A device that is away may have keys in it.
    const absent = this.#devices.filter(({ answers }) => !answers);
    if (absent.length > 0)
      throw new HalError(
        HalStatus.NOT_READY,
        `Partition ${number} was not deleted: ${absent.map(({ name }) => name).join(', ')} may have keys in it and does not answer. Try again when all devices are up.`,
        { partition: number },
      );
    await this.#onAll(
      client,
      (device) => device.deletePartition(client.number, number),
      async (device) => {
        if (partition !== undefined) await device.writePartition(client.number, partition);
      },
    );
    this.#table.delete(number);
  }

  /** On all devices that answer, or on none: when one refuses, the others go back. */
  async #onAll(
    client: PoolClient,
    change: (device: CryptoDevice) => Promise<void>,
    revert: (device: CryptoDevice) => Promise<void>,
  ): Promise<void> {
    const ready = this.#devices.filter(({ answers, bit }) => answers && (client.admitted & bit) !== 0);
    const done: PoolDevice[] = [];
    for (const one of ready) {
      try {
        await one.run(WEIGHT.SHORT, change);
        done.push(one);
      } catch (error) {
        // Who went away is made like the others when it is back.
        if (isGone(error)) continue;
        for (const other of done)
          await other.run(WEIGHT.SHORT, revert).catch((failure: unknown) => this.#told(other, failure));
        throw error;
      }
    }
    if (done.length === 0) throw new HalError(HalStatus.IO_OS_ERROR, 'No device answers: see the console.');
  }

  async #level(one: PoolDevice): Promise<void> {
    const theirs = new Map(
      (await one.run(WEIGHT.SHORT, (device) => device.listPartitions())).map((partition) => [
        partition.number,
        partition.label,
      ]),
    );
    const lacking = [...this.#table.values()].filter(({ number, label }) => theirs.get(number) !== label);
    const tooMany = [...theirs.keys()].filter((number) => !this.#table.has(number));
    if (lacking.length === 0 && tooMany.length === 0) return;
    await this.asWheel(one, async (device, self) => {
      for (const partition of lacking) await device.writePartition(self, partition);
      for (const number of tooMany) await device.deletePartition(self, number);
    });
  }

  #told(one: PoolDevice, error: unknown): void {
    this.#failed(one, 'its partitions could not be made those of the other devices', error);
  }

  #free(): number {
    for (let number = 0; number < MOST_PARTITIONS; number++) if (!this.#table.has(number)) return number;
    throw new HalError(HalStatus.NO_KEY_INDEX_SLOTS, `There are ${MOST_PARTITIONS} partitions, which is the most.`);
  }
}
