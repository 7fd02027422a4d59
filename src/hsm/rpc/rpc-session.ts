import type { AuditEvent } from '../audit/audit-log.ts';
import type { KeyInfo, KeySpec } from '../device/crypto-device.ts';
import {
  ALL_KEY_FLAGS,
  Curve,
  KeyFlag,
  KeyType,
  Mechanism,
  PIN_MAX_OCTETS,
  PIN_MIN_OCTETS,
  type Role,
  ROLE_NUMBERS,
  ROLES,
} from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { DevicePool } from '../pool/device-pool.ts';
import { withExportable } from './exportable.ts';
import { HandleTable } from './handle-table.ts';
import type { HashContext } from './hash-context.ts';
import { type RpcServices, SESSION_LIMITS } from './rpc-services.ts';

/** What a connection has: a client of the devices, its login, handles and hashes. Calls are methods over it. */
export class RpcSession {
  readonly services: RpcServices;
  /** Address without port. */
  readonly peer: string;
  /** The client number at the devices. */
  readonly client: number;
  readonly keys: HandleTable<KeyInfo>;
  readonly hashes: HandleTable<HashContext>;
  /** Of all connections of the port, for LOGOUT_ALL. */
  readonly all: Iterable<RpcSession>;

  constructor(services: RpcServices, peer: string, all: Iterable<RpcSession>) {
    this.services = services;
    this.peer = peer;
    this.all = all;
    this.client = services.pool.newClient(services.settings().RPC_DEVICE);
    this.keys = new HandleTable(
      {
        kind: 'key',
        limit: SESSION_LIMITS.keys,
        full: HalStatus.NO_KEY_SLOTS_AVAILABLE,
        unknown: HalStatus.BAD_ARGUMENTS,
      },
      services.random,
    );
    this.hashes = new HandleTable(
      {
        kind: 'hash',
        limit: SESSION_LIMITS.hashes,
        full: HalStatus.ALLOCATION_FAILURE,
        unknown: HalStatus.BAD_ARGUMENTS,
      },
      services.random,
    );
  }

  get pool(): DevicePool {
    return this.services.pool;
  }

  get login(): { readonly partition: number; readonly role: Role } | undefined {
    return this.pool.loginOf(this.client);
  }

  // Access.

  async logIn(partition: number, roleNumber: number, pin: Uint8Array): Promise<void> {
    const role = roleOf(roleNumber);
    checkPinLength(pin);
    const own = Buffer.from(pin);
    let isProved = false;
    try {
      await this.services.guard.attempt({ face: 'rpc', peer: this.peer, partition, role }, async () => {
        await this.pool.login(this.client, partition, role, Buffer.from(own));
        isProved = true;
      });
    } catch (error) {
      // It could not be recorded.
      if (isProved) await this.pool.logout(this.client);
      throw error;
    } finally {
      own.fill(0);
      pin.fill(0);
    }
  }

  async logOut(): Promise<void> {
    const role = this.login?.role;
    this.keys.clear();
    await this.pool.logout(this.client);
    if (role !== undefined) await this.record({ kind: 'logout', role });
  }

  /** wheel only. */
  async logOutAll(): Promise<void> {
    if (this.login?.role !== 'wheel')
      throw new HalError(HalStatus.FORBIDDEN, 'Only wheel may end the logins of other connections.');
    await Promise.all([...this.all].map((session) => session.logOut()));
  }

  async setPin(partition: number, roleNumber: number, pin: Uint8Array): Promise<void> {
    const role = roleOf(roleNumber);
    checkPinLength(pin);
    await this.services.audit.ready();
    await this.pool.setPin(this.client, partition, role, pin);
    await this.record({ kind: 'pin set', facts: { of: role, partition } });
  }

  /** @throws HalError FORBIDDEN unless user or wheel is logged in */
  requireUser(): void {
    const role = this.login?.role;
    if (role !== 'user' && role !== 'wheel')
      throw new HalError(HalStatus.FORBIDDEN, 'That asks for a login as user: log in with its PIN first.');
  }

  /** What the login may do ends with its partition. @throws HalError FORBIDDEN */
  requirePartition(partition: number): void {
    const { login } = this;
    if (login !== undefined && login.role !== 'wheel' && login.partition !== partition)
      throw new HalError(
        HalStatus.FORBIDDEN,
        `This connection is logged in to partition ${login.partition}, not ${partition}: open a connection for each partition.`,
      );
  }

  // Keys.

  async generate(partition: number, spec: KeySpec): Promise<KeyInfo> {
    checkFlags(spec.flags);
    this.requirePartition(partition);
    await this.services.audit.ready();
    const flags = withExportable(spec.flags, this.services.settings().ENABLE_EXPORTABLE_PRIVATE_KEYS);
    const info = await this.pool.generateKey(this.client, partition, { ...spec, flags });
    return await this.#recordKey('key made', info);
  }

  async load(partition: number, der: Uint8Array, flags: number, type?: KeyType): Promise<KeyInfo> {
    checkFlags(flags);
    this.requirePartition(partition);
    if ((flags & KeyFlag.TOKEN) !== 0) await this.services.audit.ready();
    const info = await this.pool.loadKey(this.client, partition, der, flags, type);
    // Public keys of a session come and go with each signature that is verified.
    const isLasting = (info.flags & KeyFlag.TOKEN) !== 0 || !isPublicType(info.type);
    return isLasting ? await this.#recordKey('key loaded', info) : info;
  }

  async import(partition: number, kekek: string, pkcs8: Uint8Array, kek: Uint8Array, flags: number): Promise<KeyInfo> {
    checkFlags(flags);
    this.requireExport();
    this.requirePartition(partition);
    await this.services.audit.ready();
    const info = await this.pool.importKey(this.client, partition, kekek, { pkcs8, kek }, flags);
    return await this.#recordKey('key imported', info);
  }

  async export(uuid: string, kekek: string): Promise<{ readonly pkcs8: Uint8Array; readonly kek: Uint8Array }> {
    this.requireExport();
    this.requireUser();
    await this.services.audit.ready();
    const wrapped = await this.pool.exportKey(this.client, uuid, kekek);
    await this.record({ kind: 'key exported', facts: { key: uuid, kekek } });
    return wrapped;
  }

  async delete({ uuid, flags }: KeyInfo): Promise<void> {
    if ((flags & KeyFlag.TOKEN) !== 0) await this.services.audit.ready();
    await this.pool.deleteKey(this.client, uuid);
    if ((flags & KeyFlag.TOKEN) !== 0) await this.record({ kind: 'key deleted', facts: { key: uuid } });
  }

  /** @throws HalError FORBIDDEN unless ENABLE_KEY_EXPORT is set */
  requireExport(): void {
    if (!this.services.settings().ENABLE_KEY_EXPORT)
      throw new HalError(
        HalStatus.FORBIDDEN,
        "Keys do not leave or enter this HSM wrapped: 'set ENABLE_KEY_EXPORT TRUE' at the console allows it.",
      );
  }

  async record(event: Omit<AuditEvent, 'by'>): Promise<void> {
    const role = event.role ?? this.login?.role;
    await this.services.audit.append({ ...event, by: `rpc ${this.peer}`, ...(role !== undefined && { role }) });
  }

  /** A key that cannot be recorded is not made. */
  async #recordKey(kind: 'key made' | 'key loaded' | 'key imported', info: KeyInfo): Promise<KeyInfo> {
    const { uuid, type, curve, flags, partition } = info;
    try {
      await this.record({ kind, facts: { key: uuid, type, curve, flags, partition } });
    } catch (error) {
      await this.pool.discardKey(this.client, uuid);
      throw error;
    }
    return info;
  }

  /** The connection is over: its login, volatile keys and handles are gone. */
  async end(): Promise<void> {
    this.keys.clear();
    this.hashes.clear();
    await this.pool.closeClient(this.client);
  }
}

/** @throws HalError BAD_ARGUMENTS */
export function roleOf(number: number): Role {
  const role = ROLES.find((one) => ROLE_NUMBERS[one] === number);
  if (role === undefined) throw new HalError(HalStatus.BAD_ARGUMENTS, `There is no user with number ${number}.`);
  return role;
}

function checkPinLength(pin: Uint8Array): void {
  if (pin.length < PIN_MIN_OCTETS || pin.length > PIN_MAX_OCTETS)
    throw new HalError(HalStatus.BAD_ARGUMENTS, `A PIN has ${PIN_MIN_OCTETS} to ${PIN_MAX_OCTETS} octets.`);
}

export function checkFlags(flags: number): void {
  if ((flags & ~ALL_KEY_FLAGS) !== 0)
    throw new HalError(HalStatus.BAD_ARGUMENTS, `Key flags 0x${flags.toString(16)} have bits that mean nothing.`);
}

/** @throws HalError BAD_ARGUMENTS */
export function curveOf(number: number, allowed: readonly Curve[]): Curve {
  const curve = allowed.find((one) => one === number);
  if (curve === undefined) throw new HalError(HalStatus.BAD_ARGUMENTS, `Curve ${number} is none of this call's.`);
  return curve;
}

/** @throws HalError BAD_ARGUMENTS */
export function keyTypeOf(number: number): KeyType {
  const type = Object.values(KeyType).find((one) => one === number);
  if (type === undefined) throw new HalError(HalStatus.BAD_ARGUMENTS, `There is no key type with number ${number}.`);
  return type;
}

/** @throws HalError BAD_ARGUMENTS */
export function anyCurveOf(number: number): Curve {
  return curveOf(number, Object.values(Curve));
}

/** @throws HalError UNSUPPORTED_KEY */
export function mechanismOf(number: number): Mechanism {
  const mechanism = Object.values(Mechanism).find((one) => one === number);
  if (mechanism === undefined)
    throw new HalError(HalStatus.UNSUPPORTED_KEY, `Mechanism 0x${number.toString(16)} is none that this HSM has.`);
  return mechanism;
}

export function hashsigSpec(levels: number, lms: number, lmots: number, flags: number): KeySpec {
  if (levels < 1 || levels > 8 || lms < 5 || lms > 9 || lmots < 1 || lmots > 4)
    throw new HalError(
      HalStatus.BAD_ARGUMENTS,
      `A hash-based key has 1 to 8 levels, an LMS type from 5 to 9 and an LM-OTS type from 1 to 4, not ${levels}, ${lms}, ${lmots}.`,
    );
  return { kind: 'hashsig', levels, lms, lmots, flags };
}

function isPublicType(type: KeyType): boolean {
  return (
    type === KeyType.RSA_PUBLIC ||
    type === KeyType.EC_PUBLIC ||
    type === KeyType.ED_PUBLIC ||
    type === KeyType.HASHSIG_PUBLIC
  );
}
