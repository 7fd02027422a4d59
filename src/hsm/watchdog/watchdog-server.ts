import net from 'node:net';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { SensorValue } from './sensors.ts';
import { encodeFrame, FrameReader, WatchdogFunction, type Frame } from './watchdog-frames.ts';
import type { SensorName, ThresholdName, Watchdog, WatchdogStatus } from './watchdog.ts';

export interface WatchdogServerOptions {
  /** Path of the local socket. Who may enter its directory may use it. */
  readonly socket: string;
}

export interface WatchdogServerDependencies {
  readonly watchdog: Watchdog;
  readonly disk: Disk;
  readonly log: Log;
  /** A client asks the process to end. */
  readonly onEnd: () => void;
}

/** Clients at once: device, hsmd, a few `hsmd sensor`. */
const MOST_CLIENTS = 64;
/** Milliseconds that clients have to take the last replies when it closes. */
const LONGEST_FAREWELL = 200;

/** A watchdog on a local socket. */
export class WatchdogServer implements AsyncDisposable {
  readonly #options: WatchdogServerOptions;
  readonly #dependencies: WatchdogServerDependencies;
  readonly #server = net.createServer((client) => this.#serve(client));
  readonly #clients = new Set<net.Socket>();
  readonly #unwatch: () => void;
  #hasCarriedSecrets = false;
  #isClosing = false;

  constructor(options: WatchdogServerOptions, dependencies: WatchdogServerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#server.maxConnections = MOST_CLIENTS;
    this.#unwatch = dependencies.watchdog.watch((status) => {
      const frame = statusFrame(status);
      for (const client of this.#clients) client.write(frame);
    });
  }

  /** Secrets went through this process's memory: freed parts of it may still hold them. */
  get hasCarriedSecrets(): boolean {
    return this.#hasCarriedSecrets;
  }

  /**
   * From now on requests are not looked at: their clients see the connection close and send them again to the process that comes after.
   * One that was obeyed here would be lost with this process's memory.
   */
  refuseMore(): void {
    this.#isClosing = true;
  }

  /** The caller holds the lock of this watchdog: a socket file that is there is one of a process that is gone. */
  async start(): Promise<void> {
    const { socket } = this.#options;
    this.#dependencies.disk.remove(socket);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(new SignetError('WATCHDOG_SOCKET', `no socket at ${socket}: ${cause.message}`, { socket }, cause)),
      );
      this.#server.listen(socket, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', () => undefined); // one accept that failed: the next may succeed
  }

  /** Replies that were given are sent before connections close. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.refuseMore();
    this.#unwatch();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.destroySoon();
    const limit = setTimeout(() => {
      for (const client of this.#clients) client.destroy();
    }, LONGEST_FAREWELL);
    await closed;
    clearTimeout(limit);
  }

  #serve(client: net.Socket): void {
    this.#clients.add(client);
    client.on('close', () => this.#clients.delete(client));
    client.on('error', () => undefined); // 'close' follows
    const reader = new FrameReader((frame) => this.#answer(client, frame));
    client.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (cause) {
        const text = `a client of ${this.#options.socket} was cut off: ${(cause as Error).message}`;
        this.#dependencies.log.write({ severity: 'error', category: 'general', text });
        client.destroy();
      }
    });
    // So that a client that was away learns what it missed.
    void this.#dependencies.watchdog.getStatus().then(
      (status) => client.write(statusFrame(status)),
      () => undefined, // a request for it will say why
    );
  }

  #answer(client: net.Socket, { number, code, body }: Frame): void {
    if (this.#isClosing) return;
    const reply = (status: number, result: Uint8Array): void => {
      if (client.destroyed) return;
      const frame = encodeFrame(number, status, result);
      client.write(frame, () => frame.fill(0));
    };
    // Secrets are read before this returns, when the frame is overwritten.
    this.#call(code, body).then(
      (result) => reply(HalStatus.OK, result),
      (cause: unknown) => {
        const status = cause instanceof HalError ? cause.status : HalStatus.IO_UNEXPECTED;
        reply(status, Buffer.from(cause instanceof Error ? cause.message : String(cause)));
      },
    );
  }

  async #call(code: number, body: Uint8Array): Promise<Uint8Array> {
    const { watchdog } = this.#dependencies;
    switch (code) {
      case WatchdogFunction.STATUS:
        return json(await watchdog.getStatus());
      case WatchdogFunction.REGISTER:
        return done(watchdog.registerDevice(parse(body) as number));
      case WatchdogFunction.SET_MASTER_KEY:
        return done(watchdog.setMasterKey(this.#secret(body)));
      case WatchdogFunction.ERASE_MASTER_KEY:
        return done(watchdog.eraseMasterKey());
      case WatchdogFunction.CHECK_VALUE:
        return watchdog.getCheckValue(body.length === 0 ? undefined : this.#secret(body));
      case WatchdogFunction.WRAP:
        return watchdog.wrap(this.#secret(body));
      case WatchdogFunction.UNWRAP:
        return watchdog.unwrap(this.#secret(body));
      case WatchdogFunction.KEYSTORE_KEY:
        return watchdog.getKeystoreKey();
      case WatchdogFunction.SENSORS:
        return json(await watchdog.readSensors());
      case WatchdogFunction.SET_THRESHOLD:
        return done(watchdog.setThreshold(...(parse(body) as [ThresholdName, number])));
      case WatchdogFunction.ENABLE:
        return done(watchdog.enableSensors(parse(body) as number));
      case WatchdogFunction.DISABLE:
        return done(watchdog.disableSensors(parse(body) as number));
      case WatchdogFunction.ARM:
        return done(watchdog.arm());
      case WatchdogFunction.TEST:
        return done(watchdog.testTamper());
      case WatchdogFunction.RESET:
        return done(watchdog.resetTamper());
      case WatchdogFunction.SET_SENSOR:
        return done(watchdog.setSensor(...(parse(body) as [SensorName, SensorValue])));
      case WatchdogFunction.END:
        // The reply goes first.
        setImmediate(this.#dependencies.onEnd);
        return NOTHING;
      default:
        throw new HalError(HalStatus.RPC_BAD_FUNCTION, `a watchdog has no function ${code}`);
    }
  }

  #secret(body: Uint8Array): Uint8Array {
    this.#hasCarriedSecrets = true;
    return body;
  }
}

const NOTHING = new Uint8Array(0);

async function done(work: Promise<void>): Promise<Uint8Array> {
  await work;
  return NOTHING;
}

function statusFrame(status: WatchdogStatus): Buffer {
  return encodeFrame(0, HalStatus.OK, json(status));
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    throw new HalError(HalStatus.BAD_ARGUMENTS, 'an argument to a watchdog is not JSON');
  }
}
