import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { DEFAULT_WHEEL_PIN, FIRST_PARTITION_LABEL, type Role, ROLES } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Partition, PartitionRecord, PinRecord } from './crypto-device.ts';
import { nextVersion, type Prover } from './key-record.ts';
import type { Keystore, PartitionRow } from './keystore.ts';
import { isPinHash, type PinHasher } from './pin-hash.ts';

export const MAX_PARTITIONS = 256;
const MAX_LABEL_OCTETS = 32;
/** Stands for the label of a partition that was deleted. */
const DELETED = '';

/**
 * PINs and partitions of a device. While a master key is set, every one of them needs a proof made under it: who writes to the disk cannot put a
 * PIN of his own there, nor take the wheel's away so that the default one holds again. Before the first master key, and between a restart and its
 * entry, they are believed as they are; what was not authentic is found as soon as the key is there.
 */
export class PinBook {
  readonly #keystore: Keystore;
  readonly #hasher: PinHasher;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #name: string;
  /** Hash of the default PIN, made when it is first asked for: a guess costs the same whether it was changed or not. */
  #defaultHash: Promise<string> | undefined;

  constructor(
    name: string,
    dependencies: {
      readonly keystore: Keystore;
      readonly hasher: PinHasher;
      readonly clock: Clock;
      readonly log: Log;
    },
  ) {
    this.#name = name;
    this.#keystore = dependencies.keystore;
    this.#hasher = dependencies.hasher;
    this.#log = dependencies.log;
    this.#clock = dependencies.clock;
  }

  /**
   * @param prover undefined: no master key is set
   * @throws HalError PIN_INCORRECT, FORBIDDEN (not initialised), KEYSTORE_BAD_CRC (not authentic)
   */
  async check(partition: number, role: Role, pin: Uint8Array, prover: Prover | undefined): Promise<void> {
    const found = this.#read(partition, role, prover);
    const isDefault = role === 'wheel' && found?.hash === undefined;
    const hash = isDefault ? await this.#hashOfDefault() : found?.hash;
    const isRight = await this.#hasher.matches(pin, hash);
    if (hash === undefined)
      throw new HalError(
        HalStatus.FORBIDDEN,
        `PIN not initialised: nobody set the PIN of ${role} in partition ${partition} yet; wheel sets it at the console ("set pin ${role}")`,
        { role, partition },
      );
    if (!isRight) throw new HalError(HalStatus.PIN_INCORRECT, `the PIN of ${role} is wrong`, { role, partition });
  }

  /** The version that a login elsewhere has to agree with. @throws HalError FORBIDDEN, KEYSTORE_BAD_CRC */
  requireVersion(partition: number, role: Role, version: number, prover: Prover | undefined): void {
    const found = this.#read(partition, role, prover);
    const isSet = found?.hash !== undefined || role === 'wheel';
    if (!isSet || (found?.version ?? 0) !== version)
      throw new HalError(
        HalStatus.FORBIDDEN,
        `the PIN of ${role} on ${this.#name} is another than where the login was proved: log in again`,
        { role, partition },
      );
  }

  hasDefaultPin(): boolean {
    return this.#keystore.readPin(0, 'wheel')?.hash === undefined;
  }

  async set(partition: number, role: Role, pin: Uint8Array, prover: () => Prover | undefined): Promise<void> {
    const hash = await this.#hasher.hash(pin);
    this.#keystore.commit(() => {
      const version = this.#next(this.#keystore.readPin(partition, role)?.version ?? 0);
      this.#keystore.writePin(proven({ partition, role, version, hash }, prover()));
    });
  }

  list(): PinRecord[] {
    const partitions = new Set([0, ...this.#rows().map(({ number }) => number)]);
    return this.#keystore.listPins().filter(({ partition }) => partitions.has(partition));
  }

  /** Those that are newer than ours. @throws HalError BAD_ARGUMENTS, KEYSTORE_BAD_CRC: none is taken then */
  write(pins: readonly PinRecord[], prover: Prover | undefined): void {
    for (const pin of pins) this.#checkForeign(pin, prover);
    this.#keystore.commit(() => {
      for (const pin of pins) {
        const ours = this.#keystore.readPin(pin.partition, pin.role);
        const isOursGood = ours && (!prover || prover.holds('pin', pinOctets(ours), ours.proof));
        if (!isOursGood || pin.version > ours.version) this.#keystore.writePin(pin);
      }
    });
  }

  #checkForeign(pin: PinRecord, prover: Prover | undefined): void {
    const { partition, role, version, hash, proof } = pin;
    const isFormed =
      ROLES.includes(role) &&
      (role !== 'wheel' || partition === 0) &&
      Number.isSafeInteger(version) &&
      version >= 0 &&
      (hash === undefined || isPinHash(hash));
    if (!isFormed || !this.hasPartition(partition, prover))
      throw new HalError(
        HalStatus.BAD_ARGUMENTS,
        `the record of the PIN of ${role} in partition ${partition} cannot be kept on ${this.#name}: it is malformed, or there is no such partition`,
        { role, partition },
      );
    if (prover && !prover.holds('pin', pinOctets(pin), proof))
      throw new HalError(
        HalStatus.KEYSTORE_BAD_CRC,
        `the record of the PIN of ${role} in partition ${partition} was not made under the master key of ${this.#name}: it was refused`,
        { role, partition },
      );
  }

  /** All back to the beginning: wheel has the default PIN, the others none. Inside a transaction. */
  reset(prover: Prover | undefined): void {
    for (const { partition, role, version } of this.#keystore.listPins())
      this.#keystore.writePin(proven({ partition, role, version: this.#next(version), hash: undefined }, prover));
  }

  /** Gives all a proof under a master key that is set for the first time; undefined takes the proofs away. Inside a transaction. */
  proveAll(prover: Prover | undefined, before: Prover | undefined): void {
    if (!this.#keystore.readPin(0, 'wheel'))
      this.#keystore.writePin({ partition: 0, role: 'wheel', version: 0, hash: undefined });
    for (const pin of this.#keystore.listPins())
      // What was not authentic under the key before does not become so.
      if (!before || before.holds('pin', pinOctets(pin), pin.proof)) this.#keystore.writePin(proven(pin, prover));
    for (const partition of this.#keystore.listPartitions())
      if (!before || before.holds('partition', partitionOctets(partition), partition.proof))
        this.#keystore.writePartition({ ...partition, proof: prover?.prove('partition', partitionOctets(partition)) });
  }

  /** Roles whose PINs are not authentic, as after a master key was entered again: their logins end. Tells the log. */
  findForged(prover: Prover): { readonly partition: number; readonly role: Role }[] {
    const forged: { partition: number; role: Role }[] = this.#keystore
      .listPins()
      .filter((pin) => !prover.holds('pin', pinOctets(pin), pin.proof));
    if (!this.#keystore.readPin(0, 'wheel')) forged.push({ partition: 0, role: 'wheel' });
    for (const { partition, role } of forged) this.#tellForged(partition, role);
    return forged;
  }

  // Partitions

  hasPartition(number: number, prover: Prover | undefined): boolean {
    return this.listPartitions(prover).some((partition) => partition.number === number);
  }

  listPartitions(prover: Prover | undefined): Partition[] {
    const others = this.#rows()
      .filter((row) => !prover || prover.holds('partition', partitionOctets(row), row.proof))
      .map(({ number, label }) => ({ number, label }));
    return [{ number: 0, label: FIRST_PARTITION_LABEL }, ...others];
  }

  writePartition({ number, label }: Partition, prover: Prover | undefined): void {
    if (!Number.isInteger(number) || number < 0 || number > 0xffffffff)
      throw new HalError(HalStatus.BAD_ARGUMENTS, `${number} cannot be the number of a partition`, { number });
    if (!isLabel(label))
      throw new HalError(
        HalStatus.BAD_ARGUMENTS,
        `the label of a partition has 1 to ${MAX_LABEL_OCTETS} octets of UTF-8`,
      );
    if (number === 0) {
      if (label === FIRST_PARTITION_LABEL) return;
      throw new HalError(
        HalStatus.FORBIDDEN,
        `partition 0 is always labelled "${FIRST_PARTITION_LABEL}": make another partition for another label`,
      );
    }
    const there = this.#rows();
    if (there.some((row) => row.number !== number && row.label === label) || label === FIRST_PARTITION_LABEL)
      throw new HalError(HalStatus.KEY_NAME_IN_USE, `another partition is labelled "${label}" already`, { label });
    if (there.length >= MAX_PARTITIONS && !there.some((row) => row.number === number))
      throw new HalError(
        HalStatus.ALLOCATION_FAILURE,
        `${this.#name} has ${MAX_PARTITIONS} partitions, as many as it can`,
      );
    this.#keystore.commit(() => this.#changePartition(number, label, prover));
  }

  /** It stays as deleted, and its PINs as not initialised, with the next version: older ones that other devices still have do not come back. Inside a transaction. */
  deletePartition(number: number, prover: Prover | undefined): void {
    this.#changePartition(number, DELETED, prover);
    this.#resetPinsOf(number, prover);
  }

  #changePartition(number: number, label: string, prover: Prover | undefined): void {
    const before = this.#keystore.listPartitions().find((row) => row.number === number);
    const row: PartitionRow = { number, label, version: this.#next(before?.version ?? 0), proof: undefined };
    this.#keystore.writePartition({ ...row, proof: prover?.prove('partition', partitionOctets(row)) });
  }

  #resetPinsOf(number: number, prover: Prover | undefined): void {
    for (const { partition, role, version } of this.#keystore.listPins())
      if (partition === number)
        this.#keystore.writePin(proven({ partition, role, version: this.#next(version), hash: undefined }, prover));
  }

  /** What is authentic, deleted ones too. */
  readPartitions(prover: Prover | undefined): PartitionRecord[] {
    return this.#keystore
      .listPartitions()
      .filter((row) => !prover || prover.holds('partition', partitionOctets(row), row.proof))
      .map((row) => ({ ...row, label: row.label === DELETED ? undefined : row.label }));
  }

  /** Those that are newer than ours; numbers of those that are gone by that. @throws HalError BAD_ARGUMENTS, KEYSTORE_BAD_CRC: none is taken then */
  writePartitions(records: readonly PartitionRecord[], prover: Prover | undefined): number[] {
    const rows = records.map((record) => this.#foreignPartition(record, prover));
    const gone: number[] = [];
    this.#keystore.commit(() => {
      const ours = new Map(this.#keystore.listPartitions().map((row) => [row.number, row]));
      for (const row of rows) {
        const own = ours.get(row.number);
        const isOwnGood = own && (!prover || prover.holds('partition', partitionOctets(own), own.proof));
        if (isOwnGood && row.version <= own.version) continue;
        this.#keystore.writePartition(row);
        if (row.label !== DELETED) continue;
        this.#resetPinsOf(row.number, prover);
        gone.push(row.number);
      }
    });
    return gone;
  }

  #foreignPartition({ number, label, version, proof }: PartitionRecord, prover: Prover | undefined): PartitionRow {
    const row: PartitionRow = { number, label: label ?? DELETED, version, proof };
    if (
      !Number.isInteger(number) ||
      number < 1 ||
      number > 0xffffffff ||
      !Number.isSafeInteger(version) ||
      version < 0 ||
      (label !== undefined && !isLabel(label))
    )
      throw new HalError(
        HalStatus.BAD_ARGUMENTS,
        `the record of partition ${number} cannot be kept on ${this.#name}: it is malformed`,
        { number },
      );
    if (prover && !prover.holds('partition', partitionOctets(row), proof))
      throw new HalError(
        HalStatus.KEYSTORE_BAD_CRC,
        `the record of partition ${number} was not made under the master key of ${this.#name}: it was refused`,
        { number },
      );
    return row;
  }

  /** Partitions that are there. */
  #rows(): PartitionRow[] {
    return this.#keystore.listPartitions().filter(({ label }) => label !== DELETED);
  }

  #next(version: number): number {
    return nextVersion(version, this.#clock.now() * 1000);
  }

  #read(partition: number, role: Role, prover: Prover | undefined): PinRecord | undefined {
    const found = this.#keystore.readPin(partition, role);
    if (!prover) return found;
    // Once there is a master key, the wheel always has a record, if only to say that the default holds.
    if (found ? prover.holds('pin', pinOctets(found), found.proof) : role !== 'wheel') return found;
    this.#tellForged(partition, role);
    throw new HalError(
      HalStatus.KEYSTORE_BAD_CRC,
      `the PIN of ${role} in partition ${partition} on ${this.#name} was changed on the disk: it is not accepted; set it anew, or let another device bring it back ("sync cache")`,
      { role, partition },
    );
  }

  #tellForged(partition: number, role: Role): void {
    this.#log.write({
      severity: 'critical',
      category: 'hsm',
      text: `${this.#name}: the PIN of ${role} in partition ${partition} was changed on the disk by something else than this program; it is refused`,
    });
  }

  #hashOfDefault(): Promise<string> {
    this.#defaultHash ??= this.#hasher.hash(Buffer.from(DEFAULT_WHEEL_PIN)).catch((fault: unknown) => {
      this.#defaultHash = undefined;
      throw fault;
    });
    return this.#defaultHash;
  }
}

function proven(pin: PinRecord, prover: Prover | undefined): PinRecord {
  return { ...pin, proof: prover?.prove('pin', pinOctets(pin)) };
}

/** What the proof of a PIN is made over. The hash's alphabet has no NUL. */
function pinOctets({ partition, role, version, hash }: PinRecord): Uint8Array {
  return Buffer.from(`${partition}\0${role}\0${version}\0${hash === undefined ? '' : `=${hash}`}`);
}

/** Records of before there were versions have version 0, and no proof that names one. */
function partitionOctets({ number, label, version }: PartitionRow): Uint8Array {
  return Buffer.from(version === 0 ? `${number}\0${label}` : `v${version}\0${number}\0${label}`);
}

function isLabel(label: string): boolean {
  return label !== DELETED && Buffer.byteLength(label) <= MAX_LABEL_OCTETS && label.isWellFormed();
}
