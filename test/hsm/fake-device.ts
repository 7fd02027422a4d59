import { createHash } from 'node:crypto';
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
} from '../../src/hsm/device/crypto-device.ts';
import {
  Curve,
  DEFAULT_WHEEL_PIN,
  FIRST_PARTITION_LABEL,
  KeyFlag,
  KeyType,
  type Mechanism,
  PIN_MAX_OCTETS,
  PIN_MIN_OCTETS,
  type Role,
} from '../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../src/hsm/hal-status.ts';

/** What a fake device does when a call reaches it. */
export interface FakeFaults {
  /** Awaited before each call does anything: a test decides when it goes on. */
  before?: (call: string) => Promise<void> | void;
  /** Awaited when a call has done its work, before it answers. */
  after?: (call: string) => Promise<void> | void;
}

interface StoredKey {
  readonly uuid: string;
  readonly info: KeyInfo;
  readonly der: string;
  attributes: { readonly type: number; readonly value: string }[];
  version: number;
  isDeleted: boolean;
}

interface Login {
  readonly partition: number;
  readonly role: Role;
}

/**
 * A crypto device in memory, which can die and come back: token keys, PINs and partitions stay, all else is lost. Signatures are hashes
 * over UUID, mechanism and data, so that a test can tell which key made them.
 */
export class FakeDevice implements CryptoDevice {
  readonly name: string;
  readonly faults: FakeFaults = {};
  isTampered = false;
  hasMasterKey = true;
  /** Calls that reached it, by name. */
  readonly calls = new Map<string, number>();
  readonly #now: () => number;
  readonly #token = new Map<string, StoredKey>();
  #volatile = new Map<string, StoredKey & { owner: number }>();
  #logins = new Map<number, Login>();
  readonly #partitions = new Map<number, PartitionRecord>();
  #pins = new Map<string, PinRecord>();
  /** Each life has a number: a call that began in an earlier one gets no answer but IO_OS_ERROR. */
  #life = 1;
  #isAlive = true;

  /** @param now the time in versions, milliseconds */
  constructor(index: number, now: () => number) {
    this.name = `device ${index}`;
    this.#now = now;
    this.#pins.set('0 wheel', { partition: 0, role: 'wheel', version: 0, hash: undefined });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** UUIDs of live token keys. */
  get tokenKeys(): readonly string[] {
    return [...this.#token.values()].filter(({ isDeleted }) => !isDeleted).map(({ uuid }) => uuid);
  }

  kill(): void {
    this.#isAlive = false;
    this.#life++;
    this.#logins = new Map();
    this.#volatile = new Map();
  }

  revive(): void {
    this.#isAlive = true;
  }

  /** What `sign` answers for this key, mechanism and data. */
  static signatureOf(uuid: string, mechanism: number, data: Uint8Array): Buffer {
    return createHash('sha512').update(`${uuid} ${mechanism} `).update(data).digest();
  }

  static publicKeyOf(uuid: string): Buffer {
    return createHash('sha256').update(`public ${uuid}`).digest();
  }

  getStatus(): Promise<DeviceStatus> {
    return this.#do('getStatus', () => ({
      serial: this.name,
      version: '1',
      pid: this.#life,
      masterKey: this.hasMasterKey ? ('set' as const) : ('not set' as const),
      isTampered: this.isTampered,
      tokenKeys: this.tokenKeys.length,
      volatileKeys: this.#volatile.size,
      logins: this.#logins.size,
      hasDefaultPin: this.#pins.get('0 wheel')?.hash === undefined,
      operations: {},
      cores: [],
    }));
  }

  checkTamper(): Promise<void> {
    return this.#do('checkTamper', () => {
      if (this.isTampered) throw new HalError(HalStatus.TAMPER, 'Tampered.');
    });
  }

  login(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    const given = Buffer.from(pin).toString();
    pin.fill(0);
    return this.#do('login', () => {
      const record = this.#pins.get(pinName(partition, role));
      if (given.length < PIN_MIN_OCTETS || given.length > PIN_MAX_OCTETS) throw refused(HalStatus.BAD_ARGUMENTS);
      const right = record?.hash ?? (role === 'wheel' ? DEFAULT_WHEEL_PIN : undefined);
      if (right === undefined) throw new HalError(HalStatus.FORBIDDEN, `The PIN of ${role} is not initialised.`);
      if (right !== given) throw refused(HalStatus.PIN_INCORRECT);
      this.#logins.set(client, { partition, role });
    });
  }

  logout(client: number): Promise<void> {
    return this.#do('logout', () => {
      this.#logins.delete(client);
      for (const [uuid, key] of this.#volatile) if (key.owner === client) this.#volatile.delete(uuid);
    });
  }

  resumeLogin(client: number, partition: number, role: Role, pinVersion: number): Promise<void> {
    return this.#do('resumeLogin', () => {
      const record = this.#pins.get(pinName(partition, role));
      if (record?.version !== pinVersion) throw refused(HalStatus.FORBIDDEN);
      this.#logins.set(client, { partition, role });
    });
  }

  roleOf(client: number): Promise<Role | undefined> {
    return this.#do('roleOf', () => this.#logins.get(client)?.role);
  }

  setPin(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    const given = Buffer.from(pin).toString();
    pin.fill(0);
    return this.#do('setPin', () => {
      const own = this.#logins.get(client)?.role;
      if (own !== 'wheel' && !(own === 'so' && role === 'user')) throw refused(HalStatus.FORBIDDEN);
      if (given.length < PIN_MIN_OCTETS || given.length > PIN_MAX_OCTETS) throw refused(HalStatus.BAD_ARGUMENTS);
      const name = pinName(partition, role);
      const version = Math.max((this.#pins.get(name)?.version ?? 0) + 1, this.#now());
      this.#pins.set(name, { partition: role === 'wheel' ? 0 : partition, role, version, hash: given });
    });
  }

  resetPins(client: number): Promise<void> {
    return this.#do('resetPins', () => {
      this.#wheel(client);
      for (const [name, pin] of this.#pins)
        this.#pins.set(name, { ...pin, version: Math.max(pin.version + 1, this.#now()), hash: undefined });
    });
  }

  readPins(): Promise<readonly PinRecord[]> {
    return this.#do('readPins', () => [...this.#pins.values()]);
  }

  writePins(pins: readonly PinRecord[]): Promise<void> {
    return this.#do('writePins', () => {
      for (const pin of pins) {
        const name = pinName(pin.partition, pin.role);
        if (pin.version > (this.#pins.get(name)?.version ?? 0)) this.#pins.set(name, pin);
      }
    });
  }

  listPartitions(): Promise<readonly Partition[]> {
    return this.#do('listPartitions', () => [
      { number: 0, label: FIRST_PARTITION_LABEL },
      ...[...this.#partitions.values()].flatMap(({ number, label }) =>
        label === undefined ? [] : [{ number, label }],
      ),
    ]);
  }

  writePartition(client: number, partition: Partition): Promise<void> {
    return this.#do('writePartition', () => {
      this.#wheel(client);
      this.#setPartition(partition.number, partition.label);
    });
  }

  deletePartition(client: number, number: number): Promise<void> {
    return this.#do('deletePartition', () => {
      this.#wheel(client);
      for (const { info, isDeleted } of this.#token.values())
        if (info.partition === number && !isDeleted) throw refused(HalStatus.FORBIDDEN);
      this.#setPartition(number, undefined);
    });
  }

  #setPartition(number: number, label: string | undefined): void {
    const version = Math.max((this.#partitions.get(number)?.version ?? 0) + 1, this.#now());
    this.#partitions.set(number, { number, label, version });
  }

  readPartitions(): Promise<readonly PartitionRecord[]> {
    return this.#do('readPartitions', () => [...this.#partitions.values()]);
  }

  writePartitions(records: readonly PartitionRecord[]): Promise<void> {
    return this.#do('writePartitions', () => {
      for (const record of records)
        if (record.version > (this.#partitions.get(record.number)?.version ?? -1))
          this.#partitions.set(record.number, record);
    });
  }

  generateKey(client: number, uuid: string, partition: number, spec: KeySpec): Promise<KeyInfo> {
    return this.#do('generateKey', () => {
      this.#mayWrite(client, partition, spec.flags);
      const type =
        spec.kind === 'rsa'
          ? KeyType.RSA_PRIVATE
          : spec.kind === 'hashsig'
            ? KeyType.HASHSIG_PRIVATE
            : spec.curve >= Curve.ED25519
              ? KeyType.ED_PRIVATE
              : KeyType.EC_PRIVATE;
      if (spec.kind === 'rsa' && spec.bits % 8 !== 0) throw refused(HalStatus.BAD_ARGUMENTS);
      const curve = spec.kind === 'ec' ? spec.curve : Curve.NONE;
      return this.#add(client, { uuid, partition, type, curve, flags: spec.flags }, uuid);
    });
  }

  loadKey(
    client: number,
    uuid: string,
    partition: number,
    der: Uint8Array,
    flags: number,
    type?: KeyType,
  ): Promise<KeyInfo> {
    const octets = Buffer.from(der);
    return this.#do('loadKey', () => {
      this.#mayWrite(client, partition, flags);
      if (octets.length === 0) throw refused(HalStatus.ASN1_PARSE_FAILED);
      const info = { uuid, partition, type: type ?? KeyType.EC_PUBLIC, curve: type ? Curve.NONE : Curve.P256, flags };
      return this.#add(client, info, octets.toString('hex'));
    });
  }

  openKey(client: number, uuid: string): Promise<KeyInfo> {
    return this.#do('openKey', () => this.#find(client, uuid).info);
  }

  deleteKey(client: number, uuid: string): Promise<void> {
    return this.#do('deleteKey', () => {
      const key = this.#find(client, uuid);
      this.#mayWrite(client, key.info.partition, key.info.flags);
      if ((key.info.flags & KeyFlag.TOKEN) === 0) this.#volatile.delete(uuid);
      else if (!isExportable(key)) this.#token.delete(uuid);
      else {
        key.version = Math.max(key.version + 1, this.#now());
        key.isDeleted = true;
      }
    });
  }

  getPublicKey(client: number, uuid: string): Promise<Uint8Array> {
    return this.#do('getPublicKey', () => FakeDevice.publicKeyOf(this.#find(client, uuid).uuid));
  }

  sign(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    const octets = Buffer.from(data);
    return this.#do('sign', () => {
      const { info } = this.#find(client, uuid);
      if ((info.flags & KeyFlag.DIGITAL_SIGNATURE) === 0) throw refused(HalStatus.FORBIDDEN);
      return FakeDevice.signatureOf(uuid, mechanism, octets);
    });
  }

  verify(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): Promise<void> {
    return this.#do('verify', () => {
      this.#find(client, uuid);
      if (!FakeDevice.signatureOf(uuid, mechanism, data).equals(signature)) throw refused(HalStatus.INVALID_SIGNATURE);
    });
  }

  setAttributes(client: number, uuid: string, changes: readonly AttributeChange[]): Promise<void> {
    return this.#do('setAttributes', () => {
      const key = this.#find(client, uuid);
      this.#mayWrite(client, key.info.partition, key.info.flags);
      for (const { type, value } of changes) {
        key.attributes = key.attributes.filter((one) => one.type !== type);
        if (value !== undefined) key.attributes.push({ type, value: Buffer.from(value).toString('hex') });
      }
      key.version = Math.max(key.version + 1, this.#now());
    });
  }

  getAttributes(client: number, uuid: string, types: readonly number[]): Promise<readonly Attribute[]> {
    return this.#do('getAttributes', () =>
      attributesOf(this.#find(client, uuid)).filter(({ type }) => types.includes(type)),
    );
  }

  listAttributes(client: number, uuid: string): Promise<readonly Attribute[]> {
    return this.#do('listAttributes', () => attributesOf(this.#find(client, uuid)));
  }

  matchKeys(client: number, partition: number, query: KeyQuery): Promise<readonly string[]> {
    return this.#do('matchKeys', () => {
      const found = [...this.#token.values(), ...this.#volatile.values()].filter((key) => {
        const { uuid, info, isDeleted } = key;
        if (isDeleted || info.partition !== partition || !this.#isSeen(client, key)) return false;
        if (query.after !== undefined && uuid <= query.after) return false;
        if (query.type !== KeyType.NONE && query.type !== info.type) return false;
        if (query.curve !== Curve.NONE && query.curve !== info.curve) return false;
        if (((info.flags ^ query.flags) & query.mask) !== 0) return false;
        return query.attributes.every(({ type, value }) =>
          key.attributes.some((one) => one.type === type && one.value === Buffer.from(value).toString('hex')),
        );
      });
      return found
        .map(({ uuid }) => uuid)
        .sort()
        .slice(0, query.limit);
    });
  }

  exportKey(client: number, uuid: string, kekek: string): Promise<WrappedKey> {
    return this.#do('exportKey', () => {
      const key = this.#find(client, uuid);
      if ((key.info.flags & KeyFlag.EXPORTABLE) === 0) throw refused(HalStatus.FORBIDDEN);
      if ((this.#find(client, kekek).info.flags & KeyFlag.KEY_ENCIPHERMENT) === 0) throw refused(HalStatus.FORBIDDEN);
      return { pkcs8: Buffer.from(JSON.stringify(key.info)), kek: Buffer.from(`kek ${kekek}`) };
    });
  }

  importKey(
    client: number,
    uuid: string,
    partition: number,
    kekek: string,
    key: WrappedKey,
    flags: number,
  ): Promise<KeyInfo> {
    return this.#do('importKey', () => {
      this.#mayWrite(client, partition, flags);
      this.#find(client, kekek);
      const info = JSON.parse(Buffer.from(key.pkcs8).toString()) as KeyInfo;
      return this.#add(client, { ...info, uuid, partition, flags }, uuid);
    });
  }

  random(octets: number): Promise<Uint8Array> {
    return this.#do('random', () => Buffer.alloc(octets, 0x5a));
  }

  setMasterKey(): Promise<Uint8Array | undefined> {
    return this.#do('setMasterKey', () => {
      this.hasMasterKey = true;
      return undefined;
    });
  }

  eraseMasterKey(): Promise<void> {
    return this.#do('eraseMasterKey', () => {
      this.hasMasterKey = false;
    });
  }

  eraseKeystore(client: number, preservePins: boolean): Promise<void> {
    return this.#do('eraseKeystore', () => {
      this.#wheel(client);
      this.#token.clear();
      this.#volatile.clear();
      if (!preservePins)
        this.#pins = new Map([['0 wheel', { partition: 0, role: 'wheel', version: this.#now(), hash: undefined }]]);
    });
  }

  listRecords(after: string | undefined, limit: number): Promise<readonly RecordHead[]> {
    return this.#do('listRecords', () =>
      [...this.#token.values()]
        .filter(({ uuid }) => after === undefined || uuid > after)
        .sort((a, b) => (a.uuid < b.uuid ? -1 : 1))
        .slice(0, limit)
        .map((key) => ({
          uuid: key.uuid,
          version: key.version,
          isDeleted: key.isDeleted,
          isExportable: isExportable(key),
        })),
    );
  }

  readRecord(uuid: string): Promise<Uint8Array> {
    return this.#do('readRecord', () => {
      const key = this.#token.get(uuid);
      if (key === undefined) throw refused(HalStatus.KEY_NOT_FOUND);
      if (!isExportable(key)) throw refused(HalStatus.FORBIDDEN);
      return Buffer.from(JSON.stringify(key));
    });
  }

  writeRecord(record: Uint8Array): Promise<void> {
    return this.#do('writeRecord', () => {
      const key = JSON.parse(Buffer.from(record).toString()) as StoredKey;
      const own = this.#token.get(key.uuid);
      if (own !== undefined && own.version > key.version) return;
      if (own !== undefined && own.version === key.version && !key.isDeleted) return;
      this.#token.set(key.uuid, key);
    });
  }

  takeKeyUses(): Promise<readonly KeyUse[]> {
    return this.#do('takeKeyUses', () => []);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** One call: it reaches a device that is alive, and is answered if that still lives then. */
  async #do<Result>(call: string, work: () => Result): Promise<Result> {
    const life = this.#life;
    await this.faults.before?.(call);
    if (!this.#isAlive || life !== this.#life) throw this.#gone();
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
    const needsKey = /Key$|^sign$|^verify$|Attributes$|Keys$|Record$/.test(call) && call !== 'setMasterKey';
    if (needsKey && this.isTampered) throw refused(HalStatus.TAMPER);
    if (needsKey && !this.hasMasterKey) throw refused(HalStatus.MASTERKEY_NOT_SET);
    const result = work();
    await this.faults.after?.(call);
    if (life !== this.#life) throw this.#gone();
    return result;
  }

  #gone(): HalError {
    return new HalError(HalStatus.IO_OS_ERROR, `The process of ${this.name} is gone.`);
  }

  #add(client: number, info: KeyInfo, der: string): KeyInfo {
    const key = { uuid: info.uuid, info, der, attributes: [], version: this.#now(), isDeleted: false };
    if ((info.flags & KeyFlag.TOKEN) !== 0) this.#token.set(info.uuid, key);
    else this.#volatile.set(info.uuid, { ...key, owner: client });
    return info;
  }

  #wheel(client: number): void {
    if (this.#logins.get(client)?.role !== 'wheel') throw refused(HalStatus.FORBIDDEN);
  }

  #mayWrite(client: number, partition: number, flags: number): void {
    if ((flags & KeyFlag.PUBLIC) !== 0 && (flags & KeyFlag.TOKEN) === 0) return;
    const login = this.#logins.get(client);
    const isAllowed = login?.role === 'wheel' || (login?.role === 'user' && login.partition === partition);
    if (!isAllowed) throw refused(HalStatus.FORBIDDEN);
  }

  #isSeen(client: number, key: StoredKey & { readonly owner?: number }): boolean {
    const login = this.#logins.get(client);
    if (login?.role === 'wheel') return true;
    if (key.owner !== undefined && key.owner !== client) return false;
    if ((key.info.flags & KeyFlag.PUBLIC) !== 0) return true;
    return login?.role === 'user' && login.partition === key.info.partition;
  }

  #find(client: number, uuid: string): StoredKey {
    const key = this.#token.get(uuid) ?? this.#volatile.get(uuid);
    if (key === undefined || key.isDeleted) throw refused(HalStatus.KEY_NOT_FOUND);
    if (!this.#isSeen(client, key)) throw refused(HalStatus.FORBIDDEN);
    return key;
  }
}

function attributesOf({ attributes }: StoredKey): Attribute[] {
  return attributes.map(({ type, value }) => ({ type, value: Buffer.from(value, 'hex') }));
}

function isExportable({ info }: StoredKey): boolean {
  return (info.flags & KeyFlag.EXPORTABLE) !== 0 && info.type !== KeyType.HASHSIG_PRIVATE;
}

function pinName(partition: number, role: Role): string {
  return role === 'wheel' ? '0 wheel' : `${partition} ${role}`;
}

function refused(status: HalStatus): HalError {
  return new HalError(status, `Refused by the fake device: ${status}.`);
}
