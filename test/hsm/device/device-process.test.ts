import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../../src/base/clock.ts';
import { DeviceProcess } from '../../../src/hsm/device/device-process-client.ts';
import { deviceSocket, startDevice } from '../../../src/hsm/device/start-device.ts';
import { DEFAULT_WHEEL_PIN } from '../../../src/hsm/hal-constants.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { startWatchdog, watchdogSocket } from '../../../src/hsm/watchdog/start-watchdog.ts';
import { WatchdogProcess } from '../../../src/hsm/watchdog/watchdog-process-client.ts';
import { builtNativeKeys } from '../crypto/built-engine.ts';
import { CHEAP, pin, refusedWith } from './bench-device.ts';
import { cryptoDeviceSuite, type DevicePlace } from './crypto-device-suite.ts';

const LONGEST = 60_000;

/** A device and its watchdog as processes, without supervision. */
class ProcessBench implements AsyncDisposable {
  readonly state = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-hsm-'));
  readonly device = new DeviceProcess('device 0');
  readonly watchdog = new WatchdogProcess(
    { name: 'watchdog of device 0', socket: watchdogSocket(this.state, 0), timeout: LONGEST },
    { clock: new SystemClock() },
  );
  #process: ChildProcess | undefined;

  static async start(): Promise<ProcessBench> {
    const bench = new ProcessBench();
    fs.chmodSync(bench.state, 0o700);
    startWatchdog({ state: bench.state, index: 0, memory: 'process', battery: true });
    await bench.watchdog.connect(LONGEST);
    await bench.startDevice();
    return bench;
  }

  async startDevice(): Promise<void> {
    const child = startDevice({ state: this.state, index: 0, scrypt: CHEAP });
    this.#process = child;
    for (const begun = performance.now(); ; await pause(20)) {
      assert.equal(child.exitCode ?? child.signalCode, null, 'the device ended before it answered');
      assert.ok(performance.now() - begun < LONGEST, 'the device does not answer');
      if (!fs.existsSync(deviceSocket(this.state, 0))) continue;
      const isThere = await this.device.connect(deviceSocket(this.state, 0)).then(
        () => true,
        () => false,
      );
      if (isThere && (await this.device.getStatus()).pid === child.pid) return;
    }
  }

  /** Waits until the process has ended; gives exit code or signal. */
  async ended(): Promise<number | string> {
    const child = this.#process!;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode ?? child.signalCode!;
  }

  async endDevice(): Promise<number | string> {
    this.#process!.stdin!.end();
    return this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endDevice();
    await this.device[Symbol.asyncDispose]();
    await this.watchdog.endProcess();
    await this.watchdog[Symbol.asyncDispose]();
    fs.rmSync(this.state, { recursive: true, force: true });
  }
}

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

  test('S-338 what was under way when the process goes is refused with the name of the device, and so is what comes after', async () => {
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
    const { createConnection } = await import('node:net');
    for (const octets of [
      [0xff, 0xff, 0xff, 0xff],
      [0, 0, 0, 1, 0],
      [0, 0, 0, 7, 0, 0, 0, 1, 3, 0, 0],
      [0, 0, 0, 6, 0, 0, 0, 1, 1, 0],
    ]) {
      const socket = createConnection(deviceSocket(bench.state, 0));
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
