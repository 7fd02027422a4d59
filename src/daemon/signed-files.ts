import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import type { Log } from '../base/log.ts';
import type { Name } from '../wire/name.ts';
import { COMPILEZONE_CHECKS, type ZoneCheckOptions } from '../zone/checks/check-options.ts';
import { loadZone } from '../zone/load-zone.ts';
import { printZoneToFile } from '../zone/print-zone.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { zoneEvent } from './events.ts';

export interface SignedFilesOptions {
  /** `<zone file>.signed`; its journal is beside it with `.jnl`. */
  readonly file: string;
  readonly apex: Name;
  /** For log lines. */
  readonly label: string;
}

export interface SignedFilesDependencies {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
}

/** What we wrote ourselves was checked when it was made. */
const NO_CHECKS: ZoneCheckOptions = {
  ...COMPILEZONE_CHECKS,
  integrity: 'none',
  hostNames: 'ignore',
  mxAddress: 'ignore',
  mxAlias: 'ignore',
  nsAddress: 'ignore',
  srvAlias: 'ignore',
  duplicates: 'ignore',
  spf: 'ignore',
  innerWildcards: 'ignore',
};

/**
 * The signed copy of a zone on the disk: a raw file, as BIND writes it, and the journal of the changes since. Every
 * version is in them, durably, before it is published.
 */
export class SignedFiles {
  readonly #options: SignedFilesOptions;
  readonly #dependencies: SignedFilesDependencies;
  /** True once there is a signed version on the disk that further ones follow. */
  isSigned = false;

  constructor(options: SignedFilesOptions, dependencies: SignedFilesDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** True when the journal holds what the signed file does not. */
  get hasJournal(): boolean {
    return false;
  }

  exists(): boolean {
    return this.#dependencies.disk.facts(this.#options.file) !== undefined;
  }

  /** The last version that was made durable, or undefined when there is none that can be used. */
  recover(store: ZoneStore): VersionRef | undefined {
    const { file, label } = this.#options;
    const { log } = this.#dependencies;
    if (!this.exists()) return undefined;
    const result = loadZone(store, { file, format: 'raw', checks: NO_CHECKS }, this.#dependencies);
    if (result.version === 0) {
      const reason = result.failure ?? result.faults.map(({ message }) => message).join('; ');
      log.write(zoneEvent.signedFileUnusable(label, file, reason));
      return undefined;
    }
    this.isSigned = true;
    return result.version;
  }

  /** Replaces the signed file by this version. @throws DiskError */
  write(version: VersionRef, _clean: boolean): void {
    const { arena, clock, disk } = this.#dependencies;
    const header = { version: 1, written: clock.now() } as const;
    printZoneToFile(this.#options.file, version, { kind: 'raw', header }, { arena, disk });
    this.isSigned = true;
  }

  /** Adds what leads from one version to the next. @throws DiskError */
  append(_from: VersionRef, to: VersionRef): void {
    this.write(to, true);
  }

  compactIfWorthwhile(_version: VersionRef): void {}

  close(): void {}
}
