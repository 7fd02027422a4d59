import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { parseAddress, type SocketAddress } from './address.ts';
import { bindError } from './bind-error.ts';
import { QUOTA, type ConnectionQuota } from './connection-quota.ts';
import type { Clock, Timer } from '../base/clock.ts';

export interface AcceptorOptions {
  /** Address to bind, IPv4 or IPv6 (then IPv6 only). */
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  readonly reusePort?: boolean;
  /** Connections that the kernel keeps until they are accepted, and that wait here for a place; 0: the system's number. */
  readonly listenQueue: number;
}

/** Node's own backlog, and the most that wait where the configuration leaves it to the system. */
const SYSTEM_QUEUE = 511;

/** Milliseconds between two looks whether another thread has given a place back. */
const RETRY = 50;

export interface AcceptorDependencies {
  readonly clock: Clock;
  readonly quota: ConnectionQuota;
  /** Told of each connection that gets a place, and of its end. `client`: 4 or 16 octets. */
  readonly onConnection?: ((client: Uint8Array, isOpen: boolean) => void) | undefined;
}

/** Takes a connection over; its place is given back when it closes. */
export type SocketHandler = (socket: Socket) => void;

interface Waiting {
  readonly socket: Socket;
  readonly client: Uint8Array;
}

/**
 * Accepts connections while there are places. Beyond that newcomers wait in the order of their arrival, as they wait in
 * BIND's listen queue; who finds that full, too, is closed. Nothing is read from those who wait.
 */
export class TcpAcceptor implements AsyncDisposable {
  readonly local: SocketAddress;
  readonly #server: Server;
  readonly #quota: ConnectionQuota;
  readonly #clock: Clock;
  readonly #onConnection: AcceptorDependencies['onConnection'];
  readonly #handler: SocketHandler;
  readonly #mostWaiting: number;
  readonly #waiting: Waiting[] = [];
  #timer: Timer | undefined;

  private constructor(
    server: Server,
    options: AcceptorOptions,
    dependencies: AcceptorDependencies,
    handler: SocketHandler,
  ) {
    this.#server = server;
    this.#quota = dependencies.quota;
    this.#clock = dependencies.clock;
    this.#onConnection = dependencies.onConnection;
    this.#handler = handler;
    this.#mostWaiting = options.listenQueue === 0 ? SYSTEM_QUEUE : options.listenQueue;
    const { address, port } = server.address() as { address: string; port: number };
    this.local = { address, port };
    server.on('connection', (socket) => this.#accept(socket));
  }

  /** @throws SignetError TCP_BIND_FAILED */
  static async listen(
    options: AcceptorOptions,
    dependencies: AcceptorDependencies,
    handler: SocketHandler,
  ): Promise<TcpAcceptor> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true, highWaterMark: 65_536 });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(bindError('TCP', options, error)));
      server.listen(
        {
          host: options.address,
          port: options.port,
          ipv6Only: isIPv6(options.address),
          reusePort: options.reusePort ?? false,
          backlog: options.listenQueue,
        },
        resolve,
      );
    });
    server.removeAllListeners('error');
    server.on('error', () => undefined); // one accept that failed (out of descriptors): the next may succeed
    return new TcpAcceptor(server, options, dependencies, handler);
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  #accept(socket: Socket): void {
    const client = socket.remoteAddress === undefined ? undefined : parseAddress(socket.remoteAddress);
    socket.on('error', () => socket.destroy()); // reset by the peer: 'close' follows
    if (client === undefined) socket.destroy();
    // Nobody overtakes those who wait.
    else if (this.#waiting.length > 0) this.#wait(socket, client);
    else if (!this.#serve(socket, client)) this.#wait(socket, client);
  }

  /** False when there is no place. */
  #serve(socket: Socket, client: Uint8Array): boolean {
    const slot = this.#quota.take(client);
    if (slot === QUOTA.FULL) return false;
    if (slot === QUOTA.CLIENT_FULL) {
      socket.destroy();
      return true;
    }
    this.#onConnection?.(client, true);
    socket.once('close', () => {
      this.#quota.give(slot);
      this.#onConnection?.(client, false);
      this.#serveWaiting();
    });
    this.#handler(socket);
    return true;
  }

  #wait(socket: Socket, client: Uint8Array): void {
    if (this.#waiting.length >= this.#mostWaiting) {
      socket.destroy();
      return;
    }
    this.#waiting.push({ socket, client });
    this.#retryLater();
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0) {
      const [{ socket, client }] = this.#waiting;
      if (!socket.destroyed && !this.#serve(socket, client)) break;
      this.#waiting.shift();
    }
    this.#retryLater();
  }

  /** Places that this thread gives back are seen at once, those of other threads by looking again. */
  #retryLater(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.length > 0) this.#timer = this.#clock.after(RETRY, () => this.#serveWaiting());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
