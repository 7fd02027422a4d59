import type { Log } from '../../base/log.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { KeyInfo } from '../device/crypto-device.ts';
import { KeyFlag } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { predecessorOf } from '../uuid.ts';
import { type KeyDirectory, type KeyPlace, stampOf } from './key-directory.ts';
import type { DeletionLedger } from './deletion-ledger.ts';
import { KeyLocks } from './key-locks.ts';
import { PartitionTable } from './partition-table.ts';
import { PinTable } from './pin-table.ts';
import type { PoolClient, PoolClients } from './pool-clients.ts';
import { isGone, type PoolDevice, WEIGHT } from './pool-device.ts';

export interface PoolParts {
  readonly devices: readonly PoolDevice[];
  readonly directory: KeyDirectory;
  readonly clients: PoolClients;
  readonly deletions: DeletionLedger;
}

export interface ReconcilerDependencies {
  readonly log: Log;
  readonly audit: AuditLog;
  /** A device says that it was tampered with. */
  readonly onTampered: (device: PoolDevice) => void;
  /** A device that is up has to be compared again. */
  readonly onBehind: () => void;
}

/** Heads that are asked for at once. */
const PAGE = 1000;
/** Keys that are copied at the same time. */
const AT_ONCE = 8;

/** Keeps what all devices should have alike the same: exportable token keys, PINs, partitions, logins. */
export class Reconciler {
  readonly #devices: readonly PoolDevice[];
  readonly #directory: KeyDirectory;
  readonly #clients: PoolClients;
  readonly #deletions: DeletionLedger;
  readonly #log: Log;
  readonly #audit: AuditLog;
  readonly #onTampered: (device: PoolDevice) => void;
  readonly #onBehind: () => void;
  readonly #locks = new KeyLocks();
  readonly #pins: PinTable;
  readonly #partitions: PartitionTable;
  /** One comparison after the other. */
  #last: Promise<void> = Promise.resolve();
  /** Keys that changed while a list was read: what the list says of them may be old. */
  #touched: Set<string> | undefined;

  constructor(parts: PoolParts, { log, audit, onTampered, onBehind }: ReconcilerDependencies) {
    this.#onTampered = onTampered;
    this.#onBehind = onBehind;
    this.#devices = parts.devices;
    this.#directory = parts.directory;
    this.#clients = parts.clients;
    this.#deletions = parts.deletions;
    this.#log = log;
    this.#audit = audit;
    const failed = (one: PoolDevice, what: string, error: unknown): void => this.#fellBehind(one, what, error);
    this.#pins = new PinTable(parts, failed);
    this.#partitions = new PartitionTable(parts, failed);
  }

  /** Compares a device with the others, mirrors both ways, and lets it serve. Never rejects. */
  join(device: PoolDevice, tell: (line: string) => void = () => undefined): Promise<void> {
    return this.alone(() => this.#join(device, tell));
  }

  /** The device's process is another one: its logins and volatile keys are gone. */
  beginLife(device: PoolDevice): void {
    device.life++;
    this.#directory.dropVolatileOn(device.index);
    for (const client of this.#clients.all()) if (client.login !== undefined) client.admitted &= ~device.bit;
  }

  /** Runs something that no comparison may meet. */
  async alone(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    await done;
  }

  idle(): Promise<void> {
    return this.#last;
  }

  async #join(device: PoolDevice, tell: (line: string) => void): Promise<void> {
    if (!device.answers) return;
    device.isBehind = false;
    try {
      const { isTampered, pid } = await device.run(WEIGHT.SHORT, (target) => target.getStatus());
      if (pid !== device.pid) this.beginLife(device);
      device.pid = pid;
      if (isTampered) {
        this.#onTampered(device);
        return;
      }
      await this.#partitions.join(device);
      await this.#pins.spread();
      await this.#admitAll(device);
      await this.#compare(device, tell);
      if (!device.answers) return;
      device.condition = 'up';
      device.hasTamperEvent = false;
      // Those who logged in meanwhile.
      await this.#admitAll(device);
    } catch (error) {
      // It is marked down by then when it went away.
      if (isGone(error)) return;
      this.#fellBehind(device, 'it could not be compared with the others', error);
      device.condition = 'up';
    }
  }

  // Keys.

  /**
   * Makes a key on a device and mirrors it when it should be. Rejects as gone also when the device went away before others had the key.
   */
  async made(device: PoolDevice, client: number, uuid: string, make: () => Promise<KeyInfo>): Promise<KeyInfo> {
    return await this.#locks.run(uuid, async () => {
      const info = await make();
      if ((info.flags & KeyFlag.TOKEN) === 0) {
        this.#directory.noteVolatile(uuid, device.index, client);
        if (!this.#clients.has(client)) {
          // The client ended meanwhile, and its logout came before the key.
          this.#directory.dropVolatileOf(client);
          await device.run(WEIGHT.SHORT, (target) => target.logout(client));
        }
        return info;
      }
      await this.#ask(device, uuid);
      await this.#mirror(uuid);
      return info;
    });
  }

  /**
   * Changes or deletes a key, and tells the other devices that have it.
   * @param change resolves to the device that did it
   */
  async change(uuid: string, kind: 'changed' | 'deleted', change: () => Promise<number>): Promise<void> {
    await this.#locks.run(uuid, async () => {
      for (let turn = 0; ; turn++) {
        const device = this.#devices[await change()];
        if (this.#directory.get(uuid)?.owner !== 0) {
          if (kind === 'deleted') this.#directory.noteAbsence(uuid, device.index);
          return;
        }
        try {
          await this.#ask(device, uuid);
          break;
        } catch (error) {
          // It is done on a device that is gone, where nobody can read it: another one that has the key does it again.
          if (!isGone(error) || turn > this.#devices.length) throw error;
        }
      }
      await this.#mirror(uuid);
      if (kind === 'deleted') this.#noteDeletion(uuid);
    });
  }

  /**
   * A key that was deleted here, or is to be: a device that is away may still have it. Durable when it returns.
   * @throws HalError KEYSTORE_ACCESS: it holds only until hsmd ends
   */
  #noteDeletion(uuid: string): void {
    const holding = this.#devices.filter((one) => !one.isKnown || this.#directory.mayHave(uuid, one.index));
    if (holding.length === 0) return;
    try {
      this.condemn(uuid);
    } catch (error) {
      this.#onBehind();
      throw new HalError(
        HalStatus.KEYSTORE_ACCESS,
        `Key ${uuid} was deleted, but ${holding.map(({ name }) => name).join(', ')} may still have it, and that could not be written down: ${textOf(error)}. It is tried again; until then hsmd must not end.`,
        { uuid },
        error,
      );
    }
  }

  /** No device may use or show the key from now on, and who has it deletes it when it can. @throws DiskError: only until hsmd ends */
  condemn(uuid: string): void {
    try {
      this.#deletions.add(uuid);
    } finally {
      this.#directory.refresh(uuid);
    }
  }

  /** Devices that have a condemned key are compared again. */
  repair(uuid: string): void {
    for (const one of this.#devices) if (this.#directory.mayHave(uuid, one.index)) one.isBehind = true;
    this.#onBehind();
  }

  /** Exportable token keys of one device to another; resolves to how many. */
  async copy(from: PoolDevice, to: PoolDevice, limit: number, tell: (line: string) => void): Promise<number> {
    let copied = 0;
    const wanted = [...this.#directory.all()].filter(
      ({ holders, isExportable, owner }) =>
        owner === 0 && isExportable && (holders & from.bit) !== 0 && (holders & to.bit) === 0,
    );
    for (const { uuid } of limit === 0 ? wanted : wanted.slice(0, limit)) {
      await this.#locks.run(uuid, () => this.#mirror(uuid));
      if ((this.#directory.holders(uuid) & to.bit) === 0) {
        tell(`${uuid}: not copied to ${to.name}, see the log`);
        continue;
      }
      copied++;
      tell(`${uuid}: copied to ${to.name}`);
    }
    return copied;
  }

  /** Reads all heads of a device into the directory; then every device gets what it lacks. */
  async #compare(device: PoolDevice, tell: (line: string) => void): Promise<void> {
    try {
      await this.#list(device);
    } catch (error) {
      if (isGone(error)) throw error;
      device.isListed = false;
      device.why = `its keys could not be read: ${textOf(error)}`;
      tell(`${device.name}: ${device.why}`);
      return;
    }
    await this.#deleteCondemned(device);
    const before = this.#countHeld();
    const wanting = [...this.#directory.all()].filter((place) => this.#isWanting(place)).map(({ uuid }) => uuid);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < wanting.length && device.answers) {
        const uuid = wanting[next++];
        await this.#locks.run(uuid, () => this.#mirror(uuid));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    const copied = Math.max(0, this.#countHeld() - before);
    tell(`${device.name}: compared with the others, ${wanting.length} keys differed`);
    if (copied > 0)
      await this.#audit.append({ kind: 'key mirrored', by: 'hsmd', facts: { device: device.name, copies: copied } });
  }

  async #list(device: PoolDevice): Promise<void> {
    const touched = new Set<string>();
    const seen = new Set<string>();
    this.#touched = touched;
    try {
      let after: string | undefined;
      for (;;) {
        const heads = await device.run(WEIGHT.SHORT, (target) => target.listRecords(after, PAGE));
        for (const head of heads) {
          seen.add(head.uuid);
          if (!touched.has(head.uuid)) this.#directory.note(head.uuid, device.index, stampOf(head), head.isExportable);
        }
        if (heads.length < PAGE) break;
        after = heads.at(-1)?.uuid;
      }
    } finally {
      this.#touched = undefined;
    }
    for (const { uuid, owner, stamps } of this.#directory.all())
      if (owner === 0 && stamps[device.index] !== 0 && !seen.has(uuid) && !touched.has(uuid))
        this.#directory.noteAbsence(uuid, device.index);
    device.isListed = true;
    device.isKnown = true;
  }

  /** Keys that were deleted while the device was away, and those that a call had begun to make when it went: nobody was told of these. */
  async #deleteCondemned(device: PoolDevice): Promise<void> {
    this.writeDeletions();
    for (const uuid of this.#deletions.pending)
      if (this.#directory.mayHave(uuid, device.index))
        await this.#locks.run(uuid, async () => {
          await this.#partitions.asWheel(device, (target, client) => target.deleteKey(client, uuid));
          await this.#ask(device, uuid);
        });
    // One that is away may have more than it was known to have: what was being made when it went.
    if (!this.#devices.every(({ isListed }) => isListed)) return;
    const settled = [...this.#deletions.pending].filter((uuid) =>
      this.#devices.every(({ index }) => !this.#directory.mayHave(uuid, index)),
    );
    try {
      this.#deletions.settle(settled);
    } catch (error) {
      this.#log.write({ severity: 'warning', category: 'hsm', text: `deletions: ${textOf(error)}` });
    }
    for (const uuid of settled) this.#directory.refresh(uuid);
  }

  /** What could not be written down when it happened. */
  writeDeletions(): void {
    try {
      this.#deletions.writeAgain();
    } catch (error) {
      this.#log.write({ severity: 'error', category: 'hsm', text: `deletions could not be noted: ${textOf(error)}` });
    }
  }

  /** What a device has of one key now. */
  async #ask(device: PoolDevice, uuid: string): Promise<void> {
    const [head] = await device.run(WEIGHT.SHORT, (target) => target.listRecords(predecessorOf(uuid), 1));
    this.#touched?.add(uuid);
    if (head?.uuid === uuid) this.#directory.note(uuid, device.index, stampOf(head), head.isExportable);
    else this.#directory.noteAbsence(uuid, device.index);
  }

  #isWanting(place: KeyPlace): boolean {
    if (place.owner !== 0) return false;
    return this.#sourceOf(place) !== undefined && this.#targetsOf(place).length > 0;
  }

  #sourceOf(place: KeyPlace): PoolDevice | undefined {
    if (!place.isDeleted && (!place.isExportable || this.#deletions.has(place.uuid))) return undefined;
    const newest = Math.max(...place.stamps);
    return this.#devices.find(({ index, answers }) => answers && place.stamps[index] === newest);
  }

  /** A deletion goes only to who has the key. */
  #targetsOf({ stamps, isDeleted }: KeyPlace): PoolDevice[] {
    const newest = Math.max(...stamps);
    return this.#devices.filter(
      ({ index, answers }) => answers && stamps[index] < newest && !(isDeleted && stamps[index] === 0),
    );
  }

  /** Gives a key, or that it was deleted, to all devices that answer and have it not, or an older version. */
  async #mirror(uuid: string): Promise<void> {
    const place = this.#directory.get(uuid);
    if (place === undefined || place.owner !== 0) return;
    const source = this.#sourceOf(place);
    const targets = this.#targetsOf(place);
    if (source !== undefined && targets.length > 0) {
      let record: Uint8Array;
      try {
        record = await source.run(WEIGHT.SHORT, (device) => device.readRecord(uuid));
      } catch (error) {
        this.#fellBehind(source, `key ${uuid} could not be read to mirror it`, error);
        return;
      }
      await Promise.all(targets.map((target) => this.#give(target, uuid, record)));
    }
    if (this.#devices.every(({ isListed }) => isListed)) this.#directory.settle(uuid);
  }

  async #give(target: PoolDevice, uuid: string, record: Uint8Array): Promise<void> {
    try {
      await target.run(WEIGHT.SHORT, (device) => device.writeRecord(record));
      await this.#ask(target, uuid);
    } catch (error) {
      this.#fellBehind(target, `key ${uuid} could not be mirrored to it`, error);
    }
  }

  /** It is compared again later. */
  #fellBehind(device: PoolDevice, what: string, error: unknown): void {
    if (isGone(error)) return;
    device.isBehind = true;
    this.#log.write({ severity: 'warning', category: 'hsm', text: `${device.name}: ${what}: ${textOf(error)}` });
    this.#onBehind();
  }

  #countHeld(): number {
    let count = 0;
    for (const { holders } of this.#directory.all()) for (let bits = holders; bits !== 0; bits &= bits - 1) count++;
    return count;
  }

  // Logins and PINs.

  spreadPins(): Promise<void> {
    return this.#pins.spread();
  }

  /** Gives a login that one device proved to the others. Never rejects: who lacks it does no work for the client. */
  async admitEverywhere(client: PoolClient): Promise<void> {
    const others = this.#devices.filter(({ takesLogins, bit }) => takesLogins && (client.admitted & bit) === 0);
    const failed = (await Promise.all(others.map((one) => this.#admit(client, one)))).includes(false);
    if (!failed) return;
    // Another version of the PIN there.
    await this.#pins.spread();
    await Promise.all(others.map((one) => this.#admit(client, one)));
  }

  async #admitAll(device: PoolDevice): Promise<void> {
    for (const client of this.#clients.all())
      if (client.login !== undefined && (client.admitted & device.bit) === 0) await this.#admit(client, device);
  }

  async #admit(client: PoolClient, one: PoolDevice): Promise<boolean> {
    const { login, number } = client;
    if (login === undefined || (client.admitted & one.bit) !== 0 || !one.takesLogins) return true;
    try {
      await one.run(WEIGHT.SHORT, (device) =>
        device.resumeLogin(number, login.partition, login.role, login.pinVersion),
      );
    } catch (error) {
      if (isGone(error)) return true;
      this.#log.write({
        severity: 'info',
        category: 'hsm',
        text: `${one.name} does not take over a login of ${login.role}: ${textOf(error)}`,
      });
      return false;
    }
    if (client.login === login && this.#clients.has(number)) client.admitted |= one.bit;
    // It ended, or changed, while the device was told of it.
    else await one.run(WEIGHT.SHORT, (device) => device.logout(number)).catch(() => undefined);
    return true;
  }

  // Partitions.

  writePartition(client: PoolClient, number: number | undefined, label: string): Promise<number> {
    return this.#partitions.write(client, number, label);
  }

  deletePartition(client: PoolClient, number: number): Promise<void> {
    return this.#partitions.delete(client, number);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
