import { ADDRESS_SLOT, type SocketAddress } from './address.ts';

/**
 * A batch of datagrams in one buffer, and room for their answers in another. Both belong to the endpoint and are used
 * again for the next batch, so nothing here may be kept after the handler returns.
 *
 *     octets   | datagram 0 | datagram 1 | ...       start[i], length[i]
 *     peers    16 octets each, IPv4 in the first four; peerLength[i] is 4 or 16; peerPort[i]
 *     answers  | answer 0 | answer 2 | ...           answerStart[i], answerLength[i]; 0 is no answer
 *
 * The handler writes at `answersEnd`, no more than LARGEST_ANSWER octets for a datagram, and calls `answer`.
 */
export class DatagramBatch {
  /** Datagrams in the batch. */
  count = 0;
  octets: Uint8Array;
  readonly start: Uint32Array;
  readonly length: Uint32Array;
  readonly peers: Uint8Array;
  readonly peerLength: Uint8Array;
  readonly peerPort: Uint16Array;
  readonly answers: Uint8Array;
  readonly answerStart: Uint32Array;
  readonly answerLength: Uint32Array;
  /** Where the next answer is written. */
  answersEnd = 0;

  constructor(capacity: number) {
    this.octets = new Uint8Array(capacity * LARGEST_DATAGRAM);
    this.start = new Uint32Array(capacity);
    this.length = new Uint32Array(capacity);
    this.peers = new Uint8Array(capacity * ADDRESS_SLOT);
    this.peerLength = new Uint8Array(capacity);
    this.peerPort = new Uint16Array(capacity);
    this.answers = new Uint8Array(capacity * LARGEST_ANSWER);
    this.answerStart = new Uint32Array(capacity);
    this.answerLength = new Uint32Array(capacity);
  }

  /** Empties the batch for the next ones. */
  clear(): void {
    this.count = 0;
    this.answersEnd = 0;
    this.answerLength.fill(0);
  }

  /** Says that the octets at `answersEnd` are the answer to datagram `i`. */
  answer(i: number, length: number): void {
    this.answerStart[i] = this.answersEnd;
    this.answerLength[i] = length;
    this.answersEnd += length;
  }
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
}
