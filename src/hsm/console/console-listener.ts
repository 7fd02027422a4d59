import type { Socket } from 'node:net';
import {
  createServer as createTlsServer,
  DEFAULT_CIPHERS,
  type SecureVersion,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { SocketAddress } from '../../net/address.ts';
import { ConnectionQuota } from '../../net/connection-quota.ts';
import { TcpAcceptor } from '../../net/tcp-acceptor.ts';
import type { Appliance } from '../appliance/appliance.ts';
import type { Firewall } from '../appliance/parts.ts';
import { SECRET_TLS_OPTIONS, TlsByClient } from '../protocol/tls-by-client.ts';
import { TlsHandshakes } from '../protocol/tls-handshakes.ts';
import { ConsoleLine } from './console-line.ts';
import { ConsoleSession, LOGIN_PATIENCE } from './console-session.ts';
import { Terminal } from './terminal.ts';

export interface ConsoleListenerOptions {
  /** Address to bind, IPv4 or IPv6. */
  readonly address: string;
  /** 8081; 0: any free port. */
  readonly port: number;
  readonly tls: ConsoleTls;
}

/** PEM. */
export interface ConsoleTls {
  readonly certificate: string;
  /** Secret. */
  readonly key: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface ConsoleListenerDependencies {
  readonly appliance: Appliance;
  readonly firewall: Firewall;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Somebody types, and it may be a secret. */
  readonly onTyped?: () => void;
  /** What was typed may have been a secret and is not needed any more. */
  readonly onTypedSecret?: () => void;
}

/** ChaCha20-Poly1305 first: OpenSSL's AES-GCM keeps the last octets that it decrypted, the end of a PIN, until more comes. */
const CIPHERS = [
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  ...DEFAULT_CIPHERS.split(':').filter((name) => !name.includes('CHACHA20')),
].join(':');
/** Consoles at once, and of one address. */
const CONSOLES = { connections: 32, perClient: 16 };
/** Connections that wait for a place. */
const QUEUE = 16;
/** Handshakes at once, and of one address: people come one after the other, and the rest of the places is for those who are there. */
const HANDSHAKES = { patience: 20_000, handshakes: 16, perPeer: 8 };
/** The vendor's client reads up to 1023 octets of a TLS record, and the rest of it only when the next record comes. */
const LARGEST_RECORD = 1023;

/** The console port: TLS only, never the first to speak. */
export class ConsoleListener implements AsyncDisposable {
  readonly #dependencies: ConsoleListenerDependencies;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Promise<void>>();
  readonly #handshakes: TlsHandshakes;
  #tls: TlsByClient;
  #acceptor!: TcpAcceptor;

  private constructor(tls: ConsoleTls, dependencies: ConsoleListenerDependencies) {
    this.#dependencies = dependencies;
    this.#handshakes = new TlsHandshakes(HANDSHAKES, dependencies);
    this.#tls = this.#tlsOf(tls);
  }

  /** @throws SignetError TCP_BIND_FAILED */
  static async listen(
    { address, port, tls }: ConsoleListenerOptions,
    dependencies: ConsoleListenerDependencies,
  ): Promise<ConsoleListener> {
    const listener = new ConsoleListener(tls, dependencies);
    const { clock, random } = dependencies;
    const seed = new DataView(random.fill(new Uint8Array(4)).buffer).getInt32(0);
    const quota = new ConnectionQuota(ConnectionQuota.share(1, seed), 0, CONSOLES);
    listener.#acceptor = await TcpAcceptor.listen({ address, port, listenQueue: QUEUE }, { clock, quota }, (socket) =>
      listener.#accept(socket),
    );
    return listener;
  }

  get local(): SocketAddress {
    return this.#acceptor.local;
  }

  /** New connections get this certificate; those that exist keep theirs. @throws Error when OpenSSL refuses it */
  setTls(tls: ConsoleTls): void {
    this.#tls = this.#tlsOf(tls);
  }

  #tlsOf(tls: ConsoleTls): TlsByClient {
    return new TlsByClient(tls.minVersion, (maxVersion) => this.#serverOf(tls, maxVersion));
  }

  #serverOf({ certificate, key, minVersion }: ConsoleTls, maxVersion: SecureVersion): TlsServer {
    const server = createTlsServer({
      cert: certificate,
      key,
      minVersion,
      maxVersion,
      ciphers: CIPHERS,
      honorCipherOrder: true,
      secureOptions: SECRET_TLS_OPTIONS,
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    // A handshake that failed: the client's fault, and its socket is gone.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    return server;
  }

  #accept(socket: Socket): void {
    if (!this.#dependencies.firewall.accepts('mgmt', socket.remoteAddress ?? '')) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setNoDelay(true);
    if (this.#handshakes.begin(socket)) this.#tls.begin(socket);
  }

  #secured(socket: TLSSocket): void {
    this.#handshakes.finish(socket);
    const { appliance, clock, log, onTyped, onTypedSecret } = this.#dependencies;
    socket.setMaxSendFragment(LARGEST_RECORD);
    const terminal = new Terminal(new ConsoleLine(socket), { clock, patience: LOGIN_PATIENCE });
    socket.on('data', (octets: Buffer) => {
      onTyped?.();
      terminal.take(octets);
      octets.fill(0);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      terminal.end();
      onTypedSecret?.();
    });
    const peer = socket.remoteAddress ?? 'unknown';
    const localAddress = (socket.localAddress ?? '').replace(/^::ffff:/, '');
    const session = new ConsoleSession(terminal, { peer, localAddress }, { appliance, clock, log }).run();
    this.#sessions.add(session);
    void session.finally(() => this.#sessions.delete(session));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It ends when the last connection has: these are closed meanwhile, with what was said to them sent.
    const closed = this.#acceptor[Symbol.asyncDispose]();
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
    await Promise.allSettled(this.#sessions);
  }
}
