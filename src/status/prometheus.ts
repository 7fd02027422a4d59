import type { BatchObservableResult, Observable } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Counter, StatisticsSnapshot, StatisticsSource } from './snapshot.ts';

/**
 * The counters as metrics of Prometheus (text format 0.0.4). Labels are of closed sets: BIND's counter names, opcodes,
 * 256 types, 24 response codes, never a zone's name.
 */
export class PrometheusMetrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #serializer = new PrometheusSerializer('', false, undefined, true, true);
  readonly #source: StatisticsSource;

  constructor(source: StatisticsSource) {
    this.#source = source;
    const meter = new MeterProvider({ readers: [this.#exporter] }).getMeter('signet');
    const observables = new Map<Metric, Observable>();
    for (const metric of METRICS) {
      const create = metric.kind === 'counter' ? meter.createObservableCounter : meter.createObservableGauge;
      observables.set(metric, create.call(meter, metric.name, { description: metric.help }));
    }
    meter.addBatchObservableCallback((result) => this.#observe(result, observables), [...observables.values()]);
  }

  /** @throws Error when the counters cannot be read */
  async text(): Promise<string> {
    const { resourceMetrics, errors } = await this.#exporter.collect();
    if (errors.length > 0) throw new Error(`statistics cannot be collected: ${errors.map(String).join(', ')}`);
    return this.#serializer.serialize(resourceMetrics);
  }

  async #observe(result: BatchObservableResult, observables: ReadonlyMap<Metric, Observable>): Promise<void> {
    const snapshot = await this.#source.snapshot();
    for (const [metric, observable] of observables)
      for (const { value, labels } of metric.read(snapshot)) result.observe(observable, value, labels);
  }
}

interface Sample {
  readonly value: number;
  readonly labels?: Record<string, string>;
}

interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly read: (snapshot: StatisticsSnapshot) => readonly Sample[];
}

const labelled = (counters: readonly Counter[], label: string): Sample[] =>
  counters.map(({ name, value }) => ({ value, labels: { [label]: name } }));

const alone = (value: number): Sample[] => [{ value }];

/** High water, what is open now: these go down, too. */
const GAUGES = /^(TCPConnHighWater|(UDP|TCP)[46]Active|TCP[46]Clients)$/;
const counting = (counters: readonly Counter[]): Counter[] => counters.filter(({ name }) => !GAUGES.test(name));

const METRICS: readonly Metric[] = [
  {
    name: 'signet_requests_total',
    kind: 'counter',
    help: 'Messages received, by opcode.',
    read: ({ opcodes }) => labelled(opcodes, 'opcode'),
  },
  {
    name: 'signet_queries_total',
    kind: 'counter',
    help: 'Queries received, by type asked; types above 255 are Others.',
    read: ({ queryTypes }) => labelled(queryTypes, 'type'),
  },
  {
    name: 'signet_responses_total',
    kind: 'counter',
    help: 'Responses sent, by response code.',
    read: ({ responseCodes }) => labelled(responseCodes, 'rcode'),
  },
  {
    name: 'signet_name_server_events_total',
    kind: 'counter',
    help: 'What happened to requests and queries, by the names of the name server counters of BIND.',
    read: ({ nameServer }) => labelled(counting(nameServer), 'counter'),
  },
  {
    name: 'signet_zone_maintenance_events_total',
    kind: 'counter',
    help: 'NOTIFY and zone maintenance, by the counter names of BIND.',
    read: ({ zoneMaintenance }) => labelled(zoneMaintenance, 'counter'),
  },
  {
    name: 'signet_socket_events_total',
    kind: 'counter',
    help: 'What happened to the sockets that queries come over, by the counter names of BIND.',
    read: ({ sockets }) => labelled(counting(sockets), 'counter'),
  },
  {
    name: 'signet_sockets',
    kind: 'gauge',
    help: 'Sockets and connections that are open.',
    read: ({ sockets }) =>
      labelled(
        sockets.filter(({ name }) => GAUGES.test(name)),
        'kind',
      ),
  },
  {
    name: 'signet_tcp_connections_high_water',
    kind: 'gauge',
    help: 'Most TCP connections at once since the start.',
    read: ({ nameServer }) => alone(nameServer.find(({ name }) => name === 'TCPConnHighWater')?.value ?? 0),
  },
  {
    name: 'signet_zones',
    kind: 'gauge',
    help: 'Zones of the configuration, by whether they are loaded.',
    read: ({ zonesLoaded, zonesConfigured }) => [
      { value: zonesLoaded, labels: { state: 'loaded' } },
      { value: zonesConfigured - zonesLoaded, labels: { state: 'not loaded' } },
    ],
  },
  {
    name: 'signet_zone_versions',
    kind: 'gauge',
    help: 'Versions of zones that are kept.',
    read: ({ memory }) => alone(memory.zoneVersions),
  },
  {
    name: 'signet_zone_memory_bytes',
    kind: 'gauge',
    help: 'Memory of zones: its size, and what zones have of it.',
    read: ({ memory }) => [
      { value: memory.zonesSize, labels: { state: 'size' } },
      { value: memory.zonesUsed, labels: { state: 'used' } },
    ],
  },
  {
    name: 'signet_resident_memory_bytes',
    kind: 'gauge',
    help: 'Memory that the process has of the system.',
    read: ({ memory: { resident } }) => (resident === undefined ? [] : alone(resident)),
  },
  {
    name: 'signet_heap_bytes',
    kind: 'gauge',
    help: 'JavaScript heap of the control thread.',
    read: ({ memory }) => [
      { value: memory.heapTotal, labels: { state: 'size' } },
      { value: memory.heapUsed, labels: { state: 'used' } },
    ],
  },
  {
    name: 'signet_start_time_seconds',
    kind: 'gauge',
    help: 'When the server was started, in Unix seconds.',
    read: ({ bootTime }) => alone(bootTime / 1000),
  },
  {
    name: 'signet_configuration_time_seconds',
    kind: 'gauge',
    help: 'When the configuration was last read with success, in Unix seconds.',
    read: ({ configTime }) => alone(configTime / 1000),
  },
  {
    name: 'signet_build_info',
    kind: 'gauge',
    help: '1; the version is its label.',
    read: ({ version }) => [{ value: 1, labels: { version } }],
  },
];
