import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SignetError } from '../base/error.ts';
import { ADDRESS_SLOT, formatAddress, parseAddressInto, type SocketAddress } from './address.ts';
import { bindError, type SystemError } from './bind-error.ts';
import { type BatchHandler, DatagramBatch, type UdpEndpoint } from './udp-endpoint.ts';

export interface DgramOptions {
  /** Address to bind, IPv4 or IPv6 (then IPv6 only). */
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** Lets several sockets, one a thread, share the address; the kernel spreads the clients over them. */
  readonly reusePort?: boolean;
  /** Receive buffer of the kernel in octets; default is the system's. */
  readonly receiveBuffer?: number;
}

/** The adapter over node:dgram: works everywhere, a batch is always one datagram. */
export class DgramEndpoint implements UdpEndpoint {
  readonly local: SocketAddress;
  readonly #socket: Socket;
  readonly #batch = new DatagramBatch(1);
  #handler: BatchHandler | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const { address, port } = socket.address();
    this.local = { address, port };
    // An ICMP error of an earlier datagram can show up here; the socket stays usable.
    socket.on('error', () => undefined);
    socket.on('message', (octets, peer) => this.#received(octets, peer.address, peer.port));
  }

  /** @throws SignetError UDP_BIND_FAILED */
  static async bind(options: DgramOptions): Promise<DgramEndpoint> {
    const socket = createSocket({
      type: isIPv6(options.address) ? 'udp6' : 'udp4',
      ipv6Only: isIPv6(options.address), // an IPv4 socket with it is refused
      reusePort: options.reusePort ?? false,
      ...(options.receiveBuffer !== undefined && { recvBufferSize: options.receiveBuffer }),
      lookup: (hostname, _family, done) => done(null, hostname, isIPv6(hostname) ? 6 : 4), // only literals come here
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close();
        reject(udpBindError(options, error));
      });
      socket.bind(options.port, options.address, resolve);
    });
    socket.removeAllListeners('error');
    return new DgramEndpoint(socket);
  }

  receive(handler: BatchHandler): void {
    this.#handler = handler;
  }

  send(octets: Uint8Array, address: Uint8Array, port: number): void {
    this.#transmit(Buffer.from(octets), formatAddress(address), port);
  }

  #received(octets: Buffer, address: string, port: number): void {
    const handler = this.#handler;
    const batch = this.#batch;
    if (handler === undefined || port === 0) return; // nothing can be sent to port 0
    batch.clear();
    batch.count = 1;
    batch.received[0] = octets;
    batch.receivedWhole = undefined;
    batch.receivedLength[0] = octets.length;
    batch.peerLength[0] = parseAddressInto(address, batch.peers.subarray(0, ADDRESS_SLOT));
    batch.peerPort[0] = port;
    handler(batch);
    const length = batch.answerLength[0];
    if (length === 0) return;
    // The kernel may take the octets later than the next batch begins: they need a copy.
    this.#transmit(Buffer.from(batch.answers[0].subarray(0, length)), address, port);
  }

  #transmit(octets: Buffer, address: string, port: number): void {
    if (this.#closed) return;
    // With a callback, failures (no route, message too long) come here and not as an 'error' event. A lost answer
    // is what UDP clients are made for: they ask again.
    this.#socket.send(octets, port, address, () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }
}

/** The error of a socket that cannot be opened or bound, with what to do about it. */
export function udpBindError(options: DgramOptions, cause: SystemError): SignetError {
  return bindError('UDP', options, cause);
}
