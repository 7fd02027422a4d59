import { createHash } from 'node:crypto';
import { toBase32Hex } from '../../src/base/base32hex.ts';
import { SimulatedClock } from '../../src/base/clock.ts';
import { fromHex } from '../../src/base/octets.ts';
import { NodeDisk } from '../../src/base/node-disk.ts';
import { nsec3Hash } from '../../src/crypto/nsec3-hash.ts';
import { ANSWER, Answerer, type ClientContext } from '../../src/server/answer.ts';
import { ANSWER_LIMITS, type ServerTables, type ZoneTable } from '../../src/server/server-tables.ts';
import { CounterRow } from '../../src/server/statistics.ts';
import { makeQuery, type Message, parseMessage, type ResourceRecord, writeMessage } from '../../src/wire/message.ts';
import {
  compareCanonicalNames,
  isWithin,
  labelCount,
  lowerName,
  type Name,
  nameKey,
  parentName,
  uncheckedName,
} from '../../src/wire/name.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { rdataFromText, rdataToText } from '../../src/wire/rdata-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { typeCode, typeText } from '../../src/wire/type-text.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { MasterFileScanner } from '../../src/zonefile/scanner.ts';

export interface FixtureRecord {
  readonly owner: Name;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Uint8Array;
}

/** Records of a master file. @throws the first fault */
export function scanZone(apex: string, text: string): FixtureRecord[] {
  const records: FixtureRecord[] = [];
  const origin = mustName(apex);
  const sink = {
    record(owner: Uint8Array, ownerLength: number, type: number, ttl: number, rdata: Uint8Array, length: number): void {
      records.push({ owner: uncheckedName(owner.slice(0, ownerLength)), type, ttl, rdata: rdata.slice(0, length) });
    },
  };
  const scanner = new MasterFileScanner({ file: 'fixture', origin, zone: origin }, { disk: new NodeDisk(), sink });
  const { faults } = scanner.scan(Buffer.from(text, 'latin1'));
  const fault = faults.find((one) => one.facts['severity'] === 'error') ?? faults[0];
  if (fault !== undefined) throw fault;
  return records;
}

export interface Denial {
  readonly kind: 'nsec' | 'nsec3';
  readonly salt?: string;
  readonly iterations?: number;
  readonly optOut?: boolean;
}

/**
 * A model of a signed zone: the chain of NSEC or NSEC3, and for each authoritative RRset an RRSIG whose signature is
 * a digest of what it stands for. Answers are compared by these, so none can stand for another.
 */
export function withDenial(apexText: string, records: readonly FixtureRecord[], denial: Denial): FixtureRecord[] {
  const apex = mustName(apexText);
  const cuts = records.filter(({ owner, type }) => type === TYPE.NS && !same(owner, apex)).map(({ owner }) => owner);
  const isHidden = (name: Name): boolean => cuts.some((cut) => !same(cut, name) && isWithin(name, cut));
  const visible = records.filter(({ owner }) => !isHidden(owner));
  const chain = denial.kind === 'nsec' ? nsecChain(visible, cuts) : nsec3Chain(apex, visible, cuts, denial);
  const all = [...records, ...chain];
  return [
    ...all,
    ...signatures(
      apex,
      all.filter(({ owner }) => !isHidden(owner)),
      cuts,
    ),
  ];
}

const DENIAL_TTL = 3600;

function nsecChain(records: readonly FixtureRecord[], cuts: readonly Name[]): FixtureRecord[] {
  const owners = unique(records.map(({ owner }) => owner)).toSorted(compareCanonicalNames);
  return owners.map((owner, i) => {
    const next = owners[(i + 1) % owners.length];
    const types = typesAt(records, owner, cuts);
    return makeRecord(owner, 'NSEC', `${nameToText(next)} ${[...types, 'RRSIG', 'NSEC'].join(' ')}`);
  });
}

function nsec3Chain(
  apex: Name,
  records: readonly FixtureRecord[],
  cuts: readonly Name[],
  { salt = '', iterations = 0, optOut = false }: Denial,
): FixtureRecord[] {
  const dashed = salt === '' ? '-' : salt;
  const parameters = makeRecord(apex, 'NSEC3PARAM', `1 0 ${iterations} ${dashed}`);
  const withParameters = [...records, parameters];
  const insecure = (owner: Name): boolean =>
    optOut && has(cuts, owner) && !records.some((one) => same(one.owner, owner) && one.type === TYPE.DS);
  const owners = unique(withParameters.map(({ owner }) => owner)).filter((owner) => !insecure(owner));
  const hashed = unique(owners.flatMap((owner) => ancestors(owner, apex))).map((owner) => ({
    owner,
    hash: toBase32Hex(nsec3Hash(lowerName(owner), fromHex(salt) as Uint8Array, iterations)).toUpperCase(),
  }));
  hashed.sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const chain = hashed.map(({ owner, hash }, i) => {
    const types = typesAt(withParameters, owner, cuts);
    const signed = types.length > 0 && (!has(cuts, owner) || types.includes('DS')) ? ['RRSIG'] : [];
    const next = hashed[(i + 1) % hashed.length].hash;
    const text = `1 ${optOut ? 1 : 0} ${iterations} ${dashed} ${next} ${[...types, ...signed].join(' ')}`;
    return makeRecord(mustName(hash, apex), 'NSEC3', text);
  });
  return [parameters, ...chain];
}

/** The name and those above it up to the apex. */
function ancestors(name: Name, apex: Name): Name[] {
  return same(name, apex) ? [name] : [name, ...ancestors(parentName(name), apex)];
}

function typesAt(records: readonly FixtureRecord[], owner: Name, cuts: readonly Name[]): string[] {
  const types = new Set(records.filter((one) => same(one.owner, owner)).map(({ type }) => type));
  const seen = [...types].filter((type) => !has(cuts, owner) || type === TYPE.NS || type === TYPE.DS);
  return seen.toSorted((a, b) => a - b).map(typeText);
}

function signatures(apex: Name, records: readonly FixtureRecord[], cuts: readonly Name[]): FixtureRecord[] {
  const sets = new Map<string, FixtureRecord>();
  for (const record of records) {
    const { owner, type } = record;
    if (has(cuts, owner) && type !== TYPE.DS && type !== TYPE.NSEC) continue;
    sets.set(`${nameKey(owner)} ${type}`, record);
  }
  return [...sets.entries()].map(([key, { owner, type, ttl }]) => {
    const labels = labelCount(owner) - (owner[0] === 1 && owner[1] === 0x2a ? 1 : 0);
    const digest = createHash('sha512').update(key).digest('base64');
    const text = `${typeText(type)} 13 ${labels} ${ttl} 20040509183619 20040409183619 38519 ${nameToText(apex)} ${digest}`;
    return { ...makeRecord(owner, 'RRSIG', text), ttl };
  });
}

function makeRecord(owner: Name, type: string, text: string): FixtureRecord {
  const code = typeCode(type);
  return { owner, type: code, ttl: DENIAL_TTL, rdata: rdataFromText(code, text) };
}

const same = (a: Name, b: Name): boolean => nameKey(a) === nameKey(b);
const has = (names: readonly Name[], name: Name): boolean => names.some((one) => same(one, name));

function unique(names: readonly Name[]): Name[] {
  return [...new Map(names.map((name) => [nameKey(name), name])).values()];
}

const ANYBODY = [{ kind: 'any', negated: false }] as const;

/** An arena with zones in it, and what responders are told about them. */
export class ZoneFixture {
  readonly arena = Arena.create(64 * 1024 * 1024);
  readonly extents = new ExtentPool(this.arena);
  readonly stores: ZoneStore[] = [];
  readonly zones: ZoneTable[] = [];

  add(apex: string, records: readonly FixtureRecord[], access: Partial<ZoneTable> = {}): ZoneStore {
    const store = new ZoneStore({ apex: mustName(apex) }, { arena: this.arena, extents: this.extents });
    const loader = store.load();
    for (const { owner, type, ttl, rdata } of records) loader.add(owner, 0, type, ttl, rdata, 0, rdata.length);
    store.publish(loader.finish());
    this.stores.push(store);
    this.zones.push({ apex: mustName(apex), slot: store.slot, allowQuery: ANYBODY, allowTransfer: ANYBODY, ...access });
    return store;
  }

  tables(changes: Partial<ServerTables> = {}): ServerTables {
    return {
      generation: 1,
      identity: { version: 'Signet test', hostname: 'host.test', serverId: 'unit' },
      limits: ANSWER_LIMITS,
      keys: [],
      views: [
        {
          name: '_default',
          matchClients: ANYBODY,
          matchDestinations: ANYBODY,
          matchRecursiveOnly: false,
          zones: this.zones,
        },
      ],
      localhost: [],
      localnets: [],
      logQueries: false,
      ...changes,
    };
  }
}

export interface Asked {
  readonly dnssecOk?: boolean;
  readonly recursive?: boolean;
  readonly overTcp?: boolean;
  readonly udpSize?: number;
  readonly edns?: boolean;
  readonly class?: number;
  readonly client?: string;
}

/** Asks an Answerer directly, as an endpoint would. */
export class Asker {
  readonly counters = CounterRow.alone();
  readonly answerer: Answerer;
  readonly out = new Uint8Array(65_535);

  constructor(tables: ServerTables, arena: Arena) {
    const clock = new SimulatedClock(1_081_540_000);
    this.answerer = new Answerer(tables, { arena, counters: this.counters, clock });
  }

  /** Octets of the answer; empty for none; the number where the answerer hands it on. */
  raw(octets: Uint8Array, overTcp = false): Uint8Array | number {
    const client: ClientContext = {
      address: Uint8Array.of(192, 0, 2, 77),
      addressAt: 0,
      addressLength: 4,
      destination: Uint8Array.of(127, 0, 0, 1),
      overTcp,
      encrypted: false,
      keepaliveTimeout: 0,
      now: 1_081_540_000,
    };
    const length = this.answerer.answer(octets, octets.length, this.out, client);
    if (length < 0) return length;
    return length === ANSWER.DROP ? new Uint8Array(0) : this.out.slice(0, length);
  }

  ask(name: string | Name, type: string, asked: Asked = {}): Message {
    const { dnssecOk = true, recursive = false, overTcp = false, udpSize = 4096, edns = true } = asked;
    const question = {
      name: typeof name === 'string' ? mustName(name) : name,
      type: typeCode(type),
      class: asked.class ?? CLASS.IN,
    };
    const opt = edns ? { udpSize, version: 0, dnssecOk, options: [] } : undefined;
    const answer = this.raw(writeMessage(makeQuery(4711, question, recursive ? 0x0100 : 0, opt)), overTcp);
    if (typeof answer === 'number' || answer.length === 0) throw new Error(`no answer to ${String(name)} ${type}`);
    return parseMessage(answer);
  }
}

/** "owner type rdata" of each record, sorted; signatures as "owner RRSIG type". */
export function lines(records: readonly ResourceRecord[]): string[] {
  return records.map(line).toSorted();
}

export function line({ owner, type, rdata }: ResourceRecord): string {
  const name = nameToText(owner);
  if (type === TYPE.RRSIG) return `${name} RRSIG ${typeText((rdata[0] << 8) | rdata[1])}`;
  return `${name} ${typeText(type)} ${rdataToText(type, rdata)}`;
}
