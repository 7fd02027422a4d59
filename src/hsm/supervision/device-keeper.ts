import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Log, Severity } from '../../base/log.ts';
import type { SupervisedDevice } from '../appliance/parts.ts';
import { DeviceProcess } from '../device/device-process-client.ts';
import { DEVICE_PARTS, type DeviceProgram, type DevicePrograms } from '../device/device-program.ts';
import type { ScryptCost } from '../device/pin-hash.ts';
import { deviceLock, deviceSocket, startDevice } from '../device/start-device.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Watchdog } from '../watchdog/watchdog.ts';
import { awaitEnd, processOfLock, removeStaleLock } from './process-lock.ts';
import { HUNG_AFTER, WatchdogKeeper } from './watchdog-keeper.ts';

export interface DeviceKeeperOptions {
  readonly state: string;
  readonly index: number;
  readonly memory: 'process' | 'kernel keyring';
  readonly battery: boolean;
  readonly scrypt?: ScryptCost | undefined;
  /** Milliseconds without an answer after which a process hangs. Default 15,000. */
  readonly hungAfter?: number | undefined;
  /** Milliseconds before the first restart; each one that follows soon doubles it. Default 250. */
  readonly firstPause?: number | undefined;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;
/** Milliseconds up, after which the next pause is a short one again. */
const STEADY_AFTER = 60_000;
const STARTS_WITHIN = 60_000;
const ENDS_WITHIN = 5000;
const RETRY_CONNECT = 20;
const LOOK_EVERY = 1000;
const EXIT_FOLLOWS_WITHIN = 1000;

/** Why the process of a device is not there any more. */
interface Outcome {
  readonly text: string;
  /** Asked for: nothing is wrong. */
  readonly isWanted: boolean;
  readonly wasUp?: boolean;
}

/**
 * The processes of one device, its own and its watchdog's: started, looked at, and started again when they end or hang, with growing
 * pauses. A device does not go on without its watchdog: nobody could end it on tamper.
 *
 *     starting --answers--> up --ends, hangs, watchdog ends--> down --pause--> (started again) --> up ...
 *     tampered: as long as the watchdog says so, whether the process is there or not
 */
export class DeviceKeeper implements SupervisedDevice {
  readonly index: number;
  readonly name: string;
  readonly device: DeviceProcess;
  readonly watchdog: Watchdog;
  /** Called with each change of the condition, or of the watchdog's status. */
  onChange: () => void = () => undefined;
  readonly #options: DeviceKeeperOptions;
  readonly #clock: Clock;
  readonly #disk: Disk;
  readonly #log: Log;
  readonly #programs: DevicePrograms | undefined;
  readonly #keeper: WatchdogKeeper;
  #program: DeviceProgram | undefined;
  #child: ChildProcess | undefined;
  #stage: 'starting' | 'up' | 'down' = 'starting';
  #isTampered = false;
  #isStopping = false;
  #failures = 0;
  #running: Promise<void> = Promise.resolve();
  /** The next end is one that was asked for, with all in order: the process gets time to close its keystore. */
  #isInOrder = false;
  /** Waits for the end of the process, or for the pause before its start. */
  #waiting: ((outcome: Outcome) => void) | undefined;
  /** What happened in this life while nobody waited. */
  #missed: Outcome | undefined;
  #nextLook: Timer | undefined;
  #unwatch: () => void = () => undefined;

  constructor(
    options: DeviceKeeperOptions,
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
    this.index = options.index;
    this.name = `device ${options.index}`;
    this.device = new DeviceProcess(this.name);
    this.#keeper = new WatchdogKeeper({ ...options, name: `watchdog of ${this.name}` }, dependencies);
    this.watchdog = this.#keeper.adapter;
    this.#keeper.onEnded = () => this.#signal({ text: 'its watchdog has ended', isWanted: false });
  }

  get condition(): SupervisedDevice['condition'] {
    return this.#isTampered ? 'tampered' : this.#stage;
  }

  get programs(): SupervisedDevice['programs'] {
    const { program: tamper } = this.#keeper;
    return { ...this.#program, ...(tamper && { tamper }) };
  }

  /** Resolves with the first outcome: it is up, or it could not be started and is tried again. */
  async start(): Promise<void> {
    this.#unwatch = this.watchdog.watch((status) => {
      this.#isTampered = status.tamper !== 'ok';
      this.onChange();
    });
    await new Promise<void>((resolve) => (this.#running = this.#run(resolve)));
  }

  async #run(settled: () => void): Promise<void> {
    while (!this.#isStopping) {
      const outcome = await this.#live(settled);
      await this.#end();
      const { wasUp } = outcome;
      this.#setStage(outcome.isWanted ? 'starting' : 'down');
      settled();
      if (this.#isStopping || outcome.isWanted) continue;
      this.#missed = undefined;
      const pause = this.#nextPause();
      const next = `it is started again in ${pause / 1000} s; keys that are only there cannot be used until then`;
      this.#tell(
        this.#isTampered ? 'notice' : 'error',
        `${wasUp ? 'it is down' : 'it did not start'}: ${outcome.text}; ${next}`,
      );
      await this.#interruptible((resolve) => void this.#clock.after(pause, () => resolve(RESTARTED)));
    }
  }

  /** One life of the process. */
  async #live(settled: () => void): Promise<Outcome> {
    this.#missed = undefined;
    try {
      const { tamper } = await this.#keeper.ensure();
      this.#see(tamper !== 'ok');
      if (this.#isStopping) return RESTARTED;
      await this.#begin();
      if (!this.#isStopping) for (const part of DEVICE_PARTS) await this.#programs?.confirm(this.index, part);
    } catch (fault) {
      return { text: (fault as Error).message, isWanted: false };
    }
    if (this.#isStopping) return RESTARTED;
    const begun = this.#clock.monotonic();
    this.#setStage('up');
    settled();
    this.#tell('notice', `it is up, process ${this.#child?.pid}`);
    const outcome = await this.#interruptible((resolve) => this.#look(resolve));
    if (this.#clock.monotonic() - begun >= STEADY_AFTER) this.#failures = 0;
    return { ...outcome, wasUp: true };
  }

  async #begin(): Promise<void> {
    await this.#endLeftOver();
    this.#program = this.#programs && (await prepareAll(this.#programs, this.index));
    try {
      await this.#beginProgram();
    } catch (fault) {
      for (const part of DEVICE_PARTS) await this.#programs?.giveUp(this.index, part, (fault as Error).message);
      throw fault;
    }
  }

  async #beginProgram(): Promise<void> {
    const { state, index, scrypt } = this.#options;
    const child = startDevice({ state, index, scrypt, program: this.#program });
    this.#child = child;
    child.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    let end: string | undefined;
    const ended = once(child, 'exit').then(
      ([code, signal]) => (end = String(signal ?? `exit code ${code}`)),
      (fault: unknown) => (end = (fault as Error).message),
    );
    const begun = this.#clock.monotonic();
    while (!(await this.#connects(child))) {
      if (end !== undefined)
        throw new HalError(HalStatus.IO_OS_ERROR, `its process ended at once (${end}): see its message above`);
      if (this.#isStopping) return;
      if (this.#clock.monotonic() - begun > STARTS_WITHIN)
        throw new HalError(HalStatus.IO_TIMEOUT, `its process did not answer within ${STARTS_WITHIN / 1000} s`);
      await new Promise<void>((resolve) => this.#clock.after(RETRY_CONNECT, resolve));
    }
    void ended.then(
      (how) => this.#child === child && this.#signal({ text: `its process has ended (${how})`, isWanted: false }),
    );
  }

  /** The process that a killed hsmd left behind ends with it, unless it is stopped or hangs: it has the keystore. */
  async #endLeftOver(): Promise<void> {
    const lock = deviceLock(this.#options.state, this.index);
    const pid = processOfLock(lock, this.#disk);
    if (pid === undefined) return removeStaleLock(lock, this.#disk);
    this.#tell('notice', `process ${pid} of the last hsmd is still there: it gets ${ENDS_WITHIN / 1000} s to end`);
    if (await awaitEnd(pid, ENDS_WITHIN, this.#clock)) return removeStaleLock(lock, this.#disk);
    throw new HalError(HalStatus.IO_OS_ERROR, `process ${pid} has its keystore and cannot be ended`, { pid });
  }

  /** The socket may still be that of the process before. */
  async #connects(child: ChildProcess): Promise<boolean> {
    const { state, index } = this.#options;
    try {
      await this.device.connect(deviceSocket(state, index), () => this.#seeClosed(child));
      const { pid, isTampered } = await this.device.getStatus();
      // A device hears of a reset in its own time: what counts is what its watchdog says.
      if (isTampered) await this.#watchdogAnswers();
      return pid === child.pid;
    } catch {
      return false;
    }
  }

  /** The end of the process comes a moment later, and says more. */
  #seeClosed(child: ChildProcess): void {
    if (this.#child !== child || this.#stage !== 'up') return;
    this.#setStage('down');
    this.#clock.after(EXIT_FOLLOWS_WITHIN, () => {
      if (this.#child === child) this.#signal({ text: 'its process closed the connection', isWanted: false });
    });
  }

  /** Asks device and watchdog again and again. One that does not answer hangs. */
  #look(found: (outcome: Outcome) => void): void {
    const limit = this.#options.hungAfter ?? HUNG_AFTER;
    const child = this.#child;
    let since = { device: this.#clock.monotonic(), watchdog: this.#clock.monotonic() };
    const asking = { device: false, watchdog: false };
    const ask = (who: 'device' | 'watchdog', answer: Promise<unknown>): void => {
      asking[who] = true;
      answer
        .then(
          () => (since = { ...since, [who]: this.#clock.monotonic() }),
          () => undefined,
        )
        .finally(() => (asking[who] = false));
    };
    let last = this.#clock.monotonic();
    const look = (): void => {
      if (this.#child !== child || this.#stage !== 'up') return;
      if (!this.#keeper.isThere) return found({ text: 'its watchdog has ended', isWanted: false });
      // Whoever was stopped himself, or had no processor, has heard nobody: a watchdog that is ended for that has lost its master key.
      const now = this.#clock.monotonic();
      if (now - last > limit / 2) since = { device: now, watchdog: now };
      last = now;
      const silent = this.#clock.monotonic() - limit;
      if (since.watchdog < silent) {
        this.#keeper.kill();
        return found({ text: 'its watchdog does not answer', isWanted: false });
      }
      if (since.device < silent)
        return found({ text: `it gave no answer for ${limit / 1000} s and was ended`, isWanted: false });
      if (!asking.device) ask('device', this.device.getStatus());
      if (!asking.watchdog) ask('watchdog', this.#watchdogAnswers());
      this.#nextLook = this.#clock.after(Math.min(limit / 8, LOOK_EVERY), look);
    };
    look();
  }

  async #watchdogAnswers(): Promise<void> {
    const { tamper } = await this.watchdog.getStatus();
    this.#see(tamper !== 'ok');
  }

  /** The process ends: by itself where it was asked to, in any case in the end. */
  async #end(): Promise<void> {
    const child = this.#child;
    this.#nextLook?.cancel();
    this.device.disconnect('its process has ended');
    if (!child) return;
    this.#child = undefined;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      if (this.#isInOrder) child.stdin?.end();
      else child.kill('SIGKILL');
      const timer = this.#clock.after(ENDS_WITHIN, () => child.kill('SIGKILL'));
      await ended;
      timer.cancel();
    }
    this.#isInOrder = false;
  }

  async restart(): Promise<void> {
    this.#isInOrder = true;
    this.#setStage('starting');
    this.#signal(RESTARTED);
    await new Promise<void>((resolve, reject) => {
      const before = this.#child;
      const look = (): void => {
        if (this.#stage === 'up' && this.#child !== before) resolve();
        else if (this.#stage === 'down')
          reject(
            new HalError(HalStatus.IO_OS_ERROR, `${this.name} did not come up again: see the log; it is tried again`),
          );
        else if (this.#isStopping) reject(new HalError(HalStatus.IO_OS_ERROR, `${this.name}: the HSM shuts down`));
        else this.#clock.after(RETRY_CONNECT, look);
      };
      look();
    });
  }

  /** Ends the device; its watchdog goes on when it has a battery. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#isInOrder = true;
    this.#signal(RESTARTED);
    await this.#running;
    this.#unwatch();
    await this.device[Symbol.asyncDispose]();
    await this.#keeper.close();
  }

  async #interruptible(begin: (resolve: (outcome: Outcome) => void) => void): Promise<Outcome> {
    if (this.#isStopping) return RESTARTED;
    if (this.#missed) return this.#missed;
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#waiting = resolve;
      begin(resolve);
    });
    this.#waiting = undefined;
    return outcome;
  }

  #signal(outcome: Outcome): void {
    if (this.#waiting) this.#waiting(outcome);
    else this.#missed ??= outcome;
  }

  #nextPause(): number {
    const pause = Math.min((this.#options.firstPause ?? FIRST_PAUSE) * 2 ** this.#failures, LONGEST_PAUSE);
    this.#failures++;
    return pause;
  }

  #see(isTampered: boolean): void {
    if (this.#isTampered === isTampered) return;
    this.#isTampered = isTampered;
    this.onChange();
  }

  #setStage(stage: 'starting' | 'up' | 'down'): void {
    if (this.#stage === stage) return;
    this.#stage = stage;
    this.onChange();
  }

  #tell(severity: Severity, text: string): void {
    this.#log.write({ severity, category: 'hsm', text: `${this.name}: ${text}` });
  }
}

const RESTARTED: Outcome = { text: 'it is started anew', isWanted: true };

async function prepareAll(programs: DevicePrograms, index: number): Promise<DeviceProgram> {
  return {
    bootloader: await programs.prepare(index, 'bootloader'),
    firmware: await programs.prepare(index, 'firmware'),
    fpga: await programs.prepare(index, 'fpga'),
  };
}
