import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Log } from '../base/log.ts';
import { statisticsJson, type StatisticsPart } from './json.ts';
import { PrometheusMetrics } from './prometheus.ts';
import type { StatisticsSnapshot, StatisticsSource } from './snapshot.ts';
import { statisticsXml } from './xml.ts';

/*
 * Statistics over HTTP. This file is bundled for itself and loaded only when the configuration has statistics-channels:
 * what it imports costs nobody else memory or time. So it shares no classes with its caller, only plain objects.
 */

export interface StatisticsHttpOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether a client may connect. It may change while the channel is open. */
  isAllowed(address: string): boolean;
}

export interface StatisticsHttpDependencies {
  readonly source: StatisticsSource;
  readonly log: Log;
}

export interface StatisticsHttp {
  readonly port: number;
  close(): Promise<void>;
}

/** Connections at once; more are closed as they come. */
const MOST_CONNECTIONS = 100;
/** Octets of request line and headers. */
const LARGEST_HEADER = 8192;
/** Milliseconds for a whole request, for the next one on the connection, and without any octet taken of a response. */
const REQUEST_TIMEOUT = 10_000;
const KEEP_ALIVE = 5000;
const IDLE_TIMEOUT = 30_000;

const PARTS: readonly StatisticsPart[] = ['status', 'server', 'zones', 'net', 'mem', 'tasks', 'traffic'];

/** Opens a channel. Rejects with the system's error when the address cannot be had. */
export async function openStatisticsHttp(
  options: StatisticsHttpOptions,
  dependencies: StatisticsHttpDependencies,
): Promise<StatisticsHttp> {
  const { fetch } = statisticsApp(dependencies);
  const server = createAdaptorServer({
    fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: LARGEST_HEADER,
      headersTimeout: REQUEST_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE,
      connectionsCheckingInterval: 1000,
    },
  }) as Server;
  server.maxConnections = MOST_CONNECTIONS;
  server.setTimeout(IDLE_TIMEOUT);
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address !== undefined && options.isAllowed(address)) return;
    const from = `${address ?? 'nobody'}#${socket.remotePort ?? 0}`;
    const text = `rejected statistics connection from ${from}: the channel's allow list does not have it`;
    dependencies.log.write({ severity: 'warning', category: 'general', text });
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.address, port: options.port, ipv6Only: options.address.includes(':') }, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', () => undefined); // one accept that failed (out of descriptors): the next may succeed
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Render = (snapshot: StatisticsSnapshot) => Generator<string>;

/** BIND 9.18's paths, and /metrics for Prometheus. */
function statisticsApp({ source, log }: StatisticsHttpDependencies): Hono<{ Bindings: HttpBindings }> {
  const metrics = new PrometheusMetrics(source);
  const app = new Hono<{ Bindings: HttpBindings }>();
  const failed = (path: string, error: unknown): void => {
    const text = `statistics for ${path} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    log.write({ severity: 'error', category: 'general', text });
  };
  app.use(async (context, next) => {
    const { method } = context.req;
    if (method !== 'GET' && method !== 'HEAD')
      return context.text(`Method ${method} is not allowed: use GET or HEAD.`, 405, { Allow: 'GET, HEAD' });
    await next();
    context.header('Cache-Control', 'no-cache');
    return undefined;
  });
  const serve = (path: string, type: string, render: Render): void => {
    app.get(path, async (context) => {
      const body = inPieces(render(await source.snapshot()), (error) => {
        failed(context.req.path, error);
        context.env.outgoing.destroy(); // the status has been sent: the response just breaks off
      });
      return context.body(body, 200, { 'Content-Type': type });
    });
  };
  for (const path of ['/', '/xml', '/xml/v3']) serve(path, 'text/xml', (snapshot) => statisticsXml(snapshot));
  for (const path of ['/json', '/json/v1']) serve(path, 'application/json', (snapshot) => statisticsJson(snapshot));
  for (const part of PARTS) {
    serve(`/xml/v3/${part}`, 'text/xml', (snapshot) => statisticsXml(snapshot, part));
    serve(`/json/v1/${part}`, 'application/json', (snapshot) => statisticsJson(snapshot, part));
  }
  app.get('/metrics', async (context) =>
    context.body(await metrics.text(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  app.notFound((context) => context.text('No such URL.\n', 404));
  app.onError((error, context) => {
    failed(context.req.path, error);
    return context.text('The statistics could not be read; the log of the server says why.\n', 500);
  });
  return app;
}

/** The pieces as they are wanted, each in its own turn of the event loop: other work is not held up. */
function inPieces(pieces: Generator<string>, failed: (error: unknown) => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        try {
          const { done, value } = pieces.next();
          if (done === true) controller.close();
          else controller.enqueue(encoder.encode(value));
        } catch (error) {
          failed(error);
        }
      },
      cancel: () => void pieces.return(undefined),
    },
    { highWaterMark: 0 },
  );
}
