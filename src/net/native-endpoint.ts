import type { SocketAddress } from './address.ts';
import { type DgramOptions, udpBindError } from './dgram-endpoint.ts';
import type { NativeModule, NativeSocket } from './native-module.ts';
import { type BatchHandler, DatagramBatch, type UdpEndpoint } from './udp-endpoint.ts';

/** Datagrams in a batch at most: DATAGRAMS_CAPACITY of native/udp/datagrams.h. */
export const NATIVE_BATCH = 64;

const FLAG_REUSE_PORT = 1;

/**
 * The adapter over native/udp: one call into JavaScript for up to 64 datagrams, which recvmmsg(2) wrote right where the
 * handler reads them; sendmmsg(2) takes the answers from where it wrote them.
 *
 * - A datagram longer than LARGEST_DATAGRAM is dropped and counted.
 * - When the send buffer is full, the answers left of the batch wait, and nothing is read until they are gone.
 * - Should the socket itself fail, it is closed and the thread gets an uncaught exception.
 * - On 0.0.0.0 and :: the answers of a batch leave from the address that was asked.
 */
export class NativeEndpoint implements UdpEndpoint {
  readonly local: SocketAddress;
  readonly #module: NativeModule;
  readonly #socket: NativeSocket;
  readonly #batch: DatagramBatch;
  readonly #counters: BigUint64Array;
  #handler: BatchHandler | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: DgramOptions, module: NativeModule) {
    const batch = new DatagramBatch(NATIVE_BATCH);
    this.#module = module;
    this.#batch = batch;
    this.#counters = new BigUint64Array(module.counterNames.length);
    const memory = {
      received: wholeOf(batch.received),
      receivedLength: batch.receivedLength,
      peers: batch.peers,
      peerLength: batch.peerLength,
      peerPort: batch.peerPort,
      answers: wholeOf(batch.answers),
      answerLength: batch.answerLength,
      counters: this.#counters,
    };
    const flags = (options.reusePort ?? false) ? FLAG_REUSE_PORT : 0;
    const onBatch = (count: number): void => this.#received(count);
    this.#socket = module.open(options.address, options.port, flags, options.receiveBuffer ?? 0, memory, onBatch);
    this.local = module.localAddress(this.#socket);
  }

  /** @throws SignetError UDP_BIND_FAILED */
  static async bind(options: DgramOptions, module: NativeModule): Promise<NativeEndpoint> {
    try {
      return new NativeEndpoint(options, module);
    } catch (error) {
      if (isSystemError(error)) throw udpBindError(options, error);
      throw error;
    }
  }

  receive(handler: BatchHandler): void {
    this.#handler = handler;
    if (this.#closed === undefined) this.#module.start(this.#socket);
  }

  send(octets: Uint8Array, address: Uint8Array, port: number): void {
    if (this.#closed === undefined) this.#module.send(this.#socket, octets, address, port);
  }

  /**
   * What happened since the socket was opened, by the names of native/udp/datagrams.h; `kernelDropped` are datagrams that
   * found the receive buffer full. Still there after closing.
   */
  counters(): Record<string, number> {
    const { counterNames } = this.#module;
    const counted = Object.fromEntries(counterNames.map((name, i) => [name, Number(this.#counters[i])]));
    return { ...counted, kernelDropped: this.#module.dropped(this.#socket) };
  }

  #received(count: number): void {
    this.#batch.count = count;
    this.#handler?.(this.#batch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      if (!this.#module.close(this.#socket, resolve)) resolve();
    });
    await this.#closed;
  }
}

/** The slots of a batch are views of one buffer, which the module takes as a whole. */
function wholeOf(slots: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(slots[0].buffer, slots[0].byteOffset, slots.length * slots[0].length);
}

function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}
