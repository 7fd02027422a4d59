import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../../src/base/clock.ts';
import { SignetError } from '../../../src/base/error.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { keystoreFile } from '../../../src/hsm/device/start-device.ts';
import { Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { ProcessSupervision, type SupervisionOptions } from '../../../src/hsm/supervision/process-supervision.ts';
import { systemProcesses } from '../../../src/hsm/watchdog/guarded-device.ts';
import { builtNativeKeys } from '../crypto/built-engine.ts';
import { CHEAP, ed, logIn, refusedWith, setUp, TOKEN_KEY, USER, uuid } from '../device/bench-device.ts';

const LONGEST = 120_000;

class Rig implements AsyncDisposable {
  readonly state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-'));
  readonly log = new MemoryLog();
  supervision!: ProcessSupervision;

  static async start(options: Partial<SupervisionOptions> = {}): Promise<Rig> {
    const rig = new Rig();
    fs.chmodSync(rig.state, 0o700);
    await rig.begin(options);
    return rig;
  }

  async begin(options: Partial<SupervisionOptions> = {}): Promise<void> {
    this.supervision = new ProcessSupervision(
      { stateDirectory: this.state, count: 1, battery: false, memory: 'process', scrypt: CHEAP, ...options },
      { clock: new SystemClock(), disk: new NodeDisk(), log: this.log },
    );
    await this.supervision.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.supervision[Symbol.asyncDispose]();
    fs.rmSync(this.state, { recursive: true, force: true });
  }

  async pidOf(index: number): Promise<number> {
    return (await this.supervision.devices[index].device.getStatus()).pid!;
  }

  get text(): string {
    return this.log.records.map(({ severity, text }) => `${severity}: ${text}`).join('\n');
  }
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < LONGEST; await pause(20))
    if (await Promise.resolve(holds()).catch(() => false)) return;
  assert.fail(`waited in vain until ${what}`);
}

/** One that has ended and that nobody waits for is not. */
function isThere(pid: number): boolean {
  return systemProcesses.identity(pid) !== undefined;
}

builtNativeKeys();

describe('supervision of devices', () => {
  test('S-338, S-349, S-459 two devices are processes of their own; one that is killed comes back with its keys, the other goes on', async () => {
    await using rig = await Rig.start({ count: 2 });
    const [first, second] = rig.supervision.devices;
    assert.deepEqual([first.condition, second.condition], ['up', 'up']);
    const key = uuid();
    for (const { device } of [first, second]) await setUp(device);
    await first.device.generateKey(USER, key, 0, ed());
    // Asked at the moment when it is down: how soon it is up again is a matter of the machine.
    let whenDown: Promise<unknown> | undefined;
    rig.supervision.watch((index) => {
      if (index === 0 && first.condition === 'down') whenDown ??= first.device.getStatus().catch((fault) => fault);
    });
    const [pid, other] = [await rig.pidOf(0), await rig.pidOf(1)];
    assert.notEqual(pid, other);
    process.kill(pid, 'SIGKILL');
    await until('the first device is down', () => whenDown !== undefined);
    assert.ok(refusedWith(HalStatus.IO_OS_ERROR, /device 0/)(await whenDown));
    assert.equal(await rig.pidOf(1), other);
    assert.equal(second.condition, 'up');
    await until('the first device is up', () => first.condition === 'up');
    assert.notEqual(await rig.pidOf(0), pid);
    assert.equal(await first.device.roleOf(USER), undefined, 'its logins are gone');
    await logIn(first.device);
    await first.device.sign(USER, key, Mechanism.EDDSA, Buffer.from('the watchdog kept the master key'));
    assert.match(rig.text, /device 0: it is down: its process has ended \(SIGKILL\); it is started again in 0.25 s/);
  });

  test('a device that hangs is ended and started again', async () => {
    await using rig = await Rig.start({ hungAfter: 4000 });
    const [device] = rig.supervision.devices;
    const pid = await rig.pidOf(0);
    process.kill(pid, 'SIGSTOP');
    await until('it is down', () => !isThere(pid));
    await until('it is up', async () => device.condition === 'up' && (await rig.pidOf(0)) !== pid);
    assert.match(rig.text, /gave no answer for 4 s/);
  });

  test('a watchdog that is killed takes the master key with it, and its device; both come back', async () => {
    await using rig = await Rig.start();
    const [{ device, watchdog }] = rig.supervision.devices;
    await setUp(device);
    const key = uuid();
    await device.generateKey(USER, key, 0, ed());
    const pids = [await rig.pidOf(0), (await watchdog.getStatus()).pid!];
    process.kill(pids[1], 'SIGKILL');
    await until('both are other ones', async () => {
      const now = [await rig.pidOf(0), (await watchdog.getStatus()).pid!];
      return rig.supervision.devices[0].condition === 'up' && now.every((pid, i) => pid !== pids[i]);
    });
    assert.equal((await device.getStatus()).masterKey, 'not set');
    assert.equal(isThere(pids[0]), false);
  });

  test('a watchdog that hangs is ended, and its device', async () => {
    await using rig = await Rig.start({ hungAfter: 4000 });
    const [{ watchdog }] = rig.supervision.devices;
    const pid = (await watchdog.getStatus()).pid!;
    process.kill(pid, 'SIGSTOP');
    await until('it is another one', async () => (await watchdog.getStatus()).pid !== pid);
    assert.equal(isThere(pid), false);
    await until('the device is up', () => rig.supervision.devices[0].condition === 'up');
  });

  test('S-367 with the battery the master key outlives a restart of hsmd; without it, it does not', async () => {
    await using rig = await Rig.start({ battery: true });
    await setUp(rig.supervision.devices[0].device);
    const watchdogPid = (await rig.supervision.devices[0].watchdog.getStatus()).pid!;
    const devicePid = await rig.pidOf(0);
    await rig.supervision[Symbol.asyncDispose]();
    assert.deepEqual([isThere(devicePid), isThere(watchdogPid)], [false, true]);
    await rig.begin({ battery: true });
    assert.equal((await rig.supervision.devices[0].device.getStatus()).masterKey, 'set');
    assert.equal((await rig.supervision.devices[0].watchdog.getStatus()).pid, watchdogPid);
    await logIn(rig.supervision.devices[0].device);
    await rig.supervision[Symbol.asyncDispose]();
    // One that outlived the last hsmd is not wanted any more.
    await rig.begin();
    assert.equal((await rig.supervision.devices[0].device.getStatus()).masterKey, 'not set');
    assert.equal(isThere(watchdogPid), false);
    assert.match(rig.text, /MASTERKEY_BATTERY is off/);
    const next = (await rig.supervision.devices[0].watchdog.getStatus()).pid!;
    await rig.supervision[Symbol.asyncDispose]();
    assert.equal(isThere(next), false, 'it ends with hsmd');
    await rig.begin();
  });

  test('S-367 (part) a watchdog that is slow when hsmd starts is waited for, and keeps its master key', async () => {
    await using rig = await Rig.start({ battery: true });
    await setUp(rig.supervision.devices[0].device);
    const pid = (await rig.supervision.devices[0].watchdog.getStatus()).pid!;
    await rig.supervision[Symbol.asyncDispose]();
    process.kill(pid, 'SIGSTOP');
    const begun = rig.begin({ battery: true, hungAfter: LONGEST });
    // Longer than a single request waits for its answer.
    await pause(6000);
    process.kill(pid, 'SIGCONT');
    await begun;
    const { masterKey, pid: now } = await rig.supervision.devices[0].watchdog.getStatus();
    assert.deepEqual([masterKey, now], ['set', pid]);
    await rig.supervision[Symbol.asyncDispose]();
    // Not left behind by this test.
    await rig.begin();
  });

  for (const battery of [true, false])
    test(`kill -9 of hsmd ${battery ? 'with' : 'without'} the battery: its device ends, even one that hangs; the next hsmd ${battery ? 'finds the master key' : 'asks for the master key'}`, async () => {
      const rig = new Rig();
      fs.chmodSync(rig.state, 0o700);
      const program = path.join(import.meta.dirname, 'supervision-program.ts');
      const hsmd = spawn(process.execPath, [program, rig.state, battery ? 'battery' : 'none'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [line] = (await once(hsmd.stdout.setEncoding('utf8'), 'data')) as [string];
      const pids = JSON.parse(line) as { device: number; watchdog: number };
      process.kill(pids.device, 'SIGSTOP');
      hsmd.kill('SIGKILL');
      await once(hsmd, 'exit');
      if (!battery) await until('the watchdog has ended', () => !isThere(pids.watchdog));
      await rig.begin({ battery });
      await using _ = rig;
      await until('the device is up', () => rig.supervision.devices[0].condition === 'up');
      assert.equal(isThere(pids.device), false);
      assert.equal(isThere(pids.watchdog), battery);
      assert.equal((await rig.supervision.devices[0].device.getStatus()).masterKey, battery ? 'set' : 'not set');
      await rig.supervision[Symbol.asyncDispose]();
      // Not left behind by this test.
      if (battery) await rig.begin();
    });

  test('S-350, S-351 a tamper event: the device is ended though it is stopped, and answers TAMPER until the reset', async () => {
    await using rig = await Rig.start();
    const [one] = rig.supervision.devices;
    await setUp(one.device);
    const key = uuid();
    await one.device.generateKey(USER, key, 0, ed(TOKEN_KEY));
    const pid = await rig.pidOf(0);
    process.kill(pid, 'SIGSTOP');
    await one.watchdog.setSensor('case', 1);
    await one.watchdog.arm();
    await until('the device is gone', () => !isThere(pid));
    await until('tampered', () => one.condition === 'tampered');
    await until('a device answers', async () => (await rig.pidOf(0)) !== pid);
    await assert.rejects(
      one.device.sign(USER, key, Mechanism.EDDSA, pid.toString() as never),
      refusedWith(HalStatus.TAMPER),
    );
    await one.watchdog.setSensor('case', 0);
    await one.watchdog.resetTamper();
    await until('it is up', () => one.condition === 'up');
    await until('the device knows', async () => !(await one.device.getStatus()).isTampered);
    await setUpAgain(one.device);
    await one.device.sign(USER, key, Mechanism.EDDSA, Buffer.from('recovered'));
  });

  test('S-350 (part) a device that has not heard yet of a reset makes no new tamper event: its watchdog counts', async () => {
    await using rig = await Rig.start();
    const [one] = rig.supervision.devices;
    const getStatus = one.device.getStatus.bind(one.device);
    let said = 0;
    one.device.getStatus = async () => {
      said++;
      return { ...(await getStatus()), isTampered: true };
    };
    const conditions = new Set<string>();
    rig.supervision.watch(() => void conditions.add(one.condition));
    await rig.supervision.restart(0);
    assert.ok(said > 0);
    assert.deepEqual([one.condition, conditions.has('tampered')], ['up', false]);
  });

  test('a keystore that is damaged: the message says what to do, the other device goes on, a restart brings it back', async () => {
    const rig = new Rig();
    fs.chmodSync(rig.state, 0o700);
    fs.writeFileSync(
      keystoreFile(rig.state, 0),
      'this is no database, but it is longer than its header would be'.repeat(100),
      { mode: 0o600 },
    );
    await rig.begin({ count: 2, firstPause: 10 });
    await using _ = rig;
    const [broken, good] = rig.supervision.devices;
    assert.deepEqual([broken.condition, good.condition], ['down', 'up']);
    await assert.rejects(broken.device.getStatus(), refusedWith(HalStatus.IO_OS_ERROR));
    fs.rmSync(keystoreFile(rig.state, 0));
    await until('it is up', () => broken.condition === 'up');
  });

  test('restart() ends a device in order and starts it anew', async () => {
    await using rig = await Rig.start();
    const pid = await rig.pidOf(0);
    await rig.supervision.restart(0);
    assert.notEqual(await rig.pidOf(0), pid);
    assert.equal(rig.supervision.devices[0].condition, 'up');
    await assert.rejects(rig.supervision.restart(3), refusedWith(HalStatus.BAD_ARGUMENTS));
  });

  test('a state directory that others may enter is refused', async () => {
    const state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-'));
    fs.chmodSync(state, 0o711);
    await using supervision = new ProcessSupervision(
      { stateDirectory: state, count: 1, battery: false, memory: 'process' },
      { clock: new SystemClock(), disk: new NodeDisk(), log: new MemoryLog() },
    );
    await assert.rejects(
      supervision.start(),
      (fault) => fault instanceof SignetError && fault.code === 'STATE_DIRECTORY',
    );
    fs.rmSync(state, { recursive: true });
  });
});

async function setUpAgain(device: Parameters<typeof setUp>[0]): Promise<void> {
  await device.login(1, 0, 'wheel', Buffer.from('wheel pin'));
  await device.setMasterKey(1, Buffer.alloc(32, 0x42));
  await logIn(device);
}
