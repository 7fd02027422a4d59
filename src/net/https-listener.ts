import http2, {
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import { ADDRESS_SLOT, parseAddressInto, type SocketAddress } from './address.ts';
import { Deadlines, type Expiring } from './deadlines.ts';
import { dnsParameter } from './https-query.ts';
import type { LiveSettings } from './stream-settings.ts';
import { type AcceptorOptions, TcpAcceptor } from './tcp-acceptor.ts';
import type { StreamDependencies } from './tcp-listener.ts';
import { type TlsMaterial, tlsOptions } from './tls-material.ts';

export interface HttpParameters {
  /** Absolute paths that queries are taken at. */
  readonly endpoints: readonly string[];
  /** Requests at once on one connection; 0: no limit. */
  readonly streamsPerConnection: number;
}

export interface HttpsListenerOptions extends Pick<AcceptorOptions, 'address' | 'port' | 'reusePort'> {
  readonly http: HttpParameters;
  /** Undefined: HTTP/2 without TLS, for proxies in front. */
  readonly tls?: TlsMaterial;
}

/** A query that waits for its answer: exactly one of `answer` and `fail` is called, once. */
export interface HttpExchange {
  readonly peer: SocketAddress;
  /** 4 or 16 octets. */
  readonly peerAddress: Uint8Array;
  readonly encrypted: boolean;
  /** @param maxAge seconds that caches may keep the answer; undefined: they must not */
  answer(octets: Uint8Array, maxAge: number | undefined): void;
  fail(status: number): void;
}

/** Called with a DNS message that belongs to the callee. */
export type ExchangeHandler = (exchange: HttpExchange, message: Uint8Array) => void;

const MESSAGE_TYPE = 'application/dns-message';
const MOST_MESSAGE = 65_535;
/** Octets of a path with its query: a question takes some hundred. */
const MOST_PATH = 16_384;
const MOST_HEADERS = 32_768;
const MOST_HEADER_LINES = 64;
/** Megaoctets that one connection may occupy. */
const SESSION_MEMORY = 8;
/** Milliseconds until connections that were told of the end (GOAWAY) are cut. */
const GRACE = 1000;

/** Status codes of RFC 8484 and RFC 9110 section 15, as BIND 9.18 uses them. */
const STATUS = {
  OK: 200,
  BAD_REQUEST: 400,
  NOT_FOUND: 404,
  TOO_LARGE: 413,
  URI_TOO_LONG: 414,
  UNSUPPORTED_TYPE: 415,
  NOT_IMPLEMENTED: 501,
} as const;

/** DNS over HTTPS (RFC 8484) over HTTP/2; other versions of HTTP are not spoken, as in BIND. */
export class HttpsListener implements AsyncDisposable {
  readonly #clock: StreamDependencies['clock'];
  readonly #deadlines: Deadlines;
  readonly #settings: LiveSettings;
  readonly #handler: ExchangeHandler;
  /** By the address and port of the peer. */
  readonly #connections = new Map<string, Connection>();
  readonly #sessions = new WeakMap<ServerHttp2Session, Connection>();
  #acceptor!: TcpAcceptor;
  #server!: Http2Server | Http2SecureServer;
  #endpoints: ReadonlySet<string> = new Set();
  #encrypted = false;

  private constructor(options: HttpsListenerOptions, dependencies: StreamDependencies, handler: ExchangeHandler) {
    this.#clock = dependencies.clock;
    this.#deadlines = new Deadlines(dependencies.clock);
    this.#settings = dependencies.settings;
    this.#handler = handler;
    this.configure(options);
  }

  /** @throws SignetError TCP_BIND_FAILED */
  static async listen(
    options: HttpsListenerOptions,
    dependencies: StreamDependencies,
    handler: ExchangeHandler,
  ): Promise<HttpsListener> {
    const listener = new HttpsListener(options, dependencies, handler);
    const { listenQueue } = dependencies.settings.current;
    listener.#acceptor = await TcpAcceptor.listen({ ...options, listenQueue }, dependencies, (socket) =>
      listener.#accept(socket),
    );
    return listener;
  }

  get local(): SocketAddress {
    return this.#acceptor.local;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** New connections get these parameters; paths hold for all at once. @throws Error when OpenSSL refuses the material */
  configure({ http, tls }: Pick<HttpsListenerOptions, 'http' | 'tls'>): void {
    const options = {
      maxSessionMemory: SESSION_MEMORY,
      maxHeaderListPairs: MOST_HEADER_LINES,
      settings: {
        enablePush: false,
        maxHeaderListSize: MOST_HEADERS,
        maxConcurrentStreams: http.streamsPerConnection === 0 ? 0xffffffff : http.streamsPerConnection,
      },
    };
    const server =
      tls === undefined ? http2.createServer(options) : http2.createSecureServer({ ...options, ...tlsOptions(tls) });
    server.on('session', (session: ServerHttp2Session) => this.#begin(session));
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => this.#request(stream, headers));
    server.on('sessionError', (_error, session: ServerHttp2Session) => session.destroy());
    server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
    // Who does not agree on "h2" would speak another version.
    server.on('unknownProtocol', (socket: Socket) => socket.destroy());
    server.setTimeout(0);
    this.#server = server;
    this.#endpoints = new Set(http.endpoints);
    this.#encrypted = tls !== undefined;
  }

  #accept(socket: Socket): void {
    const peer = peerText(socket);
    const connection = new Connection(socket, this.#encrypted, this.#deadlines, this.#settings, () =>
      this.#connections.delete(peer),
    );
    this.#connections.set(peer, connection);
    // Who ends its side of a connection ends an HTTP/2 session, and before the handshake is over has nothing to wait for.
    socket.allowHalfOpen = false;
    // The server is bound to nothing: it only knows how to speak on a socket.
    this.#server.emit('connection', socket);
    // TLS reads by itself; a session on a socket that was accepted in a pause does not.
    if (!this.#encrypted) socket.resume();
  }

  #begin(session: ServerHttp2Session): void {
    const connection = this.#connections.get(peerText(session.socket));
    if (connection === undefined) {
      session.destroy();
      return;
    }
    connection.session = session;
    this.#sessions.set(session, connection);
    session.on('error', () => session.destroy());
  }

  #request(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const connection = stream.session && this.#sessions.get(stream.session as ServerHttp2Session);
    stream.on('error', () => stream.destroy()); // reset by the client
    if (connection === undefined) {
      stream.destroy();
      return;
    }
    const exchange = new Exchange(stream, connection);
    const path = headers[':path'] ?? '';
    const at = path.indexOf('?');
    if (path.length > MOST_PATH) exchange.refuse(STATUS.URI_TOO_LONG);
    else if (!this.#endpoints.has(at < 0 ? path : path.slice(0, at))) exchange.refuse(STATUS.NOT_FOUND);
    else if (headers[':method'] === 'GET') this.#get(exchange, stream, at < 0 ? '' : path.slice(at + 1));
    else if (headers[':method'] === 'POST') this.#post(exchange, stream, headers);
    else exchange.refuse(STATUS.NOT_IMPLEMENTED);
  }

  /** RFC 8484 section 4.1: the message is in the parameter "dns", base64url without padding. */
  #get(exchange: Exchange, stream: ServerHttp2Stream, query: string): void {
    stream.resume(); // a body means nothing here
    const message = dnsParameter(query);
    if (message === undefined) exchange.refuse(STATUS.BAD_REQUEST);
    else if (message.length > MOST_MESSAGE) exchange.refuse(STATUS.TOO_LARGE);
    else this.#ask(exchange, message);
  }

  #post(exchange: Exchange, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const length = headers['content-length'];
    if (headers['content-type']?.toLowerCase() !== MESSAGE_TYPE) exchange.refuse(STATUS.UNSUPPORTED_TYPE);
    else if (length !== undefined && Number(length) > MOST_MESSAGE) exchange.refuse(STATUS.TOO_LARGE);
    else {
      const chunks: Buffer[] = [];
      let size = 0;
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MOST_MESSAGE) chunks.push(chunk);
        else exchange.refuse(STATUS.TOO_LARGE);
      });
      stream.on('end', () => this.#ask(exchange, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    }
  }

  #ask(exchange: Exchange, message: Uint8Array): void {
    if (!exchange.isOpen) return;
    exchange.begin();
    this.#handler(exchange, message);
  }

  /** Says GOAWAY (RFC 9113 section 6.8); answers that are ready still leave. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#acceptor[Symbol.asyncDispose]();
    for (const connection of this.#connections.values()) connection.goAway();
    const timer = this.#clock.after(GRACE, () => {
      for (const connection of this.#connections.values()) connection.abort();
    });
    await closed;
    timer.cancel();
  }
}

const peerText = ({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string =>
  `${remoteAddress}#${remotePort}`;

/** One connection of a client, from the first octet of its handshake on. */
class Connection implements Expiring {
  deadline = 0;
  readonly peer: SocketAddress;
  readonly peerAddress: Uint8Array;
  readonly encrypted: boolean;
  session: ServerHttp2Session | undefined;
  readonly #socket: Socket;
  readonly #deadlines: Deadlines;
  readonly #settings: LiveSettings;
  #busy = 0;

  constructor(socket: Socket, encrypted: boolean, deadlines: Deadlines, settings: LiveSettings, onEnd: () => void) {
    this.#socket = socket;
    this.encrypted = encrypted;
    this.#deadlines = deadlines;
    this.#settings = settings;
    this.peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    const octets = new Uint8Array(ADDRESS_SLOT);
    this.peerAddress = octets.subarray(0, parseAddressInto(this.peer.address, octets));
    socket.once('close', () => {
      deadlines.delete(this);
      onEnd();
    });
    deadlines.add(this, deadlines.now() + settings.current.initialTimeout);
  }

  /** A whole request has come. */
  requested(): void {
    this.#busy++;
    this.#postpone();
  }

  answered(): void {
    this.#busy--;
    this.#postpone();
  }

  /** An answer may take its time; one that the client does not read is no reason to stay. */
  expire(now: number): void {
    if (this.#busy > 0) this.deadline = now + this.#settings.current.idleTimeout;
    else this.abort();
  }

  goAway(): void {
    if (this.session === undefined) this.abort();
    else this.session.close();
  }

  abort(): void {
    this.session?.destroy();
    this.#socket.destroy();
  }

  #postpone(): void {
    this.#deadlines.move(this, this.#deadlines.now() + this.#settings.current.idleTimeout);
  }
}

/** One request and its response. */
class Exchange implements HttpExchange {
  readonly #stream: ServerHttp2Stream;
  readonly #connection: Connection;
  #begun = false;
  #done = false;

  constructor(stream: ServerHttp2Stream, connection: Connection) {
    this.#stream = stream;
    this.#connection = connection;
  }

  get peer(): SocketAddress {
    return this.#connection.peer;
  }

  get peerAddress(): Uint8Array {
    return this.#connection.peerAddress;
  }

  get encrypted(): boolean {
    return this.#connection.encrypted;
  }

  get isOpen(): boolean {
    return !this.#done;
  }

  begin(): void {
    this.#begun = true;
    this.#connection.requested();
  }

  answer(octets: Uint8Array, maxAge: number | undefined): void {
    if (!this.#finish()) return;
    this.#stream.respond({
      ':status': STATUS.OK,
      'content-type': MESSAGE_TYPE,
      'content-length': octets.length,
      // RFC 8484 section 5.1; in BIND's words.
      'cache-control': maxAge === undefined ? 'no-cache, no-store, must-revalidate' : `max-age=${maxAge}`,
    });
    this.#stream.end(octets);
  }

  fail(status: number): void {
    if (this.#finish()) this.#stream.respond({ ':status': status }, { endStream: true });
  }

  /** For requests that are no query. What else comes of them is dropped, at most until the connection has been idle too long. */
  refuse(status: number): void {
    this.fail(status);
    this.#stream.resume();
  }

  /** False when there is nobody to answer, or an answer was given. */
  #finish(): boolean {
    if (this.#done) return false;
    this.#done = true;
    if (this.#begun) this.#connection.answered();
    return !this.#stream.destroyed && !this.#stream.headersSent;
  }
}
