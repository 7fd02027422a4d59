import { secondsText, type StatisticsPart } from './json.ts';
import type { Counter, SizeCount, SizeHistogram, StatisticsSnapshot, ZoneStatistics } from './snapshot.ts';

/** Zones in a piece of text: about a millisecond of work. */
const ZONES_IN_PIECE = 16;

/**
 * The XML of BIND 9.18's statistics channel, version 3.13 of its format, piece by piece, without BIND's style sheet. What
 * BIND tells about its cache, its resolver and its tasks has no meaning here and is left out.
 */
export function* statisticsXml(snapshot: StatisticsSnapshot, part?: StatisticsPart): Generator<string> {
  const shows = (one: StatisticsPart): boolean => part === undefined || part === one;
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<statistics version="3.13">${serverElement(snapshot, shows)}`;
  if (shows('traffic')) yield trafficElement(snapshot);
  if (shows('zones')) {
    yield '<views>';
    for (const { name, zones } of snapshot.views) {
      yield `<view name="${escape(name)}"><zones>`;
      for (let at = 0; at < zones.length; at += ZONES_IN_PIECE)
        yield zones
          .slice(at, at + ZONES_IN_PIECE)
          .map(zoneElement)
          .join('');
      yield '</zones></view>';
    }
    yield '</views>';
  } else if (shows('server')) {
    const views = snapshot.views.map(({ name }) => `<view name="${escape(name)}"/>`);
    yield element('views', views.join(''));
  } else yield '<views/>';
  if (shows('mem')) yield memoryElement(snapshot);
  yield '</statistics>\n';
}

function serverElement(snapshot: StatisticsSnapshot, shows: (part: StatisticsPart) => boolean): string {
  const time = (name: string, at: number): string => element(name, new Date(at).toISOString());
  return element(
    'server',
    time('boot-time', snapshot.bootTime) +
      time('config-time', snapshot.configTime) +
      time('current-time', snapshot.currentTime) +
      element('version', escape(snapshot.version)) +
      (shows('server')
        ? counters('opcode', snapshot.opcodes) +
          counters('rcode', snapshot.responseCodes) +
          counters('qtype', snapshot.queryTypes) +
          counters('nsstat', snapshot.nameServer) +
          counters('zonestat', snapshot.zoneMaintenance) +
          counters('resstat', [])
        : '') +
      (shows('net') ? counters('sockstat', snapshot.sockets) : ''),
  );
}

function zoneElement(zone: ZoneStatistics): string {
  const groups = zone.counters();
  return (
    `<zone name="${escape(zone.name)}" rdataclass="IN"><type>primary</type>` +
    element('serial', zone.serial === undefined ? '-' : String(zone.serial)) +
    (zone.loaded === undefined ? '' : element('loaded', secondsText(zone.loaded))) +
    (groups ? counters('rcode', groups.nameServer) + counters('qtype', groups.queryTypes) : '') +
    '</zone>'
  );
}

function trafficElement({ traffic: { udp4, tcp4, udp6, tcp6 } }: StatisticsSnapshot): string {
  const transports = (udp: SizeHistogram, tcp: SizeHistogram): string =>
    element('udp', histogram(udp)) + element('tcp', histogram(tcp));
  return element('traffic', element('ipv4', transports(udp4, tcp4)) + element('ipv6', transports(udp6, tcp6)));
}

function histogram({ requests, responses }: SizeHistogram): string {
  const counted = (sizes: readonly SizeCount[]): Counter[] =>
    sizes.map(({ size, value }) => ({ name: size, text: size, value }));
  return counters('request-size', counted(requests)) + counters('response-size', counted(responses));
}

function memoryElement({ memory }: StatisticsSnapshot): string {
  const { resident, heapTotal, heapUsed, zonesSize, zonesUsed, zoneVersions } = memory;
  const figures = (of: Record<string, string | number>): string =>
    Object.entries(of)
      .map(([name, value]) => element(name, String(value)))
      .join('');
  const zones = figures({ id: 'zones', name: 'zones', references: zoneVersions, total: zonesSize, inuse: zonesUsed });
  const heap = figures({ id: 'heap', name: 'heap', total: heapTotal, inuse: heapUsed });
  const summary = figures({ ...(resident !== undefined && { TotalUse: resident }), InUse: heapUsed + zonesUsed });
  return element(
    'memory',
    element('contexts', element('context', zones) + element('context', heap)) + element('summary', summary),
  );
}

function counters(type: string, all: readonly Counter[]): string {
  if (all.length === 0) return `<counters type="${type}"/>`;
  const lines = all.map(({ name, value }) => `<counter name="${escape(name)}">${value}</counter>`);
  return `<counters type="${type}">${lines.join('')}</counters>`;
}

function element(name: string, content: string): string {
  return content === '' ? `<${name}/>` : `<${name}>${content}</${name}>`;
}

/** Zone names hold any printable character; master-file form has escaped the rest. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
