import type { Random } from '../../base/random.ts';
import type { KeyEngine, PrivateKey } from '../crypto/key-engine.ts';
import { ALL_KEY_FLAGS, Curve, KeyFlag, KeyType, type Mechanism } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Watchdog } from '../watchdog/watchdog.ts';
import type { Attribute, AttributeChange, KeyInfo, KeyQuery, KeySpec, KeyUse, WrappedKey } from './crypto-device.ts';
import { unwrapBackup, wrapBackup } from './key-backup.ts';
import { MAX_ATTRIBUTE_OCTETS, MAX_ATTRIBUTES, MAX_OBJECT_OCTETS, type Prover, type StoredKey } from './key-record.ts';
import { findKeys } from './key-search.ts';
import type { KeyEntry, KeyTable } from './key-table.ts';
import { type Client, hasKeysOf, isOpenToAll, type Logins, maySee, mayUse, refusal } from './logins.ts';
import type { MasterKeyState } from './master-key.ts';
import { HashBasedSigner, openHandle } from './private-handles.ts';
import { AttributeType, attributeValue } from './public-attributes.ts';

export interface KeyServiceDependencies {
  readonly engine: KeyEngine;
  readonly watchdog: Watchdog;
  readonly random: Random;
  readonly masterKey: MasterKeyState;
  readonly keys: KeyTable;
  readonly logins: Logins;
  readonly hasPartition: (number: number) => boolean;
}

/** One connection must not take all places of volatile keys. */
const MAX_VOLATILE_OF_CLIENT = 1024;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_USES_TOLD = 65_536;

/** What is known of a key before it gets its name and place. */
type Contents = Pick<StoredKey, 'type' | 'curve' | 'spki' | 'wrapped'>;

/** What clients do with keys, each step with the rights that it needs. Without the master key nothing is done. */
export class KeyService {
  readonly #dependencies: KeyServiceDependencies;
  readonly #masterKey: MasterKeyState;
  readonly #keys: KeyTable;
  readonly #logins: Logins;
  readonly #hashBased: HashBasedSigner;
  readonly #uses = new Map<string, number>();
  readonly operations = {
    sign: 0,
    verify: 0,
    generate: 0,
    load: 0,
    delete: 0,
    match: 0,
    attributes: 0,
    export: 0,
    import: 0,
  };

  constructor(dependencies: KeyServiceDependencies) {
    this.#dependencies = dependencies;
    this.#masterKey = dependencies.masterKey;
    this.#keys = dependencies.keys;
    this.#logins = dependencies.logins;
    this.#hashBased = new HashBasedSigner(dependencies);
  }

  async generate(client: number, uuid: string, partition: number, spec: KeySpec): Promise<KeyInfo> {
    this.operations.generate++;
    // Two devices, or a device and a backup, with one state would make the same signatures (SP 800-208 section 6): such a key never leaves.
    const flags = spec.kind === 'hashsig' ? spec.flags & ~KeyFlag.EXPORTABLE : spec.flags;
    return this.#make(client, uuid, partition, flags, async (signal) => {
      const made = await this.#dependencies.engine.generate(spec, { signal });
      try {
        return { ...made, wrapped: await this.#dependencies.watchdog.wrap(made.privateDer) };
      } finally {
        made.privateDer.fill(0);
      }
    });
  }

  async load(
    client: number,
    uuid: string,
    partition: number,
    der: Uint8Array,
    flags: number,
    type?: KeyType,
  ): Promise<KeyInfo> {
    this.operations.load++;
    return this.#make(client, uuid, partition, flags, () => this.#contentsOf(der, type));
  }

  async #contentsOf(der: Uint8Array, type: KeyType | undefined): Promise<Contents> {
    const { engine, watchdog } = this.#dependencies;
    if (der.length === 0 || der.length > MAX_OBJECT_OCTETS)
      throw new HalError(
        der.length === 0 ? HalStatus.BAD_ARGUMENTS : HalStatus.RESULT_TOO_LONG,
        `a key or object has 1 to ${MAX_OBJECT_OCTETS} octets, not ${der.length}`,
      );
    if (type === KeyType.DATA)
      return { type, curve: Curve.NONE, spki: new Uint8Array(0), wrapped: await watchdog.wrap(der) };
    const found = engine.inspect(der);
    if (type !== undefined && type !== KeyType.NONE && type !== found.type)
      throw new HalError(HalStatus.BAD_ARGUMENTS, `the key is of type ${found.type}, not ${type} as was said`);
    if (found.type === KeyType.HASHSIG_PRIVATE)
      throw new HalError(
        HalStatus.UNSUPPORTED_KEY,
        'private hash-based keys cannot be loaded: where they come from could make the same signatures again (RFC 8554 section 5.2); generate one here',
      );
    return { ...found, wrapped: isPrivate(found.type) ? await watchdog.wrap(der) : new Uint8Array(0) };
  }

  /** Rights and place are looked at before the work, which can be long, and after it. */
  async #make(
    number: number,
    uuid: string,
    partition: number,
    flags: number,
    work: (signal: AbortSignal) => Promise<Contents>,
  ): Promise<KeyInfo> {
    this.#masterKey.require();
    const { epoch } = this.#masterKey;
    if (!UUID.test(uuid)) throw new HalError(HalStatus.BAD_ARGUMENTS, `"${uuid}" is not a UUID in lower case`);
    if ((flags & ~ALL_KEY_FLAGS) !== 0)
      throw new HalError(HalStatus.BAD_ARGUMENTS, `0x${flags.toString(16)} has flags of keys that do not exist`);
    if (!this.#dependencies.hasPartition(partition))
      throw new HalError(HalStatus.BAD_ARGUMENTS, `there is no partition ${partition}`, { partition });
    if (!hasKeysOf(this.#logins.find(number), partition) && !isOpenToAll(flags)) throw this.#noRight(number, uuid);
    this.#keys.checkFree(uuid, flags);
    const client = this.#logins.claim(number);
    // Hash-based keys take minutes: not for somebody who is gone.
    const leaving = new AbortController();
    client.underWay.add(leaving);
    try {
      const contents = await work(leaving.signal).catch((fault: unknown) => {
        throw leaving.signal.aborted ? interrupted(uuid) : fault;
      });
      if (epoch !== this.#masterKey.epoch) throw this.#masterKey.prover ? interrupted(uuid) : this.#masterKey.refusal();
      if (!this.#logins.isHere(client)) throw interrupted(uuid);
      if (!hasKeysOf(client, partition) && !isOpenToAll(flags)) throw this.#noRight(number, uuid);
      return this.#add(client, { uuid, partition, flags, ...contents });
    } finally {
      client.underWay.delete(leaving);
      if (this.#logins.isHere(client)) this.#logins.forgetIdle(client);
    }
  }

  #add(client: Client, key: Omit<StoredKey, 'version' | 'attributes'>): KeyInfo {
    const { uuid, partition, flags, type, curve, spki, wrapped } = key;
    const stored = { uuid, partition, type, curve, flags, attributes: [], spki, wrapped };
    const isToken = (flags & KeyFlag.TOKEN) !== 0;
    if (!isToken && client.volatile.size >= MAX_VOLATILE_OF_CLIENT)
      throw new HalError(
        HalStatus.NO_KEY_SLOTS_AVAILABLE,
        `this connection has ${MAX_VOLATILE_OF_CLIENT} keys that are not kept, as many as it can: delete what is not needed`,
      );
    this.#keys.insert(stored, isToken ? undefined : client.number, this.#masterKey.require());
    if (!isToken) client.volatile.add(uuid);
    return infoOf(stored);
  }

  open(client: number, uuid: string): KeyInfo {
    return infoOf(this.#see(client, uuid).key);
  }

  delete(client: number, uuid: string): void {
    this.operations.delete++;
    const prover = this.#masterKey.require();
    let entry: KeyEntry;
    try {
      entry = this.#use(client, uuid);
    } catch (fault) {
      // Nobody knows whose it was: only the wheel clears it away.
      const isDamaged = fault instanceof HalError && fault.status === HalStatus.KEYSTORE_BAD_CRC;
      if (isDamaged && this.#logins.find(client)?.role === 'wheel' && this.#keys.deleteDamaged(uuid)) return;
      throw fault;
    }
    this.#keys.delete(entry, prover);
    this.#uses.delete(uuid);
    const owner = entry.owner === undefined ? undefined : this.#logins.find(entry.owner);
    owner?.volatile.delete(uuid);
    if (owner) this.#logins.forgetIdle(owner);
  }

  getPublicKey(client: number, uuid: string): Uint8Array {
    return publicHalf(this.#see(client, uuid));
  }

  /** The signature when it can be made at once, undefined when something has to be waited for: then `sign` does it. */
  signNow(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Uint8Array | undefined {
    const entry = this.#use(client, uuid);
    checkSigns(entry);
    const { handle } = entry;
    if (!handle || handle.state) return undefined;
    this.#count(uuid);
    return handle.sign(mechanism, data);
  }

  async sign(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    const entry = this.#use(client, uuid);
    checkSigns(entry);
    const handle = await this.#handleOf(client, uuid);
    this.#count(uuid);
    if (handle.state) return this.#hashBased.sign(this.#use(client, uuid), mechanism, data);
    return handle.sign(mechanism, data);
  }

  #count(uuid: string): void {
    this.operations.sign++;
    this.#uses.set(uuid, (this.#uses.get(uuid) ?? 0) + 1);
  }

  takeUses(): KeyUse[] {
    const taken: KeyUse[] = [];
    for (const [uuid, uses] of this.#uses) {
      this.#uses.delete(uuid);
      if (taken.push({ uuid, uses }) === MAX_USES_TOLD) break;
    }
    return taken;
  }

  verify(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): void {
    this.operations.verify++;
    const entry = this.#see(client, uuid);
    checkFlag(entry, KeyFlag.DIGITAL_SIGNATURE, 'verify signatures');
    if (!this.#dependencies.engine.verify(publicHalf(entry), mechanism, data, signature))
      throw new HalError(HalStatus.INVALID_SIGNATURE, `the signature is not one of key ${uuid} over these octets`, {
        uuid,
      });
  }

  setAttributes(client: number, uuid: string, changes: readonly AttributeChange[]): void {
    this.operations.attributes++;
    const prover = this.#masterKey.require();
    const entry = this.#use(client, uuid);
    const attributes = new Map(entry.key.attributes.map(({ type, value }) => [type, value]));
    for (const { type, value } of changes) {
      if (!Number.isInteger(type) || type < 0 || type > 0xffffffff)
        throw new HalError(HalStatus.BAD_ARGUMENTS, `${type} cannot be the number of an attribute`);
      if (value === undefined) attributes.delete(type);
      else attributes.set(type, Uint8Array.from(value));
    }
    let octets = 0;
    for (const value of attributes.values()) octets += value.length;
    if (octets > MAX_ATTRIBUTE_OCTETS || attributes.size > MAX_ATTRIBUTES)
      throw new HalError(
        HalStatus.RESULT_TOO_LONG,
        `key ${uuid} would have ${attributes.size} attributes of ${octets} octets; it can have ${MAX_ATTRIBUTES} of ${MAX_ATTRIBUTE_OCTETS}`,
        { uuid },
      );
    this.#keys.replace(entry, { attributes: [...attributes].map(([type, value]) => ({ type, value })) }, prover);
  }

  async getAttributes(client: number, uuid: string, types: readonly number[]): Promise<Attribute[]> {
    this.operations.attributes++;
    const { key } = this.#see(client, uuid);
    const found: Attribute[] = [];
    for (const type of types) {
      const value = attributeValue(key, type);
      if (value) found.push({ type, value });
      else if (type === AttributeType.VALUE && key.type === KeyType.DATA)
        found.push({ type, value: await this.#dependencies.watchdog.unwrap(key.wrapped) });
    }
    return found;
  }

  listAttributes(client: number, uuid: string): readonly Attribute[] {
    this.operations.attributes++;
    return this.#see(client, uuid).key.attributes;
  }

  async match(client: number, partition: number, query: KeyQuery): Promise<string[]> {
    this.operations.match++;
    const prover = (): Prover => this.#masterKey.require();
    prover();
    return findKeys({ number: client, client: this.#logins.find(client) }, partition, query, {
      keys: this.#keys,
      prover,
    });
  }

  async export(client: number, uuid: string, kekek: string): Promise<WrappedKey> {
    this.operations.export++;
    const { watchdog, random } = this.#dependencies;
    const entry = this.#use(client, uuid);
    const under = this.#use(client, kekek);
    checkFlag(entry, KeyFlag.EXPORTABLE, 'leave the HSM, not even wrapped');
    checkKekek(under, [KeyType.RSA_PRIVATE, KeyType.RSA_PUBLIC]);
    if (!isPrivate(entry.key.type) || entry.key.type === KeyType.HASHSIG_PRIVATE)
      throw new HalError(
        HalStatus.UNSUPPORTED_KEY,
        `key ${uuid} cannot be exported: ${isPrivate(entry.key.type) ? 'a copy of a hash-based key could make the same signatures again' : 'it is not a private key'}`,
        { uuid },
      );
    const der = await watchdog.unwrap(entry.key.wrapped);
    try {
      return wrapBackup(der, under.key.spki, random);
    } finally {
      der.fill(0);
    }
  }

  async import(
    client: number,
    uuid: string,
    partition: number,
    kekek: string,
    key: WrappedKey,
    flags: number,
  ): Promise<KeyInfo> {
    this.operations.import++;
    checkKekek(this.#use(client, kekek), [KeyType.RSA_PRIVATE]);
    const handle = await this.#handleOf(client, kekek);
    return this.#make(client, uuid, partition, flags, async () => {
      const der = unwrapBackup(key, (encrypted, length) => handle.decryptKey(encrypted, length));
      try {
        return await this.#contentsOf(der, undefined);
      } finally {
        der.fill(0);
      }
    });
  }

  /** The client left, or logged out: what it made for itself goes. */
  forget(number: number): void {
    const client = this.#logins.find(number);
    if (!client) return;
    this.#keys.forgetVolatile(client.volatile);
    for (const uuid of client.volatile) this.#uses.delete(uuid);
    client.volatile.clear();
    for (const work of client.underWay) work.abort();
    this.#logins.forget(client);
  }

  /** Looks again after each wait: the key may have been changed or pushed out of memory meanwhile. */
  async #handleOf(client: number, uuid: string): Promise<PrivateKey> {
    for (let tries = 0; tries < 8; tries++) {
      const entry = this.#use(client, uuid);
      if (entry.handle) return entry.handle;
      await openHandle(entry, this.#dependencies);
    }
    throw interrupted(uuid);
  }

  #see(number: number, uuid: string): KeyEntry {
    const entry = this.#keys.find(uuid, this.#masterKey.require());
    const client = this.#logins.find(number);
    if (!entry || !maySee(client, number, entry)) throw refusal(client, uuid);
    return entry;
  }

  #use(number: number, uuid: string): KeyEntry {
    const entry = this.#see(number, uuid);
    if (!mayUse(this.#logins.find(number), number, entry)) throw this.#noRight(number, uuid);
    return entry;
  }

  #noRight(number: number, uuid: string): HalError {
    const role = this.#logins.find(number)?.role;
    const who = role === undefined ? 'this connection is not logged in' : `the login is ${role}'s`;
    return new HalError(
      HalStatus.FORBIDDEN,
      `key ${uuid}: to make, use or change it takes a login as user of its partition or as wheel; ${who}`,
      { uuid },
    );
  }
}

function infoOf({ uuid, partition, type, curve, flags }: KeyInfo): KeyInfo {
  return { uuid, partition, type, curve, flags };
}

const PRIVATE_TYPES: readonly KeyType[] = [
  KeyType.RSA_PRIVATE,
  KeyType.EC_PRIVATE,
  KeyType.ED_PRIVATE,
  KeyType.HASHSIG_PRIVATE,
];

function isPrivate(type: KeyType): boolean {
  return PRIVATE_TYPES.includes(type);
}

function checkSigns(entry: KeyEntry): void {
  checkFlag(entry, KeyFlag.DIGITAL_SIGNATURE, 'sign');
  if (!isPrivate(entry.key.type))
    throw new HalError(HalStatus.UNSUPPORTED_KEY, `key ${entry.key.uuid} is not a private key: it cannot sign`, {
      uuid: entry.key.uuid,
    });
}

function checkFlag({ key }: KeyEntry, flag: number, what: string): void {
  if ((key.flags & flag) === 0)
    throw new HalError(HalStatus.FORBIDDEN, `key ${key.uuid} may not ${what}: it was made without that flag`, {
      uuid: key.uuid,
    });
}

function checkKekek(entry: KeyEntry, types: readonly KeyType[]): void {
  const { type, uuid } = entry.key;
  if (!types.includes(type))
    throw new HalError(
      HalStatus.UNSUPPORTED_KEY,
      `key ${uuid} cannot protect another one: it is not an RSA ${types.length === 1 ? 'private ' : ''}key`,
      { uuid },
    );
  checkFlag(entry, KeyFlag.KEY_ENCIPHERMENT, 'protect other keys');
}

function publicHalf({ key }: KeyEntry): Uint8Array {
  if (key.spki.length > 0) return key.spki;
  throw new HalError(HalStatus.UNSUPPORTED_KEY, `${key.uuid} is not a key: it has no public half`, { uuid: key.uuid });
}

function interrupted(uuid: string): HalError {
  return new HalError(
    HalStatus.FORBIDDEN,
    `the connection logged out, or the master key changed, while work with key ${uuid} was under way: nothing was done`,
    { uuid },
  );
}
