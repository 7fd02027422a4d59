import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SystemClock } from '../../../src/base/clock.ts';
import { DeviceProcess } from '../../../src/hsm/device/device-process-client.ts';
import { deviceSocket, startDevice } from '../../../src/hsm/device/start-device.ts';
import { startWatchdog, watchdogSocket } from '../../../src/hsm/watchdog/start-watchdog.ts';
import { WatchdogProcess } from '../../../src/hsm/watchdog/watchdog-process-client.ts';
import { CHEAP } from './bench-device.ts';

/** Milliseconds that anything may take on a slow machine. */
export const LONGEST = 120_000;

/** A device and its watchdog as processes, without supervision. */
export class ProcessBench implements AsyncDisposable {
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

  kill(signal: NodeJS.Signals): void {
    this.#process!.kill(signal);
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
