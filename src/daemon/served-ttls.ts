import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import type { Log } from '../base/log.ts';
import { equalOctets } from '../base/octets.ts';
import { formatServedTtls, parseServedTtls } from '../keys/served-ttl-file.ts';
import type { ServedTtl } from '../policy/observations.ts';
import { zoneEvent } from './events.ts';

/*
 * TTLs that were served and may still be in caches. A zone whose TTLs are lowered leaves the old, longer ones behind, and the
 * intervals of rollovers (RFC 7583) have to wait for those. keys/served-ttl-file.ts draws the file.
 */

type Kind = ServedTtl['rrset'];

/**
 * Seconds that a TTL is remembered after it has run out: secondaries may be late, and answers to what a policy that changes
 * asks for look back.
 */
const MARGIN = 30 * 86_400;
/** Entries of one kind; TTLs that rise and fall so often within a month are joined, the later time wins. */
const MOST = 32;

export interface ServedTtlsOptions {
  readonly file: string;
  /** For log lines. */
  readonly label: string;
}

/** What a zone's caches may hold, kept over restarts. */
export class ServedTtls {
  readonly #options: ServedTtlsOptions;
  readonly #dependencies: { readonly disk: Disk; readonly log: Log };
  #entries: readonly ServedTtl[] | undefined;
  #written: Uint8Array | undefined;

  constructor(options: ServedTtlsOptions, dependencies: { readonly disk: Disk; readonly log: Log }) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** For a plan. @throws DiskError when the file cannot be read */
  get all(): readonly ServedTtl[] {
    return (this.#entries ??= this.#read());
  }

  /**
   * From `now` on this TTL is served, and no other of its kind. Kept in memory until `save`.
   * @param ttl undefined: none of the kind any more
   * @returns true when it is higher than all that caches may hold
   */
  serve(rrset: Kind, ttl: number | undefined, now: number): boolean {
    const before = this.all.filter((entry) => entry.rrset === rrset);
    const others = this.all.filter((entry) => entry.rrset !== rrset);
    const ended = before.map((entry) => ({ ...entry, until: entry.until ?? now }));
    const served = ttl === undefined ? [] : [{ rrset, ttl, until: undefined }];
    this.#entries = [...others, ...withoutShadowed([...ended, ...served]).filter((entry) => isRemembered(entry, now))];
    return ttl !== undefined && before.every((entry) => entry.ttl < ttl);
  }

  /** Writes what changed. @throws DiskError */
  save(): void {
    const { file, label } = this.#options;
    const octets = formatServedTtls(this.all, label);
    if (this.#written !== undefined && equalOctets(octets, this.#written)) return;
    this.#dependencies.disk.replace(file, octets);
    this.#written = octets;
  }

  #read(): ServedTtl[] {
    const { file, label } = this.#options;
    const { disk, log } = this.#dependencies;
    const octets = disk.read(file);
    if (octets === undefined) return [];
    const entries = parseServedTtls(octets);
    if (typeof entries !== 'number') {
      this.#written = octets;
      return entries;
    }
    try {
      disk.rename(file, `${file}.unusable`);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      log.write(zoneEvent.keyFault(label, error.message, true));
    }
    log.write(zoneEvent.servedTtlsUnusable(label, file, entries));
    return [];
  }
}

/** Leaves out what another of the kind outlasts with a TTL at least as long. */
function withoutShadowed(entries: readonly ServedTtl[]): ServedTtl[] {
  const end = ({ until }: ServedTtl): number => until ?? Infinity;
  const kept: ServedTtl[] = [];
  for (const entry of entries.toSorted((a, b) => b.ttl - a.ttl || end(b) - end(a)))
    if (kept.every((one) => end(one) < end(entry))) kept.push(entry);
  // The longest of all wins where there are too many: it stands for those that are left out.
  while (kept.length > MOST) kept.splice(0, 2, { ...kept[0], until: kept[1].until });
  return kept;
}

function isRemembered({ ttl, until }: ServedTtl, now: number): boolean {
  return until === undefined || until + ttl + MARGIN > now;
}
