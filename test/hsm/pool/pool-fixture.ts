import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { AuditEvent, AuditLog } from '../../../src/hsm/audit/audit-log.ts';
import { DEFAULT_WHEEL_PIN, KeyFlag, KeyType, Curve } from '../../../src/hsm/hal-constants.ts';
import type { KeyQuery, KeySpec } from '../../../src/hsm/device/crypto-device.ts';
import { DevicePool } from '../../../src/hsm/pool/device-pool.ts';
import { FakeDevice } from '../fake-device.ts';

export const USER_PIN = 'user-pin';
export const SO_PIN = 'so-pin-1';

export class MemoryAudit implements AuditLog {
  readonly events: AuditEvent[] = [];
  append(event: AuditEvent): Promise<void> {
    this.events.push(event);
    return Promise.resolve();
  }
}

/** A pool over fake devices, with PINs for user and so, and a client that is logged in as user. */
export interface PoolFixture extends AsyncDisposable {
  readonly pool: DevicePool;
  readonly devices: readonly FakeDevice[];
  readonly clock: SimulatedClock;
  readonly log: MemoryLog;
  readonly audit: MemoryAudit;
  /** The time that devices put into versions. */
  readonly time: { now: number };
  readonly user: number;
  readonly wheel: number;
  /** Dies as by kill -9; nobody tells the pool. */
  kill(index: number): void;
  /** Comes back, and supervision tells. */
  restore(index: number): Promise<void>;
}

export async function startPool(count = 2): Promise<PoolFixture> {
  const time = { now: 1_000_000 };
  const devices = Array.from({ length: count }, (_, i) => new FakeDevice(i, () => time.now));
  const clock = new SimulatedClock(1_800_000_000);
  const log = new MemoryLog();
  const audit = new MemoryAudit();
  const pool = new DevicePool({ devices }, { clock, random: new SeededRandom(count), log, audit });
  for (const index of devices.keys()) await pool.markUp(index);
  const wheel = pool.newClient();
  await pool.login(wheel, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
  await pool.setPin(wheel, 0, 'user', pin(USER_PIN));
  await pool.setPin(wheel, 0, 'so', pin(SO_PIN));
  const user = pool.newClient();
  await pool.login(user, 0, 'user', pin(USER_PIN));
  return {
    pool,
    devices,
    clock,
    log,
    audit,
    time,
    user,
    wheel,
    kill: (index) => devices[index].kill(),
    async restore(index) {
      devices[index].revive();
      await pool.markUp(index);
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
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
