/** One number with its name (BIND's, where BIND has it) and the words that `rndc stats` prints. */
export interface Counter {
  readonly name: string;
  readonly text: string;
  readonly value: number;
}

/** Requests and responses of one transport, by size. Sizes that did not occur are left out. */
export interface SizeHistogram {
  /** "16-31", "288+" */
  readonly requests: readonly SizeCount[];
  readonly responses: readonly SizeCount[];
}

export interface SizeCount {
  readonly size: string;
  readonly value: number;
}

/** What was counted for a zone with `zone-statistics full`. */
export interface ZoneCounterGroups {
  readonly nameServer: readonly Counter[];
  /** Those that are not 0. */
  readonly queryTypes: readonly Counter[];
}

export interface ZoneStatistics {
  /** Without the final dot. */
  readonly name: string;
  /** Undefined while the zone has no version. */
  readonly serial: number | undefined;
  /** Unix seconds; undefined when it was never loaded. */
  readonly loaded: number | undefined;
  /** Read when it is called: undefined for `terse`. */
  counters(): ZoneCounterGroups | undefined;
}

export interface ViewStatistics {
  /** _default without views. */
  readonly name: string;
  readonly zones: readonly ZoneStatistics[];
}

/** Octets. */
export interface MemoryStatistics {
  /** Taken from the system by the whole process; undefined in a root directory without /proc, where nobody tells. */
  readonly resident: number | undefined;
  /** Of the JavaScript heap of the control thread. */
  readonly heapTotal: number;
  readonly heapUsed: number;
  /** The memory of zones: all of it, and what zones have of it. */
  readonly zonesSize: number;
  readonly zonesUsed: number;
  /** Versions of zones that are kept, those that readers still look at included. */
  readonly zoneVersions: number;
}

/** Everything that is told about the server at one moment. */
export interface StatisticsSnapshot {
  readonly version: string;
  /** Unix milliseconds. */
  readonly bootTime: number;
  readonly configTime: number;
  readonly currentTime: number;
  /** All 16. */
  readonly opcodes: readonly Counter[];
  /** NOERROR to BADCOOKIE. */
  readonly responseCodes: readonly Counter[];
  /** Those that are not 0. */
  readonly queryTypes: readonly Counter[];
  readonly nameServer: readonly Counter[];
  readonly zoneMaintenance: readonly Counter[];
  readonly sockets: readonly Counter[];
  readonly traffic: Readonly<Record<'udp4' | 'tcp4' | 'udp6' | 'tcp6', SizeHistogram>>;
  readonly memory: MemoryStatistics;
  readonly zonesLoaded: number;
  readonly zonesConfigured: number;
  /** In order. Made when it is read: servers have many zones. Zones with `zone-statistics none` are left out. */
  readonly views: readonly ViewStatistics[];
}

/** Where a channel gets its figures. */
export interface StatisticsSource {
  snapshot(): Promise<StatisticsSnapshot>;
}

export function occurred(counters: readonly Counter[]): readonly Counter[] {
  return counters.filter(({ value }) => value !== 0);
}
