import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import { ADDRESS_SLOT, parseAddressInto, type SocketAddress } from './address.ts';
import { bindError } from './bind-error.ts';

export interface TcpOptions {
  /** Address to bind, IPv4 or IPv6 (then IPv6 only). */
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  readonly reusePort?: boolean;
  /** Connections at once. BIND 9.18: tcp-clients 150. */
  readonly maxConnections?: number;
  /** Connections at once from one address. */
  readonly maxPerClient?: number;
  /** A connection without a whole message for so long is closed, in seconds. BIND 9.18: tcp-idle-timeout 30. */
  readonly idleTimeout?: number;
}

export const TCP_DEFAULTS = { maxConnections: 150, maxPerClient: 50, idleTimeout: 30 } as const;

/** Octets that wait for a slow client before its next messages are left unread. */
const HIGH_WATER = 262_144;

/** Called with a message that stays valid only during the call. */
export type MessageHandler = (connection: TcpConnection, octets: Uint8Array, start: number, length: number) => void;

/** Accepts connections that carry messages after their length in two octets (RFC 1035 section 4.2.2, RFC 7766). */
export class TcpListener implements AsyncDisposable {
  readonly local: SocketAddress;
  readonly #server: Server;
  readonly #connections = new Set<TcpConnection>();

  private constructor(server: Server) {
    this.#server = server;
    const { address, port } = server.address() as { address: string; port: number };
    this.local = { address, port };
  }

  /** @throws SignetError TCP_BIND_FAILED */
  static async listen(
    options: TcpOptions,
    dependencies: { readonly clock: Clock },
    handler: MessageHandler,
  ): Promise<TcpListener> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 65_536 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(bindError('TCP', options, error)));
      server.listen(
        {
          host: options.address,
          port: options.port,
          ipv6Only: isIPv6(options.address),
          reusePort: options.reusePort ?? false,
        },
        resolve,
      );
    });
    const listener = new TcpListener(server);
    server.removeAllListeners('error');
    server.on('error', () => undefined); // one accept that failed (out of descriptors): the next may succeed
    server.on('connection', (socket) => listener.#accept(socket, options, dependencies.clock, handler));
    return listener;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  #accept(socket: Socket, options: TcpOptions, clock: Clock, handler: MessageHandler): void {
    const peer = socket.remoteAddress;
    if (peer === undefined || !this.#hasRoom(peer, options)) {
      socket.destroy();
      return;
    }
    const idle = options.idleTimeout ?? TCP_DEFAULTS.idleTimeout;
    const connection = new TcpConnection(socket, clock, idle, handler, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }

  #hasRoom(peer: string, options: TcpOptions): boolean {
    if (this.#connections.size >= (options.maxConnections ?? TCP_DEFAULTS.maxConnections)) return false;
    let same = 0;
    for (const connection of this.#connections) if (connection.peer.address === peer) same++;
    return same < (options.maxPerClient ?? TCP_DEFAULTS.maxPerClient);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** One connection: messages in, in order; answers out, in any order (RFC 7766 section 6.2.1.1). */
export class TcpConnection {
  readonly peer: SocketAddress;
  /** 4 or 16 octets. */
  readonly peerAddress: Uint8Array;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #idleSeconds: number;
  readonly #handler: MessageHandler;
  readonly #ended = new AbortController();
  readonly #onEnd: () => void;
  /** What came and was not handled yet: #pending[#start, #end). */
  #pending: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #timer: Timer | undefined;
  #busy = 0;
  #finishing = false;

  constructor(socket: Socket, clock: Clock, idleSeconds: number, handler: MessageHandler, onEnd: () => void) {
    this.#socket = socket;
    this.#clock = clock;
    this.#idleSeconds = idleSeconds;
    this.#handler = handler;
    this.#onEnd = onEnd;
    this.peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    const octets = new Uint8Array(ADDRESS_SLOT);
    this.peerAddress = octets.subarray(0, parseAddressInto(this.peer.address, octets));
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('drain', () => this.#resume());
    socket.on('end', () => this.#peerFinished());
    socket.on('error', () => socket.destroy()); // reset by the peer: 'close' follows
    socket.on('close', () => this.#closed());
    this.#restartIdleTimer();
  }

  /** Aborts when the connection is gone: long answers stop then. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Sends a message of at most 65535 octets behind its length.
   * @returns false when the client is slow: wait for `drained` before sending much more
   */
  send(octets: Uint8Array): boolean {
    if (this.#socket.destroyed) return false;
    const framed = Buffer.allocUnsafe(octets.length + 2);
    framed.writeUInt16BE(octets.length, 0);
    framed.set(octets, 2);
    this.#restartIdleTimer();
    return this.#socket.write(framed);
  }

  /** Resolves when what was sent has left or the connection is gone. */
  async drained(): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }

  /** Keeps the connection while an answer is made that takes time; give back by calling what is returned. */
  hold(): () => void {
    this.#busy++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#busy--;
      this.#restartIdleTimer();
      if (this.#finishing && this.#busy === 0) this.#socket.end();
    };
  }

  close(): void {
    this.#socket.destroy();
  }

  #data(chunk: Buffer): void {
    this.#keep(chunk);
    this.#deliver();
  }

  /** Appends in place, so that a client which drips octets costs no more than one that sends them at once. */
  #keep(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#pending.length) {
      const size = this.#end - this.#start + chunk.length;
      const larger = size > this.#pending.length ? Buffer.allocUnsafe(2 * size) : this.#pending;
      larger.set(this.#pending.subarray(this.#start, this.#end));
      this.#pending = larger;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#pending.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  #deliver(): void {
    const octets = this.#pending;
    while (this.#end - this.#start >= 2) {
      if (this.#socket.destroyed) return;
      if (this.#socket.writableLength > HIGH_WATER) {
        this.#socket.pause(); // it asks faster than it reads: the rest waits until it has read
        break;
      }
      const length = octets.readUInt16BE(this.#start);
      if (this.#end - this.#start - 2 < length) break;
      this.#restartIdleTimer();
      this.#start += 2 + length;
      this.#handler(this, octets, this.#start - length, length);
    }
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  #resume(): void {
    if (!this.#socket.isPaused()) return;
    this.#socket.resume();
    this.#deliver();
  }

  /** The client sends no more; answers under way still go out. */
  #peerFinished(): void {
    this.#finishing = true;
    if (this.#busy === 0) this.#socket.end();
  }

  #restartIdleTimer(): void {
    this.#timer?.cancel();
    if (this.#socket.destroyed) return;
    this.#timer = this.#clock.after(this.#idleSeconds * 1000, () => {
      // An answer may take its time, but not a client that stopped reading it.
      if (this.#busy > 0 && !this.#socket.writableNeedDrain) this.#restartIdleTimer();
      else this.close();
    });
  }

  #closed(): void {
    this.#timer?.cancel();
    this.#onEnd();
    this.#ended.abort();
  }
}
