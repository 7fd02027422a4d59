/** Counters by BIND's statistics names. Zone names never become part of a metric's name. */
export interface Metrics {
  count(name: string, by?: number): void;
}

export class MemoryMetrics implements Metrics {
  readonly counters = new Map<string, number>();

  count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by);
  }
}
