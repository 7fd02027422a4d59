import type { CryptoDevice } from '../device/crypto-device.ts';
import type { Program } from '../device/device-program.ts';
import type { NetworkView, UpdateOutcome, UpdatePart } from './appliance.ts';
import type { HalStatus } from '../hal-status.ts';
import type { Role } from '../hal-constants.ts';
import type { Watchdog } from '../watchdog/watchdog.ts';

/** What the appliance asks of the parts it is made of, and what it gives them. */

/** One device with its watchdog, alive or not: the adapters are there for as long as the appliance runs and reject while the process is gone. */
export interface SupervisedDevice {
  readonly index: number;
  /** "device 0" */
  readonly name: string;
  readonly device: CryptoDevice;
  readonly watchdog: Watchdog;
  readonly condition: 'starting' | 'up' | 'down' | 'tampered';
  /** What it was started from last, where that is known. */
  readonly programs?: Readonly<Partial<Record<UpdatePart, Program>>>;
}

/** Starts, watches and restarts the processes of devices and watchdogs. */
export interface DeviceSupervision {
  readonly devices: readonly SupervisedDevice[];
  /** Called with each change of a device's condition, also when its watchdog's status changed. Returns what ends it. */
  watch(changed: (index: number) => void): () => void;
  /** Ends the device's process cleanly and starts it anew. Resolves when it is up; its logins are gone. */
  restart(index: number): Promise<void>;
}

/** What the console does with all devices together: a part of DevicePool. */
export interface OperatorPool {
  /** A client number that was never used since the start: of a console or an RPC connection. */
  newClient(): number;
  /** Ends it for good; never fails. */
  closeClient(client: number): Promise<void>;
  /** Proved on one device, which the others trust; rejects when none answers. @throws HalError */
  login(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void>;
  logout(client: number): Promise<void>;
  /** On all devices that are up; the others get it when they are back. */
  setPin(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void>;
  /** Takes the keys of all devices away, PINs too unless `preservePins`. @throws HalError NOT_READY when one is down */
  eraseKeystore(client: number, preservePins: boolean): Promise<void>;
  /** `joining`: it answers, and is being made the same as the others before it serves. */
  conditionOf(index: number): 'down' | 'joining' | 'up' | 'tampered';
  /** Operations under way on the device. */
  underWay(index: number): number;
  /** One of them makes or loads a key. */
  isGenerating(index: number): boolean;
  /** Compares records, PINs and partitions of all devices and mirrors what should be mirrored. */
  synchronize(tell: (line: string) => void): Promise<void>;
  /** Exportable token keys of one device to another, at most `limit` (0: all); resolves to how many. */
  copyKeys(from: number, to: number, limit: number, tell: (line: string) => void): Promise<number>;
}

/** What the RPC port asks before it serves a call: a field, so that it costs nothing. */
export interface RpcGate {
  /** OK: serve. FORBIDDEN: locked, or the default wheel PIN still holds. MASTERKEY_NOT_SET. TAMPER. */
  readonly status: HalStatus;
}

/** Which addresses may connect: asked when a connection is accepted, before TLS. */
export interface Firewall {
  accepts(port: 'mgmt' | 'data' | 'web', address: string): boolean;
}

/** Who tries to log in, from where. */
export interface LoginAttempt {
  readonly face: 'console' | 'rpc';
  /** Address without port. */
  readonly peer: string;
  readonly partition: number;
  readonly role: Role;
}

/**
 * Stands before every login, on the console and the RPC port: growing delays and lock-outs by role and by peer. It writes logins, refusals
 * and lock-outs to the audit log; callers do not.
 */
export interface LoginGuard {
  /**
   * Runs `login` unless the role or the peer has to wait. A rejection with PIN_INCORRECT counts as a failure, any other does not.
   * @throws HalError FORBIDDEN with how long to wait or that it is locked out; what `login` throws
   */
  attempt(who: LoginAttempt, login: () => Promise<void>): Promise<void>;
}

/** How the appliance has its address. */
export interface NetworkPort {
  view(): NetworkView;
}

/** Signed updates. */
export interface UpdatePort {
  /** @throws SignetError UPDATE_... */
  install(octets: Uint8Array, options: { readonly isOlderAllowed: boolean }): Promise<UpdateOutcome>;
  /** The part of the update that runs, installed on the devices again. */
  reinstall(part: UpdatePart): Promise<void>;
}
