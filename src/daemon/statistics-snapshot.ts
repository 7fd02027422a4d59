import { getHeapStatistics } from 'node:v8';
import type { CounterTable, MaintenanceCounterName } from '../server/counter-names.ts';
import { NAME_SERVER_COUNTERS, SOCKET_COUNTERS, ZONE_MAINTENANCE_COUNTERS } from '../server/counter-names.ts';
import { type ServerCounts, SIZE_SHIFT, type SizeCounts } from '../server/statistics.ts';
import type { ZoneCounters } from '../server/zone-counters.ts';
import type {
  Counter,
  MemoryStatistics,
  SizeCount,
  SizeHistogram,
  StatisticsSnapshot,
  ViewStatistics,
  ZoneCounterGroups,
  ZoneStatistics,
} from '../status/snapshot.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { opcodeText, rcodeText } from '../wire/code-text.ts';
import { OPCODE, RCODE } from '../wire/type-codes.ts';
import { typeText } from '../wire/type-text.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

/** What a snapshot is made from. */
export interface StatisticsSources {
  readonly version: string;
  /** Unix seconds. */
  readonly bootTime: number;
  readonly configured: number;
  readonly now: number;
  readonly counts: ServerCounts;
  readonly maintenance: Readonly<Record<MaintenanceCounterName, number>>;
  readonly viewNames: readonly string[];
  readonly keepers: readonly ZoneKeeper[];
  readonly zoneCounters: ZoneCounters;
  /** Octets of the zone memory in all, and handed out. */
  readonly arena: { readonly size: number; readonly used: number };
}

/** The counters and figures of a running server, with the names and texts that BIND has for them. */
export function takeSnapshot(sources: StatisticsSources): StatisticsSnapshot {
  const { counts, keepers, viewNames, zoneCounters } = sources;
  let views: readonly ViewStatistics[] | undefined;
  return {
    version: sources.version,
    bootTime: sources.bootTime * 1000,
    configTime: sources.configured * 1000,
    currentTime: sources.now * 1000,
    opcodes: counts.opcodes.map((value, code) => counter(statisticsOpcodeText(code), value)),
    responseCodes: counts.responseCodes.map((value, code) => counter(statisticsRcodeText(code), value)),
    queryTypes: queryTypes(counts.queryTypes),
    nameServer: named(NAME_SERVER_COUNTERS, counts.nameServer),
    zoneMaintenance: named(ZONE_MAINTENANCE_COUNTERS, sources.maintenance),
    sockets: named(SOCKET_COUNTERS, counts.sockets),
    traffic: {
      udp4: histogram(counts.traffic.udp4),
      tcp4: histogram(counts.traffic.tcp4),
      udp6: histogram(counts.traffic.udp6),
      tcp6: histogram(counts.traffic.tcp6),
    },
    memory: memoryStatistics(sources),
    zonesConfigured: keepers.length,
    zonesLoaded: keepers.filter(({ isLoaded }) => isLoaded).length,
    get views() {
      return (views ??= viewNames.map((name) => ({
        name,
        zones: keepers
          .filter(({ view, zone }) => view === name && zone.statistics !== 'none')
          .map((keeper) => zoneStatistics(keeper, zoneCounters)),
      })));
    },
  };
}

const counter = (name: string, value: number): Counter => ({ name, text: name, value });

function named(table: CounterTable, counts: Readonly<Record<string, number>>): Counter[] {
  return table.map(([name, text]) => ({ name, text, value: counts[name] }));
}

/** BIND 9.18 has no name for 6, DSO. */
function statisticsOpcodeText(code: number): string {
  return code > OPCODE.UPDATE ? `RESERVED${code}` : opcodeText(code);
}

/** BIND 9.18 calls codes as they were before 11 got a name, and those above 16 by number. */
function statisticsRcodeText(code: number): string {
  if (code > RCODE.NOTZONE && code < RCODE.BADVERS) return `RESERVED${code}`;
  return code > RCODE.BADVERS && code !== RCODE.BADCOOKIE ? String(code) : rcodeText(code);
}

/** Types that were asked for; 0 stands for those above 255. */
function queryTypes(counts: readonly number[]): Counter[] {
  return counts.flatMap((value, type) => (value === 0 ? [] : [counter(type === 0 ? 'Others' : typeText(type), value)]));
}

function histogram({ requests, responses }: SizeCounts): SizeHistogram {
  return { requests: sizes(requests), responses: sizes(responses) };
}

function sizes(counts: readonly number[]): SizeCount[] {
  const from = (step: number): number => step << SIZE_SHIFT;
  return counts.flatMap((value, step) => {
    if (value === 0) return [];
    const size = step === counts.length - 1 ? `${from(step)}+` : `${from(step)}-${from(step + 1) - 1}`;
    return [{ size, value }];
  });
}

/** Facts of the zone are copied at once: the keeper may be gone before a slow client has read them. */
function zoneStatistics(keeper: ZoneKeeper, zoneCounters: ZoneCounters): ZoneStatistics {
  const { label } = keeper;
  return {
    name: nameToShortText(keeper.apex),
    serial: keeper.isLoaded ? keeper.read().serial : undefined,
    loaded: keeper.lastLoaded === 0 ? undefined : keeper.lastLoaded,
    counters: () => zoneCounterGroups(zoneCounters, label),
  };
}

function zoneCounterGroups(zoneCounters: ZoneCounters, label: string): ZoneCounterGroups | undefined {
  const counts = zoneCounters.read(label);
  if (counts === undefined) return undefined;
  return { nameServer: named(NAME_SERVER_COUNTERS, counts.nameServer), queryTypes: queryTypes(counts.queryTypes) };
}

function memoryStatistics({ keepers, arena }: StatisticsSources): MemoryStatistics {
  const { total_heap_size: heapTotal, used_heap_size: heapUsed } = getHeapStatistics();
  const zoneVersions = keepers.reduce((sum, { store }) => sum + store.versions().length, 0);
  return {
    resident: residentMemory(),
    heapTotal,
    heapUsed,
    zonesSize: arena.size,
    zonesUsed: arena.used,
    zoneVersions,
  };
}

/** Node.js reads it from /proc, which a root directory of -t may lack. */
function residentMemory(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
