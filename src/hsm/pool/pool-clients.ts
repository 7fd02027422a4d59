import type { Role } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';

/** A connection or a console. */
export interface PoolClient {
  readonly number: number;
  /** The one device that serves it; undefined: the least busy one. */
  readonly onlyDevice: number | undefined;
  login: PoolLogin | undefined;
  /** Devices, as bits, on which the login holds; all while there is none. */
  admitted: number;
}

export interface PoolLogin {
  readonly partition: number;
  readonly role: Role;
  /** Of the PIN that was proved. */
  readonly pinVersion: number;
}

const ALL_DEVICES = -1;

/** Numbers are never used again: what a device still does for a client that is gone is never taken for another's. */
export class PoolClients {
  readonly #clients = new Map<number, PoolClient>();
  #last = 0;

  open(onlyDevice: number | undefined): number {
    if (this.#last === 0xffff_ffff)
      throw new HalError(HalStatus.NO_CLIENT_SLOTS_AVAILABLE, 'All client numbers were used: restart hsmd.');
    const number = ++this.#last;
    this.#clients.set(number, { number, onlyDevice, login: undefined, admitted: ALL_DEVICES });
    return number;
  }

  close(number: number): void {
    this.#clients.delete(number);
  }

  has(number: number): boolean {
    return this.#clients.has(number);
  }

  /** @throws HalError BAD_ARGUMENTS for a client that is gone */
  get(number: number): PoolClient {
    const client = this.#clients.get(number);
    if (client === undefined)
      throw new HalError(HalStatus.BAD_ARGUMENTS, 'The connection ended before the call did.', { client: number });
    return client;
  }

  find(number: number): PoolClient | undefined {
    return this.#clients.get(number);
  }

  all(): Iterable<PoolClient> {
    return this.#clients.values();
  }

  logIn(client: PoolClient, login: PoolLogin, device: number): void {
    client.login = login;
    client.admitted = 1 << device;
  }

  logOut(client: PoolClient): void {
    client.login = undefined;
    client.admitted = ALL_DEVICES;
  }
}
