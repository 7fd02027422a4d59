import { KeyFlag, type Role } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { KeyInfo } from './crypto-device.ts';

/** A connection of the appliance that logged in or has keys of its own here. */
export interface Client {
  readonly number: number;
  role: Role | undefined;
  /** Of the login. */
  partition: number;
  /** UUIDs of its volatile keys. */
  readonly volatile: Set<string>;
  /** Logins and keys that are being made for it: ended when it leaves. */
  readonly underWay: Set<AbortController>;
}

/** The vendor's device had 10; ours is limited so that a peer cannot take its memory. */
const MAX_CLIENTS = 8192;

/**
 * Who is logged in, and what that allows (seed section 2.3): `user` uses the keys of its partition, `wheel` those of all, `so` none: it sets
 * the user's PIN. Without a login, objects that are PUBLIC can be seen; those that are not TOKEN as well can be made, used and deleted by the client that made them.
 */
export class Logins {
  readonly #clients = new Map<number, Client>();
  #logins = 0;

  get count(): number {
    return this.#logins;
  }

  find(client: number): Client | undefined {
    return this.#clients.get(client);
  }

  /** @throws HalError NO_CLIENT_SLOTS_AVAILABLE */
  claim(number: number): Client {
    let client = this.#clients.get(number);
    if (client) return client;
    if (this.#clients.size >= MAX_CLIENTS)
      throw new HalError(
        HalStatus.NO_CLIENT_SLOTS_AVAILABLE,
        `${MAX_CLIENTS} clients are known here, as many as there may be: end connections that are not needed`,
      );
    client = { number, role: undefined, partition: 0, volatile: new Set(), underWay: new Set() };
    this.#clients.set(number, client);
    return client;
  }

  login(client: Client, partition: number, role: Role): void {
    if (client.role === undefined) this.#logins++;
    client.role = role;
    client.partition = partition;
  }

  /** Ends logins, not what they made; clients that have nothing more here are forgotten. */
  endWhere(ends: (client: Client) => boolean): void {
    for (const client of this.#clients.values())
      if (client.role !== undefined && ends(client)) {
        client.role = undefined;
        this.#logins--;
        this.forgetIdle(client);
      }
  }

  /** Volatile keys are gone with the master key. */
  forgetVolatile(): void {
    for (const client of this.#clients.values()) {
      client.volatile.clear();
      this.forgetIdle(client);
    }
  }

  forget(client: Client): void {
    if (this.#clients.delete(client.number) && client.role !== undefined) this.#logins--;
    client.role = undefined;
  }

  forgetIdle(client: Client): void {
    if (client.role === undefined && client.volatile.size === 0 && client.underWay.size === 0) this.forget(client);
  }

  /** Whether it is still the client that it was before something was waited for. */
  isHere(client: Client): boolean {
    return this.#clients.get(client.number) === client;
  }
}

/** That the client uses keys of the partition. */
export function hasKeysOf(client: Client | undefined, partition: number): boolean {
  return client?.role === 'wheel' || (client?.role === 'user' && client.partition === partition);
}

/** What rights depend on. Of a volatile key, `owner` is the client that made it. */
export interface OwnedKey {
  readonly owner: number | undefined;
  readonly key: Pick<KeyInfo, 'partition' | 'flags'>;
}

export function maySee(client: Client | undefined, number: number, { key, owner }: OwnedKey): boolean {
  if (owner !== undefined && owner !== number && client?.role !== 'wheel') return false;
  return (key.flags & KeyFlag.PUBLIC) !== 0 || hasKeysOf(client, key.partition);
}

/** To sign with, change, delete, export. */
export function mayUse(client: Client | undefined, number: number, { key, owner }: OwnedKey): boolean {
  if (owner !== undefined && owner !== number && client?.role !== 'wheel') return false;
  return hasKeysOf(client, key.partition) || isOpenToAll(key.flags);
}

/** PUBLIC and not TOKEN: needs no login. */
export function isOpenToAll(flags: number): boolean {
  return (flags & (KeyFlag.PUBLIC | KeyFlag.TOKEN)) === KeyFlag.PUBLIC;
}

/** What a client hears of a key that it may not see: with a login it is not there, without one it has to log in whether it is there or not. */
export function refusal(client: Client | undefined, uuid: string): HalError {
  const mayHaveKeys = client?.role === 'user' || client?.role === 'wheel';
  return mayHaveKeys
    ? new HalError(HalStatus.KEY_NOT_FOUND, `there is no key ${uuid} here for this login`, { uuid })
    : new HalError(
        HalStatus.FORBIDDEN,
        `keys need a login as user or wheel; this connection is ${client?.role === undefined ? 'not logged in' : `logged in as ${client.role}`}`,
        { uuid },
      );
}
