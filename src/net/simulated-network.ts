import type { Clock } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import { type Random, randomBelow } from '../base/random.ts';
import { ADDRESS_SLOT, formatAddress, parseAddress, type SocketAddress } from './address.ts';
import { type BatchHandler, DatagramBatch, type UdpEndpoint } from './udp-endpoint.ts';

export interface SimulatedNetworkOptions {
  /** Milliseconds that a datagram is under way. */
  readonly latency?: number;
  /** How many of 1000 datagrams are lost. */
  readonly lossPerMille?: number;
  /** Datagrams that arrive at the same moment come in batches of at most so many. */
  readonly batch?: number;
}

/** A network in memory, on a clock: what the daemon does over years can be watched in seconds. */
export class SimulatedNetwork {
  readonly #endpoints = new Map<string, SimulatedEndpoint>();
  readonly #options: SimulatedNetworkOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  #nextPort = 49_152;

  constructor(options: SimulatedNetworkOptions, dependencies: { readonly clock: Clock; readonly random: Random }) {
    this.#options = options;
    this.#clock = dependencies.clock;
    this.#random = dependencies.random;
  }

  /** @throws SignetError UDP_BIND_FAILED when the address is taken */
  bind(address: string, port = 0): UdpEndpoint {
    const octets = parseAddress(address);
    const local = { address, port: port === 0 ? this.#nextPort++ : port };
    const key = `${address}#${local.port}`;
    if (octets === undefined || this.#endpoints.has(key))
      throw new SignetError('UDP_BIND_FAILED', `cannot listen on ${key}: no address, or taken already`, { ...local });
    const endpoint = new SimulatedEndpoint(local, octets, this.#options.batch ?? 1, this, () =>
      this.#endpoints.delete(key),
    );
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }

  /** Carries a datagram; what is addressed to nobody is lost. */
  carry(octets: Uint8Array, from: SimulatedEndpoint, address: Uint8Array, port: number): void {
    if (randomBelow(this.#random, 1000) < (this.#options.lossPerMille ?? 0)) return;
    const datagram = { octets: octets.slice(), from: from.address, port: from.local.port };
    this.#clock.after(this.#options.latency ?? 0, () =>
      this.#endpoints.get(`${formatAddress(address)}#${port}`)?.arrive(datagram, this.#clock),
    );
  }
}

interface Datagram {
  readonly octets: Uint8Array;
  readonly from: Uint8Array;
  readonly port: number;
}

class SimulatedEndpoint implements UdpEndpoint {
  readonly local: SocketAddress;
  readonly address: Uint8Array;
  readonly #capacity: number;
  readonly #batch: DatagramBatch;
  readonly #network: SimulatedNetwork;
  readonly #onClose: () => void;
  #handler: BatchHandler | undefined;
  #waiting: Datagram[] = [];
  #closed = false;

  constructor(
    local: SocketAddress,
    address: Uint8Array,
    capacity: number,
    network: SimulatedNetwork,
    onClose: () => void,
  ) {
    this.local = local;
    this.address = address;
    this.#capacity = capacity;
    this.#batch = new DatagramBatch(capacity);
    this.#network = network;
    this.#onClose = onClose;
  }

  receive(handler: BatchHandler): void {
    this.#handler = handler;
  }

  send(octets: Uint8Array, address: Uint8Array, port: number): void {
    if (this.#closed) return;
    this.#network.carry(octets, this, address, port);
  }

  arrive(datagram: Datagram, clock: Clock): void {
    this.#waiting.push(datagram);
    if (this.#waiting.length === 1) clock.after(0, () => this.#deliver());
  }

  #deliver(): void {
    while (this.#waiting.length > 0 && this.#handler !== undefined) {
      const taken = this.#waiting.splice(0, this.#capacity);
      this.#fill(taken);
      this.#handler(this.#batch);
      this.#answer(taken);
    }
    this.#waiting = [];
  }

  #fill(datagrams: readonly Datagram[]): void {
    const batch = this.#batch;
    batch.clear();
    for (const [i, { octets, from, port }] of datagrams.entries()) {
      const length = Math.min(octets.length, batch.received[i].length);
      batch.received[i].set(octets.subarray(0, length));
      batch.receivedLength[i] = length;
      batch.peers.set(from, i * ADDRESS_SLOT);
      batch.peerLength[i] = from.length;
      batch.peerPort[i] = port;
    }
    batch.count = datagrams.length;
  }

  #answer(datagrams: readonly Datagram[]): void {
    const { answers, answerLength } = this.#batch;
    for (const [i, { from, port }] of datagrams.entries()) {
      if (answerLength[i] === 0) continue;
      this.send(answers[i].subarray(0, answerLength[i]), from, port);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#handler = undefined;
    this.#onClose();
  }
}
