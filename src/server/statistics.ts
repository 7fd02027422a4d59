import {
  type CounterName,
  type CounterTable,
  NAME_SERVER_COUNTERS,
  SOCKET_COUNTERS,
  type SocketCounterName,
} from './counter-names.ts';

export type { CounterName } from './counter-names.ts';

/*
 * A row of counters, one for each thread, all in one piece of shared memory:
 *
 *     name server counters | opcodes in (16) | types asked (256) | response codes out (24) | sockets |
 *     sizes: for UDP over IPv4, TCP over IPv4, UDP over IPv6, TCP over IPv6: requests (19), responses (257)
 *
 * Types above 255 are counted at 0, with BIND's name "Others". Sizes are counted in steps of 16 octets; the last step of
 * each is open.
 */

const indexes = (table: CounterTable): Record<string, number> =>
  Object.fromEntries(table.map(([name], index) => [name, index]));

/** Index of each name server counter in a row. */
export const COUNTER = indexes(NAME_SERVER_COUNTERS) as Record<CounterName, number>;
const SOCKET = indexes(SOCKET_COUNTERS) as Record<SocketCounterName, number>;

export const OPCODES = 16;
export const QUERY_TYPES = 256;
/** NOERROR to BADCOOKIE (RFC 7873). */
export const RESPONSE_CODES = 24;
/** Requests of 0-15 octets to 272-287, then 288+; responses of 0-15 to 4080-4095, then 4096+. */
export const REQUEST_SIZES = 19;
export const RESPONSE_SIZES = 257;
/** Octets in a step: 2 to the power of this. */
export const SIZE_SHIFT = 4;
const SIZES = REQUEST_SIZES + RESPONSE_SIZES;
/** In the order of the row. */
export const TRAFFIC = ['udp4', 'tcp4', 'udp6', 'tcp6'] as const;

const OPCODE_AT = NAME_SERVER_COUNTERS.length;
const TYPE_AT = OPCODE_AT + OPCODES;
const RCODE_AT = TYPE_AT + QUERY_TYPES;
const SOCKET_AT = RCODE_AT + RESPONSE_CODES;
const TRAFFIC_AT = SOCKET_AT + SOCKET_COUNTERS.length;
const ROW = TRAFFIC_AT + TRAFFIC.length * SIZES;

/** Where a thread counts for zones: name server counters, then types asked. */
export const ZONE_ROW = NAME_SERVER_COUNTERS.length + QUERY_TYPES;
/** Zones in one piece of shared memory. */
export const ZONES_IN_BLOCK = 64;

/**
 * Counters of one thread. Only that thread writes; others read. A count is a double, exact to 2^53, and written as one
 * 64-bit store, so a reader sees an old or the new value and nothing between.
 */
export class CounterRow {
  readonly #values: Float64Array;
  readonly #all: SharedArrayBuffer;
  readonly #row: number;
  #zones: readonly Float64Array[] = [];

  private constructor(shared: SharedArrayBuffer, row: number) {
    this.#all = shared;
    this.#row = row;
    this.#values = rowAt(shared, row);
  }

  /** Rows for so many threads in shared memory. */
  static share(rows: number): SharedArrayBuffer {
    return new SharedArrayBuffer(rows * ROW * Float64Array.BYTES_PER_ELEMENT);
  }

  static at(shared: SharedArrayBuffer, row: number): CounterRow {
    return new CounterRow(shared, row);
  }

  /** A row of its own, for tests and single-threaded use. */
  static alone(): CounterRow {
    return CounterRow.at(CounterRow.share(1), 0);
  }

  add(counter: number): void {
    this.#values[counter]++;
  }

  addOpcode(opcode: number): void {
    this.#values[OPCODE_AT + opcode]++;
  }

  addQueryType(type: number): void {
    this.#values[TYPE_AT + (type < QUERY_TYPES ? type : 0)]++;
  }

  /** @param rcode all twelve bits */
  addResponseCode(rcode: number): void {
    if (rcode < RESPONSE_CODES) this.#values[RCODE_AT + rcode]++;
  }

  addRequestSize(octets: number, overTcp: boolean, isIPv6: boolean): void {
    const step = octets >> SIZE_SHIFT;
    this.#values[trafficAt(overTcp, isIPv6) + (step < REQUEST_SIZES ? step : REQUEST_SIZES - 1)]++;
  }

  addResponseSize(octets: number, overTcp: boolean, isIPv6: boolean): void {
    const step = octets >> SIZE_SHIFT;
    const last = RESPONSE_SIZES - 1;
    this.#values[trafficAt(overTcp, isIPv6) + REQUEST_SIZES + (step < last ? step : last)]++;
  }

  addSocket(name: SocketCounterName, count = 1): void {
    this.#values[SOCKET_AT + SOCKET[name]] += count;
  }

  /** A connection was accepted. The most at once is a sum over all threads, each of which adds when it sees more. */
  connectionOpened(isIPv6: boolean): void {
    this.addSocket(isIPv6 ? 'TCP6Accept' : 'TCP4Accept');
    this.addSocket(isIPv6 ? 'TCP6Clients' : 'TCP4Clients');
    const now = readSockets(this.#all);
    const high = COUNTER.TCPConnHighWater;
    this.#values[high] = Math.max(this.#values[high], now.TCP4Clients + now.TCP6Clients);
  }

  connectionClosed(isIPv6: boolean): void {
    this.addSocket(isIPv6 ? 'TCP6Close' : 'TCP4Close');
    this.addSocket(isIPv6 ? 'TCP6Clients' : 'TCP4Clients', -1);
  }

  /** Where zones are counted from now on: as ServerTables.zoneCounters. */
  setZoneBlocks(blocks: readonly SharedArrayBuffer[]): void {
    this.#zones = blocks.map((block) => zoneRows(block, this.#row));
  }

  /** @param zone as ZoneTable.counters */
  addForZone(zone: number, counter: number): void {
    this.#zones[zone >> ZONE_SHIFT][(zone & (ZONES_IN_BLOCK - 1)) * ZONE_ROW + counter]++;
  }

  addTypeForZone(zone: number, type: number): void {
    this.addForZone(zone, NAME_SERVER_COUNTERS.length + (type < QUERY_TYPES ? type : 0));
  }

  /** What a thread that died had open is closed. */
  forgetSockets(): void {
    for (const { at } of GAUGES) this.#values[SOCKET_AT + at] = 0;
  }

  get(name: CounterName): number {
    return this.#values[COUNTER[name]];
  }
}

/** Sockets and connections that are open now. */
const GAUGES = SOCKET_COUNTERS.flatMap(([name], at) => (/Active|Clients/.test(name) ? [{ name, at }] : []));
const ZONE_SHIFT = Math.log2(ZONES_IN_BLOCK);

function trafficAt(overTcp: boolean, isIPv6: boolean): number {
  return TRAFFIC_AT + ((isIPv6 ? 2 : 0) + (overTcp ? 1 : 0)) * SIZES;
}

function rowAt(shared: SharedArrayBuffer, row: number): Float64Array {
  return new Float64Array(shared, row * ROW * Float64Array.BYTES_PER_ELEMENT, ROW);
}

/** The part of a block of zones that one thread writes. */
export function zoneRows(block: SharedArrayBuffer, row: number): Float64Array {
  const length = ZONES_IN_BLOCK * ZONE_ROW;
  return new Float64Array(block, row * length * Float64Array.BYTES_PER_ELEMENT, length);
}

/** Sums of all rows by name; of the high water the highest. */
export function readCounters(shared: SharedArrayBuffer): Record<CounterName, number> {
  const sums = named<CounterName>(NAME_SERVER_COUNTERS, sumsOf(shared, 0, NAME_SERVER_COUNTERS.length));
  sums.TCPConnHighWater = highest(shared, COUNTER.TCPConnHighWater);
  return sums;
}

function readSockets(shared: SharedArrayBuffer): Record<SocketCounterName, number> {
  return named<SocketCounterName>(SOCKET_COUNTERS, sumsOf(shared, SOCKET_AT, SOCKET_COUNTERS.length));
}

/** Requests and responses by size in steps of 16 octets. */
export interface SizeCounts {
  readonly requests: readonly number[];
  readonly responses: readonly number[];
}

/** All that the rows have, summed. */
export interface ServerCounts {
  readonly nameServer: Record<CounterName, number>;
  /** By opcode. */
  readonly opcodes: readonly number[];
  /** By type; 0 are those above 255. */
  readonly queryTypes: readonly number[];
  /** By response code. */
  readonly responseCodes: readonly number[];
  readonly sockets: Record<SocketCounterName, number>;
  readonly traffic: Record<(typeof TRAFFIC)[number], SizeCounts>;
}

export function readServerCounts(shared: SharedArrayBuffer): ServerCounts {
  const [udp4, tcp4, udp6, tcp6] = TRAFFIC.map((_, i): SizeCounts => {
    const sizes = sumsOf(shared, TRAFFIC_AT + i * SIZES, SIZES);
    return { requests: sizes.slice(0, REQUEST_SIZES), responses: sizes.slice(REQUEST_SIZES) };
  });
  return {
    nameServer: readCounters(shared),
    opcodes: sumsOf(shared, OPCODE_AT, OPCODES),
    queryTypes: sumsOf(shared, TYPE_AT, QUERY_TYPES),
    responseCodes: sumsOf(shared, RCODE_AT, RESPONSE_CODES),
    sockets: readSockets(shared),
    traffic: { udp4, tcp4, udp6, tcp6 },
  };
}

function sumsOf(shared: SharedArrayBuffer, from: number, length: number): number[] {
  const values = new Float64Array(shared);
  const sums = Array.from({ length }, () => 0);
  for (let row = 0; row < values.length; row += ROW) for (let i = 0; i < length; i++) sums[i] += values[row + from + i];
  return sums;
}

function highest(shared: SharedArrayBuffer, at: number): number {
  const values = new Float64Array(shared);
  let most = 0;
  for (let row = at; row < values.length; row += ROW) most = Math.max(most, values[row]);
  return most;
}

function named<Name extends string>(table: CounterTable, values: readonly number[]): Record<Name, number> {
  return Object.fromEntries(table.map(([name], i) => [name, values[i]])) as Record<Name, number>;
}
