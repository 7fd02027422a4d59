import type { ApplianceIdentity, ApplianceState, DeviceState } from '../appliance/appliance.ts';
import { LATENCY_BUCKETS, OPERATION_KINDS, type OperationLatencies } from './latencies.ts';

/*
 * Text format 0.0.4 of Prometheus. Written here and not by the library that named uses: its histograms allocate for each value,
 * and ours are counted where signatures are made. Labels are of closed sets: devices, kinds, colours.
 */

interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of a histogram: "_bucket", "_sum", "_count". */
  readonly suffix?: string;
}

interface Metric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

export function metricsText(
  identity: ApplianceIdentity,
  state: ApplianceState,
  latencies?: OperationLatencies,
): string {
  return metrics(identity, state, latencies).map(write).join('');
}

function metrics(
  identity: ApplianceIdentity,
  state: ApplianceState,
  latencies?: OperationLatencies,
): readonly Metric[] {
  const { devices } = state;
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({ name: `signet_hsm_${name}`, kind: 'gauge', help, samples }); // prettier-ignore
  const byDevice = (read: (device: DeviceState) => number | undefined): readonly Sample[] =>
    devices.flatMap((device) => {
      const value = read(device);
      return value === undefined ? [] : [{ labels: { device: device.index }, value }];
    });
  return [
    gauge('info', '1; what it is, is in the labels.', [
      { labels: { serial: identity.serial, version: identity.version, servername: identity.servername }, value: 1 },
    ]),
    gauge('locked', '1 while the HSM has to be unlocked at the console.', [{ value: Number(state.isLocked) }]),
    gauge('stage', '1 for the stage of the start that it is in.', STAGES.map((stage) => ({ labels: { stage }, value: Number(stage === state.stage) }))), // prettier-ignore
    gauge('led', '1 for what each light shows, 2 when it blinks.', ledSamples(state)),
    gauge(
      'device_up',
      '1 while the process of the device answers.',
      byDevice(({ condition }) => Number(condition === 'up')),
    ),
    gauge('device_tampered', '1 from a tamper event until it is reset.', byDevice(isTampered)),
    gauge('device_master_key_set', '1 while the device has its master key.', byDevice(({ status, watchdog }) => (status ? Number(status.masterKey === 'set') : watchdog && Number(watchdog.masterKey === 'set')))), // prettier-ignore
    gauge('device_tamper_armed', '1 when the sensors of the device are watched.', byDevice(({ watchdog }) => watchdog && Number(watchdog.isArmed))), // prettier-ignore
    gauge(
      'device_queue_length',
      'Operations under way on the device.',
      byDevice(({ busy }) => busy),
    ),
    gauge(
      'device_logins',
      'Clients that are logged in.',
      byDevice(({ status }) => status?.logins),
    ),
    gauge(
      'device_token_keys',
      'Keys that are kept.',
      byDevice(({ status }) => status?.tokenKeys),
    ),
    gauge('device_volatile_keys', 'Keys that live with the connection that made them.', byDevice(({ status }) => status?.volatileKeys)), // prettier-ignore
    {
      name: 'signet_hsm_device_operations_total',
      kind: 'counter',
      help: 'Operations since the process of the device was started, by kind.',
      samples: devices.flatMap(({ index, status }) =>
        Object.entries(status?.operations ?? {}).map(([kind, value]) => ({ labels: { device: index, kind }, value })),
      ),
    },
    ...(latencies === undefined ? [] : [latencyMetric(latencies)]),
  ];
}

function isTampered({ condition, status, watchdog }: DeviceState): number {
  return Number(condition === 'tampered' || status?.isTampered === true || (watchdog !== undefined && watchdog.tamper !== 'ok')); // prettier-ignore
}

const STAGES: readonly ApplianceState['stage'][] = ['power on', 'network', 'probing', 'starting', 'ready', 'shut down'];

function ledSamples({ leds }: ApplianceState): readonly Sample[] {
  return (['power', 'system', 'tamper'] as const).flatMap((led) =>
    (['green', 'yellow', 'red'] as const).map((colour) => ({
      labels: { led, colour },
      value: leds[led].colour === colour ? 1 + Number(leds[led].isBlinking) : 0,
    })),
  );
}

function latencyMetric(latencies: OperationLatencies): Metric {
  const samples: Sample[] = [];
  for (let device = 0; device < latencies.devices; device++)
    for (const kind of OPERATION_KINDS) {
      const { upTo, count, sum } = latencies.histogram(device, kind);
      const labels = { device, kind };
      for (const [i, value] of upTo.entries())
        samples.push({ suffix: '_bucket', labels: { ...labels, le: LATENCY_BUCKETS[i] }, value });
      samples.push({ suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count });
      samples.push({ suffix: '_sum', labels, value: sum }, { suffix: '_count', labels, value: count });
    }
  const help = 'How long operations took, as the appliance sees it, by device and kind.';
  return { name: 'signet_hsm_operation_duration_seconds', kind: 'histogram', help, samples };
}

function write({ name, kind, help, samples }: Metric): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
  for (const { labels = {}, value, suffix = '' } of samples) {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(String(text))}"`);
    lines.push(`${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}
