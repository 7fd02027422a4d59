import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import type { AuditEvent } from '../../../src/hsm/audit/audit-log.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { DurableLoginGuard } from '../../../src/hsm/appliance/login-guard.ts';
import type { LoginAttempt } from '../../../src/hsm/appliance/parts.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';

const FILE = '/state/logins.json';
const START = Date.UTC(2026, 10, 21) / 1000;

interface World {
  readonly clock: SimulatedClock;
  readonly disk: MemoryDisk;
  readonly events: AuditEvent[];
  readonly log: MemoryLog;
  guard: DurableLoginGuard;
  open(): DurableLoginGuard;
}

function world(): World {
  const clock = new SimulatedClock(START);
  const disk = new MemoryDisk();
  disk.makeDirectory('/state');
  const events: AuditEvent[] = [];
  const log = new MemoryLog();
  const audit = { append: async (event: AuditEvent) => void events.push(event), ready: async () => undefined };
  const open = (): DurableLoginGuard => DurableLoginGuard.open(FILE, { disk, clock, log, audit });
  return { clock, disk, events, log, guard: open(), open };
}

const USER: LoginAttempt = { face: 'rpc', peer: '10.0.0.9', partition: 0, role: 'user' };
const WHEEL: LoginAttempt = { face: 'console', peer: '10.0.0.7', partition: 0, role: 'wheel' };

function wrong(): Promise<void> {
  return Promise.reject(new HalError(HalStatus.PIN_INCORRECT, 'wrong PIN for user'));
}

async function right(): Promise<void> {}

/** Fails `count` times, waiting as long as is asked for. Returns the waits. */
async function failing({ guard, clock }: World, who: LoginAttempt, count: number): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < count; i++) {
    const error = await guard.attempt(who, wrong).then(
      () => assert.fail('it was let in'),
      (reason: HalError) => reason,
    );
    assert.equal(error.status, HalStatus.PIN_INCORRECT, error.message);
    const wait = Number(error.facts['wait']);
    waits.push(wait);
    await clock.advance(Math.max(0, wait));
  }
  return waits;
}

suite('S-347 (part) The login guard', () => {
  test('lets people mistype twice, then lets them wait longer and longer, then locks them out', async () => {
    const here = world();
    const waits = await failing(here, USER, 13);
    assert.deepEqual(waits.slice(0, 9), [0, 0, 2, 4, 8, 16, 32, 60, 60]);
    assert.deepEqual(waits.slice(9), [900, 1800, 3600, 7200]);
    assert.equal(here.events.filter(({ kind }) => kind === 'lock-out').length, 4);
    assert.match(here.log.records[0].text, /peer rpc 10\.0\.0\.9: locked out until .* after 10 wrong PINs/);
  });

  test('turns away who has to wait without looking at the PIN, and says for how long', async () => {
    const { guard, clock, events } = world();
    for (let i = 0; i < 3; i++) await assert.rejects(guard.attempt(USER, wrong), /wrong PIN/);
    const before = events.length;
    let looked = 0;
    for (let i = 0; i < 50; i++)
      await assert.rejects(
        guard.attempt(USER, async () => void looked++),
        (error: HalError) =>
          error.status === HalStatus.FORBIDDEN && /wait until 2026-11-21T00:00:02Z/.test(error.message),
      );
    assert.equal(looked, 0);
    assert.equal(events.length, before, 'nothing to flood the audit log with');
    await clock.advance(2);
    await assert.rejects(guard.attempt(USER, wrong));
    assert.equal(events.at(-1)?.facts?.['turnedAway'], 50, 'they are counted in the next line');
  });

  test('the right PIN clears what was counted for its peer, and is recorded', async () => {
    const here = world();
    await failing(here, USER, 2);
    await here.guard.attempt(USER, right);
    assert.deepEqual(here.events.at(-1), { kind: 'login', by: 'rpc 10.0.0.9', role: 'user', facts: {} });
    assert.deepEqual((await failing(here, USER, 3)).at(-1), 2);
  });

  test('what is no wrong PIN is recorded and not counted', async () => {
    const { guard, events } = world();
    for (let i = 0; i < 20; i++)
      await assert.rejects(
        guard.attempt(USER, () => Promise.reject(new HalError(HalStatus.IO_OS_ERROR, 'device 0 is away'))),
        /away/,
      );
    assert.equal(events.length, 20);
    await guard.attempt(USER, right);
  });

  test('guesses made at once go one after the other', async () => {
    const { guard } = world();
    let running = 0;
    let most = 0;
    let looked = 0;
    const guess = (): Promise<void> =>
      guard.attempt(USER, async () => {
        looked++;
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        throw new HalError(HalStatus.PIN_INCORRECT, 'wrong PIN');
      });
    const results = await Promise.allSettled(Array.from({ length: 100 }, guess));
    assert.equal(most, 1);
    assert.equal(looked, 3, 'from the third on they have to wait');
    const full = results.filter(
      (one) => one.status === 'rejected' && (one.reason as HalError).status === HalStatus.NO_CLIENT_SLOTS_AVAILABLE,
    );
    assert.equal(full.length, 100 - 1 - 64, 'only so many may wait');
  });

  test('a client that is known may log in over several connections at once', async () => {
    const { guard } = world();
    await guard.attempt(USER, right);
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 16 }, () =>
        guard.attempt(USER, async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running--;
        }),
      ),
    );
    assert.equal(most, 8);
  });

  test('survives a restart and a kill', async () => {
    const here = world();
    await failing(here, USER, 9);
    await assert.rejects(here.guard.attempt(USER, wrong));
    await here.clock.advance(1); // what half a second of wrong PINs were is written by then
    here.guard = here.open();
    await assert.rejects(
      here.guard.attempt(USER, right),
      /no login for 15 minutes: 10 wrong tries of PINs from 10\.0\.0\.9/,
    );
  });

  test('many peers that guess for one role delay it, but not for whoever knew its PIN before', async () => {
    const here = world();
    await here.guard.attempt({ ...USER, peer: '10.0.0.1' }, right);
    for (let i = 0; i < 50; i++) {
      const error = await here.guard
        .attempt({ ...USER, peer: `10.1.0.${i}` }, wrong)
        .catch((reason: HalError) => reason);
      assert.equal(error?.status, HalStatus.PIN_INCORRECT);
      if (i < 49) await here.clock.advance(Number(error.facts['wait']));
    }
    assert.equal(here.events.at(-1)?.kind, 'lock-out');
    await assert.rejects(here.guard.attempt({ ...USER, peer: '10.2.0.1' }, right), /wrong tries of the PIN of user/);
    await here.guard.attempt({ ...USER, peer: '10.0.0.1' }, right);
  });

  test('wheel at the console is never locked out for good, by nobody', async () => {
    const here = world();
    for (let i = 0; i < 200; i++)
      await here.guard.attempt({ ...WHEEL, peer: `10.1.0.${i}` }, wrong).catch(async (error: HalError) => {
        await here.clock.advance(Number(error.facts['wait']));
      });
    await here.clock.advance(30);
    await here.guard.attempt(WHEEL, right);
    assert.ok(Math.max(...(await failing(here, WHEEL, 40))) <= 900);
  });

  test('guesses by the RPC port do not keep wheel from the console', async () => {
    const here = world();
    const attacker: LoginAttempt = { face: 'rpc', peer: WHEEL.peer, partition: 0, role: 'wheel' };
    await failing(here, attacker, 12);
    await here.guard.attempt(WHEEL, right);
  });

  test('an IPv6 peer is its network of 64 bits', async () => {
    const here = world();
    for (let i = 1; i <= 3; i++)
      await assert.rejects(here.guard.attempt({ ...USER, peer: `2001:db8::${i}` }, wrong), /wrong PIN/);
    await assert.rejects(here.guard.attempt({ ...USER, peer: '2001:db8::ffff' }, right), /wait/);
    await here.guard.attempt({ ...USER, peer: '2001:db8:0:1::1' }, right);
  });

  test('an operator lists and lifts, by role, by peer, or all', async () => {
    const here = world();
    await failing(here, USER, 3);
    await failing(here, { ...USER, peer: '10.0.0.10' }, 1);
    assert.deepEqual(
      new Set(here.guard.list().map(({ what }) => what)),
      new Set(['peer rpc 10.0.0.9', 'peer rpc 10.0.0.10', 'role rpc 0 user']),
    );
    assert.equal(await here.guard.lift({ peer: '10.0.0.9' }, 'console 10.0.0.7'), 1);
    assert.equal(await here.guard.lift({ role: 'user' }, 'console 10.0.0.7'), 1);
    assert.equal(await here.guard.lift({}, 'console 10.0.0.7'), 1);
    assert.equal(await here.guard.lift({}, 'console 10.0.0.7'), 0);
    assert.equal(here.events.filter(({ kind }) => kind === 'lock-out lifted').length, 3);
    assert.deepEqual(here.guard.list(), []);
    assert.deepEqual(here.open().list(), []);
  });

  test('a clock that is set back lets nobody wait for ever', async () => {
    const here = world();
    await failing(here, USER, 10);
    const past = new SimulatedClock(START - 10 * 365 * 86_400);
    const audit = { append: async () => undefined, ready: async () => undefined };
    await here.guard[Symbol.asyncDispose]();
    const guard = DurableLoginGuard.open(FILE, { disk: here.disk, clock: past, log: here.log, audit });
    const error = await guard.attempt(USER, right).then(
      () => undefined,
      (reason: HalError) => reason,
    );
    assert.ok(error === undefined || Number(error.facts['wait']) <= 86_400);
  });

  test('has bounded memory', async () => {
    const here = world();
    for (let i = 0; i < 1100; i++)
      await here.guard
        .attempt({ ...USER, face: 'console', role: 'wheel', peer: `10.${i >> 8}.${i & 255}.1` }, wrong)
        .catch(() => here.clock.advance(31));
    assert.ok(here.guard.list().length <= 1024 + 1);
  });

  test('a damaged file is refused: to go on would lift all', () => {
    const here = world();
    here.disk.put(FILE, '{"buckets":{"peer rpc 10.0.0.9":{"failures":"many"}},"good":{}}');
    assert.throws(() => here.open(), /logins\.json is damaged/);
  });

  test('a full disk stops no login', async () => {
    const here = world();
    here.disk.refusal = 'ENOSPC';
    await here.guard.attempt(USER, right);
    await here.clock.advance(1);
    assert.match(here.log.records[0].text, /could not be written/);
  });
});
