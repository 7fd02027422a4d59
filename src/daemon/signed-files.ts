import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { NO_CHECKS } from '../zone/checks/check-options.ts';
import { Journal } from '../zone/journal/journal.ts';
import { appendDiff, rollForward } from '../zone/journal/roll-forward.ts';
import { loadZone } from '../zone/load-zone.ts';
import { printZoneToFile } from '../zone/print-zone.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { zoneEvent } from './events.ts';

export interface SignedFilesOptions {
  /** `<zone file>.signed`; its journal is beside it with `.jnl`. */
  readonly file: string;
  /** For log lines. */
  readonly label: string;
}

export interface SignedFilesDependencies {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
}

/** Octets of journal that are kept whatever the zone's size. */
const LEAST_JOURNAL = 1 << 20;

/**
 * The signed copy of a zone on the disk: a raw file, as BIND writes it, and the journal of the changes since. Every
 * version is in them, durably, before it is published.
 */
export class SignedFiles {
  readonly #options: SignedFilesOptions;
  readonly #dependencies: SignedFilesDependencies;
  #journal: Journal | undefined;
  /** Serial of the version in the signed file. */
  #fileSerial = 0;
  /** True once there is a signed version on the disk that further ones follow. */
  isSigned = false;

  constructor(options: SignedFilesOptions, dependencies: SignedFilesDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  /** True when the journal holds what the signed file does not. */
  get hasJournal(): boolean {
    const journal = this.#journal;
    return journal !== undefined && !journal.isEmpty && journal.endSerial !== this.#fileSerial;
  }

  exists(): boolean {
    return this.#dependencies.disk.facts(this.#options.file) !== undefined;
  }

  /**
   * The last version that was made durable, or undefined when there is none that can be used; then what is there is put
   * aside under another name and not overwritten. @throws DiskError when it cannot be read: it may be good all the same
   */
  recover(store: ZoneStore): VersionRef | undefined {
    const { file, label } = this.#options;
    const content = this.#dependencies.disk.read(file);
    if (content === undefined) return undefined;
    const result = loadZone(store, { file, content, format: 'raw', checks: NO_CHECKS }, this.#dependencies);
    if (result.version === 0) {
      const reason = result.failure ?? result.faults.map(({ message }) => message).join('; ');
      this.#dependencies.log.write(zoneEvent.signedFileUnusable(label, file, reason));
      this.#putAside(file);
      this.#putAside(this.#journalFile);
      return undefined;
    }
    this.#fileSerial = this.#serialOf(result.version);
    const version = this.#rollForward(store, result.version);
    this.isSigned = true;
    return version;
  }

  /** Replaces the signed file by this version; `clean` removes the journal too. @throws DiskError */
  write(version: VersionRef, clean: boolean, sourceSerial?: number): void {
    const { arena, clock, disk } = this.#dependencies;
    const header = { version: 1, written: clock.now(), ...(sourceSerial !== undefined && { sourceSerial }) } as const;
    printZoneToFile(this.#options.file, version, { kind: 'raw', header }, { arena, disk });
    this.#fileSerial = this.#serialOf(version);
    this.isSigned = true;
    if (!clean) return;
    this.close();
    disk.remove(this.#journalFile);
  }

  /** Adds what leads from one version to the next. @throws DiskError */
  append(from: VersionRef, to: VersionRef, sourceSerial?: number): void {
    const { arena, disk } = this.#dependencies;
    const journal = (this.#journal ??= Journal.openOrCreate(this.#journalFile, { disk }));
    // A journal that does not end where we are is of no use: the whole version takes its place.
    if (!journal.isEmpty && journal.endSerial !== this.#serialOf(from)) return this.write(to, true, sourceSerial);
    try {
      appendDiff(journal, arena, from, to, { ...(sourceSerial !== undefined && { sourceSerial }) });
    } catch (error) {
      // What is open is closed, so that the next attempt sees the file as it is.
      this.close();
      if (!(error instanceof SignetError) || error.code !== 'JOURNAL_FULL') throw error;
      this.write(to, true, sourceSerial);
    }
  }

  /** Writes the file anew when reading the journal would take longer than reading the zone. @throws DiskError */
  compactIfWorthwhile(version: VersionRef, sourceSerial?: number): void {
    if (this.#journal === undefined) return;
    const size = this.#dependencies.disk.facts(this.#options.file)?.size ?? 0;
    const limit = Math.max(LEAST_JOURNAL, 2 * size);
    if (this.#journal.size <= limit) return;
    this.write(version, false, sourceSerial);
    this.#journal.compact(limit, this.#fileSerial);
  }

  close(): void {
    this.#journal?.close();
    this.#journal = undefined;
  }

  get #journalFile(): string {
    return `${this.#options.file}.jnl`;
  }

  #serialOf(version: VersionRef): number {
    return new ZoneReader(this.#dependencies.arena).open(version).serial;
  }

  #rollForward(store: ZoneStore, loaded: VersionRef): VersionRef {
    const { arena, disk, log } = this.#dependencies;
    try {
      this.#journal = Journal.open(this.#journalFile, { disk });
      if (this.#journal === undefined) return loaded;
      const version = rollForward(this.#journal, store, arena, loaded);
      if (version !== loaded) store.release(loaded);
      return version;
    } catch (error) {
      if (!(error instanceof SignetError) || error instanceof DiskError) {
        store.release(loaded);
        throw error;
      }
      log.write(zoneEvent.journalUnusable(this.#options.label, this.#journalFile, error.message));
      this.close();
      this.#putAside(this.#journalFile);
      return loaded;
    }
  }

  #putAside(file: string): void {
    const { disk } = this.#dependencies;
    if (disk.facts(file) !== undefined) disk.rename(file, `${file}.unusable`);
  }
}
