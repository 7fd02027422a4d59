import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { concatOctets } from '../base/octets.ts';
import { type Agent, hostOf } from './agent.ts';

/** Longest message over TCP (RFC 1035 section 4.2.2), with its length before it. */
const LONGEST = 2 + 65_535;

/**
 * Sends one message over TCP or TLS and waits for one in return. Rejects with an error whose `code` says why; the connection is
 * closed in any case.
 * @param limit milliseconds for all of it
 */
export function exchangeOverStream(
  octets: Uint8Array,
  agent: Agent,
  limit: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = open(agent);
    const received = new Uint8Array(LONGEST);
    let length = 0;
    const end = (settle: () => void): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const fail = (error: Error): void => end(() => reject(error));
    const onAbort = (): void => fail(coded('ABORTED'));
    const timer = clock.after(limit, () => fail(coded('ETIMEDOUT')));
    signal.addEventListener('abort', onAbort);
    socket.on('error', fail);
    socket.on('close', () => fail(coded('ECONNRESET')));
    socket.once(agent.tls === undefined ? 'connect' : 'secureConnect', () => {
      // RFC 7766 section 8: length and message in one segment.
      socket.write(concatOctets([Uint8Array.of(octets.length >> 8, octets.length & 0xff), octets]));
    });
    socket.on('data', (chunk: Buffer) => {
      const taken = chunk.subarray(0, LONGEST - length);
      received.set(taken, length);
      length += taken.length;
      const whole = 2 + ((received[0] << 8) | received[1]);
      if (length >= 2 && length >= whole) end(() => resolve(received.slice(2, whole)));
    });
    if (signal.aborted) onAbort();
  });
}

function open(agent: Agent): Socket {
  const { source, tls, port } = agent;
  const from = source && { localAddress: source.address, ...(source.port !== 0 && { localPort: source.port }) };
  const to = { host: hostOf(agent), port, ...from };
  return tls === undefined ? connectTcp(to) : connectTls({ ...to, ...tls });
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}
