import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { NativeSockets } from '../crypto/native-keys.ts';
import type { Mechanism } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { type Call, CALL_NAMES, type CallName, CALLS } from './device-calls.ts';
import { type FrameCursor, FrameOutbox, FrameSplitter } from './device-frames.ts';
import type { LocalDevice } from './local-device.ts';
import { LocalListener, type LocalSocket, type SocketUser } from './local-socket.ts';

export interface DeviceServerOptions {
  /** Path of the local socket. Who may enter its directory may use it. */
  readonly socket: string;
}

/** hsmd has one connection; a second one is there while the first one ends. */
const MOST_CONNECTIONS = 4;
/** Octets of the signatures that take less time than a write: of P-256 and Ed25519. What is longer is not gathered for a whole turn. */
const QUICK_SIGNATURE = 64;

/** A device on a local socket. A connection that does not speak its protocol is closed. */
export class DeviceServer implements AsyncDisposable {
  readonly #options: DeviceServerOptions;
  readonly #device: LocalDevice;
  readonly #log: Log;
  readonly #sockets: NativeSockets;
  #listener: LocalListener | undefined;
  readonly #connections = new Set<Connection>();

  readonly #onSecret: () => void;

  /** @param dependencies sockets are those of the native module that the device computes with, onSecret is called when the master key or a PIN was set: copies of it are in freed memory */
  constructor(
    options: DeviceServerOptions,
    dependencies: {
      readonly device: LocalDevice;
      readonly sockets: NativeSockets;
      readonly log: Log;
      readonly onSecret?: () => void;
    },
  ) {
    this.#onSecret = dependencies.onSecret ?? (() => undefined);
    this.#options = options;
    this.#device = dependencies.device;
    this.#log = dependencies.log;
    this.#sockets = dependencies.sockets;
  }

  /** The keystore is locked by this process: a socket file that is there is one of a process that is gone. */
  async start(): Promise<void> {
    const { socket } = this.#options;
    try {
      this.#listener = new LocalListener(socket, this.#sockets, (accept) => this.#serve(accept));
    } catch (cause) {
      throw new SignetError('DEVICE_SOCKET', (cause as Error).message, { socket }, cause);
    }
  }

  #serve(accept: (user: SocketUser) => LocalSocket): void {
    const connection = new Connection(accept, {
      take: (frame, out) => this.#take(frame, out),
      closed: () => this.#connections.delete(connection),
      refused: (why) =>
        this.#log.write({
          severity: 'error',
          category: 'hsm',
          text: `${this.#device.name}: a connection was closed: ${why}`,
        }),
    });
    if (this.#connections.size < MOST_CONNECTIONS) this.#connections.add(connection);
    else connection.close();
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
        if (signature.length > QUICK_SIGNATURE) out.flushSome();
        else out.flushSoon();
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
    this.#listener?.close();
    for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }
}

interface ConnectionOwner {
  take(frame: FrameCursor, out: FrameOutbox): void;
  /** The other end is gone, or did not speak the protocol. */
  closed(): void;
  refused(why: string): void;
}

/** One connection to the device. */
class Connection implements SocketUser {
  readonly #splitter = new FrameSplitter();
  readonly #socket: LocalSocket;
  readonly #out = new FrameOutbox((octets, from, to) => this.#socket.write(octets, from, to));
  readonly #owner: ConnectionOwner;
  readonly #take = (frame: FrameCursor): void => this.#owner.take(frame, this.#out);

  constructor(accept: (user: SocketUser) => LocalSocket, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#socket = accept(this);
  }

  get octets(): Uint8Array {
    return this.#splitter.octets;
  }

  get filled(): number {
    return this.#splitter.filled;
  }

  received(count: number): void {
    try {
      this.#out.cork();
      this.#splitter.received(count, this.#take);
      this.#out.uncork();
    } catch (fault) {
      this.#owner.refused((fault as Error).message);
      this.close();
      this.#owner.closed();
    }
  }

  writable(): void {
    this.#out.unblock();
  }

  closed(): void {
    this.#owner.closed();
  }

  /** What is ready still goes out. */
  close(): void {
    this.#out.flush();
    this.#socket.close();
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
