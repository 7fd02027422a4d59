import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Log, Severity } from '../../base/log.ts';
import type { DevicePrograms, Program } from '../device/device-program.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { systemProcesses } from '../watchdog/guarded-device.ts';
import { startWatchdog, watchdogSocket } from '../watchdog/start-watchdog.ts';
import type { WatchdogStatus } from '../watchdog/watchdog.ts';
import { WatchdogProcess } from '../watchdog/watchdog-process-client.ts';
import { awaitEnd, processOfLock, removeStaleLock } from './process-lock.ts';

export interface WatchdogKeeperOptions {
  readonly state: string;
  readonly index: number;
  /** "watchdog of device 0": in messages. */
  readonly name: string;
  readonly memory: 'process' | 'kernel keyring';
  readonly battery: boolean;
  /** Milliseconds without an answer after which the process hangs. Default 15,000. */
  readonly hungAfter?: number | undefined;
}

export const HUNG_AFTER = 15_000;

/** Milliseconds for a watchdog that is there to answer, and for one that was started. */
const ANSWERS_WITHIN = 5000;
const STARTS_WITHIN = 60_000;

/**
 * Has the watchdog of one device running: finds the one that outlived the last hsmd ("battery"), starts one where there is none, ends one that
 * hangs. Its key is then gone, as it must be.
 */
export class WatchdogKeeper {
  readonly adapter: WatchdogProcess;
  readonly #options: WatchdogKeeperOptions;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #programs: DevicePrograms | undefined;
  #child: ChildProcess | undefined;
  #hasStarted = false;
  /** Of the one that answered last. */
  #pid: number | undefined;
  /** What it was started from; undefined: not by this hsmd. */
  program: Program | undefined;
  /** The process that was started here has ended. */
  onEnded: () => void = () => undefined;

  constructor(
    options: WatchdogKeeperOptions,
    dependencies: {
      readonly clock: Clock;
      readonly disk: Disk;
      readonly log: Log;
      readonly programs?: DevicePrograms | undefined;
    },
  ) {
    this.#options = options;
    this.#clock = dependencies.clock;
    this.#disk = dependencies.disk;
    this.#log = dependencies.log;
    this.#programs = dependencies.programs;
    this.adapter = new WatchdogProcess(
      { name: options.name, socket: this.#socket, timeout: ANSWERS_WITHIN },
      dependencies,
    );
  }

  get #socket(): string {
    return watchdogSocket(this.#options.state, this.#options.index);
  }

  /** @throws HalError when none answers in the end */
  async ensure(): Promise<WatchdogStatus> {
    const status = (await this.#find()) ?? (await this.#start());
    this.#pid = status.pid;
    const isFirst = !this.#hasStarted;
    this.#hasStarted = true;
    if (!isFirst || this.#options.battery || status.masterKey === 'not set') return status;
    // The kernel's keyring kept it when the last hsmd was killed.
    await this.adapter.eraseMasterKey();
    return this.adapter.getStatus();
  }

  async #find(): Promise<WatchdogStatus | undefined> {
    const pid = this.#child?.pid ?? this.#lockedBy();
    if (pid === undefined) return undefined;
    try {
      // On a busy machine it may be slow to answer: the master key would be lost with it.
      await this.adapter.connect(this.#options.hungAfter ?? HUNG_AFTER);
      const status = await this.adapter.getStatus();
      if (this.#isFit(status)) return status;
      await this.#endIt(pid);
    } catch (fault) {
      this.#tell(
        'error',
        `process ${pid} hangs and is ended, its master key goes with it: ${(fault as Error).message}`,
      );
      killIfThere(pid);
    }
    await this.#waitUntilGone(pid);
    return undefined;
  }

  #isFit(status: WatchdogStatus): boolean {
    const { battery, memory } = this.#options;
    // The process that we started ourselves ends with us where it should.
    const outlivedUs = this.#child === undefined;
    if (outlivedUs && !battery)
      this.#tell(
        'notice',
        'it outlived the last hsmd, but MASTERKEY_BATTERY is off: it is ended, the master key is to be entered',
      );
    else if (status.keptIn !== memory)
      this.#tell(
        'notice',
        `it keeps the master key in the ${status.keptIn}, and MASTERKEY_MEMORY is "${memory}": it is ended, the master key is to be entered`,
      );
    else return true;
    return false;
  }

  async #endIt(pid: number): Promise<void> {
    try {
      // What is in the process goes with it; the kernel's keyring would keep it.
      if ((await this.adapter.getStatus()).keptIn === 'kernel keyring') await this.adapter.eraseMasterKey();
      await this.adapter.endProcess();
    } catch (fault) {
      this.#tell('error', `it does not end by itself and is killed: ${(fault as Error).message}`);
      killIfThere(pid);
    }
  }

  async #start(): Promise<WatchdogStatus> {
    const { index } = this.#options;
    this.program = await this.#programs?.prepare(index, 'tamper');
    try {
      const status = await this.#startProgram();
      await this.#programs?.confirm(index, 'tamper');
      return status;
    } catch (error) {
      await this.#programs?.giveUp(index, 'tamper', (error as Error).message);
      throw error;
    }
  }

  async #startProgram(): Promise<WatchdogStatus> {
    removeStaleLock(this.#lock, this.#disk);
    const child = startWatchdog({ ...this.#options, file: this.program?.file });
    this.#child = child;
    child.on('error', (fault) => this.#tell('error', `it cannot be started: ${fault.message}`));
    child.on('exit', (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (code !== 0)
        this.#tell('error', `it has ended (${signal ?? `exit code ${code}`}), and its master key with it`);
      this.onEnded();
    });
    // A start that fails is not waited for until the end of the time.
    const failed = once(child, 'exit').then(() => {
      throw new HalError(
        HalStatus.IO_OS_ERROR,
        `the ${this.#options.name} ended before it answered: see its message above`,
      );
    });
    failed.catch(() => undefined);
    await Promise.race([this.adapter.connect(STARTS_WITHIN), failed]);
    return this.adapter.getStatus();
  }

  /** Whether the process that answered last is still there: one that outlived the last hsmd is not our child, whose end we would hear of. */
  get isThere(): boolean {
    return this.#pid !== undefined && systemProcesses.identity(this.#pid) !== undefined;
  }

  /** Ends it, hung or not; nothing happens when there is none. */
  kill(): void {
    const pid = this.#lockedBy();
    if (pid !== undefined) killIfThere(pid);
  }

  /** With the battery it goes on, with the master key. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!this.#options.battery) {
      const pid = this.#lockedBy();
      if (pid !== undefined) {
        await this.#endIt(pid);
        await this.#waitUntilGone(pid);
      }
    }
    child?.removeAllListeners('exit');
    await this.adapter[Symbol.asyncDispose]();
  }

  /** The process that has the lock of this watchdog, if it is still there. */
  #lockedBy(): number | undefined {
    return processOfLock(this.#lock, this.#disk);
  }

  get #lock(): string {
    return path.join(this.#options.state, 'run', `watchdog-${this.#options.index}.lock`);
  }

  async #waitUntilGone(pid: number): Promise<void> {
    if (!(await awaitEnd(pid, ANSWERS_WITHIN, this.#clock)))
      this.#tell('error', `process ${pid} cannot be ended: see what the kernel does with it`);
  }

  #tell(severity: Severity, text: string): void {
    this.#log.write({ severity, category: 'hsm', text: `${this.#options.name}: ${text}` });
  }
}

function killIfThere(pid: number): void {
  systemProcesses.kill(pid);
}
