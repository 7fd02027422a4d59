import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { DgramEndpoint } from '../net/dgram-endpoint.ts';
import { ADDRESS_SLOT, formatAddress, parseAddress } from '../net/address.ts';
import { type TcpConnection, TcpListener, type TcpOptions } from '../net/tcp-listener.ts';
import type { DatagramBatch, UdpEndpoint } from '../net/udp-endpoint.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { uncheckedName } from '../wire/name.ts';
import type { Arena } from '../zone/store/arena.ts';
import { ReaderEpoch } from '../zone/store/reader-epoch.ts';
import { ANSWER, Answerer, type ClientContext } from './answer.ts';
import { badSignatureText, deniedTransferText, queryLogText, type QuerySource } from './query-log.ts';
import type { ServerTables } from './server-tables.ts';
import { COUNTER, type CounterRow } from './statistics.ts';
import { TransferServer } from './transfer-server.ts';

/** An address and port that is answered on, over UDP and TCP. */
export interface ListenAddress {
  readonly address: string;
  readonly port: number;
}

export interface ResponderOptions {
  readonly tables: ServerTables;
  /** Several responders share each address. */
  readonly reusePort?: boolean;
  readonly tcp?: Pick<TcpOptions, 'maxConnections' | 'maxPerClient' | 'idleTimeout'>;
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
  readonly wanted: ListenAddress;
  readonly udp: UdpEndpoint;
  readonly tcp: TcpListener;
  readonly client: ClientContext;
}

/** Answers queries on any number of addresses in one thread. */
export class Responder implements AsyncDisposable {
  readonly #options: ResponderOptions;
  readonly #dependencies: ResponderDependencies;
  readonly #answerer: Answerer;
  readonly #epoch: ReaderEpoch;
  readonly #transfers: TransferServer;
  readonly #tcpAnswer = new Uint8Array(65_535);
  #listeners: Listener[] = [];

  constructor(options: ResponderOptions, dependencies: ResponderDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#answerer = new Answerer(options.tables, dependencies);
    this.#epoch = new ReaderEpoch(dependencies.arena);
    this.#transfers = new TransferServer({}, dependencies);
  }

  /** The reader epoch's id: to be cleared when this thread dies. */
  get readerId(): number {
    return this.#epoch.id;
  }

  /** Takes effect between two queries. @throws SignetError KEY_UNKNOWN, TSIG_ALGORITHM_UNKNOWN: then nothing changes */
  setTables(tables: ServerTables): void {
    this.#answerer.setTables(tables);
  }

  /**
   * Answers on these addresses and no others; sockets that stay are not touched.
   * @returns the addresses with their real ports, in order
   * @throws SignetError UDP_BIND_FAILED, TCP_BIND_FAILED: then the addresses of before are served
   */
  async listen(addresses: readonly ListenAddress[]): Promise<ListenAddress[]> {
    const kept: Listener[] = [];
    const opened: Listener[] = [];
    try {
      for (const wanted of addresses) {
        const known = this.#listeners.find((listener) => sameListen(listener, wanted));
        if (known !== undefined) kept.push(known);
        else opened.push(await this.#open(wanted));
      }
    } catch (error) {
      await closeAll(opened);
      throw error;
    }
    const dropped = this.#listeners.filter((listener) => !kept.includes(listener));
    this.#listeners = [...kept, ...opened];
    await closeAll(dropped);
    return addresses.map((wanted) => {
      const listener = this.#listeners.find((one) => sameListen(one, wanted));
      return listener === undefined ? wanted : { address: wanted.address, port: listener.udp.local.port };
    });
  }

  async #open(wanted: ListenAddress): Promise<Listener> {
    const reusePort = this.#options.reusePort ?? false;
    const bindUdp =
      this.#dependencies.bindUdp ?? ((listen, shared) => DgramEndpoint.bind({ ...listen, reusePort: shared }));
    const udp = await bindUdp(wanted, reusePort);
    const { port } = udp.local;
    try {
      const tcp = await TcpListener.listen(
        { ...this.#options.tcp, address: wanted.address, port, reusePort },
        this.#dependencies,
        (connection, octets, start, length) =>
          this.#overTcp(listener, connection, octets.subarray(start, start + length)),
      );
      const destination = parseAddress(wanted.address) ?? new Uint8Array(4);
      const client: ClientContext = {
        address: NO_ADDRESS,
        addressAt: 0,
        addressLength: 4,
        destination,
        overTcp: false,
        encrypted: false,
        keepaliveTimeout: 0,
        now: 0,
      };
      const listener: Listener = { wanted, udp, tcp, client };
      udp.receive((batch) => this.#overUdp(listener, batch));
      return listener;
    } catch (error) {
      await udp[Symbol.asyncDispose]();
      throw error;
    }
  }

  #overUdp(listener: Listener, batch: DatagramBatch): void {
    const { client } = listener;
    client.overTcp = client.encrypted = false;
    client.keepaliveTimeout = 0;
    client.now = this.#dependencies.clock.now();
    client.address = batch.peers;
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
      else if (length === ANSWER.TO_CONTROL) this.#forwardDatagram(listener, batch, i);
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

  #forwardDatagram(listener: Listener, batch: DatagramBatch, i: number): void {
    const at = i * ADDRESS_SLOT;
    const client = batch.peers.slice(at, at + batch.peerLength[i]);
    const clientPort = batch.peerPort[i];
    const octets = batch.received[i].slice(0, batch.receivedLength[i]);
    const request = { octets, client, clientPort, local: listener.udp.local, overTcp: false };
    void this.#ask(request).then((answer) => answer && listener.udp.send(answer, client, clientPort));
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

  #overTcp(listener: Listener, connection: TcpConnection, octets: Uint8Array): void {
    const { client } = listener;
    client.overTcp = true;
    client.encrypted = false;
    client.now = this.#dependencies.clock.now();
    client.address = connection.peerAddress;
    client.addressAt = 0;
    client.addressLength = connection.peerAddress.length;
    this.#epoch.enter();
    const length = this.#answer(octets, octets.length, this.#tcpAnswer, client, connection.peer.port);
    if (this.#answerer.deniedTransfer) this.#logDeniedTransfer(client, connection.peer.port);
    if (length > 0) connection.send(this.#tcpAnswer.subarray(0, length));
    else if (length === ANSWER.TO_CONTROL) this.#forwardMessage(listener, connection, octets);
    else if (length === ANSWER.TRANSFER) this.#sendZone(connection, octets);
    else connection.close(); // who sends what deserves no answer is not worth a connection
    this.#epoch.leave();
  }

  #forwardMessage(listener: Listener, connection: TcpConnection, octets: Uint8Array): void {
    const release = connection.hold();
    const request: ControlRequest = {
      octets: octets.slice(),
      client: connection.peerAddress,
      clientPort: connection.peer.port,
      local: listener.tcp.local,
      overTcp: true,
    };
    void this.#ask(request)
      .then((answer) => answer && connection.send(answer))
      .finally(release);
  }

  #sendZone(connection: TcpConnection, octets: Uint8Array): void {
    const allowed = this.#answerer.transfer;
    if (allowed === undefined) return;
    const zone = nameToShortText(uncheckedName(allowed.apex));
    this.#transfers.start(connection, allowed, octets, this.#answerer.query.id, zone, this.#answerer.transferSigner());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const listeners = this.#listeners;
    this.#listeners = [];
    await closeAll(listeners);
    await this.#transfers.idle();
    this.#epoch.close();
  }
}

const NO_ADDRESS = new Uint8Array(ADDRESS_SLOT);

/** A socket that was opened on any free port is known by both: 0 and the port it got. */
function sameListen({ wanted, udp }: Listener, { address, port }: ListenAddress): boolean {
  return wanted.address === address && (wanted.port === port || udp.local.port === port);
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.flatMap(({ udp, tcp }) => [udp[Symbol.asyncDispose](), tcp[Symbol.asyncDispose]()]));
}
