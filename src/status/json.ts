import { type Counter, occurred, type SizeCount, type StatisticsSnapshot, type ZoneStatistics } from './snapshot.ts';

/** What a path under /json/v1 shows besides the times; undefined is all. */
export type StatisticsPart = 'status' | 'server' | 'zones' | 'net' | 'mem' | 'tasks' | 'traffic';

/** Zones in a piece of text: about a millisecond of work. */
const ZONES_IN_PIECE = 64;

/**
 * The JSON of BIND 9.18's statistics channel, version 1.7 of its format, piece by piece: a server has many zones, and
 * other work goes on between two pieces. What BIND tells about its cache, its resolver and its tasks has no meaning here
 * and is left out.
 */
export function* statisticsJson(snapshot: StatisticsSnapshot, part?: StatisticsPart): Generator<string> {
  const shows = (one: StatisticsPart): boolean => part === undefined || part === one;
  let head = JSON.stringify({
    'json-stats-version': '1.7',
    'boot-time': new Date(snapshot.bootTime).toISOString(),
    'config-time': new Date(snapshot.configTime).toISOString(),
    'current-time': new Date(snapshot.currentTime).toISOString(),
    version: snapshot.version,
    ...(shows('server') && serverCounters(snapshot)),
  }).slice(0, -1);
  if (shows('zones')) {
    yield `${head},"views":{`;
    yield* viewPieces(snapshot);
    head = '}';
  } else if (shows('server')) head += `,"views":${JSON.stringify(emptyViews(snapshot))}`;
  if (shows('net')) head += `,"sockstats":${JSON.stringify(values(occurred(snapshot.sockets)))}`;
  if (shows('mem')) head += `,"memory":${JSON.stringify(memory(snapshot))}`;
  if (shows('traffic')) head += `,"traffic":${JSON.stringify(traffic(snapshot))}`;
  yield `${head}}\n`;
}

function serverCounters(snapshot: StatisticsSnapshot): object {
  const maintenance = occurred(snapshot.zoneMaintenance);
  return {
    opcodes: values(snapshot.opcodes),
    rcodes: values(snapshot.responseCodes),
    qtypes: values(snapshot.queryTypes),
    nsstats: values(occurred(snapshot.nameServer)),
    ...(maintenance.length > 0 && { zonestats: values(maintenance) }),
  };
}

function values(counters: readonly Counter[]): Record<string, number> {
  return Object.fromEntries(counters.map(({ name, value }) => [name, value]));
}

function emptyViews({ views }: StatisticsSnapshot): object {
  return Object.fromEntries(views.map(({ name }) => [name, {}]));
}

function* viewPieces({ views }: StatisticsSnapshot): Generator<string> {
  let separator = '';
  for (const { name, zones } of views) {
    yield `${separator}${JSON.stringify(name)}:{"zones":[`;
    for (let at = 0; at < zones.length; at += ZONES_IN_PIECE) {
      const piece = zones.slice(at, at + ZONES_IN_PIECE).map((zone) => JSON.stringify(zoneObject(zone)));
      yield (at === 0 ? '' : ',') + piece.join(',');
    }
    yield ']}';
    separator = ',';
  }
}

function zoneObject(zone: ZoneStatistics): object {
  const counters = zone.counters();
  return {
    name: zone.name,
    class: 'IN',
    ...(zone.serial !== undefined && { serial: zone.serial }),
    type: 'primary',
    ...(zone.loaded !== undefined && { loaded: secondsText(zone.loaded) }),
    ...(counters && unlessEmpty('rcodes', occurred(counters.nameServer))),
    ...(counters && unlessEmpty('qtypes', counters.queryTypes)),
  };
}

/** BIND has no such members for a zone that was never asked. */
function unlessEmpty(name: string, counters: readonly Counter[]): Record<string, Record<string, number>> {
  return counters.length === 0 ? {} : { [name]: values(counters) };
}

/** "2026-11-21T11:07:43Z" */
export function secondsText(time: number): string {
  return `${new Date(time * 1000).toISOString().slice(0, -5)}Z`;
}

/** BIND's names for the process; contexts are what the memory is used for. */
function memory({ memory: { resident, heapTotal, heapUsed, zonesSize, zonesUsed, zoneVersions } }: StatisticsSnapshot) {
  return {
    ...(resident !== undefined && { TotalUse: resident }),
    InUse: heapUsed + zonesUsed,
    contexts: [
      { id: 'zones', name: 'zones', references: zoneVersions, total: zonesSize, inuse: zonesUsed },
      { id: 'heap', name: 'heap', total: heapTotal, inuse: heapUsed },
    ],
  };
}

function traffic({ traffic: { udp4, tcp4, udp6, tcp6 } }: StatisticsSnapshot): object {
  return {
    'dns-udp-requests-sizes-received-ipv4': sizes(udp4.requests),
    'dns-udp-responses-sizes-sent-ipv4': sizes(udp4.responses),
    'dns-tcp-requests-sizes-received-ipv4': sizes(tcp4.requests),
    'dns-tcp-responses-sizes-sent-ipv4': sizes(tcp4.responses),
    'dns-udp-requests-sizes-received-ipv6': sizes(udp6.requests),
    'dns-udp-responses-sizes-sent-ipv6': sizes(udp6.responses),
    'dns-tcp-requests-sizes-received-ipv6': sizes(tcp6.requests),
    'dns-tcp-responses-sizes-sent-ipv6': sizes(tcp6.responses),
  };
}

function sizes(counts: readonly SizeCount[]): Record<string, number> {
  return Object.fromEntries(counts.map(({ size, value }) => [size, value]));
}
