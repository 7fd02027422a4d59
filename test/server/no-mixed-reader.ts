import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../../src/base/clock.ts';
import { compareOctets, readUint32 } from '../../src/base/octets.ts';
import { randomBelow, SeededRandom } from '../../src/base/random.ts';
import { Answerer, type ClientContext } from '../../src/server/answer.ts';
import type { ServerTables } from '../../src/server/server-tables.ts';
import { CounterRow } from '../../src/server/statistics.ts';
import { verifyZone } from '../../src/validate/verify-zone.ts';
import { makeQuery, parseMessage, type ResourceRecord, writeMessage } from '../../src/wire/message.ts';
import { isWithin } from '../../src/wire/name.ts';
import { nameToText } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { typeText } from '../../src/wire/type-text.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ReaderEpoch } from '../../src/zone/store/reader-epoch.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { AnswerChecker } from './no-mixed-checker.ts';
import { type AskedQuestion, INCEPTION, MIXED_ZONES, type MixedZone, questionsOf } from './no-mixed-zones.ts';
import { Asker, type FixtureRecord, ZoneFixture } from './zone-fixture.ts';

/* A thread that asks as fast as it can until it is told to stop, and looks at every octet of the answers. */

export interface ReaderData {
  /** By an Answerer of its own on the writer's arena, or as a client of responders at `port` of 127.0.0.1. */
  readonly how: 'arena' | 'network';
  readonly arena: SharedArrayBuffer;
  readonly tables: ServerTables;
  readonly port: number;
  readonly dnskeys: readonly Uint8Array[];
  /** For each zone the versions that the writer shows, when they are known beforehand: serial to records. */
  readonly versions: readonly ReadonlyMap<number, readonly FixtureRecord[]>[];
  readonly seed: number;
  /** What it has to see, or the test is worth nothing. */
  readonly least: Pick<ReaderReport, 'answers' | 'verifications' | 'serials'>;
  /** Word 0 is set to 1 when it is to stop, word 1 when it has asked enough. */
  readonly stop: Int32Array;
}

export interface ReaderReport {
  answers: number;
  tcpAnswers: number;
  transfers: number;
  /** Queries that got no answer within a second and were asked again. */
  repeated: number;
  verifications: number;
  /** Different versions seen. */
  serials: number;
  failures: string[];
}

const MOST_FAILURES = 5;
const UDP_SIZE = 1232;

interface Query {
  readonly zone: MixedZone;
  readonly question: AskedQuestion;
  /** With ID 0. */
  readonly octets: Uint8Array;
  /** Answers that a version gives at rest, once they are looked at: latin1 of the octets with ID 0, to their serial. */
  readonly known: Map<string, number>;
}

const data = workerData as ReaderData;
const random = new SeededRandom(data.seed);
const checker = new AnswerChecker(data.dnskeys);
const seen = new Set<string>();
const report: ReaderReport = {
  answers: 0,
  tcpAnswers: 0,
  transfers: 0,
  repeated: 0,
  verifications: 0,
  serials: 0,
  failures: [],
};
function isStopped(): boolean {
  const { answers, verifications, serials } = data.least;
  const isEnough = report.answers >= answers && checker.verifications >= verifications && seen.size >= serials;
  const isAll = data.how === 'arena' || (report.tcpAnswers > 0 && report.transfers > 0);
  const hasFailed = report.failures.length >= MOST_FAILURES;
  if ((isEnough && isAll) || hasFailed) Atomics.store(data.stop, 1, 1);
  return Atomics.load(data.stop, 0) === 1 || hasFailed;
}

const queries: Query[] = MIXED_ZONES.flatMap((zone) =>
  questionsOf(zone).map((question) => {
    const edns = { udpSize: UDP_SIZE, version: 0, dnssecOk: true, options: [] };
    const octets = writeMessage(makeQuery(0, { ...question, class: CLASS.IN }, 0, edns));
    return { zone, question, octets, known: new Map<string, number>() };
  }),
);
const anyQuery = (): Query => queries[randomBelow(random, queries.length)];

/** What each version answers when nothing changes, looked at in full: an answer under load that equals one is as good. */
function learnAnswersAtRest(): void {
  for (const [i, versions] of data.versions.entries())
    for (const records of versions.values()) {
      const fixture = new ZoneFixture();
      fixture.add(MIXED_ZONES[i].text, records);
      const asker = new Asker(fixture.tables(), fixture.arena);
      for (const query of queries) {
        if (query.zone !== MIXED_ZONES[i]) continue;
        for (const overTcp of [false, true]) {
          const answer = asker.raw(query.octets, overTcp);
          if (typeof answer === 'number') throw new Error(`no answer at rest to ${textOf(query)}`);
          if ((answer[2] & 2) !== 0) continue;
          const serial = checker.check(query.zone, query.question, parseMessage(answer));
          query.known.set(Buffer.from(answer).toString('latin1'), serial);
        }
      }
    }
}

const textOf = ({ question }: Query): string => `${nameToText(question.name)} ${typeText(question.type)}`;

/** @param octets an answer with ID 0; changed by nobody meanwhile */
function look(query: Query, octets: Buffer): void {
  report.answers++;
  if ((octets[2] & 2) !== 0) return; // too long for UDP: what is in it is asked for over TCP
  const same = query.known.get(octets.toString('latin1'));
  if (same !== undefined) {
    seen.add(`${query.zone.text} ${same}`);
    return;
  }
  try {
    const serial = checker.check(query.zone, query.question, parseMessage(octets));
    seen.add(`${query.zone.text} ${serial}`);
    // Where all versions are known, an answer that is none of theirs is wrong even if it cannot be said why.
    if (query.known.size > 0) throw new Error(`no version answers like that at rest, not even ${serial}`);
  } catch (error) {
    if (report.failures.length >= MOST_FAILURES) return;
    report.failures.push(`${textOf(query)}: ${(error as Error).message}\n${octets.toString('hex')}`);
  }
}

const IN_A_BATCH = 32;

async function askArena(): Promise<void> {
  const arena = Arena.attach(data.arena);
  const answerer = new Answerer(data.tables, {
    arena,
    counters: CounterRow.alone(),
    clock: new SystemClock(),
    cacheOctets: 1 << 20,
  });
  const epoch = new ReaderEpoch(arena);
  parentPort?.postMessage('ready');
  const client: ClientContext = {
    address: Uint8Array.of(127, 0, 0, 1),
    addressAt: 0,
    addressLength: 4,
    destination: Uint8Array.of(127, 0, 0, 1),
    overTcp: false,
    encrypted: false,
    keepaliveTimeout: 0,
    now: INCEPTION,
  };
  const slots = Array.from({ length: IN_A_BATCH }, () => Buffer.alloc(65_535));
  const asked: Query[] = [];
  const lengths: number[] = [];
  while (!isStopped()) {
    for (let i = 0; i < IN_A_BATCH; i++) asked[i] = anyQuery();
    epoch.enter();
    for (let i = 0; i < IN_A_BATCH; i++) {
      const { octets } = asked[i];
      client.overTcp = (i & 1) === 1;
      lengths[i] = answerer.answer(octets, octets.length, slots[i], client);
    }
    epoch.leave();
    for (let i = 0; i < IN_A_BATCH; i++) look(asked[i], slots[i].subarray(0, lengths[i]));
  }
  epoch.close();
}

const SOCKETS = 6;
const WINDOW = 8;

async function askNetwork(): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, openSocket));
  parentPort?.postMessage('ready');
  await Promise.all([...sockets.map(askOverUdp), askOverTcp(), transferAll()]);
}

async function openSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.connect(data.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function askOverUdp(socket: Socket): Promise<void> {
  const waiting = new Map<number, { query: Query; sent: number }>();
  let next = 0;
  const send = (query: Query): void => {
    const octets = Buffer.from(query.octets);
    octets.writeUInt16BE(next, 0);
    waiting.set(next, { query, sent: performance.now() });
    next = (next + 1) & 0xffff;
    socket.send(octets);
  };
  socket.on('message', (octets) => {
    const id = octets.readUInt16BE(0);
    const asked = waiting.get(id);
    if (asked === undefined) return; // to a query that was given up and asked again
    waiting.delete(id);
    octets.writeUInt16BE(0, 0);
    look(asked.query, octets);
    if (!isStopped()) send(anyQuery());
  });
  for (let i = 0; i < WINDOW; i++) send(anyQuery());
  while (!isStopped()) {
    await delay(100);
    for (const [id, { query, sent }] of waiting) {
      if (performance.now() - sent < 1000) continue;
      waiting.delete(id);
      report.repeated++;
      send(query);
    }
  }
  socket.close();
}

/** Messages of a TCP connection. */
async function* messagesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      yield Buffer.from(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  }
}

function framed(octets: Uint8Array, id: number): Buffer {
  const frame = Buffer.concat([Buffer.of(octets.length >> 8, octets.length & 255), octets]);
  frame.writeUInt16BE(id, 2);
  return frame;
}

/** Some queries at once over one connection, which is a new one now and then. */
async function askOverTcp(): Promise<void> {
  while (!isStopped()) {
    const socket = connect(data.port, '127.0.0.1');
    const asked = Array.from({ length: 40 }, anyQuery);
    socket.write(Buffer.concat(asked.map(({ octets }, id) => framed(octets, id))));
    let left = asked.length;
    for await (const message of messagesOf(socket)) {
      const query = asked[message.readUInt16BE(0)];
      message.writeUInt16BE(0, 0);
      if ((message[2] & 2) !== 0) report.failures.push(`${textOf(query)}: truncated over TCP`);
      look(query, message);
      report.tcpAnswers++;
      if (--left === 0) break;
    }
    socket.destroy();
    if (left > 0 && !isStopped()) report.failures.push(`a connection ended with ${left} queries unanswered`);
    await delay(1);
  }
}

const contents: ReadonlyMap<number, string>[] = data.versions.map(
  (versions) => new Map([...versions].map(([serial, records]) => [serial, contentText(records)])),
);

function contentText(records: readonly FixtureRecord[]): string {
  const line = ({ owner, type, ttl, rdata }: FixtureRecord): string =>
    `${nameToText(owner)} ${type} ${ttl} ${Buffer.from(rdata).toString('hex')}`;
  return records.map(line).toSorted().join('\n');
}

async function transferAll(): Promise<void> {
  for (let turn = 0; !isStopped(); turn++) {
    const at = turn % MIXED_ZONES.length;
    const socket = connect(data.port, '127.0.0.1');
    try {
      const records = await transfer(socket, MIXED_ZONES[at]);
      report.transfers++;
      await lookAtZone(at, records);
    } catch (error) {
      report.failures.push(`AXFR of ${MIXED_ZONES[at].text}: ${(error as Error).message}`);
    }
    socket.destroy();
    await delay(5);
  }
}

async function transfer(socket: ReturnType<typeof connect>, zone: MixedZone): Promise<ResourceRecord[]> {
  socket.write(framed(writeMessage(makeQuery(1, { name: zone.apex, type: TYPE.AXFR, class: CLASS.IN })), 1));
  const records: ResourceRecord[] = [];
  for await (const octets of messagesOf(socket)) {
    const message = parseMessage(octets);
    if (message.rcode !== 0) throw new Error(`rcode ${message.rcode}`);
    records.push(...message.answers);
    const last = records.at(-1);
    if (records.length > 1 && last?.type === TYPE.SOA) return records;
  }
  throw new Error(`the connection ended after ${records.length} records`);
}

async function lookAtZone(at: number, records: ResourceRecord[]): Promise<void> {
  const last = records.pop();
  const serial = readUint32(records[0].rdata, records[0].rdata.length - 20);
  if (last === undefined || compareOctets(last.rdata, records[0].rdata) !== 0) throw new Error('two SOA records');
  seen.add(`${MIXED_ZONES[at].text} ${serial}`);
  if (contents.length > 0) {
    if (contents[at].get(serial) !== contentText(records)) throw new Error(`not what version ${serial} has`);
    return;
  }
  for (const { type, rdata } of records)
    if (type === TYPE.RRSIG && readUint32(rdata, 12) !== INCEPTION + serial)
      throw new Error(`a signature of another version than ${serial}`);
  const arena = Arena.create(1 << 24);
  const store = new ZoneStore({ apex: MIXED_ZONES[at].apex }, { arena, extents: new ExtentPool(arena) });
  const loader = store.load();
  for (const { owner, type, ttl, rdata } of records)
    if (!isWithin(owner, store.apex) || !loader.add(owner, 0, type, ttl, rdata, 0, rdata.length))
      throw new Error(`${nameToText(owner)} is not in the zone`);
  const verdict = await verifyZone(arena, loader.finish(), { now: INCEPTION + serial });
  if (verdict.faults.length > 0) throw new Error(verdict.faults.map(({ text }) => text).join('; '));
}

learnAnswersAtRest();
await (data.how === 'arena' ? askArena() : askNetwork());
report.verifications = checker.verifications;
report.serials = seen.size;
parentPort?.postMessage(report);
