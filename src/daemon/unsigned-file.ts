import { releaseOctets } from '../base/octets.ts';
import { createHash } from 'node:crypto';
import type { Disk } from '../base/disk.ts';
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/clock.ts';
import type { ZoneConfiguration } from '../conf/configuration.ts';
import { loadZone } from '../zone/load-zone.ts';
import { loadingThreads } from '../zone/parallel/parallel-scan.ts';
import { SERVER_CHECKS } from '../zone/checks/check-options.ts';
import { MasterFileFault } from '../zonefile/master-file-fault.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { TYPE } from '../wire/type-codes.ts';
import { zoneEvent } from './events.ts';

export interface UnsignedFileDependencies {
  readonly arena: Arena;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
}

export interface LoadedUnsigned {
  readonly version: VersionRef;
  readonly serial: number;
  /** The file itself has a DNSKEY RRset and a chain. */
  readonly isSigned: boolean;
}

/** The operator's master file of a zone. It is only ever read. */
export class UnsignedFile {
  readonly #path: string;
  readonly #zone: ZoneConfiguration;
  readonly #dependencies: UnsignedFileDependencies;
  #digest: string | undefined;

  constructor(file: string, zone: ZoneConfiguration, dependencies: UnsignedFileDependencies) {
    this.#path = file;
    this.#zone = zone;
    this.#dependencies = dependencies;
  }

  /** True when the file is what was last loaded. A file with $INCLUDE never is: what it includes may be new. */
  isUnchanged(): boolean {
    const content = this.#dependencies.disk.read(this.#path);
    if (content === undefined || this.#digest === undefined) return false;
    const isSame = this.#digest === digestOf(content) && !includes(content);
    releaseOctets(content);
    return isSame;
  }

  /**
   * Reads the file into a new version that nobody sees yet. Undefined when the zone is refused; the log says why, in BIND's
   * words and with file, line and column.
   * @param maxTtl a record with a larger TTL makes the zone refused
   */
  load(store: ZoneStore, label: string, maxTtl: number | undefined): LoadedUnsigned | undefined {
    const { arena, clock, disk, log } = this.#dependencies;
    const content = this.#read(label);
    if (content === undefined) return undefined;
    this.#digest = digestOf(content);
    const { file, masterfileFormat: format } = this.#zone;
    const result = loadZone(
      store,
      { file, content, format, maxTtl, checks: SERVER_CHECKS, now: clock.now(), threads: loadingThreads() },
      { arena, disk },
    );
    releaseOctets(content);
    for (const fault of result.faults) {
      const event = fault.severity === 'error' ? zoneEvent.loadFault : zoneEvent.loadWarning;
      log.write(event(label, fault instanceof MasterFileFault ? fault.message : `zone ${label}: ${fault.what}`));
    }
    if (result.version !== 0) return describe(arena, result.version);
    if (result.failure !== undefined) log.write(zoneEvent.loadFailed(label, file, result.failure));
    return undefined;
  }

  #read(label: string): Uint8Array<ArrayBuffer> | undefined {
    const { disk, log } = this.#dependencies;
    const { file } = this.#zone;
    try {
      const content = disk.read(this.#path);
      if (content === undefined) log.write(zoneEvent.loadFailed(label, file, 'file not found'));
      return content;
    } catch (error) {
      log.write(zoneEvent.loadFailed(label, file, (error as Error).message));
      return undefined;
    }
  }
}

function describe(arena: Arena, version: VersionRef): LoadedUnsigned {
  const reader = new ZoneReader(arena).open(version);
  const isSigned = reader.rrset(reader.apexNode, TYPE.DNSKEY) !== 0 && reader.denial !== 'none';
  return { version, serial: reader.serial, isSigned };
}

function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('base64');
}

const INCLUDE = '$include';

function includes(content: Uint8Array): boolean {
  const octets = Buffer.from(content.buffer, content.byteOffset, content.length);
  for (let at = octets.indexOf('$'); at >= 0; at = octets.indexOf('$', at + 1)) {
    if (octets.toString('latin1', at, at + INCLUDE.length).toLowerCase() === INCLUDE) return true;
  }
  return false;
}
