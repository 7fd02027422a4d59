/** The clients of `bench:serve`: dnsperf with questions made by script, and a zone transfer that only counts. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { randomBelow, SeededRandom } from '../src/base/random.ts';
import { mustName } from '../src/wire/name-text.ts';
import { TYPE } from '../src/wire/type-codes.ts';

export interface Load {
  readonly port: number;
  readonly questions: string;
  readonly seconds: number;
  readonly dnssecOk: boolean;
  /** Queries a second; as many as the server takes if left out. */
  readonly rate?: number;
  /** Cores that dnsperf may use, as taskset(1) has them; all if left out. */
  readonly cores?: string;
  /** Have the latency of each query. */
  readonly latencies?: boolean;
}

export interface LoadResult {
  readonly answered: number;
  readonly lost: number;
  /** Answers a second. */
  readonly rate: number;
  /** Counts of answers by response code, as dnsperf prints them. */
  readonly codes: string;
  /** Mean octets of an answer. */
  readonly answerSize: number;
  /** Seconds, ascending; empty unless asked for. */
  readonly latencies: Float64Array;
}

/** Asks for so long. @throws when nothing is answered */
export async function askFor(load: Load): Promise<LoadResult> {
  const words = ['-s', '127.0.0.1', '-p', String(load.port), '-d', load.questions, '-l', String(load.seconds)];
  // Twenty sockets, so that SO_REUSEPORT has something to spread over threads.
  words.push('-c', '20', '-T', '1', '-q', '200', '-t', '2', load.dnssecOk ? '-D' : '-e');
  if (load.rate !== undefined) words.push('-Q', String(Math.floor(load.rate)));
  if (load.latencies) words.push('-v');
  const pinned = load.cores === undefined ? [] : ['taskset', '-c', load.cores];
  const [program, ...rest] = [...pinned, 'dnsperf', ...words];
  const text = await output(program, rest);
  const figure = (label: string): number => {
    const found = new RegExp(`${label}:\\s+([\\d.]+)`).exec(text);
    if (found === null) throw new Error(`dnsperf printed no '${label}': ${text.slice(-500)}`);
    return Number(found[1]);
  };
  const answered = figure('Queries completed');
  if (answered === 0) throw new Error(`the server on port ${load.port} answered nothing`);
  const latencies = load.latencies
    ? Float64Array.from(text.matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gm), (line) => Number(line[1])).toSorted()
    : new Float64Array(0);
  const codes = /Response codes:\s+(.*)/.exec(text)![1];
  const sizes = /Average packet size:\s+request \d+, response (\d+)/.exec(text);
  if (sizes === null) throw new Error(`dnsperf printed no 'Average packet size': ${text.slice(-500)}`);
  const rate = figure('Queries per second');
  return { answered, lost: figure('Queries lost'), rate, codes, answerSize: Number(sizes[1]), latencies };
}

function output(program: string, words: readonly string[]): Promise<string> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  let faults = '';
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (faults += chunk.toString('latin1')));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString('latin1'));
      else reject(new Error(`${program}: exit ${code}: ${faults.slice(-500)}`));
    });
  });
}

/** Writes `count` questions, the same at every run. `name` is given a generator of whole numbers below a limit. */
export function writeQuestions(
  file: string,
  count: number,
  name: (below: (limit: number) => number, i: number) => string,
): string {
  const random = new SeededRandom(1);
  const below = (limit: number): number => randomBelow(random, limit);
  fs.writeFileSync(file, Array.from({ length: count }, (_, i) => `${name(below, i)} A\n`).join(''));
  return file;
}

export interface TransferResult {
  readonly seconds: number;
  readonly octets: number;
  readonly records: number;
}

/** Longest silence of a server in a transfer. */
const SILENCE_LIMIT_MS = 60_000;

/** One AXFR. Counts what the headers tell and looks at no record, so that the server is what is measured. */
export function transferZone(port: number, zone: string): Promise<TransferResult> {
  const started = performance.now();
  const apex = mustName(zone);
  const query = [0x51, 0x67, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...apex, 0, TYPE.AXFR, 0, 1];
  const messages = new MessageCounter(zone);
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.write(Uint8Array.from([0, query.length, ...query]));
    });
    socket.setTimeout(SILENCE_LIMIT_MS, () => socket.destroy(new Error(`AXFR of ${zone} stopped for a minute`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`port ${port} ended the AXFR of ${zone} early`)));
    socket.on('data', (chunk: Buffer) => {
      try {
        messages.take(chunk);
      } catch (error) {
        socket.destroy(error as Error);
        return;
      }
      if (!messages.ended) return;
      resolve({ seconds: (performance.now() - started) / 1000, octets: messages.octets, records: messages.records });
      socket.destroy();
    });
  });
}

/**
 * Splits a stream into messages. The transfer ends with the second SOA (RFC 5936 section 2.2): the last record of a
 * message, and since its owner is the apex and its form that of the first, the octets after its owner are those of the first.
 */
class MessageCounter {
  octets = 0;
  records = 0;
  ended = false;
  readonly #zone: string;
  #rest: Buffer = Buffer.alloc(0);
  /** Serial, refresh, retry, expire and minimum of the first SOA. */
  #soaEnd: Buffer | undefined;

  constructor(zone: string) {
    this.#zone = zone;
  }

  take(chunk: Buffer): void {
    let octets = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (octets.length >= 2 && octets.length >= 2 + octets.readUInt16BE(0)) {
      const length = octets.readUInt16BE(0);
      this.#message(octets.subarray(2, 2 + length));
      octets = octets.subarray(2 + length);
    }
    this.#rest = octets;
  }

  #message(message: Buffer): void {
    if ((message[3] & 15) !== 0) throw new Error(`AXFR of ${this.#zone} was refused with code ${message[3] & 15}`);
    this.octets += message.length;
    const count = message.readUInt16BE(6);
    this.records += count;
    const firstMessage = this.#soaEnd === undefined;
    this.#soaEnd ??= firstSoaEnd(message);
    // A message that ends in the 20 octets of the first SOA, by which no other record of the bench zones ends.
    const last = message.subarray(message.length - 20);
    if (!(firstMessage && count === 1)) this.ended = last.equals(this.#soaEnd);
  }
}

function firstSoaEnd(message: Buffer): Buffer {
  let at = 12;
  if (message.readUInt16BE(4) > 0) at = afterName(message, at) + 4;
  at = afterName(message, at);
  if (message.readUInt16BE(at) !== TYPE.SOA) throw new Error('the AXFR does not begin with an SOA');
  const end = at + 10 + message.readUInt16BE(at + 8);
  return Buffer.from(message.subarray(end - 20, end));
}

/** Index behind the name at `at`; a compression pointer ends it (RFC 1035 section 4.1.4). */
function afterName(message: Buffer, at: number): number {
  while (message[at] !== 0) {
    if (message[at] >= 0xc0) return at + 2;
    at += message[at] + 1;
  }
  return at + 1;
}
