import { ADDRESS_SLOT, type SocketAddress } from '../net/address.ts';
import { DgramEndpoint } from '../net/dgram-endpoint.ts';
import type { UdpEndpoint } from '../net/udp-endpoint.ts';

/** Told of each datagram: copies of its octets and of its sender's 4 or 16. */
export type DatagramHandler = (octets: Uint8Array, address: Uint8Array, port: number) => void;

/** A socket for one exchange. */
export interface UdpLease extends AsyncDisposable {
  send(octets: Uint8Array, address: Uint8Array, port: number): void;
}

interface Waiting {
  /** Of the message that it waits for. */
  readonly id: number;
  readonly handler: DatagramHandler;
}

interface SharedPort {
  readonly endpoint: Promise<UdpEndpoint>;
  readonly waiting: Set<Waiting>;
}

/**
 * Sockets to ask from. Each exchange has a socket and so a port of its own, which a forger has to guess (RFC 5452 section 9.2); only
 * where the configuration names a port do exchanges share it.
 */
export class UdpPorts {
  readonly #shared = new Map<string, SharedPort>();

  /** @param id of the message that is waited for @throws SignetError UDP_BIND_FAILED */
  async lease(source: SocketAddress, id: number, handler: DatagramHandler): Promise<UdpLease> {
    if (source.port !== 0) return this.#leaseShared(source, { id, handler });
    const endpoint = await DgramEndpoint.bind(source);
    receive(endpoint, (...datagram) => handler(...datagram));
    return { send: endpoint.send.bind(endpoint), [Symbol.asyncDispose]: () => endpoint[Symbol.asyncDispose]() };
  }

  async #leaseShared(source: SocketAddress, one: Waiting): Promise<UdpLease> {
    const key = `${source.address}#${source.port}`;
    const port = this.#shared.get(key) ?? this.#open(key, source);
    port.waiting.add(one);
    const release = async (): Promise<void> => {
      port.waiting.delete(one);
      if (port.waiting.size > 0) return;
      this.#shared.delete(key);
      await port.endpoint.then(
        (endpoint) => endpoint[Symbol.asyncDispose](),
        () => undefined,
      );
    };
    try {
      const endpoint = await port.endpoint;
      return { send: endpoint.send.bind(endpoint), [Symbol.asyncDispose]: release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  #open(key: string, source: SocketAddress): SharedPort {
    const waiting = new Set<Waiting>();
    const endpoint = DgramEndpoint.bind(source).then((bound) => {
      receive(bound, (...datagram) => {
        for (const handler of handlersFor(waiting, datagram[0])) handler(...datagram);
      });
      return bound;
    });
    const port: SharedPort = { endpoint, waiting };
    this.#shared.set(key, port);
    return port;
  }
}

/** Who waits for a message with this id; nobody: all, who then know that somebody sends what was not asked for. */
function handlersFor(waiting: ReadonlySet<Waiting>, octets: Uint8Array): DatagramHandler[] {
  const id = (octets[0] << 8) | octets[1];
  const all = [...waiting];
  const wanted = all.filter((one) => one.id === id);
  return (wanted.length > 0 ? wanted : all).map(({ handler }) => handler);
}

function receive(endpoint: UdpEndpoint, handler: DatagramHandler): void {
  endpoint.receive((batch) => {
    for (let i = 0; i < batch.count; i++) {
      const at = i * ADDRESS_SLOT;
      const octets = batch.received[i].slice(0, batch.receivedLength[i]);
      handler(octets, batch.peers.slice(at, at + batch.peerLength[i]), batch.peerPort[i]);
    }
  });
}
