import { ADDRESS_SLOT, type SocketAddress } from './address.ts';

/**
 * A batch of datagrams and of their answers. Both lie in one buffer each, cut into slots of fixed size, as recvmmsg(2)
 * and sendmmsg(2) want them; the views of the slots are made once. All belongs to the endpoint and is used again for
 * the next batch, so nothing here may be kept after the handler returns.
 *
 *     received[i]   datagram i in receivedLength[i] octets
 *     peers         ADDRESS_SLOT octets each, IPv4 in the first four; peerLength[i] is 4 or 16; peerPort[i]
 *     answers[i]    the handler writes its answer here and sets answerLength[i]; 0 is no answer
 */
export class DatagramBatch {
  /** Datagrams in the batch. */
  count = 0;
  readonly received: Uint8Array[];
  readonly receivedLength: Uint32Array;
  readonly peers: Uint8Array;
  readonly peerLength: Uint8Array;
  readonly peerPort: Uint16Array;
  readonly answers: readonly Uint8Array[];
  readonly answerLength: Uint32Array;
  /** All of the buffer that `received` is part of; undefined where the adapter has another for each datagram. */
  receivedWhole: DataView | undefined;
  /** All of the buffer that `answers` are part of. */
  readonly answersWhole: DataView;

  constructor(capacity: number) {
    this.received = slots(capacity, LARGEST_DATAGRAM);
    this.receivedLength = new Uint32Array(capacity);
    this.peers = new Uint8Array(capacity * ADDRESS_SLOT);
    this.peerLength = new Uint8Array(capacity);
    this.peerPort = new Uint16Array(capacity);
    this.answers = slots(capacity, LARGEST_ANSWER);
    this.answerLength = new Uint32Array(capacity);
    this.receivedWhole = new DataView(this.received[0].buffer);
    this.answersWhole = new DataView(this.answers[0].buffer);
  }

  /** Empties the batch for the next ones. */
  clear(): void {
    this.count = 0;
    this.answerLength.fill(0);
  }
}

function slots(count: number, size: number): Uint8Array[] {
  const whole = new Uint8Array(count * size);
  return Array.from({ length: count }, (_, i) => whole.subarray(i * size, (i + 1) * size));
}

/** Room for one incoming datagram where the adapter receives into a buffer of its own. */
export const LARGEST_DATAGRAM = 4096;

/** The largest answer over UDP: the most that EDNS sizes are clamped to (BIND: max-udp-size 512 to 4096). */
export const LARGEST_ANSWER = 4096;

export type BatchHandler = (batch: DatagramBatch) => void;

/**
 * A bound UDP socket. Answers leave from the address asked, because each address has a socket of its own. Every
 * adapter passes test/net/udp-endpoint-suite.ts.
 */
export interface UdpEndpoint extends AsyncDisposable {
  readonly local: SocketAddress;
  /** Begins to receive; a second call replaces the handler. */
  receive(handler: BatchHandler): void;
  /**
   * Sends one datagram outside of a batch: an answer that had to wait for another thread, or a request.
   * `address` is 4 or 16 octets. What the network loses is not reported: that is UDP.
   */
  send(octets: Uint8Array, address: Uint8Array, port: number): void;
  /** What the endpoint counts for itself, if it does: NativeEndpoint.counters. */
  counters?(): Record<string, number>;
}
