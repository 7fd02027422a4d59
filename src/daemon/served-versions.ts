import type { Disk } from '../base/disk.ts';
import type { Log } from '../base/log.ts';
import type { HistoryEvent, HistoryZone } from '../history/history-event.ts';
import type { HistorySink } from '../history/key-history.ts';
import { highestKeyTtl, highestTtls } from '../signer/highest-ttl.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { ServedTtls } from './served-ttls.ts';

export interface ServedVersionsOptions {
  /** Where the TTLs are kept. */
  readonly file: string;
  /** For log lines. */
  readonly label: string;
  readonly about: HistoryZone;
}

/** Notes the TTLs of the versions of a zone as they are served. */
export class ServedVersions {
  readonly ttls: ServedTtls;
  readonly #options: ServedVersionsOptions;
  readonly #history: HistorySink;
  /** Of the data that are served; undefined: they have to be looked through. Signing changes no TTL but those of key RRsets. */
  #zoneTtl: number | undefined;

  constructor(
    options: ServedVersionsOptions,
    dependencies: { readonly disk: Disk; readonly log: Log; readonly history: HistorySink },
  ) {
    this.#options = options;
    this.#history = dependencies.history;
    this.ttls = new ServedTtls(options, dependencies);
  }

  /** The next version may have other data. */
  hasNewData(): void {
    this.#zoneTtl = undefined;
  }

  /**
   * This version is served since `now`, durably noted.
   * @param replacement seconds within which the policy has signatures of a retired key replaced
   * @param dsTtl of the DS RRset at the parent; undefined: not known
   * @throws DiskError
   */
  note(reader: ZoneReader, now: number, replacement: number, dsTtl: number | undefined): void {
    this.#zoneTtl ??= highestTtls(reader).zone;
    const keyTtl = highestKeyTtl(reader);
    const events: HistoryEvent[] = [];
    const serve = (rrset: 'dnskey' | 'zone' | 'ds', ttl: number | undefined): void => {
      if (!this.ttls.serve(rrset, ttl, now) || ttl === undefined) return;
      events.push({ kind: 'ttl', at: now, about: this.#options.about, rrset, ttl });
    };
    serve('zone', this.#zoneTtl);
    serve('dnskey', keyTtl === 0 ? undefined : keyTtl);
    if (dsTtl !== undefined) serve('ds', dsTtl);
    this.ttls.serve('signatures', replacement, now);
    this.ttls.save();
    if (events.length > 0) this.#history.record(events);
  }
}
