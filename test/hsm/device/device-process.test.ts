import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { deviceSocket, startDevice } from '../../../src/hsm/device/start-device.ts';
import { DEFAULT_WHEEL_PIN } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { builtNativeKeys } from '../crypto/built-engine.ts';
import { CHEAP, pin, refusedWith } from './bench-device.ts';
import { cryptoDeviceSuite, type DevicePlace } from './crypto-device-suite.ts';
import { ProcessBench } from './process-bench.ts';

builtNativeKeys();

describe('a device in a process of its own', () => {
  cryptoDeviceSuite(async (): Promise<DevicePlace> => {
    const bench = await ProcessBench.start();
    let other: ProcessBench | undefined;
    return {
      device: bench.device,
      other: async () => (other = await ProcessBench.start()).device,
      restart: async () => {
        assert.equal(await bench.endDevice(), 0);
        await bench.startDevice();
      },
      raiseTamper: async () => {
        await bench.watchdog.testTamper().catch(() => undefined);
        assert.equal(await bench.ended(), 'SIGKILL');
        await bench.startDevice();
      },
      resetTamper: async () => {
        await bench.watchdog.resetTamper();
        for (let tries = 0; tries < 1000 && (await bench.device.getStatus()).isTampered; tries++) await pause(20);
      },
      [Symbol.asyncDispose]: async () => {
        await bench[Symbol.asyncDispose]();
        await other?.[Symbol.asyncDispose]();
      },
    };
  });

  test('what was under way when the process goes is refused with the name of the device, and so is what comes after', async () => {
    await using bench = await ProcessBench.start();
    await bench.device.login(1, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    const { pid } = await bench.device.getStatus();
    process.kill(pid!, 'SIGSTOP');
    const underWay = [bench.device.getStatus(), bench.device.random(4), bench.device.roleOf(1)];
    process.kill(pid!, 'SIGKILL');
    for (const call of underWay) await assert.rejects(call, refusedWith(HalStatus.IO_OS_ERROR, /device 0/));
    await assert.rejects(bench.device.getStatus(), refusedWith(HalStatus.IO_OS_ERROR, /device 0/));
    await bench.device.logout(1);
    await bench.ended();
    await bench.startDevice();
    assert.equal(await bench.device.roleOf(1), undefined);
  });

  test('a device that is slow is waited for: each call gets its answer in the end', async () => {
    await using bench = await ProcessBench.start();
    await bench.device.login(1, 0, 'wheel', pin(DEFAULT_WHEEL_PIN));
    bench.kill('SIGSTOP');
    const calls = [bench.device.roleOf(1), bench.device.roleOf(2), bench.device.random(8)] as const;
    let answered = 0;
    for (const call of calls) void call.then(() => answered++);
    await pause(300);
    assert.deepEqual([answered, bench.device.underWay], [0, 3]);
    bench.kill('SIGCONT');
    assert.deepEqual([await calls[0], await calls[1], (await calls[2]).length], ['wheel', undefined, 8]);
    assert.equal(bench.device.underWay, 0);
  });

  test('two processes with one keystore: the second ends and says why', async () => {
    await using bench = await ProcessBench.start();
    const second = startDevice({ state: bench.state, index: 0, scrypt: CHEAP });
    const [code] = (await once(second, 'exit')) as [number];
    assert.equal(code, 1);
    assert.equal((await bench.device.getStatus()).masterKey, 'not set');
  });

  test('a state directory that others may enter is refused', async () => {
    const state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-'));
    fs.chmodSync(state, 0o755);
    const child = startDevice({ state, index: 0 });
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 1);
    assert.deepEqual(fs.readdirSync(state), []);
    fs.rmSync(state, { recursive: true });
  });

  test('octets that are no frames close the connection, and nothing else', async () => {
    await using bench = await ProcessBench.start();
    for (const octets of [
      [0xff, 0xff, 0xff, 0xff],
      [0, 0, 0, 1, 0],
      [0, 0, 0, 7, 0, 0, 0, 1, 3, 0, 0],
      [0, 0, 0, 6, 0, 0, 0, 1, 1, 0],
    ]) {
      const socket = net.createConnection(deviceSocket(bench.state, 0));
      socket.on('error', () => undefined);
      socket.write(Buffer.from(octets));
      await once(socket.resume(), 'close');
    }
    assert.equal((await bench.device.getStatus()).masterKey, 'not set');
    // Files and socket are nobody else's.
    for (const file of fs.readdirSync(bench.state))
      assert.equal(fs.statSync(path.join(bench.state, file)).mode & 0o077, 0, file);
  });
});
