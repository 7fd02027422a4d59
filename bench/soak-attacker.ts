import net from 'node:net';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { randomBelow, SeededRandom } from '../src/base/random.ts';
import { NativeEndpoint } from '../src/net/native-endpoint.ts';
import { loadNativeModule } from '../src/net/native-module.ts';
import { Malformer } from './soak-octets.ts';

/* A thread that sends what is malformed: over UDP as fast as it can, over TCP and to TLS on some connections at a time. */

export interface AttackerData {
  readonly over: 'udp' | 'streams';
  readonly module: string;
  readonly ports: readonly number[];
  readonly names: readonly string[];
  readonly seed: number;
  /** Word 0 is set to 1 when it is to stop. */
  readonly stop: Int32Array;
}

/** Datagrams sent, connections made and messages sent over them, answers got. */
export interface AttackerReport {
  sent: number;
  connections: number;
  answers: number;
}

const data = workerData as AttackerData;
const random = new SeededRandom(data.seed);
const malformer = new Malformer(random, data.names);
const report: AttackerReport = { sent: 0, connections: 0, answers: 0 };
const isStopped = (): boolean => Atomics.load(data.stop, 0) === 1;
const below = (limit: number): number => randomBelow(random, limit);

const SOCKETS = 8;
const IN_A_ROW = 200;
/** Making messages costs more than sending them: each of these is sent often. */
const PREPARED = 20_000;

async function overUdp(): Promise<void> {
  const found = loadNativeModule(data.module);
  if (found.module === undefined) throw new Error(found.reason);
  const { module } = found;
  const sockets = await Promise.all(
    Array.from({ length: SOCKETS }, () => NativeEndpoint.bind({ address: '127.0.0.1', port: 0 }, module)),
  );
  for (const socket of sockets) socket.receive((batch) => (report.answers += batch.count));
  const server = Uint8Array.of(127, 0, 0, 1);
  let messages = Array.from({ length: PREPARED }, () => malformer.next());
  while (!isStopped()) {
    for (let i = 0; i < IN_A_ROW; i++) {
      const octets = messages[report.sent++ % PREPARED];
      sockets[below(SOCKETS)].send(octets.length > 65_507 ? octets.subarray(0, 65_507) : octets, server, data.ports[0]);
      if (report.sent % (50 * PREPARED) === 0) messages = messages.map(() => malformer.next());
    }
    await turn();
  }
  for (const socket of sockets) await socket[Symbol.asyncDispose]();
}

const CONNECTIONS = 12;
const LONGEST = 3000;

/** What is written to a connection, in pieces. */
function scripts(): readonly (() => Uint8Array[])[] {
  const framed = (octets: Uint8Array): Uint8Array => {
    const cut = octets.subarray(0, 65_535);
    return Buffer.concat([Buffer.of(cut.length >> 8, cut.length & 255), cut]);
  };
  const octets = (length: number): Uint8Array => {
    const some = new Uint8Array(length);
    random.fill(some);
    return some;
  };
  // A TLS record: handshake, then what its length does not say (RFC 8446 section 5.1).
  const clientHello = (): Uint8Array => Buffer.concat([Buffer.of(22, 3, 1, below(256), below(256), 1, 0, 1, 0, 3, 3), octets(200)]); // prettier-ignore
  return [
    () => [],
    () => [octets(1)],
    () => [Uint8Array.of(0, 0)],
    () => [Uint8Array.of(0, 0, 0, 0, 0, 0), octets(20)],
    () => [Uint8Array.of(255, 255), octets(below(3000))],
    () => [framed(malformer.next())],
    () => Array.from({ length: 60 }, () => framed(malformer.next())),
    () => [...framed(malformer.next())].slice(0, 80).map((octet) => Uint8Array.of(octet)),
    () => [framed(malformer.next()).subarray(0, 1 + below(20))],
    () => [octets(below(5000))],
    () => [clientHello()],
    () => [clientHello().subarray(0, 1 + below(100))],
    () => [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'latin1')],
  ];
}

async function overStreams(): Promise<void> {
  const all = scripts();
  const one = async (): Promise<void> => {
    while (!isStopped()) {
      await connection(all[below(all.length)](), data.ports[below(data.ports.length)]);
      await sleep(below(20));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
}

/** Ends in any way: by either side, at once, by a reset, or when nothing happens. */
async function connection(pieces: readonly Uint8Array[], port: number): Promise<void> {
  report.connections++;
  const socket = net.connect(port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('data', () => report.answers++);
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    report.sent++;
    if (pieces.length > 10 && below(10) === 0) await turn();
  }
  const way = below(4);
  if (way === 0) socket.end();
  if (way === 1) socket.resetAndDestroy();
  else setTimeout(() => socket.destroy(), below(way === 2 ? 50 : LONGEST)).unref();
  await closed;
}

await (data.over === 'udp' ? overUdp() : overStreams());
parentPort?.postMessage(report);
