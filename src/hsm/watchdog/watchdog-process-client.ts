import net from 'node:net';
import type { Clock, Timer } from '../../base/clock.ts';
import { secretCopy } from '../../base/secret-octets.ts';
import { HalError, HalStatus, halStatusName } from '../hal-status.ts';
import type { SensorValue } from './sensors.ts';
import { encodeFrame, FrameReader, WatchdogFunction, type Frame } from './watchdog-frames.ts';
import type { SensorName, SensorReadings, ThresholdName, Watchdog, WatchdogStatus } from './watchdog.ts';

export interface WatchdogProcessOptions {
  /** "watchdog of device 0": in messages. */
  readonly name: string;
  readonly socket: string;
  /** Milliseconds that a request may take, with all attempts to reach the process. Default 5000. */
  readonly timeout?: number;
}

export interface WatchdogProcessDependencies {
  readonly clock: Clock;
}

interface Pending {
  readonly code: WatchdogFunction;
  readonly body: Uint8Array;
  readonly timer: Timer;
  resolve(result: Uint8Array): void;
  reject(cause: Error): void;
  isSent: boolean;
}

const DEFAULT_TIMEOUT = 5000;
/** Milliseconds between attempts to connect. */
const RETRY_AFTER = 50;

/**
 * The watchdog in its own process. After a tamper event that process makes itself anew and is away for a moment: requests wait,
 * and are sent again where that does no harm. The device that was registered is registered again with each connection.
 */
export class WatchdogProcess implements Watchdog {
  readonly #name: string;
  readonly #socketPath: string;
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #watchers = new Set<(status: WatchdogStatus) => void>();
  #socket: net.Socket | undefined;
  #isConnected = false;
  #retry: Timer | undefined;
  #devicePid: number | undefined;
  #lastNumber = 0;
  #lastFailure = 'it was not reached yet';
  #isClosed = false;

  constructor(options: WatchdogProcessOptions, dependencies: WatchdogProcessDependencies) {
    this.#name = options.name;
    this.#socketPath = options.socket;
    this.#timeout = options.timeout ?? DEFAULT_TIMEOUT;
    this.#clock = dependencies.clock;
  }

  /** Waits until the process answers. @throws HalError IO_OS_ERROR */
  async connect(milliseconds = this.#timeout): Promise<void> {
    await this.#request(WatchdogFunction.STATUS, NOTHING, milliseconds);
  }

  async getStatus(): Promise<WatchdogStatus> {
    return parse(await this.#request(WatchdogFunction.STATUS)) as WatchdogStatus;
  }

  async registerDevice(pid: number): Promise<void> {
    await this.#request(WatchdogFunction.REGISTER, json(pid));
    this.#devicePid = pid;
  }

  async setMasterKey(key: Uint8Array): Promise<void> {
    await this.#request(WatchdogFunction.SET_MASTER_KEY, key);
  }

  async eraseMasterKey(): Promise<void> {
    await this.#request(WatchdogFunction.ERASE_MASTER_KEY);
  }

  getCheckValue(key?: Uint8Array): Promise<Uint8Array> {
    // No octets would ask for that of the key that is set.
    if (key?.length === 0)
      return Promise.reject(new HalError(HalStatus.MASTERKEY_BAD_LENGTH, 'a master key has 32 octets, not 0'));
    return this.#request(WatchdogFunction.CHECK_VALUE, key);
  }

  wrap(plain: Uint8Array): Promise<Uint8Array> {
    return this.#request(WatchdogFunction.WRAP, plain);
  }

  unwrap(wrapped: Uint8Array): Promise<Uint8Array> {
    return this.#request(WatchdogFunction.UNWRAP, wrapped);
  }

  getKeystoreKey(): Promise<Uint8Array> {
    return this.#request(WatchdogFunction.KEYSTORE_KEY);
  }

  async readSensors(): Promise<SensorReadings> {
    return parse(await this.#request(WatchdogFunction.SENSORS)) as SensorReadings;
  }

  async setThreshold(name: ThresholdName, value: number): Promise<void> {
    await this.#request(WatchdogFunction.SET_THRESHOLD, json([name, value]));
  }

  async enableSensors(mask: number): Promise<void> {
    await this.#request(WatchdogFunction.ENABLE, json(mask));
  }

  async disableSensors(mask: number): Promise<void> {
    await this.#request(WatchdogFunction.DISABLE, json(mask));
  }

  async arm(): Promise<void> {
    await this.#request(WatchdogFunction.ARM);
  }

  async testTamper(): Promise<void> {
    await this.#request(WatchdogFunction.TEST);
  }

  async resetTamper(): Promise<void> {
    await this.#request(WatchdogFunction.RESET);
  }

  async setSensor(name: SensorName, value: SensorValue): Promise<void> {
    await this.#request(WatchdogFunction.SET_SENSOR, json([name, value]));
  }

  /** Ends the process, and the master key with it, wherever it is kept. */
  async endProcess(): Promise<void> {
    await this.#request(WatchdogFunction.END);
  }

  watch(changed: (status: WatchdogStatus) => void): () => void {
    this.#watchers.add(changed);
    this.#connectWhenNeeded();
    return () => void this.#watchers.delete(changed);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#watchers.clear();
    for (const number of this.#pending.keys()) this.#fail(number, 'it is not used any more');
    this.#socket?.destroy();
    return Promise.resolve();
  }

  #request(code: WatchdogFunction, body: Uint8Array = NOTHING, timeout = this.#timeout): Promise<Uint8Array> {
    if (this.#isClosed) return Promise.reject(this.#unreachable('it is not used any more'));
    return new Promise((resolve, reject) => {
      this.#lastNumber = (this.#lastNumber % 0xffff_ffff) + 1;
      const number = this.#lastNumber;
      // Whoever was stopped, or had no processor, sees the limit pass before the answer that came long ago: it is looked for once more.
      const timer = this.#clock.after(timeout, () => setImmediate(() => this.#fail(number, this.#lastFailure)));
      this.#pending.set(number, { code, body, timer, resolve, reject, isSent: false });
      this.#send(number);
      this.#connectWhenNeeded();
    });
  }

  #send(number: number): void {
    const pending = this.#pending.get(number);
    if (pending === undefined || !this.#isConnected) return;
    pending.isSent = true;
    this.#lastFailure = 'it took too long';
    this.#write(number, pending.code, pending.body);
  }

  #write(number: number, code: number, body: Uint8Array): void {
    const frame = encodeFrame(number, code, body);
    this.#socket?.write(frame, () => frame.fill(0));
  }

  #connectWhenNeeded(): void {
    if (this.#socket !== undefined || this.#retry !== undefined || this.#isClosed) return;
    if (this.#pending.size === 0 && this.#watchers.size === 0 && this.#devicePid === undefined) return;
    const socket = net.connect(this.#socketPath);
    this.#socket = socket;
    const reader = new FrameReader((frame) => this.#take(frame));
    socket.on('connect', () => {
      this.#isConnected = true;
      if (this.#devicePid !== undefined) this.#write(0, WatchdogFunction.REGISTER, json(this.#devicePid));
      for (const number of this.#pending.keys()) this.#send(number);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (cause) {
        socket.destroy(cause as Error);
      }
    });
    socket.on('error', (cause) => (this.#lastFailure = cause.message));
    socket.on('close', () => this.#closed());
  }

  #closed(): void {
    this.#socket = undefined;
    this.#isConnected = false;
    for (const [number, pending] of this.#pending) {
      // It may have been obeyed: to ask for another event would raise another one.
      if (pending.isSent && pending.code === WatchdogFunction.TEST)
        this.#fail(number, 'it went away before it answered');
      // It was to end.
      else if (pending.isSent && pending.code === WatchdogFunction.END) this.#settle(number)?.resolve(NOTHING);
    }
    this.#retry ??= this.#clock.after(RETRY_AFTER, () => {
      this.#retry = undefined;
      this.#connectWhenNeeded();
    });
  }

  #take({ number, code, body }: Frame): void {
    if (number === 0) {
      // Number 0 also answers a device registered again: that has no body.
      if (code !== HalStatus.OK || body.length === 0) return;
      const status = parse(body) as WatchdogStatus;
      for (const changed of this.#watchers) changed(status);
      return;
    }
    const pending = this.#settle(number);
    // The frame is overwritten when this returns.
    if (code === HalStatus.OK) pending?.resolve(secretCopy(body));
    else pending?.reject(new HalError(statusOf(code), Buffer.from(body).toString('utf8')));
  }

  #fail(number: number, why: string): void {
    this.#settle(number)?.reject(this.#unreachable(why));
  }

  #settle(number: number): Pending | undefined {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    pending?.timer.cancel();
    return pending;
  }

  #unreachable(why: string): HalError {
    const message = `the ${this.#name} does not answer (${why}): it is started again by itself; if this goes on, restart the HSM`;
    return new HalError(HalStatus.IO_OS_ERROR, message, { socket: this.#socketPath });
  }
}

const NOTHING = new Uint8Array(0);

function statusOf(code: number): HalStatus {
  return halStatusName(code).startsWith('status ') ? HalStatus.IO_UNEXPECTED : (code as HalStatus);
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function parse(body: Uint8Array): unknown {
  return JSON.parse(Buffer.from(body).toString('utf8'));
}
