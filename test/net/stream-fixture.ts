import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SimulatedClock } from '../../src/base/clock.ts';
import { ConnectionQuota, limitsOf, type ConnectionLimits } from '../../src/net/connection-quota.ts';
import { makeEphemeralCertificate } from '../../src/net/ephemeral-certificate.ts';
import { type LiveSettings, STREAM_SETTINGS, type StreamSettings } from '../../src/net/stream-settings.ts';
import type { StreamDependencies } from '../../src/net/tcp-listener.ts';
import type { TlsMaterial } from '../../src/net/tls-material.ts';

/* What tests of streams share: certificates, clients, messages. */

export const HOST = '127.0.0.1';

export async function makeMaterial(changes: Partial<TlsMaterial> = {}): Promise<TlsMaterial> {
  const now = Math.floor(Date.now() / 1000);
  return {
    name: 'test',
    ...(await makeEphemeralCertificate(now, crypto.getRandomValues(new Uint8Array(8)))),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    preferServerCiphers: false,
    sessionTickets: true,
    ticketKeys: crypto.getRandomValues(new Uint8Array(48)),
    ...changes,
  };
}

export interface World extends StreamDependencies {
  readonly clock: SimulatedClock;
  readonly settings: LiveSettings;
}

export function world(settings: Partial<StreamSettings> = {}, limits?: ConnectionLimits): World {
  const current = { ...STREAM_SETTINGS, ...settings };
  const quota = new ConnectionQuota(ConnectionQuota.share(1, 7), 0, limits ?? limitsOf(current.clients));
  return { clock: new SimulatedClock(0), settings: { current }, quota };
}

export async function openTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: HOST, allowHalfOpen: true, noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

export async function openTls(port: number, ALPNProtocols: string[] = ['dot']): Promise<Socket> {
  const socket = connectTls({
    port,
    host: HOST,
    rejectUnauthorized: false,
    ALPNProtocols,
    allowHalfOpen: true,
  } as object);
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

/** A message behind its length. */
export function framed(...octets: number[]): Buffer {
  return Buffer.from([octets.length >> 8, octets.length & 0xff, ...octets]);
}

/** The next `length` octets. One reader at a time. */
export function read(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const early = (): void => reject(new Error(`the connection ended after ${received.length} of ${length} octets`));
    const more = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (received.length < length) return;
      socket.off('data', more).off('close', early).off('end', early).pause();
      resolve(received);
    };
    socket.on('data', more).on('close', early).on('end', early).resume();
  });
}

/** All octets until the peer ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  if (!socket.readableEnded && !socket.destroyed)
    await new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()));
  return Buffer.concat(chunks);
}

/** Whether it comes to this, on a machine that has other work. */
export async function eventually(condition: () => boolean): Promise<boolean> {
  const end = performance.now() + 60_000;
  while (!condition() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
  return condition();
}

/** Lets octets under way arrive: before one sees that nothing has happened, never before what has to have happened. */
export const pause = (milliseconds = 50): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
