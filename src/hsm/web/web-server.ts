import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { Clock } from '../../base/clock.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Appliance } from '../appliance/appliance.ts';
import type { Firewall } from '../appliance/parts.ts';
import type { OperationLatencies } from './latencies.ts';
import { metricsText } from './metrics-text.ts';
import { FAVICON, SCRIPT, STYLE } from './page-files.ts';
import { publicStatus } from './public-status.ts';
import { StatusFeed } from './status-feed.ts';
import { statusPage } from './status-page.ts';

export interface WebServerOptions {
  /** Address; undefined: all. */
  readonly listen: string | undefined;
  /** HTTP; 0: any free port. */
  readonly port: number;
  /** HTTPS too, with the certificate of the appliance; 0: any free port. */
  readonly tlsPort?: number;
}

export interface WebServerDependencies {
  readonly appliance: Appliance;
  readonly firewall: Firewall;
  readonly log: Log;
  readonly clock: Clock;
  readonly latencies?: OperationLatencies;
  /** Needed for `tlsPort`. */
  readonly tls?: WebTls;
}

export interface WebTls {
  /** PEM. */
  readonly certificate: string;
  /** PEM. Secret. */
  readonly key: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Connections at once on each port; more are closed as they come. */
const MOST_CONNECTIONS = 100;
/** Pages that are kept as the HSM is; more are told to come again, so that there is always room for a look. */
const MOST_WATCHERS = 50;
/** Octets of request line and headers. */
const LARGEST_HEADER = 8192;
/** Milliseconds for a whole request, for the next one on the connection, and without any octet taken of a response. */
const REQUEST_TIMEOUT = 10_000;
const KEEP_ALIVE = 5000;
const IDLE_TIMEOUT = 30_000;
/** Milliseconds between signs of life on a page that does not change. */
const HEARTBEAT = 10_000;

/** The page is all its own: nothing from elsewhere, no script in the text, not in anybody's frame. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Cache-Control': 'no-store',
};

/** Status page, its events, /api/status and /metrics: shows, and lets nobody do anything. */
export class WebServer implements AsyncDisposable {
  readonly #options: WebServerOptions;
  readonly #dependencies: WebServerDependencies;
  readonly #feed: StatusFeed;
  readonly #servers: (http.Server | https.Server)[] = [];

  constructor(options: WebServerOptions, dependencies: WebServerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#feed = new StatusFeed(dependencies);
  }

  /** Resolves with the ports. @throws SignetError WEB_LISTEN */
  async start(): Promise<{ readonly port: number; readonly tlsPort: number | undefined }> {
    const { port, tlsPort } = this.#options;
    const { tls } = this.#dependencies;
    const { fetch } = this.#app();
    const adaptor = { fetch, overrideGlobalObjects: false };
    const plain = createAdaptorServer({ ...adaptor, serverOptions: LIMITS }) as http.Server;
    const bound = await this.#listen(plain, port);
    if (tlsPort === undefined) return { port: bound, tlsPort };
    if (tls === undefined) throw new SignetError('WEB_LISTEN', 'HTTPS needs the certificate of the appliance');
    const { key, certificate: cert, minVersion } = tls;
    const secure = createAdaptorServer({
      ...adaptor,
      createServer: https.createServer,
      serverOptions: { ...LIMITS, key, cert, minVersion, handshakeTimeout: REQUEST_TIMEOUT },
    }) as https.Server;
    return { port: bound, tlsPort: await this.#listen(secure, tlsPort) };
  }

  /** After a renewal or another setting: for connections from now on. */
  setTls({ key, certificate: cert, minVersion }: WebTls): void {
    for (const server of this.#servers)
      if (server instanceof https.Server) server.setSecureContext({ key, cert, minVersion });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed[Symbol.dispose]();
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  async #listen(server: http.Server | https.Server, port: number): Promise<number> {
    const { listen } = this.#options;
    server.maxConnections = MOST_CONNECTIONS;
    server.setTimeout(IDLE_TIMEOUT);
    server.on('connection', (socket: Socket) => this.#admit(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause: Error) => {
        const where = `${listen ?? 'all addresses'} port ${port}`;
        const message = `the status page cannot be served on ${where}: ${cause.message}; another program may use the port (--web-port)`;
        reject(new SignetError('WEB_LISTEN', message, { port }, cause));
      });
      server.listen({ port, ...(listen !== undefined && { host: listen, ipv6Only: listen.includes(':') }) }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', () => undefined); // one accept that failed (out of descriptors): the next may succeed
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  #admit(socket: Socket): void {
    const { remoteAddress: address } = socket;
    if (address !== undefined && this.#dependencies.firewall.accepts('web', address)) return;
    socket.destroy();
  }

  #app(): Hono {
    const { appliance, log, latencies } = this.#dependencies;
    const app = new Hono();
    app.use(async (context, next) => {
      const { method } = context.req;
      if (method !== 'GET' && method !== 'HEAD')
        context.res = context.text(`Method ${method} is not allowed: use GET or HEAD.\n`, 405, { Allow: 'GET, HEAD' });
      else await next();
      for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    });
    const now = () => publicStatus(appliance.identity, appliance.getState());
    app.get('/', (context) => context.html(statusPage(now())));
    app.get('/api/status', (context) => context.json(now()));
    app.get('/metrics', (context) =>
      context.body(metricsText(appliance.identity, appliance.getState(), latencies), 200, {
        'Content-Type': 'text/plain; version=0.0.4; charset=utf-8',
      }),
    );
    for (const [path, type, text] of [
      ['/style.css', 'text/css; charset=utf-8', STYLE],
      ['/live.js', 'text/javascript; charset=utf-8', SCRIPT],
      ['/favicon.svg', 'image/svg+xml', FAVICON],
    ] as const)
      app.get(path, (context) => context.body(text, 200, { 'Content-Type': type }));
    app.get('/events', (context) => {
      if (context.req.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' });
      if (this.#feed.watchers >= MOST_WATCHERS)
        return context.text('Too many pages are watching: load the page again later.\n', 503, { 'Retry-After': '30' });
      return context.body(this.#events(), 200, { 'Content-Type': 'text/event-stream' });
    });
    app.notFound((context) => context.text('There is no such page: the status is at /\n', 404));
    app.onError((error, context) => {
      const text = `the status page failed for ${context.req.path}: ${error.stack ?? error.message}`;
      log.write({ severity: 'error', category: 'general', text });
      return context.text('The status cannot be read; the log of the HSM says why.\n', 500);
    });
    return app;
  }

  /** WHATWG HTML section 9.2: an event each time the content differs, a comment when it does not for long. */
  #events(): ReadableStream<Uint8Array> {
    const feed = this.#feed;
    const encoder = new TextEncoder();
    let version = 0;
    let isOver = false;
    const leave = (): void => {
      if (!isOver) feed.leave();
      isOver = true;
    };
    feed.join();
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller): Promise<void> {
          const next = await feed.next(version, HEARTBEAT);
          if (isOver) return;
          if (feed.isClosed) {
            leave();
            controller.close();
          } else if (next === undefined) controller.enqueue(encoder.encode(': still here\n\n'));
          else {
            version = next.version;
            controller.enqueue(encoder.encode(`event: status\ndata: ${JSON.stringify({ content: next.content })}\n\n`));
          }
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
  }
}

const LIMITS = {
  maxHeaderSize: LARGEST_HEADER,
  headersTimeout: REQUEST_TIMEOUT,
  requestTimeout: REQUEST_TIMEOUT,
  keepAliveTimeout: KEEP_ALIVE,
  connectionsCheckingInterval: 1000,
} as const;
