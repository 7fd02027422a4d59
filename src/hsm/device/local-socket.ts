import fs from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { SignetError } from '../../base/error.ts';
import { type NativeSocket, type NativeSockets, type OpenedSocket, SocketEvent } from '../crypto/native-keys.ts';

/** What is at the one end of a local socket. */
export interface SocketUser {
  /** Where the next octets go: from `filled` on there is room, always. */
  readonly octets: Uint8Array;
  readonly filled: number;
  /** So many octets came. */
  received(count: number): void;
  /** What did not go out before may go out now. */
  writable(): void;
  /** Called once, when the other end is gone or the socket failed; not after `close`. */
  closed(why: string): void;
}

/** Full reads that are taken before other sockets and timers get their turn. */
const READS_IN_A_ROW = 4;
const { EAGAIN, EINTR } = constants.errno;

function textOf(error: number): string {
  return `${getSystemErrorName(error)}: ${getSystemErrorMessage(error)}`;
}

/** One end of a stream over a local socket, on memory of its user's. */
export class LocalSocket {
  readonly #native: NativeSockets;
  readonly #user: SocketUser;
  readonly #socket: NativeSocket;
  #isClosed = false;

  private constructor(
    native: NativeSockets,
    user: SocketUser,
    open: (onReady: (events: number) => void) => OpenedSocket,
    where: string,
  ) {
    this.#native = native;
    this.#user = user;
    const socket = open((events) => this.#ready(events));
    if (typeof socket === 'number')
      throw new SignetError('LOCAL_SOCKET', `no connection ${where}: ${textOf(socket)}`, {
        code: getSystemErrorName(socket),
      });
    this.#socket = socket;
  }

  /** @throws SignetError LOCAL_SOCKET */
  static connect(path: string, native: NativeSockets, user: SocketUser): LocalSocket {
    return new LocalSocket(native, user, (onReady) => native.connect(path, onReady), `to ${path}`);
  }

  /** Of one that waits at `listener`. @throws SignetError LOCAL_SOCKET */
  static accept(listener: NativeSocket, native: NativeSockets, user: SocketUser): LocalSocket {
    return new LocalSocket(native, user, (onReady) => native.accept(listener, onReady), 'accepted');
  }

  /** Gives how many octets went out; the user's `writable` is called when the rest may. */
  write(octets: Uint8Array, from: number, to: number): number {
    if (this.#isClosed) return to - from;
    const count = this.#native.write(this.#socket, octets, from, to);
    if (count === to - from) return count;
    if (count < 0 && count !== -EAGAIN && count !== -EINTR) {
      // The reader learns it, too, when it has read what came before.
      return to - from;
    }
    this.#native.watch(this.#socket, SocketEvent.READABLE | SocketEvent.WRITABLE);
    return Math.max(0, count);
  }

  close(): void {
    this.#isClosed = true;
    this.#native.close(this.#socket);
  }

  #ready(events: number): void {
    if (events < 0) return this.#fail(events);
    if ((events & SocketEvent.WRITABLE) !== 0) {
      this.#native.watch(this.#socket, SocketEvent.READABLE);
      this.#user.writable();
    }
    if ((events & SocketEvent.READABLE) !== 0) this.#read();
  }

  #read(): void {
    for (let i = 0; i < READS_IN_A_ROW && !this.#isClosed; i++) {
      const { octets, filled } = this.#user;
      const count = this.#native.read(this.#socket, octets, filled);
      if (count > 0) {
        this.#user.received(count);
        if (count < octets.length - filled) return;
      } else if (count === -EAGAIN || count === -EINTR) return;
      else return this.#end(count === 0 ? 'the other end closed it' : textOf(count));
    }
  }

  /** Nothing is watched any more, but what came before the failure is still there: no more than the kernel kept for us. */
  #fail(error: number): void {
    while (!this.#isClosed) {
      const count = this.#native.read(this.#socket, this.#user.octets, this.#user.filled);
      if (count > 0) this.#user.received(count);
      else if (count !== -EINTR) this.#end(textOf(error));
    }
  }

  #end(why: string): void {
    if (this.#isClosed) return;
    this.close();
    this.#user.closed(why);
  }
}

/** Milliseconds after which connections are accepted again when the system had no room for one. */
const ACCEPT_AGAIN = 100;

/** Accepts connections at a path in the file system. Who may enter its directory may connect. */
export class LocalListener {
  readonly #native: NativeSockets;
  readonly #path: string;
  readonly #socket: NativeSocket;
  readonly #onConnection: (accept: (user: SocketUser) => LocalSocket) => void;
  #again: NodeJS.Timeout | undefined;

  /**
   * A file that is there is replaced: it is one of a process that is gone.
   * @param onConnection called for each connection with what accepts it, which it calls once
   * @throws SignetError LOCAL_SOCKET
   */
  constructor(path: string, native: NativeSockets, onConnection: (accept: (user: SocketUser) => LocalSocket) => void) {
    this.#native = native;
    this.#path = path;
    this.#onConnection = onConnection;
    fs.rmSync(path, { force: true });
    const socket = native.listen(path, () => this.#accept());
    if (typeof socket === 'number')
      throw new SignetError('LOCAL_SOCKET', `no socket at ${path}: ${textOf(socket)}`, { path });
    this.#socket = socket;
  }

  close(): void {
    clearTimeout(this.#again);
    this.#native.close(this.#socket);
    fs.rmSync(this.#path, { force: true });
  }

  /** One at a time: while more wait, the loop calls again. */
  #accept(): void {
    try {
      this.#onConnection((user) => LocalSocket.accept(this.#socket, this.#native, user));
    } catch (fault) {
      if (!(fault instanceof SignetError)) throw fault;
      const { code } = fault.facts;
      if (code === 'EAGAIN' || code === 'EINTR' || code === 'ECONNABORTED') return;
      // Out of descriptors or memory: asking at once would only burn time.
      this.#native.watch(this.#socket, 0);
      this.#again = setTimeout(() => this.#native.watch(this.#socket, SocketEvent.READABLE), ACCEPT_AGAIN);
    }
  }
}
