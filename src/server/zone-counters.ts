import { type CounterName, NAME_SERVER_COUNTERS } from './counter-names.ts';
import { QUERY_TYPES, ZONE_ROW, zoneRows, ZONES_IN_BLOCK } from './statistics.ts';

/** What was counted for a zone with `zone-statistics full`. */
export interface ZoneCounts {
  readonly nameServer: Record<CounterName, number>;
  /** Answers by type asked; 0 are types above 255. */
  readonly queryTypes: readonly number[];
}

/**
 * The counters of zones that have `zone-statistics full`, seen from the control thread: blocks of shared memory with room
 * for 64 zones and all threads each (2.6 kB for a zone and thread, of which the system gives what is written to). A zone
 * keeps its counts over reconfigurations.
 */
export class ZoneCounters {
  readonly #threads: number;
  readonly #blocks: SharedArrayBuffer[] = [];
  /** Zone label to its index. */
  #indexes = new Map<string, number>();
  /** Of zones that are gone, whose counters threads may still write until they have the next tables. */
  #retired: number[] = [];
  #free: number[] = [];

  constructor(options: { readonly threads: number }) {
    this.#threads = options.threads;
  }

  /** As ServerTables.zoneCounters. */
  get blocks(): readonly SharedArrayBuffer[] {
    return this.#blocks;
  }

  /** These zones are counted from now on, and no others. To be called when the threads have the tables of the last call. */
  configure(labels: Iterable<string>): void {
    for (const index of this.#retired) this.#clear(index);
    this.#free.push(...this.#retired);
    const before = this.#indexes;
    this.#indexes = new Map();
    const fresh: string[] = [];
    for (const label of labels) {
      const index = before.get(label);
      if (index === undefined) fresh.push(label);
      else this.#indexes.set(label, index);
      before.delete(label);
    }
    this.#retired = [...before.values()];
    for (const label of fresh) this.#indexes.set(label, this.#take());
  }

  /** As ZoneTable.counters; undefined for a zone that is not counted. */
  index(label: string): number | undefined {
    return this.#indexes.get(label);
  }

  read(label: string): ZoneCounts | undefined {
    const index = this.#indexes.get(label);
    if (index === undefined) return undefined;
    const sums = Array.from({ length: ZONE_ROW }, () => 0);
    for (const row of this.#rowsOf(index)) row.forEach((count, i) => (sums[i] += count));
    const counters = NAME_SERVER_COUNTERS.map(([name], i) => [name, sums[i]] as const);
    return {
      nameServer: Object.fromEntries(counters) as ZoneCounts['nameServer'],
      queryTypes: sums.slice(-QUERY_TYPES),
    };
  }

  #take(): number {
    if (this.#free.length === 0) {
      const first = this.#blocks.length * ZONES_IN_BLOCK;
      const octets = this.#threads * ZONES_IN_BLOCK * ZONE_ROW * Float64Array.BYTES_PER_ELEMENT;
      this.#blocks.push(new SharedArrayBuffer(octets));
      for (let i = ZONES_IN_BLOCK - 1; i >= 0; i--) this.#free.push(first + i);
    }
    return this.#free.pop()!;
  }

  #clear(index: number): void {
    for (const row of this.#rowsOf(index)) row.fill(0);
  }

  /** The zone's part in each thread's rows. */
  #rowsOf(index: number): Float64Array[] {
    const block = this.#blocks[Math.floor(index / ZONES_IN_BLOCK)];
    const at = (index % ZONES_IN_BLOCK) * ZONE_ROW;
    return Array.from({ length: this.#threads }, (_, row) => zoneRows(block, row).subarray(at, at + ZONE_ROW));
  }
}
