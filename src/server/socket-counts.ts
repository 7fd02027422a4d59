import { SignetError } from '../base/error.ts';
import type { UdpEndpoint } from '../net/udp-endpoint.ts';
import type { CounterRow } from './statistics.ts';

/** The sockets of an address that is answered on. */
interface Sockets {
  /** Undefined where only streams are served. */
  readonly udp: UdpEndpoint | undefined;
  readonly stream: { readonly local: { readonly address: string } };
}

/** What UDP endpoints count for themselves, as far as they do, by how BIND calls it. */
const RECEIVE_ERRORS = ['receiveErrors'];
const SEND_ERRORS = ['sendFull', 'noBuffers', 'tooLong', 'unsendable'];

interface Errors {
  receive: number;
  send: number;
}

/** Counts the sockets of one thread, its connections, and what went wrong on them. */
export class SocketCounts {
  readonly #counters: CounterRow;
  /** Errors that are in the row already. */
  readonly #counted = new Map<UdpEndpoint, Errors>();

  constructor(counters: CounterRow) {
    this.#counters = counters;
  }

  opened({ udp, stream }: Sockets): void {
    this.#change(stream.local.address, udp, 'Open', 1);
    if (udp !== undefined) this.#counted.set(udp, { receive: 0, send: 0 });
  }

  closed({ udp, stream }: Sockets): void {
    this.refresh();
    this.#change(stream.local.address, udp, 'Close', -1);
    if (udp !== undefined) this.#counted.delete(udp);
  }

  /** A listener could not be opened. */
  failed(address: string, error: unknown): void {
    if (!(error instanceof SignetError)) return;
    const family = familyOf(address);
    if (error.code === 'UDP_BIND_FAILED') this.#counters.addSocket(`UDP${family}BindFail`);
    else if (error.code === 'TCP_BIND_FAILED') this.#counters.addSocket(`TCP${family}BindFail`);
  }

  /** As TcpAcceptor tells it. */
  connection(client: Uint8Array, isOpen: boolean): void {
    if (isOpen) this.#counters.connectionOpened(client.length === 16);
    else this.#counters.connectionClosed(client.length === 16);
  }

  /** Brings what the endpoints counted since the last time into the row. */
  refresh(): void {
    for (const [udp, before] of this.#counted) {
      const counters = udp.counters?.();
      if (counters === undefined) continue;
      const sum = (names: readonly string[]): number => names.reduce((all, name) => all + (counters[name] ?? 0), 0);
      const now = { receive: sum(RECEIVE_ERRORS), send: sum(SEND_ERRORS) };
      const family = familyOf(udp.local.address);
      this.#counters.addSocket(`UDP${family}RecvErr`, now.receive - before.receive);
      this.#counters.addSocket(`UDP${family}SendErr`, now.send - before.send);
      this.#counted.set(udp, now);
    }
  }

  #change(address: string, udp: UdpEndpoint | undefined, what: 'Open' | 'Close', active: 1 | -1): void {
    const family = familyOf(address);
    this.#counters.addSocket(`TCP${family}${what}`);
    this.#counters.addSocket(`TCP${family}Active`, active);
    if (udp === undefined) return;
    this.#counters.addSocket(`UDP${family}${what}`);
    this.#counters.addSocket(`UDP${family}Active`, active);
  }
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
