import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Log } from '../base/log.ts';
import type { Configuration } from '../conf/configuration.ts';
import { type MaintenanceCounterName, ZONE_MAINTENANCE_COUNTERS } from '../server/counter-names.ts';
import { countResponse } from '../server/query-counts.ts';
import type { ControlRequest } from '../server/responder.ts';
import { ZoneCounters } from '../server/zone-counters.ts';
import { dumpText } from '../status/dump-text.ts';
import type { StatisticsSnapshot, StatisticsSource } from '../status/snapshot.ts';
import { RCODE } from '../wire/type-codes.ts';
import { type Arena, GRANULE_WORDS, HEAD } from '../zone/store/arena.ts';
import { serverEvent, zoneLabel } from './events.ts';
import { productText } from './product.ts';
import { StatisticsChannels } from './statistics-channels.ts';
import { appendStatistics } from './statistics-file.ts';
import { takeSnapshot } from './statistics-snapshot.ts';
import type { Threads } from './threads.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

/** The server that statistics are about. */
export interface CountedServer {
  /** Unix seconds. */
  readonly bootTime: number;
  readonly configured: number;
  readonly viewNames: readonly string[];
  readonly keepers: readonly ZoneKeeper[];
  /** Octets of the zone memory that are handed out. */
  readonly zoneMemory: number;
}

export interface ServerStatisticsDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly threads: Threads;
}

/** Everything that is counted in a server, and where it is told: the statistics file and channels. */
export class ServerStatistics implements StatisticsSource, AsyncDisposable {
  readonly zones: ZoneCounters;
  readonly #server: CountedServer;
  readonly #dependencies: ServerStatisticsDependencies;
  readonly #channels: StatisticsChannels;
  readonly #maintenance = Object.fromEntries(ZONE_MAINTENANCE_COUNTERS.map(([name]) => [name, 0])) as Record<
    MaintenanceCounterName,
    number
  >;
  #file = '';

  constructor(server: CountedServer, dependencies: ServerStatisticsDependencies) {
    this.#server = server;
    this.#dependencies = dependencies;
    this.zones = new ZoneCounters({ threads: dependencies.threads.count });
    this.#channels = new StatisticsChannels({ source: this, log: dependencies.log });
  }

  /** Where zones are counted from the next tables on. */
  countZones(configuration: Configuration): void {
    this.#file = path.resolve(configuration.statistics.file);
    this.zones.configure(
      configuration.views.flatMap(({ name, zones }) =>
        zones.filter(({ statistics }) => statistics === 'full').map((zone) => zoneLabel(zone.name, name)),
      ),
    );
  }

  /** Opens and closes statistics channels. Failures are logged. */
  openChannels(configuration: Configuration): Promise<void> {
    return this.#channels.configure(configuration);
  }

  async snapshot(): Promise<StatisticsSnapshot> {
    const { clock, threads } = this.#dependencies;
    const counts = await threads.responders.serverCounts();
    const { bootTime, configured, viewNames, keepers, zoneMemory } = this.#server;
    return takeSnapshot({
      version: productText(),
      bootTime,
      configured,
      now: clock.now(),
      counts,
      maintenance: this.#maintenance,
      viewNames,
      keepers,
      zoneCounters: this.zones,
      arena: { size: octetsTaken(threads.arena), used: zoneMemory },
    });
  }

  /** `rndc stats`. @throws DiskError, which names the file */
  async dump(): Promise<void> {
    const { disk, log } = this.#dependencies;
    appendStatistics(this.#file, dumpText(await this.snapshot()), disk);
    log.write(serverEvent.statisticsDumped(this.#file));
  }

  /** An answer that the control thread gave: requests are counted where they came in. */
  countAnswer({ client, overTcp }: ControlRequest, answer: Uint8Array | undefined): void {
    if (answer === undefined) return;
    const counters = this.#dependencies.threads.responders.controlCounters();
    countResponse(counters, answer[3] & 15, answer.length, overTcp, client.length === 16);
  }

  countNotifyReceived({ client }: ControlRequest, rcode: number): void {
    if (rcode !== RCODE.NOERROR) return;
    this.#maintenance[client.length === 16 ? 'NotifyInv6' : 'NotifyInv4']++;
  }

  countNotifySent(address: Uint8Array): void {
    this.#maintenance[address.length === 16 ? 'NotifyOutv6' : 'NotifyOutv4']++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#channels[Symbol.asyncDispose]();
  }
}

/** Of the arena, by all threads. */
function octetsTaken({ u32, granules }: Arena): number {
  let taken = 0;
  for (let i = 0; i < granules; i++) if (Atomics.load(u32, HEAD.GRANULE_OWNER + i) !== 0) taken++;
  return taken * GRANULE_WORDS * Uint32Array.BYTES_PER_ELEMENT;
}
