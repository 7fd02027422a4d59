import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type {
  Attribute,
  AttributeChange,
  CryptoDevice,
  KeyInfo,
  KeyQuery,
  KeySpec,
  Partition,
  SignatureTaker,
  WrappedKey,
} from '../device/crypto-device.ts';
import type { KeyType, Mechanism, Role } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { makeUuid } from '../uuid.ts';
import { DeletionLedger } from './deletion-ledger.ts';
import { KeyDirectory } from './key-directory.ts';
import { Lookout } from './lookout.ts';
import { matchMerged } from './match.ts';
import { type PoolClient, PoolClients } from './pool-clients.ts';
import { type CallTimes, type PoolCondition, PoolDevice, WEIGHT, type Weight, isGone } from './pool-device.ts';
import { Reconciler } from './reconciler.ts';
import { Signing, type SigningOrder, takeLater } from './signing.ts';

export interface PoolOptions {
  /** In the order of their indexes; at most 30. */
  readonly devices: readonly CryptoDevice[];
  /** What was deleted while a device was away. Default: kept in memory only. */
  readonly deletions?: DeletionLedger;
}

export interface PoolDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly audit: AuditLog;
  readonly times?: CallTimes;
}

/** Devices are bits of a number. */
const MOST_DEVICES = 30;

/** Any device. */
const EVERYWHERE = ~0;

/**
 * All devices as one: a call goes to the least busy device that has the key, and to another one when that device goes away in the
 * middle of it. Exportable token keys, PINs and partitions are the same on all devices. Every method rejects with HalError.
 */
export class DevicePool implements AsyncDisposable {
  readonly #devices: readonly PoolDevice[];
  readonly #directory: KeyDirectory;
  readonly #deletions: DeletionLedger;
  readonly #clients = new PoolClients();
  readonly #reconciler: Reconciler;
  readonly #lookout: Lookout;
  readonly #random: Random;
  readonly #log: Log;
  /** Where the search for the least busy device begins, so that equally busy ones take turns. */
  #turn = 0;

  constructor(options: PoolOptions, dependencies: PoolDependencies) {
    const { clock, random, log, audit } = dependencies;
    if (options.devices.length === 0 || options.devices.length > MOST_DEVICES)
      throw new RangeError(`A pool has 1 to ${MOST_DEVICES} devices, not ${options.devices.length}.`);
    this.#random = random;
    this.#log = log;
    const deletions = options.deletions ?? DeletionLedger.inMemory();
    this.#deletions = deletions;
    this.#directory = new KeyDirectory(options.devices.length, deletions);
    this.#devices = options.devices.map(
      (device, i) => new PoolDevice(i, device, (gone, error) => this.markDown(gone.index, error.message), dependencies),
    );
    this.#reconciler = new Reconciler(
      { devices: this.#devices, directory: this.#directory, clients: this.#clients, deletions },
      { log, audit, onTampered: ({ index }) => this.markTampered(index), onBehind: () => this.#lookout.lookSoon() },
    );
    this.#lookout = new Lookout({
      clock,
      devices: this.#devices,
      deletions,
      reconciler: this.#reconciler,
      markUp: (index) => this.markUp(index),
      markTampered: (index) => this.markTampered(index),
    });
  }

  // What supervision tells.

  /** The device answers: it is made the same as the others, and takes part then. Safe to call for one that is up. */
  async markUp(index: number): Promise<void> {
    const device = this.#devices[index];
    if (!device.answers) {
      device.condition = 'joining';
      device.isListed = false;
      this.#reconciler.beginLife(device);
    }
    await this.#reconciler.join(device);
    this.#lookout.lookAgain();
  }

  markDown(index: number, why: string): void {
    const device = this.#devices[index];
    if (device.condition === 'down') return;
    device.condition = 'down';
    device.isListed = false;
    device.why = why;
    this.#log.write({ severity: 'warning', category: 'hsm', text: `${device.name} serves no more calls: ${why}` });
    this.#lookout.lookAfresh();
  }

  /** All logins end, on all devices, once for each event; later ones are for those who reset it. */
  markTampered(index: number): void {
    const device = this.#devices[index];
    device.condition = 'tampered';
    device.isListed = false;
    device.why = 'it was tampered with';
    // It may say so for a moment after the event was reset, when supervision has told that it is up.
    this.#lookout.lookAfresh();
    if (device.hasTamperEvent) return;
    device.hasTamperEvent = true;
    for (const { number } of this.#clients.all()) void this.logout(number);
  }

  /** Resolves when the comparisons that have begun are done: each device that came up before serves then, or is away again. */
  async idle(): Promise<void> {
    await this.#reconciler.idle();
  }

  /** Compares records, PINs and partitions of all devices that answer, and mirrors what should be. */
  async synchronize(tell: (line: string) => void = () => undefined): Promise<void> {
    for (const device of this.#devices) {
      if (device.condition === 'down') tell(`${device.name}: not compared, ${device.why}`);
      else if (device.answers) await this.#reconciler.join(device, tell);
    }
    this.#lookout.lookAgain();
  }

  /** Exportable token keys of one device to another, at most `limit` (0: all); resolves to how many. */
  async copyKeys(from: number, to: number, limit: number, tell: (line: string) => void): Promise<number> {
    for (const index of [from, to])
      if (this.#devices[index]?.condition !== 'up')
        throw new HalError(
          HalStatus.NOT_READY,
          `Keys cannot be copied: ${this.#devices[index]?.name ?? `device ${index}`} is not up.`,
          { device: index },
        );
    return await this.#reconciler.copy(this.#devices[from], this.#devices[to], limit, tell);
  }

  conditionOf(index: number): PoolCondition {
    return this.#devices[index].condition;
  }

  /** Operations under way on the device. */
  underWay(index: number): number {
    return this.#devices[index].underWay;
  }

  /** A key is made, loaded or imported there. */
  isGenerating(index: number): boolean {
    return this.#devices[index].load >= WEIGHT.MAKE.load;
  }

  /** Token keys that a device holds, as they are now. */
  countKeys(index: number): number {
    let count = 0;
    for (const place of this.#directory.all()) if ((place.holders & (1 << index)) !== 0 && place.owner === 0) count++;
    return count;
  }

  /** Names of the devices that hold the key. */
  devicesOf(uuid: string): readonly string[] {
    const holders = this.#directory.holders(uuid);
    return this.#devices.filter(({ bit }) => (holders & bit) !== 0).map(({ name }) => name);
  }

  // Clients and logins.

  /** @param onlyDevice the one device that serves this client (RPC_DEVICE); undefined: the least busy one */
  newClient(onlyDevice?: number): number {
    return this.#clients.open(onlyDevice);
  }

  /** Proved on one device, which tells the others; those that come later are told then. */
  async login(number: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    const client = this.#clients.get(number);
    try {
      const prover = await this.#onAny(client, WEIGHT.SHORT, async (device, { index }) => {
        // The callee clears it, and the next device may need it.
        await device.login(number, partition, role, Buffer.from(pin));
        return { index, version: await pinVersionOf(device, partition, role) };
      });
      if (!this.#clients.has(number)) {
        await this.logout(number);
        return;
      }
      this.#clients.logIn(client, { partition, role, pinVersion: prover.version }, prover.index);
      await this.#reconciler.admitEverywhere(client);
    } finally {
      pin.fill(0);
    }
  }

  /** The client's volatile keys are gone, too. Never fails. */
  async logout(number: number): Promise<void> {
    const client = this.#clients.has(number) ? this.#clients.get(number) : undefined;
    if (client !== undefined) this.#clients.logOut(client);
    this.#directory.dropVolatileOf(number);
    // A device that is gone has forgotten the client with everything else.
    await Promise.allSettled(
      this.#devices
        .filter(({ takesLogins }) => takesLogins)
        .map((one) => one.run(WEIGHT.SHORT, (device) => device.logout(number))),
    );
  }

  /** Ends a client for good. Never fails. */
  async closeClient(number: number): Promise<void> {
    this.#clients.close(number);
    await this.logout(number);
  }

  /** undefined: not logged in. */
  loginOf(number: number): { readonly partition: number; readonly role: Role } | undefined {
    return this.#clients.get(number).login;
  }

  async setPin(number: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    const client = this.#clients.get(number);
    try {
      await this.#onAny(client, WEIGHT.SHORT, (device) => device.setPin(number, partition, role, Buffer.from(pin)));
      await this.#reconciler.spreadPins();
    } finally {
      pin.fill(0);
    }
  }

  // Partitions.

  async listPartitions(number: number): Promise<readonly (Partition & { readonly pins: number })[]> {
    return await this.#onAny(this.#clients.get(number), WEIGHT.SHORT, async (device) => {
      const [partitions, pins] = await Promise.all([device.listPartitions(), device.readPins()]);
      return partitions.map(({ number: partition, label }) => {
        const has = (role: Role): boolean =>
          pins.some((pin) => pin.partition === partition && pin.role === role && pin.hash !== undefined);
        return { number: partition, label, pins: (has('user') ? 1 : 0) | (has('so') ? 2 : 0) };
      });
    });
  }

  /** @param partition undefined as its number: the first that is free. Resolves to the number. */
  async writePartition(number: number, partition: number | undefined, label: string): Promise<number> {
    return await this.#reconciler.writePartition(this.#clients.get(number), partition, label);
  }

  async deletePartition(number: number, partition: number): Promise<void> {
    await this.#reconciler.deletePartition(this.#clients.get(number), partition);
  }

  // Keys.

  async generateKey(number: number, partition: number, spec: KeySpec): Promise<KeyInfo> {
    return await this.#make(number, EVERYWHERE, (device, uuid) => device.generateKey(number, uuid, partition, spec));
  }

  async loadKey(number: number, partition: number, der: Uint8Array, flags: number, type?: KeyType): Promise<KeyInfo> {
    try {
      return await this.#make(number, EVERYWHERE, (device, uuid) =>
        device.loadKey(number, uuid, partition, Buffer.from(der), flags, type),
      );
    } finally {
      der.fill(0);
    }
  }

  /** Onto a device that has the KEKEK. */
  async importKey(number: number, partition: number, kekek: string, key: WrappedKey, flags: number): Promise<KeyInfo> {
    const holders = this.#directory.holders(kekek);
    if (holders === 0) throw this.#lacking(kekek);
    return await this.#make(
      number,
      holders,
      (device, uuid) => device.importKey(number, uuid, partition, kekek, key, flags),
      kekek,
    );
  }

  async exportKey(number: number, uuid: string, kekek: string): Promise<WrappedKey> {
    const holders = this.#directory.holders(kekek);
    if (holders === 0) throw this.#lacking(kekek);
    return await this.#onHolder(number, uuid, WEIGHT.LONG, (device) => device.exportKey(number, uuid, kekek), holders);
  }

  openKey(number: number, uuid: string): Promise<KeyInfo> {
    return this.#onHolder(number, uuid, WEIGHT.SHORT, (device) => device.openKey(number, uuid));
  }

  getPublicKey(number: number, uuid: string): Promise<Uint8Array> {
    return this.#onHolder(number, uuid, WEIGHT.SHORT, (device) => device.getPublicKey(number, uuid));
  }

  /** A hash-based key is on one device alone, so none of its signatures is ever tried again on another. */
  sign(number: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    return this.#onHolder(number, uuid, WEIGHT.SIGN, (device) => device.sign(number, uuid, mechanism, data));
  }

  /** As `sign`, without a promise when all goes well. Never throws. `data` stays as it is until the taker is called. */
  signFor(number: number, uuid: string, mechanism: Mechanism, data: Uint8Array, taker: SignatureTaker): void {
    const client = this.#clients.find(number);
    const index = client === undefined ? -1 : this.#leastBusy(this.#directory.holders(uuid) & this.#serving(client));
    const device = index < 0 ? undefined : this.#devices[index].device;
    if (device?.signFor === undefined) takeLater(this.sign(number, uuid, mechanism, data), taker);
    else
      device.signFor(number, uuid, mechanism, data, new Signing(this.#devices[index], taker, this.#signElsewhere, { number, uuid, mechanism, data })); // prettier-ignore
  }

  readonly #signElsewhere = async (
    failed: PoolDevice,
    life: number,
    error: unknown,
    asked: SigningOrder,
  ): Promise<Uint8Array> => {
    const { number, uuid, mechanism, data } = asked;
    if (!isGone(error) && !(await this.#forgot(failed, life, this.#clients.get(number), error))) throw error;
    return await this.#onHolder(number, uuid, WEIGHT.SIGN, (device) => device.sign(number, uuid, mechanism, data), ~failed.bit); // prettier-ignore
  };

  verify(number: number, uuid: string, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): Promise<void> {
    return this.#onHolder(number, uuid, WEIGHT.VERIFY, (device) =>
      device.verify(number, uuid, mechanism, data, signature),
    );
  }

  getAttributes(number: number, uuid: string, types: readonly number[]): Promise<readonly Attribute[]> {
    return this.#onHolder(number, uuid, WEIGHT.SHORT, (device) => device.getAttributes(number, uuid, types));
  }

  listAttributes(number: number, uuid: string): Promise<readonly Attribute[]> {
    return this.#onHolder(number, uuid, WEIGHT.SHORT, (device) => device.listAttributes(number, uuid));
  }

  async setAttributes(number: number, uuid: string, changes: readonly AttributeChange[]): Promise<void> {
    await this.#reconciler.change(uuid, 'changed', () =>
      this.#onHolder(number, uuid, WEIGHT.SHORT, async (device, { index }) => {
        await device.setAttributes(number, uuid, changes);
        return index;
      }),
    );
  }

  async deleteKey(number: number, uuid: string): Promise<void> {
    await this.#reconciler.change(uuid, 'deleted', () =>
      this.#onHolder(number, uuid, WEIGHT.SHORT, async (device, { index }) => {
        await device.deleteKey(number, uuid);
        return index;
      }),
    );
  }

  /**
   * Takes back a key that was made and is not to be: where it cannot be deleted now, it is neither shown nor used, and deleted as soon as it can.
   * Never fails.
   */
  async discardKey(number: number, uuid: string): Promise<void> {
    try {
      await this.deleteKey(number, uuid);
    } catch (error) {
      this.#log.write({ severity: 'warning', category: 'hsm', text: `key ${uuid} is to be taken back, and could not be deleted yet: ${(error as Error).message}` }); // prettier-ignore
      this.#abandon(uuid);
      this.#reconciler.repair(uuid);
    }
  }

  /** Keys in UUID order after `query.after`, each once, at most `query.limit`; fewer only when there are no more. */
  async matchKeys(number: number, partition: number, query: KeyQuery): Promise<readonly string[]> {
    const client = this.#clients.get(number);
    for (;;) {
      const mask = this.#serving(client);
      const devices = this.#devices.filter(({ bit }) => (mask & bit) !== 0);
      if (devices.length === 0) throw this.#noDevice(client);
      try {
        return await matchMerged(
          query,
          devices.map((one) => (part) => one.run(WEIGHT.SHORT, (device) => device.matchKeys(number, partition, part))),
          (i, uuid) => (this.#directory.holders(uuid) & devices[i].bit) !== 0,
        );
      } catch (error) {
        // Each turn has one device less.
        if (!isGone(error)) throw error;
      }
    }
  }

  random(number: number, octets: number): Promise<Uint8Array> {
    return this.#onAny(this.#clients.get(number), WEIGHT.SHORT, (device) => device.random(octets));
  }

  /** Takes all keys away on all devices, PINs too unless `preservePins`. @throws HalError NOT_READY when a device is down: its keys would come back with it */
  async eraseKeystore(number: number, preservePins: boolean): Promise<void> {
    const absent = this.#devices.filter(({ answers }) => !answers);
    if (absent.length > 0)
      throw new HalError(
        HalStatus.NOT_READY,
        `No key was erased: ${absent.map(({ name }) => name).join(', ')} ${absent.length > 1 ? 'are' : 'is'} down, and its keys would come back with it. Wait until all devices are up.`,
      );
    await this.#reconciler.alone(async () => {
      for (const one of this.#devices)
        await one.run(WEIGHT.LONG, (device) => device.eraseKeystore(number, preservePins));
    });
    if (!preservePins) for (const client of this.#clients.all()) this.#clients.logOut(client);
    await this.synchronize();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lookout[Symbol.dispose]();
    await this.#reconciler.idle();
  }

  /** Makes a key under a new UUID, on another device under another UUID when the first one goes away. */
  async #make(
    number: number,
    among: number,
    make: (device: CryptoDevice, uuid: string) => Promise<KeyInfo>,
    needed?: string,
  ): Promise<KeyInfo> {
    const client = this.#clients.get(number);
    let tried = 0;
    for (;;) {
      const index = this.#leastBusy(this.#serving(client) & among & ~tried);
      if (index < 0) throw needed === undefined ? this.#noDevice(client) : this.#lacking(needed);
      const device = this.#devices[index];
      const uuid = makeUuid(this.#random);
      const { life } = device;
      try {
        return await this.#reconciler.made(device, number, uuid, () =>
          device.run(WEIGHT.MAKE, (target) => make(target, uuid)),
        );
      } catch (error) {
        if (isGone(error))
          // It may have been made: nobody knows of it, so it is deleted when the device is back.
          this.#abandon(uuid);
        else if (!(await this.#forgot(device, life, client, error))) throw error;
        tried |= device.bit;
      }
    }
  }

  #abandon(uuid: string): void {
    try {
      this.#reconciler.condemn(uuid);
    } catch (error) {
      this.#log.write({ severity: 'error', category: 'hsm', text: `key ${uuid}, which nobody was told of, could not be noted for deletion: ${(error as Error).message}` }); // prettier-ignore
    }
  }

  /** On the least busy device that has the key as it is now, and on the next one when that goes away. */
  async #onHolder<Result>(
    number: number,
    uuid: string,
    weight: Weight,
    operation: (device: CryptoDevice, one: PoolDevice) => Promise<Result>,
    among = EVERYWHERE,
  ): Promise<Result> {
    const client = this.#clients.get(number);
    let tried = 0;
    for (;;) {
      const mask = this.#directory.holders(uuid) & this.#serving(client) & among & ~tried;
      const index = this.#leastBusy(mask);
      if (index < 0) throw this.#lacking(uuid);
      const one = this.#devices[index];
      const { life } = one;
      try {
        return await one.run(weight, (device) => operation(device, one));
      } catch (error) {
        if (!isGone(error) && !(await this.#forgot(one, life, client, error))) throw error;
        tried |= one.bit;
      }
    }
  }

  /** On the least busy device that answers, and on the next one when that goes away. */
  async #onAny<Result>(
    client: PoolClient,
    weight: Weight,
    operation: (device: CryptoDevice, one: PoolDevice) => Promise<Result>,
  ): Promise<Result> {
    let tried = 0;
    for (;;) {
      const index = this.#leastBusy(this.#answering(client) & ~tried);
      if (index < 0) throw this.#noDevice(client);
      const one = this.#devices[index];
      const { life } = one;
      try {
        return await one.run(weight, (device) => operation(device, one));
      } catch (error) {
        if (!isGone(error) && !(await this.#forgot(one, life, client, error))) throw error;
        tried |= one.bit;
      }
    }
  }

  /**
   * The device refuses because its process is another one than that which took the login.
   * @param life the device's when the call began
   */
  async #forgot(one: PoolDevice, life: number, client: PoolClient, error: unknown): Promise<boolean> {
    const { login, number } = client;
    if (login === undefined || !(error instanceof HalError) || error.status !== HalStatus.FORBIDDEN) return false;
    if (one.life !== life || !one.answers) return true;
    const role = await one.run(WEIGHT.SHORT, (device) => device.roleOf(number)).catch(() => undefined);
    if (client.login !== login || (role !== undefined && one.life === life)) return false;
    if (one.life === life) this.markDown(one.index, 'its process was started anew');
    return true;
  }

  /** Devices, as bits, that may do operations on keys for the client. */
  #serving(client: PoolClient): number {
    let mask = 0;
    for (const { condition, bit } of this.#devices) if (condition === 'up') mask |= bit;
    return mask & client.admitted & allowedOf(client);
  }

  /** Where there is none that serves: those that come back, and then those that were tampered with, which take logins. */
  #answering(client: PoolClient): number {
    let answering = 0;
    let takingLogins = 0;
    for (const { answers, takesLogins, bit } of this.#devices) {
      if (answers) answering |= bit;
      if (takesLogins) takingLogins |= bit;
    }
    const among = client.admitted & allowedOf(client);
    return this.#serving(client) || answering & among || takingLogins & among;
  }

  /** -1: none. */
  #leastBusy(mask: number): number {
    const count = this.#devices.length;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < count; i++) {
      const index = (this.#turn + i) % count;
      const { load } = this.#devices[index];
      if ((mask & (1 << index)) === 0 || load >= least) continue;
      best = index;
      least = load;
    }
    this.#turn = (this.#turn + 1) % count;
    return best;
  }

  /** Why no device can be asked about the key: it names those that lack. */
  #lacking(uuid: string): HalError {
    const holders = this.#directory.holders(uuid);
    const named = this.#devices.filter(({ bit }) => (holders & bit) !== 0);
    if (named.length > 0) {
      const names = named.map((one) => (one.condition === 'up' ? one.name : `${one.name} (${one.why})`)).join(', ');
      return new HalError(
        HalStatus.IO_OS_ERROR,
        `Key ${uuid} is on ${names} alone, which does not serve this client now: wait until it is up, or see the console.`,
        { uuid, devices: named.map(({ name }) => name).join(', ') },
      );
    }
    // A device that was never read may have it.
    const unknown = this.#devices.filter(({ isKnown }) => !isKnown);
    if (unknown.length > 0 && this.#directory.get(uuid) === undefined && !this.#deletions.has(uuid))
      return new HalError(
        HalStatus.IO_OS_ERROR,
        `Key ${uuid} is not on the devices that answer, and ${unknown.map(({ name, why }) => `${name} (${why})`).join(', ')} may have it: wait until it is up, or see the console.`,
        { uuid, devices: unknown.map(({ name }) => name).join(', ') },
      );
    return new HalError(HalStatus.KEY_NOT_FOUND, `There is no key ${uuid}.`, { uuid });
  }

  #noDevice(client: PoolClient): HalError {
    const wanted = this.#devices.filter(({ bit }) => (allowedOf(client) & bit) !== 0);
    const names = wanted.map(({ name, why, condition }) => `${name} (${condition === 'up' ? 'up' : why})`).join(', ');
    return new HalError(
      HalStatus.IO_OS_ERROR,
      `No device can do that now: ${names === '' ? 'RPC_DEVICE names none' : names}. See the console.`,
    );
  }
}

function allowedOf({ onlyDevice }: PoolClient): number {
  return onlyDevice === undefined ? EVERYWHERE : 1 << onlyDevice;
}

async function pinVersionOf(device: CryptoDevice, partition: number, role: Role): Promise<number> {
  const pins = await device.readPins();
  // wheel's PIN is the device's, whatever the partition.
  const record = pins.find((pin) => pin.role === role && (role === 'wheel' || pin.partition === partition));
  return record?.version ?? 0;
}
