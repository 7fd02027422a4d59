/** Asks a server for the serial that it signs a zone with, over a socket of this process: a dig a time would disturb the server. */
import dgram from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseMessage } from '../src/wire/message.ts';
import { mustName } from '../src/wire/name-text.ts';
import { soaSerial } from '../src/wire/rdata/soa.ts';
import { TYPE } from '../src/wire/type-codes.ts';

const INTERVAL_MS = 50;
const LIMIT_MS = 60_000;

/** Waits, bounded, until the SOA of `zone` is signed with a serial above `before`; the serial. */
export async function signedSerial(port: number, zone: string, before: number): Promise<number> {
  const socket = dgram.createSocket('udp4');
  let serial = -1;
  socket.on('error', () => undefined); // refused while nothing is bound: asked again
  socket.on('message', (octets) => (serial = Math.max(serial, serialOf(octets))));
  try {
    const query = soaQuery(zone);
    for (const end = performance.now() + LIMIT_MS; performance.now() < end;) {
      socket.send(query, port, '127.0.0.1');
      await sleep(INTERVAL_MS);
      if (serial > before) return serial;
    }
  } finally {
    socket.close();
  }
  throw new Error(`${zone} was not signed above serial ${before} within a minute`);
}

/** With DO set (RFC 6891 section 6.1.3). */
function soaQuery(zone: string): Uint8Array {
  const header = [0x51, 0x67, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
  const opt = [0, 0, TYPE.OPT, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0];
  return Uint8Array.from([...header, ...mustName(zone), 0, TYPE.SOA, 0, 1, ...opt]);
}

/** -1 without a signature. */
function serialOf(octets: Uint8Array): number {
  const { answers } = parseMessage(octets);
  const soa = answers.find(({ type }) => type === TYPE.SOA);
  const isSigned = answers.some(({ type }) => type === TYPE.RRSIG);
  return soa === undefined || !isSigned ? -1 : soaSerial(soa.rdata);
}
