/** Counters by BIND's names (statistics channel and `rndc stats`), in the order of a row in shared memory. */
const COUNTERS = [
  'Requestv4',
  'Requestv6',
  'ReqEdns0',
  'ReqBadEDNSVer',
  'ReqTSIG',
  'ReqBadSIG',
  'ReqTCP',
  'AuthQryRej',
  'XfrRej',
  'XfrReqDone',
  'Response',
  'TruncatedResp',
  'RespEDNS0',
  'RespTSIG',
  'QrySuccess',
  'QryAuthAns',
  'QryNoauthAns',
  'QryReferral',
  'QryNxrrset',
  'QrySERVFAIL',
  'QryFORMERR',
  'QryNXDOMAIN',
  'QryDropped',
  'QryFailure',
  'QryUDP',
  'QryTCP',
  'NSIDOpt',
] as const;

export type CounterName = (typeof COUNTERS)[number];

/** Index of each counter in a row. */
export const COUNTER = Object.fromEntries(COUNTERS.map((name, index) => [name, index])) as Record<CounterName, number>;

/**
 * Counters of one thread. Only that thread writes; others read. A count is a double, exact to 2^53, and written as one
 * 64-bit store, so a reader sees an old or the new value and nothing between.
 */
export class CounterRow {
  readonly #values: Float64Array;

  constructor(values: Float64Array) {
    this.#values = values;
  }

  /** Rows for so many threads in shared memory. */
  static share(rows: number): SharedArrayBuffer {
    return new SharedArrayBuffer(rows * COUNTERS.length * Float64Array.BYTES_PER_ELEMENT);
  }

  static at(shared: SharedArrayBuffer, row: number): CounterRow {
    const octets = COUNTERS.length * Float64Array.BYTES_PER_ELEMENT;
    return new CounterRow(new Float64Array(shared, row * octets, COUNTERS.length));
  }

  /** A row of its own, for tests and single-threaded use. */
  static alone(): CounterRow {
    return CounterRow.at(CounterRow.share(1), 0);
  }

  add(counter: number): void {
    this.#values[counter]++;
  }

  get(name: CounterName): number {
    return this.#values[COUNTER[name]];
  }
}

/** Sums of all rows by name. */
export function readCounters(shared: SharedArrayBuffer): Record<CounterName, number> {
  const sums = Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Record<CounterName, number>;
  const values = new Float64Array(shared);
  for (let i = 0; i < values.length; i++) sums[COUNTERS[i % COUNTERS.length]] += values[i];
  return sums;
}
