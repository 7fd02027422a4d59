import type { Configuration, ListenOn, StreamConfiguration } from '../configuration.ts';
import { HTTP_DEFAULTS, SERVER_DEFAULTS, STREAM_DEFAULTS } from '../defaults.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, clausesNamed, fieldOf, numberField, textField } from '../syntax/tree.ts';
import type { MapValue, Value } from '../syntax/tree.ts';
import type { CheckContext } from './context.ts';
import { checkMatchList } from './match-lists.ts';
import { checkHttp, checkTls } from './tls.ts';

type Listeners = Pick<Configuration, 'listenOn' | 'listenOnV6' | 'tls' | 'http' | 'streams'>;

/** Where is listened and what is spoken there: listen-on, tls, http, and the limits of streams. */
export function checkListeners(tree: MapValue, options: MapValue, port: number, context: CheckContext): Listeners {
  const { faults } = context;
  const tls = checkTls(clausesNamed(tree, 'tls'), faults);
  const limits = {
    listenerClients: numberOf(options, 'http-listener-clients') ?? HTTP_DEFAULTS.listenerClients,
    streamsPerConnection: numberOf(options, 'http-streams-per-connection') ?? HTTP_DEFAULTS.streamsPerConnection,
  };
  const http = checkHttp(clausesNamed(tree, 'http'), limits, faults);
  const ports = {
    plain: port,
    tls: numberOf(options, 'tls-port') ?? SERVER_DEFAULTS.tlsPort,
    https: numberOf(options, 'https-port') ?? SERVER_DEFAULTS.httpsPort,
    http: numberOf(options, 'http-port') ?? SERVER_DEFAULTS.httpPort,
  };
  const listenOn = (name: string): ListenOn[] => {
    const clauses = clausesNamed(options, name);
    if (clauses.length === 0)
      return [{ port, isDefaultPort: true, transport: 'plain', addresses: SERVER_DEFAULTS.listenOn }];
    return clauses.map(({ value }) => checkListenOn(value, { tls, http, ports }, context));
  };
  return {
    tls,
    http,
    listenOn: listenOn('listen-on'),
    listenOnV6: listenOn('listen-on-v6'),
    streams: checkStreams(options, faults),
  };
}

interface Known extends Pick<Configuration, 'tls' | 'http'> {
  readonly ports: Readonly<Record<ListenOn['transport'], number>>;
}

/** `listen-on [port n] [tls name] [http name] { ... }` */
function checkListenOn(value: Value, { tls, http, ports }: Known, context: CheckContext): ListenOn {
  const { faults } = context;
  const tlsName = textField(value, 'tls');
  const httpName = textField(value, 'http');
  const isSecure = tlsName !== undefined && tlsName !== 'none';
  const error = (code: string, text: string): void => faults.error(code, value.position, text);
  if (isSecure && tlsName !== 'ephemeral') {
    const block = tls.get(tlsName);
    if (block === undefined) error('CONF_REFERENCE', `tls '${tlsName}' is not defined`);
    // BIND finds that out when it starts, and then does not.
    else if (block.certFile === undefined)
      error('CONF_VALUE', `tls '${tlsName}': listening needs 'cert-file' and 'key-file'`);
  }
  if (httpName !== undefined && tlsName === undefined)
    error('CONF_VALUE', "http must specify a 'tls' statement, 'tls ephemeral', or 'tls none'");
  if (httpName !== undefined && !http.has(httpName)) error('CONF_REFERENCE', `http '${httpName}' is not defined`);
  const transport = transportOf(isSecure, httpName !== undefined);
  const port = numberField(value, 'port');
  const addresses = fieldOf(value, 'addresses');
  return {
    port: port ?? ports[transport],
    isDefaultPort: port === undefined,
    transport,
    ...(isSecure && { tls: tlsName }),
    ...(httpName !== undefined && { http: httpName }),
    addresses: addresses ? checkMatchList(addresses, context) : [],
  };
}

function transportOf(isSecure: boolean, isHttp: boolean): ListenOn['transport'] {
  if (isHttp) return isSecure ? 'https' : 'http';
  return isSecure ? 'tls' : 'plain';
}

/** BIND 9.18 brings these numbers into their ranges, and says so. Tenths of a second. */
const RANGES = {
  'tcp-initial-timeout': [25, 1200],
  'tcp-idle-timeout': [1, 1200],
  'tcp-keepalive-timeout': [1, 65_535],
  'tcp-advertised-timeout': [0, 65_535],
} as const;

/** BIND 9.18 raises other numbers than 0 to it. */
const LEAST_QUEUE = 10;
/** What listen(2) takes. */
const MOST_QUEUE = 0x7fffffff;
/** What shared memory counts. */
const MOST_CLIENTS = 0x7fffffff;

function checkStreams(options: MapValue, faults: FaultList): StreamConfiguration {
  const queue = numberOf(options, 'tcp-listen-queue') ?? STREAM_DEFAULTS.listenQueue;
  const timeout = (name: keyof typeof RANGES, fallback: number): number => {
    const clause = clauseNamed(options, name);
    if (clause?.value.kind !== 'number') return fallback;
    const { value } = clause.value;
    const [least, most] = RANGES[name];
    const within = Math.min(most, Math.max(least, value));
    if (within !== value) {
      const text = `${name} value is out of range: ${within > value ? 'raising' : 'lowering'} to ${within}`;
      faults.warning('CONF_VALUE', clause.position, text);
    }
    return within;
  };
  return {
    clients: Math.min(MOST_CLIENTS, numberOf(options, 'tcp-clients') ?? STREAM_DEFAULTS.clients),
    listenQueue: queue === 0 ? 0 : Math.min(MOST_QUEUE, Math.max(LEAST_QUEUE, queue)),
    initialTimeout: timeout('tcp-initial-timeout', STREAM_DEFAULTS.timeout),
    idleTimeout: timeout('tcp-idle-timeout', STREAM_DEFAULTS.timeout),
    keepaliveTimeout: timeout('tcp-keepalive-timeout', STREAM_DEFAULTS.timeout),
    advertisedTimeout: timeout('tcp-advertised-timeout', STREAM_DEFAULTS.timeout),
  };
}

function numberOf(map: MapValue, name: string): number | undefined {
  const value = clauseNamed(map, name)?.value;
  return value?.kind === 'number' ? value.value : undefined;
}
