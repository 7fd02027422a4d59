import type { Clock } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { copyOctets } from '../base/octets.ts';
import { DgramEndpoint } from '../net/dgram-endpoint.ts';
import { ADDRESS_SLOT, formatAddress, parseAddress } from '../net/address.ts';
import { ConnectionQuota } from '../net/connection-quota.ts';
import type { HttpExchange } from '../net/https-listener.ts';
import { STREAM_SETTINGS, type StreamSettings } from '../net/stream-settings.ts';
import type { TcpConnection } from '../net/tcp-listener.ts';
import type { DatagramBatch, UdpEndpoint } from '../net/udp-endpoint.ts';
import { emptyResponse } from '../transfer/notify-message.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { uncheckedName } from '../wire/name.ts';
import { RCODE } from '../wire/type-codes.ts';
import type { Arena } from '../zone/store/arena.ts';
import { ReaderEpoch } from '../zone/store/reader-epoch.ts';
import { ANSWER, Answerer, type ClientContext } from './answer.ts';
import { answerFreshness } from './answer-freshness.ts';
import { badSignatureText, deniedTransferText, queryLogText, type QuerySource } from './query-log.ts';
import type { ServerTables } from './server-tables.ts';
import { SocketCounts } from './socket-counts.ts';
import { COUNTER, type CounterRow } from './statistics.ts';
import {
  type QuotaPlace,
  speakAlike,
  StreamEndpoints,
  type StreamListener,
  type StreamTransport,
} from './stream-endpoints.ts';
import { TransferServer } from './transfer-server.ts';

/** An address and port that is answered on. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
  /** Absent: plain DNS over UDP and TCP. */
  readonly transport?: StreamTransport;
}

export interface ResponderOptions {
  readonly tables: ServerTables;
  /** Several responders share each address. */
  readonly reusePort?: boolean;
  readonly streams?: StreamSettings;
  /** Where connections of all threads are counted; absent: this thread is the only one. */
  readonly connections?: QuotaPlace;
  /** Octets for answers that are asked for again and again (AnswerCache): a power of two; absent: none are kept. */
  readonly cacheOctets?: number;
}

/** A message of an opcode that responders do not serve (NOTIFY, UPDATE), on its way to the control thread. */
export interface ControlRequest {
  readonly octets: Uint8Array;
  /** 4 or 16 octets. */
  readonly client: Uint8Array;
  readonly clientPort: number;
  /** The address asked. */
  readonly local: ListenAddress;
  readonly overTcp: boolean;
}

export interface ResponderDependencies {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: CounterRow;
  /** Takes a message over; the answer, or undefined for none, goes back to the client. */
  readonly toControl: (request: ControlRequest) => Promise<Uint8Array | undefined>;
  /** Told of each reader epoch that a transfer takes and gives back. */
  readonly onReader?: (readerId: number, isOpen: boolean) => void;
  /** How UDP sockets are opened; default is node:dgram. */
  readonly bindUdp?: (listen: ListenAddress, reusePort: boolean) => Promise<UdpEndpoint>;
}

interface Listener {
  wanted: ListenAddress;
  /** Plain DNS only. */
  readonly udp: UdpEndpoint | undefined;
  readonly stream: StreamListener;
  readonly client: ClientContext;
}

/** Answers queries on any number of addresses in one thread. */
export class Responder implements AsyncDisposable {
  readonly #options: ResponderOptions;
  readonly #dependencies: ResponderDependencies;
  readonly #answerer: Answerer;
  readonly #epoch: ReaderEpoch;
  readonly #transfers: TransferServer;
  readonly #streams: StreamEndpoints;
  readonly #sockets: SocketCounts;
  readonly #message = new Uint8Array(65_535);
  readonly #streamAnswer = new Uint8Array(65_535);
  #listeners: Listener[] = [];

  constructor(options: ResponderOptions, dependencies: ResponderDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#answerer = new Answerer(options.tables, { ...dependencies, cacheOctets: options.cacheOctets });
    this.#epoch = new ReaderEpoch(dependencies.arena);
    this.#transfers = new TransferServer({}, dependencies);
    const place = options.connections ?? { shared: ConnectionQuota.share(1, 0), row: 0 };
    this.#sockets = new SocketCounts(dependencies.counters);
    this.#streams = new StreamEndpoints(options.streams ?? STREAM_SETTINGS, place, {
      clock: dependencies.clock,
      onConnection: (client, isOpen) => this.#sockets.connection(client, isOpen),
    });
  }

  /** The reader epoch's id: to be cleared when this thread dies. */
  get readerId(): number {
    return this.#epoch.id;
  }

  /** Brings counters up to date that cost something to read. */
  refreshCounters(): void {
    this.#sockets.refresh();
  }

  /** Takes effect between two queries. @throws SignetError KEY_UNKNOWN, TSIG_ALGORITHM_UNKNOWN: then nothing changes */
  setTables(tables: ServerTables): void {
    this.#answerer.setTables(tables);
  }

  /**
   * Answers on these addresses and no others; sockets that stay are not touched, though they get other certificates and
   * paths for new connections.
   * @param streams take effect for all connections
   * @returns the addresses with their real ports, in order
   * @throws SignetError UDP_BIND_FAILED, TCP_BIND_FAILED: then the addresses of before are served
   */
  async listen(addresses: readonly ListenAddress[], streams = this.#streams.settings): Promise<ListenAddress[]> {
    const before = this.#streams.settings;
    const kept = new Map<Listener, ListenAddress>();
    const opened: Listener[] = [];
    this.#streams.settings = streams;
    try {
      for (const wanted of addresses) {
        const known = this.#listeners.find((listener) => isFor(listener, wanted));
        if (known === undefined) opened.push(await this.#openCounted(wanted));
        else kept.set(known, wanted);
      }
    } catch (error) {
      this.#streams.settings = before;
      await this.#closeAll(opened);
      throw error;
    }
    for (const [listener, wanted] of kept) {
      this.#streams.configure(listener.stream, wanted.transport);
      listener.wanted = wanted;
    }
    const dropped = this.#listeners.filter((listener) => !kept.has(listener));
    this.#listeners = [...kept.keys(), ...opened];
    await this.#closeAll(dropped);
    return addresses.map((wanted) => {
      const listener = this.#listeners.find((one) => isFor(one, wanted));
      return listener === undefined ? wanted : { ...wanted, port: listener.stream.local.port };
    });
  }

  async #openCounted(wanted: ListenAddress): Promise<Listener> {
    try {
      const listener = await this.#open(wanted);
      this.#sockets.opened(listener);
      return listener;
    } catch (error) {
      this.#sockets.failed(wanted.address, error);
      throw error;
    }
  }

  async #closeAll(listeners: readonly Listener[]): Promise<void> {
    await closeAll(listeners);
    for (const listener of listeners) this.#sockets.closed(listener);
  }

  /** Any port is a port of UDP that the kernel chose; where another program holds it for TCP, the next one is tried. */
  async #open(wanted: ListenAddress): Promise<Listener> {
    for (let tries = wanted.port === 0 ? ANY_PORT_TRIES : 1; ; tries--) {
      try {
        return await this.#openPort(wanted);
      } catch (error) {
        const isTaken = error instanceof SignetError && error.facts.cause === 'EADDRINUSE';
        if (!isTaken || tries === 1) throw error;
      }
    }
  }

  async #openPort(wanted: ListenAddress): Promise<Listener> {
    const reusePort = this.#options.reusePort ?? false;
    const { address, transport } = wanted;
    const bindUdp =
      this.#dependencies.bindUdp ?? ((listen, shared) => DgramEndpoint.bind({ ...listen, reusePort: shared }));
    const udp = transport === undefined ? await bindUdp(wanted, reusePort) : undefined;
    const port = udp?.local.port ?? wanted.port;
    try {
      const stream = await this.#streams.open({ address, port, reusePort }, transport, {
        onMessage: (connection, octets, start, length) => this.#overTcp(listener, connection, octets, start, length),
        onExchange: (exchange, message) => this.#overHttp(listener, exchange, message),
      });
      const listener: Listener = { wanted, udp, stream, client: newClient(address, stream.local.port) };
      udp?.receive((batch) => this.#overUdp(listener, udp, batch));
      return listener;
    } catch (error) {
      await udp?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  #overUdp(listener: Listener, udp: UdpEndpoint, batch: DatagramBatch): void {
    const { client } = listener;
    client.overTcp = client.encrypted = false;
    client.keepaliveTimeout = 0;
    client.now = this.#dependencies.clock.now();
    client.address = batch.peers;
    client.queryWhole = batch.receivedWhole;
    client.answerWhole = batch.answersWhole;
    this.#epoch.enter();
    for (let i = 0; i < batch.count; i++) {
      client.addressAt = i * ADDRESS_SLOT;
      client.addressLength = batch.peerLength[i];
      const length = this.#answer(
        batch.received[i],
        batch.receivedLength[i],
        batch.answers[i],
        client,
        batch.peerPort[i],
      );
      if (length >= 0) batch.answerLength[i] = length;
      else if (length === ANSWER.TO_CONTROL) this.#forwardDatagram(udp, batch, i);
    }
    this.#epoch.leave();
  }

  /** Any octets get an answer or none; should the code have a fault, one query is lost and the fault is logged. */
  #answer(octets: Uint8Array, length: number, out: Uint8Array, client: ClientContext, port: number): number {
    try {
      const answer = this.#answerer.answer(octets, length, out, client);
      if (answer !== ANSWER.DROP && this.#isLogged(client)) this.#logQuery(client, port);
      return answer;
    } catch (error) {
      this.#dependencies.counters.add(COUNTER.QryFailure);
      const text = `internal error while answering a query; it gets no answer: ${(error as Error).stack ?? String(error)}`;
      this.#dependencies.log.write({ severity: 'error', category: 'client', text });
      return ANSWER.DROP;
    }
  }

  /** A bad signature is told of anyway over TCP, where the sender's address is not forged: else anybody could fill the log. */
  #isLogged(client: ClientContext): boolean {
    return this.#answerer.tables.logQueries || (client.overTcp && this.#answerer.signatureFailure !== undefined);
  }

  #logQuery(client: ClientContext, port: number): void {
    const { signatureFailure: failure } = this.#answerer;
    const source = this.#source(client, port);
    const { log } = this.#dependencies;
    if (failure !== undefined)
      log.write({ severity: 'error', category: 'security', text: badSignatureText(source, failure) });
    else {
      const text = queryLogText(this.#answerer.query, source);
      if (text !== undefined) log.write({ severity: 'info', category: 'queries', text });
    }
  }

  /** Over TCP only, as what has a bad signature. */
  #logDeniedTransfer(client: ClientContext, port: number): void {
    const text = deniedTransferText(this.#answerer.query, this.#source(client, port));
    this.#dependencies.log.write({ severity: 'error', category: 'security', text });
  }

  #source(client: ClientContext, port: number): QuerySource {
    return { client, port, key: this.#answerer.keyName, view: this.#answerer.viewName };
  }

  #forwardDatagram(udp: UdpEndpoint, batch: DatagramBatch, i: number): void {
    const at = i * ADDRESS_SLOT;
    const client = batch.peers.slice(at, at + batch.peerLength[i]);
    const clientPort = batch.peerPort[i];
    const octets = batch.received[i].slice(0, batch.receivedLength[i]);
    const request = { octets, client, clientPort, local: udp.local, overTcp: false };
    void this.#ask(request).then((answer) => answer && udp.send(answer, client, clientPort));
  }

  async #ask(request: ControlRequest): Promise<Uint8Array | undefined> {
    try {
      return await this.#dependencies.toControl(request);
    } catch (error) {
      const text = `a request from ${formatAddress(request.client)}#${request.clientPort} failed: ${String(error)}`;
      this.#dependencies.log.write({ severity: 'error', category: 'client', text });
      return undefined;
    }
  }

  #overTcp(listener: Listener, connection: TcpConnection, octets: Uint8Array, start: number, length: number): void {
    const client = this.#describeStream(listener, connection);
    // The answerer takes messages that begin a buffer.
    copyOctets(octets, start, start + length, this.#message, 0);
    this.#epoch.enter();
    const answered = this.#answer(this.#message, length, this.#streamAnswer, client, connection.peer.port);
    if (this.#answerer.query.wantsKeepalive) connection.keepAlive();
    if (this.#answerer.deniedTransfer) this.#logDeniedTransfer(client, connection.peer.port);
    if (answered > 0) connection.send(this.#streamAnswer.subarray(0, answered));
    else if (answered === ANSWER.TO_CONTROL) this.#forwardMessage(listener, connection, this.#message.slice(0, length));
    else if (answered === ANSWER.TRANSFER) this.#sendZone(connection, this.#message.subarray(0, length));
    else connection.close(); // who sends what deserves no answer is not worth a connection
    this.#epoch.leave();
  }

  #describeStream(listener: Listener, { peerAddress, encrypted }: TcpConnection | HttpExchange): ClientContext {
    const { client } = listener;
    client.overTcp = true;
    client.queryWhole = client.answerWhole = undefined;
    client.encrypted = encrypted;
    client.keepaliveTimeout = this.#streams.settings.advertisedTimeout / 100;
    client.now = this.#dependencies.clock.now();
    client.address = peerAddress;
    client.addressAt = 0;
    client.addressLength = peerAddress.length;
    return client;
  }

  #overHttp(listener: Listener, exchange: HttpExchange, message: Uint8Array): void {
    const client = this.#describeStream(listener, exchange);
    // RFC 7828 is about the connections of DNS itself; those of HTTP have rules of their own (RFC 8484 section 5).
    client.keepaliveTimeout = 0;
    this.#epoch.enter();
    const answered = this.#answer(message, message.length, this.#streamAnswer, client, exchange.peer.port);
    this.#epoch.leave();
    if (this.#answerer.deniedTransfer) this.#logDeniedTransfer(client, exchange.peer.port);
    if (answered > 0) answerOverHttp(exchange, this.#streamAnswer.slice(0, answered));
    else if (answered === ANSWER.TO_CONTROL)
      void this.#ask(controlRequest(listener, exchange, message)).then((answer) =>
        answer === undefined ? exchange.fail(SERVER_ERROR) : answerOverHttp(exchange, answer),
      );
    // RFC 8484 section 5.1 is about single answers; as BIND.
    else if (answered === ANSWER.TRANSFER) answerOverHttp(exchange, emptyResponse(message, RCODE.NOTIMP));
    else exchange.fail(BAD_REQUEST);
  }

  #forwardMessage(listener: Listener, connection: TcpConnection, octets: Uint8Array): void {
    const release = connection.hold();
    void this.#ask(controlRequest(listener, connection, octets))
      .then((answer) => answer && connection.send(answer))
      .finally(release);
  }

  #sendZone(connection: TcpConnection, octets: Uint8Array): void {
    const allowed = this.#answerer.transfer;
    if (allowed === undefined) return;
    // RFC 9103 section 7.1: over TLS, transfers need the ALPN token "dot"; BIND answers so.
    if (connection.encrypted && connection.alpn !== 'dot') {
      connection.send(emptyResponse(octets, RCODE.SERVFAIL));
      return;
    }
    const zone = nameToShortText(uncheckedName(allowed.apex));
    this.#transfers.start(connection, allowed, octets, this.#answerer.query.id, zone, this.#answerer.transferSigner());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const listeners = this.#listeners;
    this.#listeners = [];
    await this.#closeAll(listeners);
    await this.#transfers.idle();
    this.#epoch.close();
  }
}

const NO_ADDRESS = new Uint8Array(ADDRESS_SLOT);

/** Ports that are tried when any port will do. */
const ANY_PORT_TRIES = 20;

/** Status codes of HTTP (RFC 9110 section 15). */
const BAD_REQUEST = 400;
const SERVER_ERROR = 500;

function newClient(address: string, localPort: number): ClientContext {
  return {
    address: NO_ADDRESS,
    addressAt: 0,
    addressLength: 4,
    destination: parseAddress(address) ?? new Uint8Array(4),
    localPort,
    overTcp: false,
    encrypted: false,
    keepaliveTimeout: 0,
    now: 0,
  };
}

function controlRequest(
  listener: Listener,
  { peerAddress, peer }: TcpConnection | HttpExchange,
  octets: Uint8Array,
): ControlRequest {
  return { octets, client: peerAddress, clientPort: peer.port, local: listener.stream.local, overTcp: true };
}

function answerOverHttp(exchange: HttpExchange, octets: Uint8Array): void {
  exchange.answer(octets, answerFreshness(octets));
}

/** A socket that was opened on any free port is known by both: 0 and the port it got. */
function isFor({ wanted, stream }: Listener, { address, port, transport }: ListenAddress): boolean {
  const isThere = wanted.address === address && (wanted.port === port || stream.local.port === port);
  return isThere && speakAlike(wanted.transport, transport);
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(
    listeners.flatMap(({ udp, stream }) => (udp ? [udp, stream] : [stream])).map((one) => one[Symbol.asyncDispose]()),
  );
}
