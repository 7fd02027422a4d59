import { hostname, cpus } from 'node:os';
import { httpTime } from './zone-status.ts';

export interface ServerStatus {
  readonly product: string;
  readonly system: string;
  /** Unix seconds. */
  readonly bootTime: number;
  readonly configured: number;
  readonly configurationFile: string;
  readonly threads: number;
  readonly zones: number;
  readonly debugLevel: number;
  readonly queryLogging: boolean;
  /** Over TCP: at this moment, most at once so far, most there may be. */
  readonly connections: { readonly now: number; readonly highWater: number; readonly limit: number };
}

/** Text of `rndc status`: BIND 9.18's lines, those about recursion with what is true for a server that has none. */
export function serverStatusText(status: ServerStatus): string {
  return [
    `version: ${status.product}`,
    `running on ${hostname()}: ${status.system}`,
    `boot time: ${httpTime(status.bootTime)}`,
    `last configured: ${httpTime(status.configured)}`,
    `configuration file: ${status.configurationFile}`,
    `CPUs found: ${cpus().length}`,
    `worker threads: ${status.threads}`,
    `UDP listeners per interface: ${status.threads}`,
    `number of zones: ${status.zones} (0 automatic)`,
    `debug level: ${status.debugLevel}`,
    'xfers running: 0',
    'xfers deferred: 0',
    'soa queries in progress: 0',
    `query logging is ${status.queryLogging ? 'ON' : 'OFF'}`,
    `tcp clients: ${status.connections.now}/${status.connections.limit}`,
    `TCP high-water: ${status.connections.highWater}`,
    'server is up and running',
  ].join('\n');
}
