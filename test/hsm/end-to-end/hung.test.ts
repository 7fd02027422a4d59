import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { HsmdProcess, MASTER_KEY, setUp, until } from './hsmd-process.ts';
import { generate, Load, MIRRORED, sign } from './load.ts';

/** Milliseconds: longer than a process may be silent before supervision takes it for hung. */
const LONG = 17_000;

suite('processes that are stopped', { timeout: 600_000 }, () => {
  test('S-351 (part) hsmd hangs with clients connected: nothing is ended for that, tampering still clears the key, and all goes on', async (t) => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    await hsmd.setMirroring(true);
    {
      using terminal = await hsmd.console();
      await terminal.login();
      assert.match(await terminal.run('tamper set config'), /circuits watch/);
    }
    const client = await hsmd.rpc('user');
    await using _client = client;
    const key = await generate(client, MIRRORED);
    const processes = (): number[] => [0, 1].flatMap((i) => [hsmd.deviceProcess(i), hsmd.watchdogProcess(i)]);
    const before = processes();

    process.kill(hsmd.pid, 'SIGSTOP');
    const asked = sign(client, key);
    await delay(LONG);
    process.kill(hsmd.pid, 'SIGCONT');
    await asked;
    const load = new Load(client, key);
    load.begin(4);
    await load.reaches(200);
    assert.deepEqual(await load.end(), []);
    // Its first look at the others is behind it by then, and they have answered.
    await hsmd.until(
      ({ isLocked, devices }) =>
        !isLocked && devices.every((one) => one.condition === 'up' && one.masterKey === 'set' && one.tamper === 'ok'),
      'hsmd has heard all devices and watchdogs again',
    );
    assert.deepEqual(processes(), before, 'no device and no watchdog was ended');
    assert.doesNotMatch(hsmd.output, /does not answer|gave no answer/);

    process.kill(hsmd.pid, 'SIGSTOP');
    const [device] = before;
    hsmd.sensor('0', 'case', 'open');
    const began = performance.now();
    await until(() => !isRunning(device), 'the watchdog has ended the device');
    const state = path.join(hsmd.state, 'tamper-0.json');
    await until(() => fs.existsSync(state) && /case/.test(fs.readFileSync(state, 'utf8')), 'the event is kept');
    t.diagnostic(
      `from the answer of the sensor's command to the end of the device: ${Math.round(performance.now() - began)} ms`,
    );
    process.kill(hsmd.pid, 'SIGCONT');
    await hsmd.until(
      ({ isLocked, devices }) => isLocked && devices[0].tamper !== 'ok' && devices[0].masterKey === 'not set',
      'the event is seen, and the master key is gone',
    );
    await assert.rejects(sign(client, key), (error: HalError) => error.status === HalStatus.TAMPER);
    hsmd.sensor('0', 'case', 'closed');
    await hsmd.resetTamper();
    using terminal = await hsmd.console();
    await terminal.login();
    await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'all devices are up');
    assert.match(await terminal.run(`masterkey set ${MASTER_KEY}`), /Success/);
    await hsmd.until(({ isLocked }) => !isLocked, 'it is unlocked');
    await using again = await hsmd.rpc('user');
    await sign(again, key);
  });

  test('S-459 (part) a device hangs: operations go to the other, none fails, and it is started anew', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    await hsmd.setMirroring(true);
    const client = await hsmd.rpc('user');
    await using _client = client;
    const key = await generate(client, MIRRORED);
    const load = new Load(client, key);
    load.begin(8);
    await load.reaches(50);
    const hung = hsmd.deviceProcess(0);
    process.kill(hung, 'SIGSTOP');
    await load.reaches(load.done + 200);
    await hsmd.until(
      ({ devices }) => !isRunning(hung) && devices.every(({ condition }) => condition === 'up'),
      'it was ended, and another process has taken its place',
    );
    assert.notEqual(hsmd.deviceProcess(0), hung);
    assert.match(hsmd.output, /device 0: it is down: it gave no answer for 15 s and was ended/);
    await load.reaches(load.done + 200);
    assert.deepEqual(await load.end(), []);
    assert.equal((await hsmd.status()).isLocked, false);
  });
});

/** False for one that has ended, and that its parent has not asked about yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false; // it is gone
  }
}
