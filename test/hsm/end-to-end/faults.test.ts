import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Random, randomBelow, SeededRandom } from '../../../src/base/random.ts';
import type { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { HsmdProcess, MASTER_KEY, PINS, setUp } from './hsmd-process.ts';
import { generate, type Key, lights, Load, MIRRORED, onDevice, sign } from './load.ts';

suite('hsmd and kill -9', { timeout: 600_000 }, () => {
  test('S-342 S-457 S-458 S-459 a device dies under load: mirrored keys sign on, the others say which device they miss', async () => {
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    await hsmd.setMirroring(true);
    const client = await hsmd.rpc('user');
    await using _client = client;
    const mirrored = await generate(client, MIRRORED);
    await hsmd.setMirroring(false);
    const single = await onDevice(hsmd, client, 0);
    const load = new Load(client, mirrored);
    load.begin(8);
    await load.reaches(50);
    let keystore = hsmd.takeKeystore(0);
    process.kill(hsmd.deviceProcess(0), 'SIGKILL');
    // The lights and the texts follow what is seen of the devices.
    await hsmd.until(
      (status) =>
        status.devices[0].condition === 'down' &&
        /Device failure/.test(status.devices[0].text) &&
        lights(status).join() === 'yellow blinks,green',
      'device 0 is missed, and lights and text say so',
    );
    await assert.rejects(sign(client, single), (error: HalError) => {
      assert.equal(error.status, HalStatus.IO_OS_ERROR);
      assert.match(error.message, /device 0/);
      return true;
    });
    await load.reaches(load.done + 100);
    keystore.giveBack();
    await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'device 0 is back');
    await sign(client, single);
    keystore = hsmd.takeKeystore(1);
    process.kill(hsmd.deviceProcess(1), 'SIGKILL');
    await hsmd.until(({ devices }) => devices[1].condition === 'down', 'device 1 is missed');
    await load.reaches(load.done + 100);
    keystore.giveBack();
    await hsmd.until(({ devices }) => devices.every(({ condition }) => condition === 'up'), 'device 1 is back');
    assert.deepEqual(await load.end(), []);
    await sign(client, single);

    // Both at once: an error, not a hang, and all is well when they are back.
    const both = [0, 1].map((index) => hsmd.takeKeystore(index));
    for (const index of [0, 1]) process.kill(hsmd.deviceProcess(index), 'SIGKILL');
    await hsmd.until(
      (status) =>
        status.devices.every(({ condition }) => condition === 'down') &&
        /No device works/.test(status.whyLocked.join()) &&
        lights(status).join() === 'red blinks,yellow',
      'both are missed, and it says so',
    );
    await assert.rejects(sign(client, mirrored), (error: HalError) => error.status === HalStatus.IO_OS_ERROR);
    for (const keystoreOf of both) keystoreOf.giveBack();
    await hsmd.until(
      (status) =>
        !status.isLocked &&
        status.devices.every(({ condition }) => condition === 'up') &&
        lights(status).join() === 'green,green',
      'both are back, and the lights say so',
    );
    await using again = await hsmd.rpc('user');
    await sign(again, mirrored);
    await sign(again, single);
  });

  test('any process at random instants: no key is lost that was told, none signs wrongly, and nothing is unlocked by accident', async () => {
    const random = new SeededRandom(2026);
    await using hsmd = await HsmdProcess.start();
    await setUp(hsmd);
    await hsmd.setMirroring(true);
    const keys: Key[] = [];
    for (let round = 0; round < 6; round++) {
      let client = await hsmd.rpc('user');
      keys.push(await generate(client, MIRRORED));
      const load = new Load(client, keys[randomBelow(random, keys.length)]);
      load.begin(4);
      const making = makeKeys(client, keys);
      await new Promise((resolve) => setTimeout(resolve, randomBelow(random, 300)));
      const victim = await killSomething(hsmd, random, round);
      await Promise.all([load.end(), making]);
      await client[Symbol.asyncDispose]();
      if (victim === 'hsmd') {
        await hsmd.boot();
        assert.equal((await hsmd.status()).isLocked, true, 'locked after a restart');
        await assert.rejects(hsmd.rpc('user'), (error: HalError) => error.status === HalStatus.FORBIDDEN);
        using terminal = await hsmd.console();
        await terminal.login();
      }
      // A watchdog that an earlier hsmd started is missed after some seconds.
      await hsmd.until(
        ({ devices }) =>
          devices.every(({ condition }) => condition === 'up') &&
          (victim !== 'watchdog' || devices.some(({ masterKey }) => masterKey === 'not set')),
        'all devices are up',
      );
      if (victim === 'watchdog') {
        // Its master key is gone with it.
        using terminal = await hsmd.console();
        await terminal.login(PINS.wheel, 'n');
        assert.match(await terminal.run(`masterkey set ${MASTER_KEY}`), /Success/);
      }
      await hsmd.until(
        ({ isLocked, devices }) => !isLocked && devices.every(({ masterKey }) => masterKey === 'set'),
        `all is well after the end of ${victim}`,
      );
      client = await hsmd.rpc('user');
      for (const key of keys) await sign(client, key);
      await client[Symbol.asyncDispose]();
    }
    await hsmd.stop();
    const { status, output } = hsmd.auditVerify();
    assert.equal(status, 0, output);
  });
});

/** Makes keys until the connection is lost; those that were told are in `keys`. */
async function makeKeys(client: HsmClient, keys: Key[]): Promise<void> {
  for (let i = 0; i < 5; i++)
    try {
      keys.push(await generate(client, MIRRORED));
    } catch (error) {
      assert.ok(error instanceof HalError, String(error));
    }
}

async function killSomething(hsmd: HsmdProcess, random: Random, round: number): Promise<string> {
  const index = randomBelow(random, 2);
  switch (round % 3) {
    case 0:
      process.kill(hsmd.deviceProcess(index), 'SIGKILL');
      return 'device';
    case 1:
      await hsmd.kill();
      return 'hsmd';
    default:
      process.kill(hsmd.watchdogProcess(index), 'SIGKILL');
      return 'watchdog';
  }
}
