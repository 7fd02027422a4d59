import type { Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import type { SocketAddress } from './address.ts';
import type { ConnectionQuota } from './connection-quota.ts';
import { Deadlines, type Expiring } from './deadlines.ts';
import { type AcceptorDependencies, type AcceptorOptions, TcpAcceptor } from './tcp-acceptor.ts';
import { type ConnectionDependencies, type MessageHandler, Outbox, TcpConnection } from './tcp-connection.ts';
import { type TlsMaterial, tlsOptions } from './tls-material.ts';
import type { LiveSettings } from './stream-settings.ts';

export { TcpConnection, type MessageHandler } from './tcp-connection.ts';

export interface TcpListenerOptions extends Pick<AcceptorOptions, 'address' | 'port' | 'reusePort'> {
  /** Messages go over TLS (RFC 7858). */
  readonly tls?: TlsMaterial;
}

export interface StreamDependencies {
  readonly clock: Clock;
  /** Places of all listeners that count together. */
  readonly quota: ConnectionQuota;
  readonly settings: LiveSettings;
  readonly onConnection?: AcceptorDependencies['onConnection'];
}

/** RFC 7858 section 3.2, RFC 9103 section 7.1. */
const ALPN_DOT = 'dot';

/** Accepts connections that carry messages after their length in two octets (RFC 1035 section 4.2.2, RFC 7766). */
export class TcpListener implements AsyncDisposable {
  readonly #deadlines: Deadlines;
  readonly #settings: LiveSettings;
  readonly #shared: ConnectionDependencies;
  readonly #connections = new Set<TcpConnection>();
  /** By the address and port of the peer. */
  readonly #handshakes = new Map<string, Handshake>();
  #acceptor!: TcpAcceptor;
  #tls: TlsServer | undefined;

  private constructor(options: TcpListenerOptions, { clock, settings }: StreamDependencies, handler: MessageHandler) {
    this.#deadlines = new Deadlines(clock);
    this.#settings = settings;
    this.#shared = { settings, deadlines: this.#deadlines, handler, outbox: new Outbox() };
    if (options.tls !== undefined) this.setTls(options.tls);
  }

  /** @throws SignetError TCP_BIND_FAILED */
  static async listen(
    options: TcpListenerOptions,
    dependencies: StreamDependencies,
    handler: MessageHandler,
  ): Promise<TcpListener> {
    const listener = new TcpListener(options, dependencies, handler);
    const { listenQueue } = dependencies.settings.current;
    listener.#acceptor = await TcpAcceptor.listen({ ...options, listenQueue }, dependencies, (socket) =>
      listener.#accept(socket),
    );
    return listener;
  }

  get local(): SocketAddress {
    return this.#acceptor.local;
  }

  /** Those in the middle of a handshake included. */
  get connectionCount(): number {
    return this.#connections.size + this.#handshakes.size;
  }

  /** New connections get this certificate; those that exist keep theirs. @throws Error when OpenSSL refuses it */
  setTls(material: TlsMaterial): void {
    const server = createTlsServer({ ...tlsOptions(material), ALPNProtocols: [ALPN_DOT] });
    server.on('secureConnection', (socket) => this.#secured(socket));
    // A handshake that failed: the client's fault, and its socket is gone.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    this.#tls = server;
  }

  #accept(socket: Socket): void {
    if (this.#tls === undefined) {
      this.#connect(socket, undefined);
      return;
    }
    const until = this.#deadlines.now() + this.#settings.current.initialTimeout;
    const peer = peerText(socket);
    this.#handshakes.set(peer, new Handshake(socket, this.#deadlines, until, () => this.#handshakes.delete(peer)));
    // Who ends before the handshake is over has nothing to wait for: else it would hold its place until the deadline.
    socket.allowHalfOpen = false;
    // The server is bound to nothing: it only knows how to begin TLS on a socket.
    this.#tls.emit('connection', socket);
  }

  #secured(socket: TLSSocket): void {
    // From here on the client may end its side and still get the answers that are under way.
    socket.allowHalfOpen = true;
    this.#handshakes.get(peerText(socket))?.finish();
    this.#connect(socket, socket.alpnProtocol === ALPN_DOT ? ALPN_DOT : '');
  }

  #connect(socket: Socket, alpn: string | undefined): void {
    const connection = new TcpConnection(socket, alpn, this.#shared, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#acceptor[Symbol.asyncDispose]();
    for (const connection of this.#connections) connection.abort();
    for (const handshake of this.#handshakes.values()) handshake.expire();
    await closed;
  }
}

/** A TLS handshake under way: it must be over within the initial timeout. */
class Handshake implements Expiring {
  deadline = 0;
  readonly #socket: Socket;
  readonly #deadlines: Deadlines;
  readonly #onEnd: () => void;

  constructor(socket: Socket, deadlines: Deadlines, until: number, onEnd: () => void) {
    this.#socket = socket;
    this.#deadlines = deadlines;
    this.#onEnd = onEnd;
    socket.once('close', () => this.finish());
    deadlines.add(this, until);
  }

  finish(): void {
    this.#deadlines.delete(this);
    this.#onEnd();
  }

  expire(): void {
    this.#socket.destroy();
  }
}

const peerText = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress}#${remotePort}`;
