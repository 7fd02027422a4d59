import type { Counter, StatisticsSnapshot, ZoneStatistics } from '../../src/status/snapshot.ts';

export const counter = (name: string, value: number, text = name): Counter => ({ name, text, value });

export function zone(name: string, counters?: ZoneStatistics['counters']): ZoneStatistics {
  return { name, serial: 7, loaded: 1_800_000_000, counters: counters ?? (() => undefined) };
}

/** A server that has answered a little. */
export function snapshot(over: Partial<StatisticsSnapshot> = {}): StatisticsSnapshot {
  const nothing = { requests: [], responses: [] };
  return {
    version: 'Signet 1.2.3',
    bootTime: 1_800_000_000_250,
    configTime: 1_800_000_001_000,
    currentTime: 1_800_000_002_500,
    opcodes: [counter('QUERY', 3), counter('IQUERY', 0)],
    responseCodes: [counter('NOERROR', 2), counter('NXDOMAIN', 1)],
    queryTypes: [counter('Others', 1), counter('A', 2)],
    nameServer: [
      counter('Requestv4', 3, 'IPv4 requests received'),
      counter('Requestv6', 0, 'IPv6 requests received'),
      counter('TCPConnHighWater', 2, 'TCP connection high-water'),
    ],
    zoneMaintenance: [counter('NotifyOutv4', 1, 'IPv4 notifies sent'), counter('NotifyOutv6', 0)],
    sockets: [counter('UDP4Open', 1, 'UDP/IPv4 sockets opened'), counter('UDP4Active', 1, 'UDP/IPv4 sockets active')],
    traffic: {
      udp4: { requests: [{ size: '16-31', value: 3 }], responses: [{ size: '4096+', value: 1 }] },
      tcp4: nothing,
      udp6: nothing,
      tcp6: nothing,
    },
    memory: { resident: 100, heapTotal: 40, heapUsed: 30, zonesSize: 20, zonesUsed: 10, zoneVersions: 2 },
    zonesLoaded: 1,
    zonesConfigured: 2,
    views: [
      {
        name: '_default',
        zones: [
          zone('example', () => ({
            nameServer: [counter('QrySuccess', 2, 'queries resulted in successful answer'), counter('QryReferral', 0)],
            queryTypes: [counter('A', 2)],
          })),
          zone('terse.example'),
        ],
      },
      { name: 'inside', zones: [zone('odd\\"&<zone>')] },
    ],
    ...over,
  };
}
