import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import type { CryptoDevice, KeyQuery, KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { LocalDevice } from '../../../src/hsm/device/local-device.ts';
import { Curve, DEFAULT_WHEEL_PIN, KeyFlag, KeyType, type Role } from '../../../src/hsm/hal-constants.ts';
import { HalError, type HalStatus, halStatusName } from '../../../src/hsm/hal-status.ts';
import { LocalWatchdog } from '../../../src/hsm/watchdog/local-watchdog.ts';
import type { MasterKeyMemory } from '../../../src/hsm/watchdog/master-key.ts';
import { SimulatedSensors } from '../../../src/hsm/watchdog/sensors.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';
import { FakeEngine } from './fake-engine.ts';

/** Hashes of PINs that cost next to nothing. */
export const CHEAP = { logN: 4, r: 8, p: 1 };
export const MASTER_KEY = Buffer.alloc(32, 0x42);
export const OTHER_MASTER_KEY = Buffer.alloc(32, 0x43);

class PlainMemory implements MasterKeyMemory {
  readonly keptIn = 'process';
  #key: Buffer | undefined;
  isSet = (): boolean => this.#key !== undefined;
  set(key: Uint8Array): void {
    this.#key = Buffer.from(key);
  }
  clear(): void {
    this.#key = undefined;
  }
  /** Instead of wrapping, unwrapping and all else that needs the key. */
  failsToWrap = false;
  use<T>(work: (key: Uint8Array) => T): T {
    if (this.failsToWrap) throw new HalError(5, 'the watchdog does not want to');
    if (!this.#key) throw new HalError(32, 'the master key is not set');
    return work(this.#key);
  }
}

/** A device with its watchdog in this process, and the directory of its keystore. */
export class Bench implements AsyncDisposable {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-'));
  readonly keystore = path.join(this.directory, 'keystore.db');
  readonly log = new MemoryLog();
  readonly engine = new FakeEngine();
  readonly memory = new PlainMemory();
  readonly sensors = new SimulatedSensors();
  readonly watchdog: LocalWatchdog;
  readonly clock = new SimulatedClock(1_800_000_000);
  readonly name: string;
  device!: LocalDevice;

  private constructor(name: string) {
    this.name = name;
    this.watchdog = new LocalWatchdog(
      { name: `watchdog of ${name}` },
      {
        clock: this.clock,
        disk: new MemoryDisk(),
        log: this.log,
        memory: this.memory,
        sensors: this.sensors,
        processes: { identity: () => undefined, kill: () => false },
      },
    );
  }

  static async start(name = 'device 0'): Promise<Bench> {
    const bench = new Bench(name);
    await bench.restart();
    return bench;
  }

  /** As the process does: the watchdog goes on. */
  async restart(change: () => void = () => undefined): Promise<LocalDevice> {
    await this.device?.[Symbol.asyncDispose]();
    change();
    this.device = await LocalDevice.open(
      { name: this.name, keystore: this.keystore, scrypt: CHEAP },
      { engine: this.engine, watchdog: this.watchdog, clock: this.clock, random: new SystemRandom(), log: this.log },
    );
    return this.device;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.device[Symbol.asyncDispose]();
    await this.watchdog[Symbol.asyncDispose]();
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

export const WHEEL = 1;
export const SO = 2;
export const USER = 3;
export const NOBODY = 4;

export const pin = (text: string): Uint8Array => Buffer.from(text);

/** PINs set ("wheel pin", "so pin", "user pin"), master key set, one client logged in for each role. */
export async function setUp(device: CryptoDevice, masterKey = MASTER_KEY): Promise<void> {
  await device.login(WHEEL, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
  for (const role of ['so', 'user', 'wheel'] as const) await device.setPin(WHEEL, 0, role, pin(`${role} pin`));
  await device.setMasterKey(WHEEL, Buffer.from(masterKey));
  await logIn(device);
}

export async function logIn(device: CryptoDevice): Promise<void> {
  for (const [client, role] of [
    [WHEEL, 'wheel'],
    [SO, 'so'],
    [USER, 'user'],
  ] as const)
    await device.login(client, 0, role, pin(`${role} pin`));
}

export const roles: readonly (Role | undefined)[] = [undefined, 'user', 'so', 'wheel'];

export const uuid = (): string => randomUUID();

export const TOKEN_KEY = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;

export function ec(flags: number = TOKEN_KEY): KeySpec {
  return { kind: 'ec', curve: Curve.P256, flags };
}

/** Quicker to make than others: for tests with many. */
export function ed(flags: number = TOKEN_KEY): KeySpec {
  return { kind: 'ec', curve: Curve.ED25519, flags };
}

export function query(wanted: Partial<KeyQuery> = {}): KeyQuery {
  return {
    type: KeyType.NONE,
    curve: Curve.NONE,
    mask: 0,
    flags: 0,
    attributes: [],
    after: undefined,
    limit: 1000,
    ...wanted,
  };
}

/** For assert.rejects: an operation of the HSM that came to this. */
export function refusedWith(status: HalStatus, text?: RegExp): (fault: unknown) => boolean {
  return (fault) => {
    if (!(fault instanceof HalError) || fault.status !== status)
      throw new Error(`${halStatusName(status)} was expected, not ${String(fault)}`, { cause: fault });
    if (text && !text.test(fault.message)) throw new Error(`${String(text)} was expected in: ${fault.message}`);
    return true;
  };
}
