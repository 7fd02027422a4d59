import fs from 'node:fs';
import net from 'node:net';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Mechanism } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { type Call, CALL_NAMES, type CallName, CALLS } from './device-calls.ts';
import { type FrameCursor, FrameOutbox, FrameSplitter } from './device-frames.ts';
import type { LocalDevice } from './local-device.ts';

export interface DeviceServerOptions {
  /** Path of the local socket. Who may enter its directory may use it. */
  readonly socket: string;
}

/** hsmd has one connection; a second one is there while the first one ends. */
const MOST_CONNECTIONS = 4;

/** A device on a local socket. A connection that does not speak its protocol is closed. */
export class DeviceServer implements AsyncDisposable {
  readonly #options: DeviceServerOptions;
  readonly #device: LocalDevice;
  readonly #log: Log;
  readonly #server = net.createServer((socket) => this.#serve(socket));
  readonly #connections = new Set<net.Socket>();

  readonly #onSecret: () => void;

  /** @param dependencies onSecret is called when the master key or a PIN was set: copies of it are in freed memory */
  constructor(
    options: DeviceServerOptions,
    dependencies: { readonly device: LocalDevice; readonly log: Log; readonly onSecret?: () => void },
  ) {
    this.#onSecret = dependencies.onSecret ?? (() => undefined);
    this.#options = options;
    this.#device = dependencies.device;
    this.#log = dependencies.log;
    this.#server.maxConnections = MOST_CONNECTIONS;
  }

  /** The keystore is locked by this process: a socket file that is there is one of a process that is gone. */
  async start(): Promise<void> {
    const { socket } = this.#options;
    fs.rmSync(socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(new SignetError('DEVICE_SOCKET', `no socket at ${socket}: ${cause.message}`, { socket }, cause)),
      );
      this.#server.listen(socket, resolve);
    });
    this.#server.removeAllListeners('error');
    this.#server.on('error', () => undefined); // one accept that failed: the next may succeed
  }

  #serve(socket: net.Socket): void {
    this.#connections.add(socket);
    socket.on('close', () => this.#connections.delete(socket));
    // Its end is told by 'close'.
    socket.on('error', () => undefined);
    const out = new FrameOutbox(socket);
    const splitter = new FrameSplitter();
    const take = (frame: FrameCursor): void => this.#take(frame, out);
    socket.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk, take);
      } catch (fault) {
        chunk.fill(0);
        this.#log.write({
          severity: 'error',
          category: 'hsm',
          text: `${this.#device.name}: a connection was closed: ${(fault as Error).message}`,
        });
        socket.destroy();
      }
    });
  }

  #take(frame: FrameCursor, out: FrameOutbox): void {
    const { requestNumber, code } = frame;
    if (code === CALLS.sign.code) return this.#sign(frame, out);
    const name = CALL_NAMES.get(code);
    if (name === undefined)
      return refuse(out, requestNumber, new HalError(HalStatus.RPC_BAD_FUNCTION, `a device has no function ${code}`));
    const call = CALLS[name] as unknown as Call<'getStatus'>;
    const args = call.args.read(frame);
    frame.finish();
    if (name === 'setMasterKey' || name === 'setPin') this.#onSecret();
    this.#call(name, args)
      .then((result) => this.#answer(out, requestNumber, name, result))
      .catch((fault: unknown) => this.#refuse(out, requestNumber, name, fault))
      .finally(() => clear(args));
  }

  /** The copy that goes out is overwritten by who sends it. */
  #answer(out: FrameOutbox, requestNumber: number, name: CallName, result: unknown): void {
    const call = CALLS[name] as unknown as Call<'getStatus'>;
    reply(out, requestNumber, () => call.result.write(out.frames, result as never));
    if (name === 'setMasterKey') clear([result]);
  }

  /** Without a promise, and without copies, when the key is ready. */
  #sign(frame: FrameCursor, out: FrameOutbox): void {
    const { requestNumber } = frame;
    const client = frame.u32();
    const uuid = frame.asciiText();
    const mechanism = frame.u32() as Mechanism;
    const data = frame.view();
    frame.finish();
    try {
      const signature = this.#device.signNow(client, uuid, mechanism, data);
      if (signature) {
        out.frames.begin(requestNumber, HalStatus.OK);
        out.frames.octets(signature);
        out.frames.end();
        out.flushSoon();
        return;
      }
    } catch (fault) {
      this.#refuse(out, requestNumber, 'sign', fault);
      return;
    }
    this.#device
      .sign(client, uuid, mechanism, Uint8Array.from(data))
      .then((signature) => reply(out, requestNumber, () => out.frames.octets(signature)))
      .catch((fault: unknown) => this.#refuse(out, requestNumber, 'sign', fault));
  }

  #call(name: CallName, args: readonly unknown[]): Promise<unknown> {
    const device = this.#device as unknown as Record<CallName, (...values: readonly unknown[]) => Promise<unknown>>;
    // What throws, rejects.
    return new Promise((resolve) => resolve(device[name](...args)));
  }

  #refuse(out: FrameOutbox, requestNumber: number, name: CallName, fault: unknown): void {
    if (fault instanceof HalError) return refuse(out, requestNumber, fault);
    const text = `${this.#device.name}: ${name} failed: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`;
    this.#log.write({ severity: 'error', category: 'hsm', text });
    const message = `${this.#device.name}: ${name} failed for a reason that this program does not know: see its log`;
    return refuse(out, requestNumber, new HalError(HalStatus.ASSERTION_FAILED, message));
  }

  /** Requests that are under way get no answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroySoon();
    await closed;
  }
}

function reply(out: FrameOutbox, requestNumber: number, write: () => void): void {
  out.frames.begin(requestNumber, HalStatus.OK);
  try {
    write();
  } catch (fault) {
    out.frames.abandon();
    throw fault;
  }
  out.frames.end();
  out.flushSoon();
}

function refuse(out: FrameOutbox, requestNumber: number, fault: HalError): void {
  out.frames.begin(requestNumber, fault.status);
  out.frames.text(fault.message);
  out.frames.text(JSON.stringify(fault.facts));
  out.frames.end();
  out.flushSoon();
}

/** Arguments may be PINs and keys. */
function clear(args: readonly unknown[]): void {
  for (const arg of args) if (arg instanceof Uint8Array) arg.fill(0);
}
