import type { Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type SecureVersion,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import type { SocketAddress } from '../../net/address.ts';
import { ConnectionQuota } from '../../net/connection-quota.ts';
import { Deadlines } from '../../net/deadlines.ts';
import { TcpAcceptor } from '../../net/tcp-acceptor.ts';
import { SECRET_TLS_OPTIONS, TlsByClient } from '../protocol/tls-by-client.ts';
import { TlsHandshakes } from '../protocol/tls-handshakes.ts';
import { XdrWriter } from '../protocol/xdr.ts';
import { type ConnectionShared, RPC_TIMES, RpcConnection, type RpcTimes } from './rpc-connection.ts';
import type { RpcServices } from './rpc-services.ts';
import { RpcSession } from './rpc-session.ts';
import { Wakefulness } from './wakefulness.ts';

export interface RpcListenerOptions {
  /** Address to bind, IPv4 or IPv6. */
  readonly address: string;
  /** 8080 for the vendor's library; 0: any free port. */
  readonly port: number;
  readonly tls: RpcTls;
  readonly times?: Partial<RpcTimes>;
  readonly limits?: RpcLimits;
}

/** What TLS needs; PEM. */
export interface RpcTls {
  readonly certificate: string;
  /** Secret. */
  readonly key: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Authorities of the clients' certificates: then only clients that have one are served. */
  readonly authorities?: string | undefined;
}

export interface RpcLimits {
  /** Connections at once, handshakes included. */
  readonly connections: number;
  /** Of one address. */
  readonly perPeer: number;
}

/** A host with a thousand signers is one; memory for some 60 kB each. */
export const RPC_LIMITS: RpcLimits = { connections: 2048, perPeer: 1536 };

/** Connections that wait for a place. */
const QUEUE = 64;
/** Milliseconds after which the kernel asks whether a silent client is still there. */
const KEEPALIVE = 60_000;

/** The RPC port: TLS only, and never the first to speak. */
export class RpcListener implements AsyncDisposable {
  readonly #services: RpcServices;
  readonly #deadlines: Deadlines;
  readonly #times: RpcTimes;
  readonly #shared: ConnectionShared;
  readonly #connections = new Set<RpcConnection>();
  readonly #sessions = new Set<RpcSession>();
  readonly #handshakes: TlsHandshakes;
  #toFlush: RpcConnection[] = [];
  #tls!: TlsByClient;
  #acceptor!: TcpAcceptor;

  private constructor(options: RpcListenerOptions, services: RpcServices) {
    this.#services = services;
    this.#deadlines = new Deadlines(services.clock);
    this.#times = { ...RPC_TIMES, ...options.times };
    const { connections, perPeer } = options.limits ?? RPC_LIMITS;
    this.#handshakes = new TlsHandshakes(
      { patience: this.#times.initial, handshakes: connections, perPeer },
      { clock: services.clock },
    );
    this.#shared = {
      times: this.#times,
      deadlines: this.#deadlines,
      writer: new XdrWriter(),
      wakefulness: new Wakefulness(services.clock),
      flushSoon: (connection) => this.#flushSoon(connection),
    };
    this.setTls(options.tls);
  }

  /** @throws SignetError TCP_BIND_FAILED */
  static async listen(options: RpcListenerOptions, services: RpcServices): Promise<RpcListener> {
    const listener = new RpcListener(options, services);
    const { connections, perPeer } = options.limits ?? RPC_LIMITS;
    const seed = new DataView(services.random.fill(new Uint8Array(4)).buffer).getInt32(0);
    const quota = new ConnectionQuota(ConnectionQuota.share(1, seed), 0, { connections, perClient: perPeer });
    listener.#acceptor = await TcpAcceptor.listen(
      { address: options.address, port: options.port, listenQueue: QUEUE },
      { clock: services.clock, quota },
      (socket) => listener.#accept(socket),
    );
    return listener;
  }

  get local(): SocketAddress {
    return this.#acceptor.local;
  }

  /** Those in the middle of a handshake left out. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** New connections get this certificate and version; those that exist keep theirs. @throws Error when OpenSSL refuses it */
  setTls(tls: RpcTls): void {
    this.#tls = new TlsByClient(tls.minVersion, (maxVersion) => this.#serverOf(tls, maxVersion));
  }

  #serverOf({ certificate, key, minVersion, authorities }: RpcTls, maxVersion: SecureVersion): TlsServer {
    const server = createTlsServer({
      cert: certificate,
      key,
      minVersion,
      maxVersion,
      secureOptions: SECRET_TLS_OPTIONS,
      ...(authorities !== undefined && { ca: authorities, requestCert: true, rejectUnauthorized: true }),
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    // A handshake that failed: the client's fault, and its socket is gone.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #accept(socket: Socket): void {
    if (!this.#services.firewall.accepts('data', socket.remoteAddress ?? '')) {
      socket.destroy();
      return;
    }
    socket.setKeepAlive(true, KEEPALIVE);
    if (!this.#handshakes.begin(socket)) return;
    // Who ends before the handshake is over has nothing to wait for.
    socket.allowHalfOpen = false;
    this.#tls.begin(socket);
  }

  #secured(socket: TLSSocket): void {
    // From here on the client may end its side and still get the replies that are under way.
    socket.allowHalfOpen = true;
    const below = this.#handshakes.finish(socket);
    const session = new RpcSession(this.#services, socket.remoteAddress ?? '', this.#sessions);
    this.#sessions.add(session);
    const connection = new RpcConnection(socket, session, this.#shared, this.#acknowledgerOf(below), () => {
      this.#connections.delete(connection);
      this.#sessions.delete(session);
    });
    this.#connections.add(connection);
  }

  /** @param socket the one below TLS */
  #acknowledgerOf(socket: Socket | undefined): () => void {
    const { acknowledgeNow } = this.#services;
    if (acknowledgeNow === undefined || socket === undefined) return () => undefined;
    return () => {
      // Node has no public name for it.
      const { fd } = (socket as Socket & { readonly _handle?: { readonly fd?: number } | null })._handle ?? {};
      if (fd !== undefined && fd >= 0) acknowledgeNow(fd);
    };
  }

  #flushSoon(connection: RpcConnection): void {
    // After the event that is being handled, so that all replies to what it brought leave together. Not by setImmediate: TLS asks for a turn of the
    // event loop after each write, which would be one more then.
    if (this.#toFlush.length === 0) process.nextTick(this.#flush);
    this.#toFlush.push(connection);
  }

  readonly #flush = (): void => {
    const ready = this.#toFlush;
    this.#toFlush = [];
    for (const connection of ready) connection.flush();
    this.#shared.wakefulness.prolong();
  };

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#acceptor[Symbol.asyncDispose]();
    for (const connection of this.#connections) connection.abort();
    this.#handshakes[Symbol.dispose]();
    await closed;
  }
}
