import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import test from 'node:test';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import type { Watchdog, WatchdogStatus } from '../../../src/hsm/watchdog/watchdog.ts';

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');

export const withStatus =
  (status: HalStatus) =>
  (cause: unknown): boolean =>
    cause instanceof HalError && cause.status === status;

/** Resolves when `isThere` holds; rejects after two minutes. */
export async function until(isThere: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 120_000;
  while (!(await isThere())) {
    assert.ok(performance.now() < limit, `waited for two minutes: ${isThere.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What every Watchdog keeps to. `open` gives a new one, not armed, and takes it away when the test is over. */
export function watchdogSuite(kind: string, open: (t: test.TestContext) => Promise<Watchdog>): void {
  const options = { timeout: 300_000 };

  test(`${kind}: S-366 without a master key nothing is wrapped, with it everything comes back`, options, async (t) => {
    const watchdog = await open(t);
    const notSet = withStatus(HalStatus.MASTERKEY_NOT_SET);
    assert.equal((await watchdog.getStatus()).masterKey, 'not set');
    await assert.rejects(watchdog.wrap(Buffer.from('x')), notSet);
    await assert.rejects(watchdog.unwrap(Buffer.alloc(16)), notSet);
    await assert.rejects(watchdog.getCheckValue(), notSet);
    await assert.rejects(watchdog.getKeystoreKey(), notSet);
    for (const length of [0, 31, 33]) {
      await assert.rejects(watchdog.setMasterKey(Buffer.alloc(length)), withStatus(HalStatus.MASTERKEY_BAD_LENGTH));
      await assert.rejects(watchdog.getCheckValue(Buffer.alloc(length)), withStatus(HalStatus.MASTERKEY_BAD_LENGTH));
    }
    await watchdog.setMasterKey(Buffer.from(KEY));
    assert.equal((await watchdog.getStatus()).masterKey, 'set');
    const wrapped = await watchdog.wrap(Buffer.from('a key'));
    assert.equal(Buffer.from(await watchdog.unwrap(wrapped)).toString(), 'a key');
    await assert.rejects(watchdog.unwrap(Buffer.alloc(24)), withStatus(HalStatus.KEYWRAP_BAD_MAGIC));
    await assert.rejects(watchdog.unwrap(Buffer.alloc(9)), withStatus(HalStatus.KEYWRAP_BAD_LENGTH));
    await assert.rejects(watchdog.wrap(new Uint8Array(0)), withStatus(HalStatus.BAD_ARGUMENTS));
    assert.equal((await watchdog.getKeystoreKey()).length, 32);
    await watchdog.eraseMasterKey();
    await assert.rejects(watchdog.unwrap(wrapped), notSet);
    await watchdog.eraseMasterKey();
  });

  test(`${kind}: S-372 a check value tells the same key from another, and no more`, options, async (t) => {
    const watchdog = await open(t);
    const ofKey = await watchdog.getCheckValue(Buffer.from(KEY));
    assert.equal(ofKey.length, 16);
    await watchdog.setMasterKey(Buffer.from(KEY));
    assert.deepEqual(Buffer.from(await watchdog.getCheckValue()), Buffer.from(ofKey));
    assert.notDeepEqual(Buffer.from(await watchdog.getCheckValue(Buffer.alloc(32, 9))), Buffer.from(ofKey));
    assert.notDeepEqual(Buffer.from(await watchdog.getKeystoreKey()).subarray(0, 16), Buffer.from(ofKey));
  });

  test(
    `${kind}: S-351 S-369 S-370 S-461 an event clears the key; nothing goes on until it is reset; then the same key opens what it wrapped`,
    options,
    async (t) => {
      const watchdog = await open(t);
      const tamper = withStatus(HalStatus.TAMPER);
      await watchdog.setMasterKey(Buffer.from(KEY));
      const wrapped = await watchdog.wrap(Buffer.from('a key'));
      await watchdog.arm();
      await watchdog.setSensor('case', 1);
      await until(async () => (await watchdog.getStatus()).tamper === 'lasts');
      const status = await watchdog.getStatus();
      assert.deepEqual([status.masterKey, status.faults.map(({ sensor }) => sensor)], ['not set', ['case']]);
      await assert.rejects(watchdog.unwrap(wrapped), tamper);
      await assert.rejects(watchdog.wrap(Buffer.from('x')), tamper);
      await assert.rejects(watchdog.getCheckValue(), tamper);
      await assert.rejects(watchdog.getKeystoreKey(), tamper);
      await assert.rejects(watchdog.setMasterKey(Buffer.from(KEY)), tamper);
      await assert.rejects(watchdog.resetTamper(), (cause) => tamper(cause) && /the case is open/.test(String(cause)));
      assert.equal((await watchdog.getStatus()).masterKey, 'not set');
      await watchdog.setSensor('case', 0);
      await assert.rejects(watchdog.setMasterKey(Buffer.from(KEY)), tamper);
      assert.equal((await watchdog.getStatus()).tamper, 'latched');
      await watchdog.resetTamper();
      await assert.rejects(watchdog.unwrap(wrapped), withStatus(HalStatus.MASTERKEY_NOT_SET));
      await watchdog.setMasterKey(Buffer.from(KEY));
      assert.equal(Buffer.from(await watchdog.unwrap(wrapped)).toString(), 'a key');
      assert.equal((await watchdog.getStatus()).isArmed, true);
    },
  );

  test(`${kind}: S-504 (part) a test is an event`, options, async (t) => {
    const watchdog = await open(t);
    await watchdog.setMasterKey(Buffer.from(KEY));
    await watchdog.testTamper();
    await until(async () => (await watchdog.getStatus()).tamper === 'latched');
    const { masterKey, faults } = await watchdog.getStatus();
    assert.deepEqual([masterKey, faults.map(({ sensor, bit }) => [sensor, bit])], ['not set', [['test', 0x80]]]);
  });

  test(
    `${kind}: S-352 sensors show what they are told, thresholds and masks are kept, bad ones are refused`,
    options,
    async (t) => {
      const watchdog = await open(t);
      const bad = withStatus(HalStatus.BAD_ARGUMENTS);
      await watchdog.setSensor('light', 65535);
      await watchdog.setSensor('temperature', -20);
      await watchdog.setSensor('vibe', { x: 1, y: -2, z: 300 });
      const readings = await watchdog.readSensors();
      assert.deepEqual([readings.light, readings.temperature, readings.vibe], [65535, -20, { x: 1, y: -2, z: 300 }]);
      await watchdog.setThreshold('temperature high', 90);
      await watchdog.setThreshold('vibe', 65535);
      await watchdog.disableSensors(0x09);
      await watchdog.enableSensors(0x01);
      const { thresholds, enabledSensors, isArmed } = await watchdog.getStatus();
      assert.deepEqual([thresholds['temperature high'], thresholds.vibe, enabledSensors, isArmed], [90, 65535, 0xf7, false]); // prettier-ignore
      await assert.rejects(watchdog.setThreshold('light', 65536), bad);
      await assert.rejects(watchdog.setThreshold('temperature low', 90), bad);
      await assert.rejects(watchdog.enableSensors(256), bad);
      await assert.rejects(watchdog.setSensor('light', -1), bad);
      await assert.rejects(watchdog.registerDevice(0x7fff_fff0), bad);
    },
  );

  test(
    `${kind}: S-350 the device is killed on tamper, also when it is stopped; a process that is not it any more is left alone`,
    options,
    async (t) => {
      const watchdog = await open(t);
      const device = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
      const ended = new Promise<string | null>((resolve) => device.once('exit', (_, signal) => resolve(signal)));
      t.after(() => device.kill('SIGKILL'));
      assert.ok(device.pid !== undefined);
      await watchdog.registerDevice(device.pid);
      device.kill('SIGSTOP');
      await watchdog.testTamper();
      assert.equal(await ended, 'SIGKILL');
      await until(async () => (await watchdog.getStatus()).tamper === 'latched');
    },
  );

  test(`${kind}: changes are told to those who watch`, options, async (t) => {
    const watchdog = await open(t);
    const seen: WatchdogStatus[] = [];
    const unwatch = watchdog.watch((status) => seen.push(status));
    t.after(unwatch);
    await watchdog.setMasterKey(Buffer.from(KEY));
    await until(() => seen.some(({ masterKey }) => masterKey === 'set'));
    await watchdog.arm();
    await until(() => seen.at(-1)?.isArmed === true);
    await watchdog.setSensor('case', 1);
    await until(() => seen.at(-1)?.tamper === 'lasts' && seen.at(-1)?.masterKey === 'not set');
    await watchdog.setSensor('case', 0);
    await until(() => seen.at(-1)?.tamper === 'latched');
    await watchdog.resetTamper();
    await until(() => seen.at(-1)?.tamper === 'ok');
  });
}
