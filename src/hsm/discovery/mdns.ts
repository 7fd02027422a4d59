import { createSocket, type Socket } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { networkInterfaces } from 'node:os';
import bonjour from 'bonjour-service';
import type { Clock } from '../../base/clock.ts';

/** The console, as the vendor's appliance announces it, and the port of operations, as only ours does. */
export const SERVICE_TYPES = { cty: 'dks-hsm-cty', rpc: 'dks-hsm-rpc' } as const;

export type Mdns = InstanceType<typeof bonjour.Bonjour>;

/** What is taken of the network: anybody on it may send anything. */
const MOST_OCTETS = 9000;
const MOST_QUESTIONS = 16;
const MOST_RECORDS = 128;
/** Messages a second on one interface. */
const MOST_MESSAGES = 200;

/**
 * Multicast DNS (RFC 6762) on the interface that has `address`.
 * @param failed called with what went wrong: the port is taken, a message cannot be sent
 */
export function openMdns(
  address: string,
  dependencies: { readonly clock: Clock },
  failed: (cause: Error) => void,
): Mdns {
  const socket = guarded(createSocket({ type: 'udp4', reuseAddr: true }), dependencies.clock, failed);
  // The library hands all of this to multicast-dns, which knows more options than its types say.
  const options = { socket, interface: address, bind: '0.0.0.0' } as object;
  const mdns = new bonjour.Bonjour(options, failed);
  // Without a listener, an error that nobody waited for would end the process.
  (mdns as unknown as { server: { mdns: EventEmitter } }).server.mdns.on('error', failed);
  return mdns;
}

/** IPv4 addresses of this host, one an interface, without loopback. */
export function multicastAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) => {
    const usable = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
    return usable === undefined ? [] : [usable.address];
  });
}

/** Drops what is too large or too much before anything looks at it, and survives what looking at it throws. */
function guarded(socket: Socket, clock: Clock, failed: (cause: Error) => void): Socket {
  const emit = socket.emit.bind(socket) as (...event: unknown[]) => boolean;
  let second = -1;
  let messages = 0;
  const admits = (message: Buffer): boolean => {
    const now = Math.floor(clock.monotonic() / 1000);
    if (now !== second) messages = 0;
    second = now;
    if (++messages > MOST_MESSAGES || message.length < 12 || message.length > MOST_OCTETS) return false;
    const records = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10);
    return message.readUInt16BE(4) <= MOST_QUESTIONS && records <= MOST_RECORDS;
  };
  socket.emit = (event: string, ...values: unknown[]): boolean => {
    if (event !== 'message') return emit(event, ...values);
    if (!admits(values[0] as Buffer)) return false;
    try {
      return emit(event, ...values);
    } catch (cause) {
      failed(cause as Error);
      return false;
    }
  };
  return socket;
}
