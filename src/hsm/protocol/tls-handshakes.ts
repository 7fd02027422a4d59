import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { Deadlines, type Expiring } from '../../net/deadlines.ts';

export interface HandshakeLimits {
  /** Milliseconds for one. */
  readonly patience: number;
  /** At once. */
  readonly handshakes: number;
  /** Of one address. */
  readonly perPeer: number;
}

/**
 * The TLS handshakes under way at one port. Who is silent in the middle of one loses the connection, and no address has more of them than its
 * share. A TLSSocket does not tell which socket it was made of: it is found by the peer's address and port.
 */
export class TlsHandshakes implements Disposable {
  readonly #limits: HandshakeLimits;
  readonly #deadlines: Deadlines;
  /** By the address and port of the peer. */
  readonly #all = new Map<string, Handshake>();
  /** How many each address has. */
  readonly #counts = new Map<string, number>();

  constructor(limits: HandshakeLimits, dependencies: { readonly clock: Clock }) {
    this.#limits = limits;
    this.#deadlines = new Deadlines(dependencies.clock);
  }

  /** Handshakes under way. */
  get size(): number {
    return this.#all.size;
  }

  /** A connection begins its handshake. False: there are too many, and the connection was ended. */
  begin(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    const count = this.#counts.get(address) ?? 0;
    const { handshakes, perPeer, patience } = this.#limits;
    if (this.#all.size >= handshakes || count >= perPeer) {
      socket.destroy();
      return false;
    }
    const handshake = new Handshake(socket, address);
    this.#all.set(handshake.peer, handshake);
    this.#counts.set(address, count + 1);
    this.#deadlines.add(handshake, this.#deadlines.now() + patience);
    socket.once('close', () => this.#end(handshake));
    return true;
  }

  /** It is over. Returns the socket below; undefined when it was not begun here, or is gone. @param secured of the TLS connection */
  finish(secured: Pick<Socket, 'remoteAddress' | 'remotePort'>): Socket | undefined {
    const handshake = this.#all.get(peerOf(secured));
    if (handshake !== undefined) this.#end(handshake);
    return handshake?.socket;
  }

  /** Ends the connections whose handshakes are under way. */
  [Symbol.dispose](): void {
    for (const handshake of this.#all.values()) handshake.expire();
  }

  #end(handshake: Handshake): void {
    const { peer, address } = handshake;
    if (this.#all.get(peer) !== handshake) return;
    this.#all.delete(peer);
    this.#deadlines.delete(handshake);
    const left = (this.#counts.get(address) ?? 0) - 1;
    if (left > 0) this.#counts.set(address, left);
    else this.#counts.delete(address);
  }
}

class Handshake implements Expiring {
  deadline = 0;
  readonly socket: Socket;
  readonly address: string;
  readonly peer: string;

  constructor(socket: Socket, address: string) {
    this.socket = socket;
    this.address = address;
    this.peer = peerOf(socket);
  }

  /** Its end follows: the socket closes. */
  expire(): void {
    this.socket.destroy();
  }
}

function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress}#${remotePort}`;
}
