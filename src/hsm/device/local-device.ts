import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { productVersion } from '../../base/product-version.ts';
import type { Random } from '../../base/random.ts';
import type { KeyEngine } from '../crypto/key-engine.ts';
import { type KeyType, type Mechanism, PIN_MAX_OCTETS, PIN_MIN_OCTETS, type Role, ROLES } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Watchdog } from '../watchdog/watchdog.ts';
import type {
  Attribute,
  AttributeChange,
  CryptoDevice,
  DeviceStatus,
  KeyInfo,
  KeyQuery,
  KeySpec,
  KeyUse,
  Partition,
  PartitionRecord,
  PinRecord,
  RecordHead,
  WrappedKey,
} from './crypto-device.ts';
import { KeyService } from './key-service.ts';
import { KeyTable } from './key-table.ts';
import { Prover } from './key-record.ts';
import { Keystore } from './keystore.ts';
import { type Client, Logins } from './logins.ts';
import { MasterKeyState } from './master-key.ts';
import { PinBook } from './pin-book.ts';
import { DEFAULT_SCRYPT_COST, PinHasher, type ScryptCost } from './pin-hash.ts';

export interface LocalDeviceOptions {
  /** "device 0": in messages. */
  readonly name: string;
  /** File of the keystore; made when it is not there. */
  readonly keystore: string;
  /** Of PIN hashes made from now on. Default DEFAULT_SCRYPT_COST. */
  readonly scrypt?: ScryptCost | undefined;
  /** The process that it is alone in; undefined: it is in somebody else's. */
  readonly pid?: number | undefined;
}

export interface LocalDeviceDependencies {
  readonly engine: KeyEngine;
  readonly watchdog: Watchdog;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const MASTER_KEY_OCTETS = 32;
const SERIAL = 'serial';
const MAX_RANDOM_OCTETS = 65_536;
const MAX_PAGE = 65_536;
const NO_KEYS_AFTER = '';

/** A device in this process: what a device process is made of, and what tests use. */
export class LocalDevice implements CryptoDevice {
  readonly name: string;
  readonly #pid: number | undefined;
  readonly #dependencies: LocalDeviceDependencies;
  readonly #keystore: Keystore;
  readonly #masterKey: MasterKeyState;
  readonly #keys: KeyTable;
  readonly #logins = new Logins();
  readonly #pins: PinBook;
  readonly #service: KeyService;
  readonly #serial: string;
  readonly #operations = { login: 0, random: 0 };
  #changing: Promise<unknown> = Promise.resolve();

  /** @throws HalError KEYSTORE_ACCESS, KEYSTORE_LOST_DATA; what the watchdog rejects with when it does not answer */
  static async open(options: LocalDeviceOptions, dependencies: LocalDeviceDependencies): Promise<LocalDevice> {
    const keystore = new Keystore(options.keystore);
    let device: LocalDevice | undefined;
    try {
      device = new LocalDevice(options, dependencies, keystore);
      await device.#masterKey.start();
      return device;
    } catch (fault) {
      // A damaged file may only show when it is read: it would stay locked.
      if (device === undefined) keystore[Symbol.dispose]();
      else await device[Symbol.asyncDispose]();
      throw fault;
    }
  }

  private constructor(options: LocalDeviceOptions, dependencies: LocalDeviceDependencies, keystore: Keystore) {
    const { name } = options;
    const { clock, log, random } = dependencies;
    this.name = name;
    this.#pid = options.pid;
    this.#dependencies = dependencies;
    this.#keystore = keystore;
    this.#serial = serialOf(keystore, random);
    this.#masterKey = new MasterKeyState(name, { ...dependencies, keystore });
    this.#keys = new KeyTable(name, { keystore, clock, log });
    const hasher = new PinHasher(options.scrypt ?? DEFAULT_SCRYPT_COST, random);
    this.#pins = new PinBook(name, { keystore, hasher, clock, log });
    this.#service = new KeyService({
      ...dependencies,
      masterKey: this.#masterKey,
      keys: this.#keys,
      logins: this.#logins,
      hasPartition: (number) => this.#pins.hasPartition(number, this.#masterKey.prover),
    });
    this.#masterKey.onLost = () => this.#forgetKeys();
  }

  async getStatus(): Promise<DeviceStatus> {
    const { condition } = this.#masterKey;
    return {
      serial: this.#serial,
      version: productVersion(),
      pid: this.#pid,
      masterKey: condition === 'tampered' ? 'not set' : condition,
      isTampered: condition === 'tampered',
      tokenKeys: this.#keys.tokenKeys,
      volatileKeys: this.#keys.volatileKeys,
      logins: this.#logins.count,
      hasDefaultPin: this.#pins.hasDefaultPin(),
      operations: { ...this.#service.operations, ...this.#operations },
      cores: [
        { name: this.#dependencies.engine.name, version: this.#dependencies.engine.version },
        { name: 'sqlite', version: Keystore.engineVersion },
      ],
    };
  }

  /** Asks the watchdog how things are, as it may have gone away and come back without its key. Keys are let go when it does not answer. */
  async pollWatchdog(): Promise<void> {
    await this.#masterKey.poll();
  }

  async checkTamper(): Promise<void> {
    // No answer is not a good answer: what the watchdog rejects with goes to who asked.
    const { tamper } = await this.#dependencies.watchdog.getStatus();
    if (tamper !== 'ok')
      throw new HalError(
        HalStatus.TAMPER,
        `${this.name}: a tamper event ${tamper === 'lasts' ? 'lasts' : 'was not reset yet'}`,
      );
  }

  // Access

  async login(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    try {
      this.#operations.login++;
      const place = this.#placeOf(partition, role);
      checkPinLength(pin);
      await this.#proveLogin(this.#logins.claim(client), place, role, pin);
    } finally {
      pin.fill(0);
    }
  }

  /** Checking a PIN takes a while: who left meanwhile is not logged in, or its place would never be free again. */
  async #proveLogin(client: Client, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    const attempt = new AbortController();
    client.underWay.add(attempt);
    try {
      await this.#pins.check(partition, role, pin, this.#masterKey.prover);
      if (attempt.signal.aborted)
        throw new HalError(HalStatus.FORBIDDEN, 'the connection logged out while its PIN was checked');
      this.#logins.login(client, partition, role);
    } finally {
      client.underWay.delete(attempt);
      if (this.#logins.isHere(client)) this.#logins.forgetIdle(client);
    }
  }

  async resumeLogin(client: number, partition: number, role: Role, pinVersion: number): Promise<void> {
    const place = this.#placeOf(partition, role);
    this.#pins.requireVersion(place, role, pinVersion, this.#masterKey.prover);
    this.#logins.login(this.#logins.claim(client), place, role);
  }

  async logout(client: number): Promise<void> {
    this.#service.forget(client);
  }

  async roleOf(client: number): Promise<Role | undefined> {
    return this.#logins.find(client)?.role;
  }

  async setPin(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    try {
      const place = this.#placeOf(partition, role);
      const mayChange = (): boolean => {
        const by = this.#logins.find(client);
        return by?.role === 'wheel' || (by?.role === 'so' && role === 'user' && by.partition === place);
      };
      if (!mayChange()) throw this.#forbidden(client, `to set the PIN of ${role}`);
      this.#requireProofs();
      checkPinLength(pin);
      await this.#pins.set(place, role, pin, () => {
        if (!mayChange()) throw this.#forbidden(client, `to set the PIN of ${role}`);
        return this.#requireProofs();
      });
    } finally {
      pin.fill(0);
    }
  }

  async resetPins(client: number): Promise<void> {
    this.#requireWheel(client, 'to reset the PINs');
    const prover = this.#requireProofs();
    this.#keystore.commit(() => this.#pins.reset(prover));
    this.#logins.endWhere(({ number }) => number !== client);
  }

  async readPins(): Promise<readonly PinRecord[]> {
    return this.#pins.list();
  }

  async writePins(pins: readonly PinRecord[]): Promise<void> {
    this.#pins.write(pins, this.#masterKey.prover);
  }

  /** The wheel's PIN is the device's; so and user have one in each partition. */
  #placeOf(partition: number, role: Role): number {
    if (!ROLES.includes(role)) throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no role "${role}"`);
    if (role === 'wheel') return 0;
    if (this.#pins.hasPartition(partition, this.#masterKey.prover)) return partition;
    throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no partition ${partition} on ${this.name}`, { partition });
  }

  /** With what PINs and partitions are proved. Where a master key was set once, they cannot be changed without it. */
  #requireProofs(): Prover | undefined {
    return this.#masterKey.wasSetBefore ? this.#masterKey.require() : undefined;
  }

  // Partitions

  async listPartitions(): Promise<readonly Partition[]> {
    return this.#pins.listPartitions(this.#masterKey.prover);
  }

  async writePartition(client: number, partition: Partition): Promise<void> {
    this.#requireWheel(client, 'to make partitions');
    this.#pins.writePartition(partition, this.#requireProofs());
  }

  async deletePartition(client: number, number: number): Promise<void> {
    this.#requireWheel(client, 'to delete partitions');
    const prover = this.#requireProofs();
    if (number === 0) throw new HalError(HalStatus.FORBIDDEN, 'partition 0 cannot be deleted');
    if (!this.#pins.hasPartition(number, prover))
      throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no partition ${number} on ${this.name}`, { number });
    const held = this.#keystore.countKeysOf(number);
    if (held > 0)
      throw new HalError(
        HalStatus.FORBIDDEN,
        `partition ${number} has ${held} keys on ${this.name}: delete them first`,
        {
          number,
          held,
        },
      );
    this.#keystore.commit(() => this.#pins.deletePartition(number, prover));
    this.#endLoginsOf(number);
  }

  async readPartitions(): Promise<readonly PartitionRecord[]> {
    return this.#pins.readPartitions(this.#masterKey.prover);
  }

  async writePartitions(records: readonly PartitionRecord[]): Promise<void> {
    const deleted = records.filter(({ label }) => label === undefined);
    const kept = deleted.filter(({ number }) => this.#keystore.countKeysOf(number) > 0);
    const taken = records.filter((record) => !kept.includes(record));
    for (const number of this.#pins.writePartitions(taken, this.#masterKey.prover)) this.#endLoginsOf(number);
    if (kept.length === 0) return;
    const numbers = kept.map(({ number }) => number).join(', ');
    throw new HalError(
      HalStatus.FORBIDDEN,
      `partition ${numbers} was deleted elsewhere, and has keys on ${this.name}: delete them, and then the partition again`,
      { partitions: numbers },
    );
  }

  #endLoginsOf(partition: number): void {
    this.#logins.endWhere((login) => login.role !== 'wheel' && login.partition === partition);
  }

  // Keys

  generateKey(client: number, uuid: string, partition: number, spec: KeySpec): Promise<KeyInfo> {
    return this.#service.generate(client, uuid, partition, spec);
  }

  loadKey(
    client: number,
    uuid: string,
    partition: number,
    der: Uint8Array,
    flags: number,
    type?: KeyType,
  ): Promise<KeyInfo> {
    return this.#service.load(client, uuid, partition, der, flags, type);
  }

  async openKey(client: number, uuid: string): Promise<KeyInfo> {
    return this.#service.open(client, uuid);
  }

  async deleteKey(client: number, uuid: string): Promise<void> {
    this.#service.delete(client, uuid);
  }

  async getPublicKey(client: number, uuid: string): Promise<Uint8Array> {
    return this.#service.getPublicKey(client, uuid);
  }

  sign(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    return this.#service.sign(client, uuid, mechanism, data);
  }

  /** For the process's server: the signature without a promise, or undefined when something has to be waited for. @throws as `sign` rejects */
  signNow(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Uint8Array | undefined {
    return this.#service.signNow(client, uuid, mechanism, data);
  }

  async verify(
    client: number,
    uuid: string,
    mechanism: Mechanism,
    data: Uint8Array,
    signature: Uint8Array,
  ): Promise<void> {
    this.#service.verify(client, uuid, mechanism, data, signature);
  }

  async setAttributes(client: number, uuid: string, attributes: readonly AttributeChange[]): Promise<void> {
    this.#service.setAttributes(client, uuid, attributes);
  }

  getAttributes(client: number, uuid: string, types: readonly number[]): Promise<readonly Attribute[]> {
    return this.#service.getAttributes(client, uuid, types);
  }

  async listAttributes(client: number, uuid: string): Promise<readonly Attribute[]> {
    return this.#service.listAttributes(client, uuid);
  }

  matchKeys(client: number, partition: number, query: KeyQuery): Promise<readonly string[]> {
    return this.#service.match(client, partition, query);
  }

  exportKey(client: number, uuid: string, kekek: string): Promise<WrappedKey> {
    return this.#service.export(client, uuid, kekek);
  }

  importKey(
    client: number,
    uuid: string,
    partition: number,
    kekek: string,
    key: WrappedKey,
    flags: number,
  ): Promise<KeyInfo> {
    return this.#service.import(client, uuid, partition, kekek, key, flags);
  }

  async takeKeyUses(): Promise<readonly KeyUse[]> {
    return this.#service.takeUses();
  }

  async random(octets: number): Promise<Uint8Array> {
    if (!Number.isInteger(octets) || octets < 0 || octets > MAX_RANDOM_OCTETS)
      throw new HalError(
        HalStatus.BAD_ARGUMENTS,
        `0 to ${MAX_RANDOM_OCTETS} random octets can be asked for, not ${octets}`,
      );
    this.#operations.random++;
    return this.#dependencies.random.fill(new Uint8Array(octets));
  }

  // Master key

  setMasterKey(client: number, key: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    return this.#oneAtATime(async () => {
      this.#requireWheel(client, 'to set the master key');
      if (key && key.length !== MASTER_KEY_OCTETS)
        throw new HalError(
          HalStatus.MASTERKEY_BAD_LENGTH,
          `a master key has ${MASTER_KEY_OCTETS} octets (64 hexadecimal digits), not ${key.length}`,
        );
      await this.checkTamper();
      const chosen = key ?? this.#dependencies.random.fill(Buffer.allocUnsafeSlow(MASTER_KEY_OCTETS));
      try {
        await this.#changeMasterKey(chosen);
      } catch (fault) {
        chosen.fill(0);
        throw fault;
      }
      return key ? undefined : chosen;
    });
  }

  async #changeMasterKey(key: Uint8Array): Promise<void> {
    const { watchdog } = this.#dependencies;
    const masterKey = this.#masterKey;
    const check = await watchdog.getCheckValue(key);
    const known = masterKey.checkValue;
    const isSame = known !== undefined && Buffer.from(known).equals(check);
    if (!isSame && this.#keys.tokenKeys > 0)
      throw new HalError(
        HalStatus.MASTERKEY_FAIL,
        `this is not the master key that the ${this.#keys.tokenKeys} keys on ${this.name} were made under: nothing was changed; enter the right one, or erase the keystore first`,
        { device: this.name },
      );
    masterKey.isChanging = true;
    try {
      const before = masterKey.prover;
      // What was proved under the key before is proved again below; nothing in memory outlives the change.
      await watchdog.setMasterKey(key);
      if (!isSame) await this.#adopt(check, before);
      // Still while it is changing: a look at the watchdog that began meanwhile would start another refresh, which makes this one void.
      await masterKey.refresh();
    } finally {
      masterKey.isChanging = false;
    }
    const { prover } = masterKey;
    if (!prover) throw masterKey.refusal();
    // Who logged in by a PIN that somebody put on the disk is not who set it.
    const forged = this.#pins.findForged(prover);
    this.#logins.endWhere(({ role, partition }) =>
      forged.some((pin) => pin.role === role && pin.partition === partition),
    );
  }

  /** The first master key of this keystore, or the first since its last key was deleted. */
  async #adopt(check: Uint8Array, before: Prover | undefined): Promise<void> {
    const keystoreKey = await this.#dependencies.watchdog.getKeystoreKey();
    using prover = new Prover(keystoreKey);
    keystoreKey.fill(0);
    this.#keystore.commit(() => {
      this.#pins.proveAll(prover, before);
      // Nobody can check them any more.
      this.#keys.deleteAll(undefined);
      this.#masterKey.checkValue = check;
    });
  }

  eraseMasterKey(client: number): Promise<void> {
    return this.#oneAtATime(async () => {
      this.#requireWheel(client, 'to erase the master key');
      await this.#dependencies.watchdog.eraseMasterKey();
      await this.#masterKey.refresh();
    });
  }

  eraseKeystore(client: number, preservePins: boolean): Promise<void> {
    return this.#oneAtATime(async () => {
      this.#requireWheel(client, 'to erase the keystore');
      const { prover } = this.#masterKey;
      this.#keystore.commit(() => {
        this.#keys.deleteAll(prover);
        if (!preservePins) this.#pins.reset(prover);
        if (prover) return;
        // Nothing is left that was made under the master key that is not here: the next one begins anew.
        this.#pins.proveAll(undefined, undefined);
        this.#masterKey.checkValue = undefined;
      });
      // Keys that are being made belong to what was erased.
      this.#masterKey.epoch++;
      this.#forgetKeys();
      this.#keys.recount();
      if (!preservePins) this.#logins.endWhere(({ number }) => number !== client);
    });
  }

  // Mirroring

  async listRecords(after: string | undefined, limit: number): Promise<readonly RecordHead[]> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE)
      throw new HalError(HalStatus.BAD_ARGUMENTS, `1 to ${MAX_PAGE} records can be listed at a time, not ${limit}`);
    return this.#keys.listRecords(after ?? NO_KEYS_AFTER, limit, () => this.#masterKey.require());
  }

  async readRecord(uuid: string): Promise<Uint8Array> {
    return this.#keys.readRecord(uuid, this.#masterKey.require());
  }

  async writeRecord(record: Uint8Array): Promise<void> {
    this.#keys.writeRecord(record, this.#masterKey.require());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changing;
    this.#masterKey[Symbol.dispose]();
    this.#keystore[Symbol.dispose]();
  }

  #forgetKeys(): void {
    this.#keys.forgetAll();
    this.#logins.forgetVolatile();
  }

  /** What changes the master key or everything under it does not overlap. */
  #oneAtATime<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#changing.then(work);
    this.#changing = mine.catch(() => undefined);
    return mine;
  }

  #requireWheel(client: number, what: string): Client {
    const found = this.#logins.find(client);
    if (found?.role === 'wheel') return found;
    throw this.#forbidden(client, what);
  }

  #forbidden(client: number, what: string): HalError {
    const role = this.#logins.find(client)?.role;
    return new HalError(
      HalStatus.FORBIDDEN,
      `${role === undefined ? 'this connection is not logged in' : `${role} has no right`} ${what}`,
    );
  }
}

function checkPinLength(pin: Uint8Array): void {
  if (pin.length < PIN_MIN_OCTETS || pin.length > PIN_MAX_OCTETS)
    throw new HalError(
      HalStatus.BAD_ARGUMENTS,
      `a PIN has ${PIN_MIN_OCTETS} to ${PIN_MAX_OCTETS} octets, not ${pin.length}`,
    );
}

/** Made once for each keystore. */
function serialOf(keystore: Keystore, random: Random): string {
  const found = keystore.getMeta(SERIAL);
  if (found) return Buffer.from(found).toString('hex').toUpperCase();
  const serial = random.fill(new Uint8Array(8));
  keystore.commit(() => keystore.setMeta(SERIAL, serial));
  return Buffer.from(serial).toString('hex').toUpperCase();
}
