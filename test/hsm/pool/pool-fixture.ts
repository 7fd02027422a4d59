import assert from 'node:assert/strict';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { AuditEvent, AuditLog } from '../../../src/hsm/audit/audit-log.ts';
import { Curve, DEFAULT_WHEEL_PIN, KeyFlag, KeyType, type Role } from '../../../src/hsm/hal-constants.ts';
import { HalError, type HalStatus } from '../../../src/hsm/hal-status.ts';
import type { KeyQuery, KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { DeletionLedger } from '../../../src/hsm/pool/deletion-ledger.ts';
import { DevicePool } from '../../../src/hsm/pool/device-pool.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';
import { FakeDevice } from '../fake-device.ts';

export const USER_PIN = 'user-pin';
export const SO_PIN = 'so-pin-1';

export class MemoryAudit implements AuditLog {
  readonly events: AuditEvent[] = [];
  append(event: AuditEvent): Promise<void> {
    this.events.push(event);
    return Promise.resolve();
  }
  ready(): Promise<void> {
    return Promise.resolve();
  }
}

/** A pool over fake devices, with PINs for user and so, and a client that is logged in as user. */
export interface PoolFixture extends AsyncDisposable {
  /** Another one after `restart`. */
  pool: DevicePool;
  readonly devices: readonly FakeDevice[];
  readonly clock: SimulatedClock;
  readonly log: MemoryLog;
  readonly audit: MemoryAudit;
  /** The time that devices put into versions. */
  readonly time: { now: number };
  user: number;
  wheel: number;
  /** Where the pool notes deletions. */
  disk: MemoryDisk;
  /** Dies as by kill -9; nobody tells the pool. */
  kill(index: number): void;
  /** Comes back, and supervision tells. */
  restore(index: number): Promise<void>;
  /** As when hsmd is killed and started anew: devices that lived are up again, the others are not seen before `restore`. */
  restart(): Promise<void>;
}

export async function startPool(count = 2): Promise<PoolFixture> {
  const time = { now: 1_000_000 };
  const devices = Array.from({ length: count }, (_, i) => new FakeDevice(i, () => time.now));
  const clock = new SimulatedClock(1_800_000_000);
  const log = new MemoryLog();
  const audit = new MemoryAudit();
  let starts = 0;
  let disk = new MemoryDisk({ '/state/other': '' });
  const open = async (seed: number): Promise<DevicePool> => {
    const deletions = DeletionLedger.open('/state/deletions.log', disk);
    const made = new DevicePool({ devices, deletions }, { clock, random: new SeededRandom(seed), log, audit });
    for (const [index, { isAlive }] of devices.entries()) if (isAlive) await made.markUp(index);
    return made;
  };
  const logIn = async (made: DevicePool, role: Role, text: string): Promise<number> => {
    const client = made.newClient();
    await made.login(client, 0, role, pin(text));
    return client;
  };
  const pool = await open(count);
  const wheel = await logIn(pool, 'wheel', DEFAULT_WHEEL_PIN);
  await pool.setPin(wheel, 0, 'user', pin(USER_PIN));
  await pool.setPin(wheel, 0, 'so', pin(SO_PIN));
  const fixture: PoolFixture = {
    pool,
    devices,
    clock,
    log,
    audit,
    time,
    disk,
    user: await logIn(pool, 'user', USER_PIN),
    wheel,
    kill: (index) => devices[index].kill(),
    async restore(index) {
      devices[index].revive();
      await fixture.pool.markUp(index);
    },
    async restart() {
      await fixture.pool[Symbol.asyncDispose]();
      // Processes of devices end with hsmd.
      const alive = devices.filter(({ isAlive }) => isAlive);
      for (const device of alive) device.kill();
      for (const device of alive) device.revive();
      fixture.disk = disk = disk.afterCrash();
      fixture.pool = await open(count + 100 * ++starts);
      if (!devices.some(({ isAlive }) => isAlive)) return;
      fixture.wheel = await logIn(fixture.pool, 'wheel', DEFAULT_WHEEL_PIN);
      fixture.user = await logIn(fixture.pool, 'user', USER_PIN);
    },
    [Symbol.asyncDispose]: () => fixture.pool[Symbol.asyncDispose](),
  };
  return fixture;
}

export function pin(text: string): Buffer {
  return Buffer.from(text);
}

const TOKEN_SIGNER = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;

/** A key that signs: `mirrored` (a token key that is exportable), `alone` (a token key that is not), `volatile`. */
export function signer(kind: 'mirrored' | 'alone' | 'volatile'): KeySpec {
  const flags = {
    mirrored: TOKEN_SIGNER | KeyFlag.EXPORTABLE,
    alone: TOKEN_SIGNER,
    volatile: KeyFlag.DIGITAL_SIGNATURE,
  }[kind];
  return { kind: 'ec', curve: Curve.P256, flags };
}

export function everything(limit: number, after?: string): KeyQuery {
  return { type: KeyType.NONE, curve: Curve.NONE, mask: 0, flags: 0, attributes: [], after, limit };
}

/** All UUIDs, page by page; fails when a page is short and another follows, unless keys may be made meanwhile. */
export async function pages(pool: DevicePool, client: number, size: number, isQuiet = true): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const page = await pool.matchKeys(client, 0, everything(size, all.at(-1)));
    all.push(...page);
    if (page.length < size) {
      if (!isQuiet) return all;
      const beyond = await pool.matchKeys(client, 0, everything(size, all.at(-1)));
      if (beyond.length > 0) throw new Error(`A short page is followed by ${beyond.join(', ')}.`);
      return all;
    }
  }
}

/** What `assert.rejects` wants of a refusal with this status. */
export const status =
  (expected: HalStatus, text?: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof HalError, String(error));
    assert.equal(error.status, expected, error.message);
    if (text !== undefined) assert.match(error.message, text);
    return true;
  };
