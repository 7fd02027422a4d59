import { Worker } from 'node:worker_threads';
import { cacheOctetsOf } from './answer-cache.ts';
import type { Clock } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { randomBelow, type Random, SystemRandom } from '../base/random.ts';
import { ConnectionQuota } from '../net/connection-quota.ts';
import { STREAM_SETTINGS, type StreamSettings } from '../net/stream-settings.ts';
import type { Arena } from '../zone/store/arena.ts';
import { clearReader } from '../zone/store/reader-epoch.ts';
import type { ControlRequest, ListenAddress } from './responder.ts';
import type { FromResponder, ResponderWorkerData, ToResponder } from './responder-protocol.ts';
import type { ServerTables } from './server-tables.ts';
import { type CounterName, CounterRow, readCounters, readServerCounts, type ServerCounts } from './statistics.ts';

export interface ResponderPoolOptions {
  /** Responder threads, at least 1. */
  readonly threads: number;
  readonly tables: ServerTables;
  readonly streams?: StreamSettings;
}

export interface ResponderPoolDependencies {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly log: Log;
  /** For what clients cannot foresee; default is the system's. */
  readonly random?: Random;
  /** Takes messages of opcodes other than QUERY (NOTIFY, UPDATE); the answer, or undefined for none. */
  readonly onRequest: (request: ControlRequest) => Promise<Uint8Array | undefined>;
}

/** A thread that dies is replaced after so many seconds. */
const REPLACE_AFTER = 1;

/** The responder threads of a process, seen from the control thread. They share each address by SO_REUSEPORT. */
export class ResponderPool implements AsyncDisposable {
  readonly #options: ResponderPoolOptions;
  readonly #dependencies: ResponderPoolDependencies;
  readonly #counters: SharedArrayBuffer;
  readonly #threads: (ResponderThread | undefined)[] = [];
  #tables: ServerTables;
  #addresses: readonly ListenAddress[] = [];
  #streams: StreamSettings;
  /** Connections over TCP and TLS, of all threads. */
  readonly #connections: SharedArrayBuffer;
  /** Connections over HTTP, by listener. */
  #httpConnections = new Map<string, SharedArrayBuffer>();
  #closing = false;
  #lastOrder: Promise<unknown> = Promise.resolve();

  private constructor(options: ResponderPoolOptions, dependencies: ResponderPoolDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#tables = options.tables;
    this.#counters = CounterRow.share(options.threads + 1);
    this.#streams = options.streams ?? STREAM_SETTINGS;
    this.#connections = this.#newQuota();
  }

  static async start(options: ResponderPoolOptions, dependencies: ResponderPoolDependencies): Promise<ResponderPool> {
    const pool = new ResponderPool(options, dependencies);
    for (let row = 0; row < options.threads; row++) pool.#threads.push(pool.#startThread(row));
    await Promise.all(pool.#threads.map(async (thread) => thread?.started));
    return pool;
  }

  /** Sums of all threads. */
  counters(): Record<CounterName, number> {
    return readCounters(this.#counters);
  }

  /** All that is counted, summed over the threads and the control thread. */
  async serverCounts(): Promise<ServerCounts> {
    // A thread that ends meanwhile leaves what it had counted.
    const refresh = async (thread: ResponderThread | undefined): Promise<void> => {
      await thread?.request({ kind: 'counters' }).catch(() => undefined);
    };
    await Promise.all(this.#threads.map(refresh));
    return readServerCounts(this.#counters);
  }

  /** Connections over TCP, TLS and HTTP: now, the most at once so far, and the most there may be over TCP and TLS. */
  connections(): { readonly now: number; readonly highWater: number; readonly limit: number } {
    const { nameServer, sockets } = readServerCounts(this.#counters);
    const now = sockets.TCP4Clients + sockets.TCP6Clients;
    return { now, highWater: nameServer.TCPConnHighWater, limit: this.#streams.clients };
  }

  /** Where the control thread counts the answers that it gives. */
  controlCounters(): CounterRow {
    return CounterRow.at(this.#counters, this.#options.threads);
  }

  /** Resolves when every thread answers from these tables. @throws SignetError from compiling them */
  setTables(tables: ServerTables): Promise<void> {
    return this.#inTurn(async () => {
      await Promise.all(this.#threads.map((thread) => tell(thread, { kind: 'tables', tables })));
      this.#tables = tables;
    });
  }

  /**
   * Answers on these addresses and no others. Port 0 is any free port, the same one in all threads.
   * @returns the addresses with their real ports
   * @throws SignetError UDP_BIND_FAILED, TCP_BIND_FAILED
   */
  listen(
    addresses: readonly ListenAddress[],
    streams: StreamSettings = this.#streams,
  ): Promise<readonly ListenAddress[]> {
    return this.#inTurn(() => this.#listen(this.#withQuotas(addresses), streams));
  }

  async #listen(wanted: readonly ListenAddress[], streams: StreamSettings): Promise<readonly ListenAddress[]> {
    const others = [...this.#threads];
    let told: readonly ListenAddress[] | undefined;
    while (told === undefined && others.length > 0)
      told = await tell(others.shift(), { kind: 'listen', addresses: wanted, streams });
    const real = told ?? wanted;
    await Promise.all(others.map((thread) => tell(thread, { kind: 'listen', addresses: real, streams })));
    // From now on the first thread, too, knows the sockets by their real ports.
    this.#addresses = real;
    this.#streams = streams;
    this.#httpConnections = new Map(
      real.flatMap((one) =>
        one.transport?.kind === 'http' && one.transport.quota ? [[placeOf(one), one.transport.quota]] : [],
      ),
    );
    return real;
  }

  /** All threads count the connections to an HTTP listener in one place; a listener that stays keeps its own. */
  #withQuotas(addresses: readonly ListenAddress[]): readonly ListenAddress[] {
    return addresses.map((one) => {
      if (one.transport?.kind !== 'http') return one;
      const quota = this.#httpConnections.get(placeOf(one)) ?? this.#newQuota();
      return { ...one, transport: { ...one.transport, quota } };
    });
  }

  #newQuota(): SharedArrayBuffer {
    const random = this.#dependencies.random ?? new SystemRandom();
    return ConnectionQuota.share(this.#options.threads, randomBelow(random, 0x100000000));
  }

  #startThread(row: number): ResponderThread {
    const { arena, log, onRequest } = this.#dependencies;
    const data: ResponderWorkerData = {
      arena: arena.shared,
      counters: this.#counters,
      row,
      options: {
        cacheOctets: cacheOctetsOf(this.#options.threads),
        tables: this.#tables,
        reusePort: true,
        streams: this.#streams,
        connections: { shared: this.#connections, row },
      },
    };
    return new ResponderThread(data, log, onRequest, (reason, readers) => this.#died(row, reason, readers));
  }

  #died(row: number, reason: string, readers: Iterable<number>): void {
    if (this.#closing) return;
    const { arena, clock, log } = this.#dependencies;
    for (const readerId of readers) clearReader(arena, readerId);
    for (const quota of [this.#connections, ...this.#httpConnections.values()]) ConnectionQuota.clear(quota, row);
    this.#threads[row] = undefined;
    CounterRow.at(this.#counters, row).forgetSockets();
    const text = `responder thread ${row} ended (${reason}): another takes its place in ${REPLACE_AFTER} s`;
    log.write({ severity: 'critical', category: 'general', text });
    clock.after(REPLACE_AFTER * 1000, () => void this.#inTurn(() => this.#replace(row)));
  }

  /** Orders follow one another, and threads start between two of them: so a new one knows all that the others know. */
  #inTurn<Result>(order: () => Promise<Result>): Promise<Result> {
    const done = this.#lastOrder.then(order);
    this.#lastOrder = done.catch(() => undefined); // whoever gave the order is told
    return done;
  }

  async #replace(row: number): Promise<void> {
    if (this.#closing) return;
    const thread = this.#startThread(row);
    this.#threads[row] = thread;
    try {
      await thread.started;
      const order = { kind: 'listen', addresses: this.#addresses, streams: this.#streams } as const;
      // When no thread was there that could say the port for a 0, this one does.
      this.#addresses = (await thread.request(order)) ?? this.#addresses;
    } catch (error) {
      const text = `responder thread ${row} cannot be replaced, the other threads go on: ${String(error)}`;
      this.#dependencies.log.write({ severity: 'critical', category: 'general', text });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    // A thread that is being started gets its addresses first: told to close before, it would open sockets that nobody closes.
    await this.#lastOrder;
    await Promise.all(this.#threads.map(async (thread) => thread?.close()));
  }
}

/** A thread that ends before it obeys is no failure: the one that takes its place starts with what is in force then. */
async function tell(thread: ResponderThread | undefined, order: Order): Promise<readonly ListenAddress[] | undefined> {
  try {
    return await thread?.request(order);
  } catch (error) {
    if (!(error instanceof SignetError) || error.code !== 'RESPONDER_ENDED') throw error;
    return undefined;
  }
}

const placeOf = ({ address, port }: ListenAddress): string => `${address}#${port}`;

type Order =
  | { kind: 'tables'; tables: ServerTables }
  | { kind: 'listen'; addresses: readonly ListenAddress[]; streams: StreamSettings }
  | { kind: 'counters' }
  | { kind: 'close' };

interface Outstanding {
  resolve(addresses: readonly ListenAddress[] | undefined): void;
  reject(error: Error): void;
}

class ResponderThread {
  /** Resolves when the thread runs; rejects when it ends before. */
  readonly started: Promise<void>;
  readonly #worker: Worker;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #log: Log;
  readonly #onRequest: ResponderPoolDependencies['onRequest'];
  #requests = 0;
  readonly #readers = new Set<number>();
  readonly #exited: Promise<void>;
  #onStarted!: () => void;

  constructor(
    data: ResponderWorkerData,
    log: Log,
    onRequest: ResponderPoolDependencies['onRequest'],
    onDeath: (reason: string, readers: Iterable<number>) => void,
  ) {
    this.#log = log;
    this.#onRequest = onRequest;
    const file = import.meta.url.endsWith('.ts') ? './responder-worker.ts' : './responder-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: data, name: `responder ${data.row}` });
    let reason = 'it left';
    this.#worker.on('message', (message: FromResponder) => this.#received(message));
    this.#worker.on('error', (error) => (reason = String(error)));
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.started = new Promise((resolve, reject) => {
      this.#onStarted = resolve;
      this.#worker.once('exit', () => {
        const error = new SignetError('RESPONDER_ENDED', `responder thread ${data.row} ended: ${reason}`, {
          row: data.row,
        });
        reject(error);
        for (const { reject: refuse } of this.#outstanding.values()) refuse(error);
        this.#outstanding.clear();
        onDeath(reason, this.#readers);
      });
    });
    this.started.catch(() => undefined); // onDeath reports it; whoever awaits `started` sees it too
  }

  request(order: Order): Promise<readonly ListenAddress[] | undefined> {
    const request = this.#requests++;
    return new Promise((resolve, reject) => {
      this.#outstanding.set(request, { resolve, reject });
      this.#post({ ...order, request });
    });
  }

  async close(): Promise<void> {
    // A thread that ends before it can say that it closed has closed as well.
    await Promise.race([this.request({ kind: 'close' }).catch(() => undefined), this.#exited]);
    await this.#exited;
  }

  #post(message: ToResponder): void {
    this.#worker.postMessage(message);
  }

  #received(message: FromResponder): void {
    switch (message.kind) {
      case 'reader':
        if (message.isOpen) this.#readers.add(message.readerId);
        else this.#readers.delete(message.readerId);
        return;
      case 'started':
        this.#onStarted();
        return;
      case 'log':
        this.#log.write(message.record);
        return;
      case 'control':
        void this.#serve(message);
        return;
      case 'done':
        this.#take(message.request)?.resolve(message.addresses);
        return;
      case 'failed': {
        const { code, message: text, facts } = message.error;
        this.#take(message.request)?.reject(new SignetError(code, text, facts));
      }
    }
  }

  #take(request: number): Outstanding | undefined {
    const outstanding = this.#outstanding.get(request);
    this.#outstanding.delete(request);
    return outstanding;
  }

  async #serve({ id, ...request }: Extract<FromResponder, { kind: 'control' }>): Promise<void> {
    let octets: Uint8Array | undefined;
    try {
      octets = await this.#onRequest(request);
    } catch (error) {
      this.#log.write({
        severity: 'error',
        category: 'client',
        text: `a request could not be served: ${String(error)}`,
      });
    }
    this.#post({ kind: 'answer', id, octets });
  }
}
