import { releaseOctets } from '../base/octets.ts';
import type { Disk } from '../base/disk.ts';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';
import { equalNames, nameKey, uncheckedName, type Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { CLASS } from '../wire/type-codes.ts';
import { MasterFileFault } from '../zonefile/master-file-fault.ts';
import { readRawZone } from '../zonefile/raw-reader.ts';
import { MasterFileScanner, type RecordPlace, type RecordSink, type ScanResult } from '../zonefile/scanner.ts';
import type { OutsideName } from './checks/address-checks.ts';
import type { ZoneCheckOptions } from './checks/check-options.ts';
import { conflictsWithAlias, findOwnerConflicts, type OwnerConflict } from './checks/owner-conflicts.ts';
import { RecordChecks } from './checks/record-checks.ts';
import { checkZone } from './checks/zone-checks.ts';
import { ZoneFault } from './checks/zone-fault.ts';
import { Journal } from './journal/journal.ts';
import { rollForward } from './journal/roll-forward.ts';
import { LoaderSink } from './parallel/loader-sink.ts';
import { scanInSlices } from './parallel/parallel-scan.ts';
import type { Arena, VersionRef } from './store/arena.ts';
import type { ZoneLoader } from './store/zone-loader.ts';
import { ZoneReader } from './store/zone-reader.ts';
import type { ZoneStore } from './store/zone-store.ts';

export type ZoneFileFormat = 'text' | 'raw';

export interface LoadZoneOptions {
  /** Path of the zone file, also for messages. */
  readonly file: string;
  /** The file's content where it is not on the disk (standard input). */
  readonly content?: Uint8Array;
  readonly format?: ZoneFileFormat;
  readonly zoneClass?: number;
  /** A record with a larger TTL makes the zone refused (max-zone-ttl). */
  readonly maxTtl?: number;
  readonly checks: ZoneCheckOptions;
  /** Path of a journal that is applied to what the file says, where there is one. */
  readonly journal?: string;
  /** Unix seconds: expired signatures are told of. */
  readonly now?: number;
  /** Threads that may read a large text, the calling one counted, which waits for the others. Default: 1. */
  readonly threads?: number;
  /** Octets of text that a thread reads at a time, where several do. When given, even one thread reads in such slices. */
  readonly sliceOctets?: number;
}

export type LoadFault = MasterFileFault | ZoneFault;

export interface LoadZoneResult {
  /** The version, which the caller releases; 0 when the zone is refused. */
  readonly version: VersionRef;
  readonly records: number;
  /** All that was found, in BIND's order; a severity says whether it refuses the zone. */
  readonly faults: readonly LoadFault[];
  /** BIND's word for why the file could not be read ("file not found", "unknown class/type"). */
  readonly failure?: string;
  /** Names that the checks would look up outside the zone. */
  readonly outside: readonly OutsideName[];
  /** From the header of a raw file. */
  readonly sourceSerial?: number;
}

/**
 * Reads a zone file into a new version of the store and makes the semantic checks of named-checkzone(1). Nothing is
 * published. Faults of the file or the zone are in the result; only a defect of the machine throws.
 */
export function loadZone(
  store: ZoneStore,
  options: LoadZoneOptions,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
): LoadZoneResult {
  const { disk } = dependencies;
  if (options.content !== undefined) return loadContent(store, options.content, options, dependencies);
  const content = readContent(options, disk);
  if (typeof content === 'string') return { version: 0, records: 0, faults: [], failure: content, outside: [] };
  try {
    return loadContent(store, content, options, dependencies);
  } finally {
    releaseOctets(content);
  }
}

function loadContent(
  store: ZoneStore,
  content: Uint8Array,
  options: LoadZoneOptions,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
): LoadZoneResult {
  return (
    loadInSlices(store, content, options, dependencies) ??
    loadWith(store, content, options, dependencies, (loader) => {
      const checks = new RecordChecks(
        { checks: options.checks, zone: store.apex, now: options.now },
        new LoaderSink(loader),
      );
      return { checks, ...scanContent(content, store.apex, options, dependencies.disk, checks) };
    })
  );
}

/** Undefined when one thread has to read it all. */
function loadInSlices(
  store: ZoneStore,
  content: Uint8Array,
  options: LoadZoneOptions,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
): LoadZoneResult | undefined {
  const { file, zoneClass, maxTtl, checks, now, sliceOctets, threads = 1 } = options;
  if (options.format === 'raw' || (threads < 2 && sliceOctets === undefined)) return undefined;
  const slices = { file, zone: store.apex, zoneClass, maxTtl, checks, now, threads, sliceOctets };
  return loadWith(store, content, options, dependencies, (loader) => {
    const found = scanInSlices(content, slices, { ...dependencies, store, loader });
    return found && { checks: found, records: found.records, errors: 0, faults: [] };
  });
}

/** What reading the records has brought. */
interface Scanned extends Pick<ScanResult, 'records' | 'errors' | 'faults'> {
  readonly checks: Pick<RecordChecks, 'soaCount' | 'nsCount' | 'hasAlias'>;
  readonly sourceSerial?: number;
}

/** Undefined when `read` is: then nothing is loaded. */
function loadWith<Read extends Scanned | undefined>(
  store: ZoneStore,
  content: Uint8Array,
  options: LoadZoneOptions,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
  read: (loader: ZoneLoader) => Read,
): LoadZoneResult | Extract<Read, undefined> {
  const loader = store.load();
  try {
    const scanned = read(loader);
    if (scanned === undefined) return undefined as Extract<Read, undefined>;
    return makeVersion(loader, scanned, store, content, options, dependencies);
  } finally {
    loader.abandon();
  }
}

function makeVersion(
  loader: ZoneLoader,
  scan: Scanned,
  store: ZoneStore,
  content: Uint8Array,
  options: LoadZoneOptions,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
): LoadZoneResult {
  const { disk, arena } = dependencies;
  const { checks } = scan;
  const faults: LoadFault[] = [...scan.faults];
  const { sourceSerial } = scan;
  const failed = (failure?: string): LoadZoneResult => ({
    version: 0,
    records: scan.records,
    faults,
    failure,
    outside: [],
  });
  if (scan.errors > 0) return failed(firstError(scan.faults));
  faults.push(...checkApex(checks, store.apex, options.zoneClass));
  if (faults.some((fault) => fault.severity === 'error')) return failed();
  const loaded = finish(loader, store.apex, options, faults);
  if (loaded === 0) return failed();
  const reader = new ZoneReader(arena).open(loaded);
  const conflicts = checks.hasAlias ? findOwnerConflicts(reader) : [];
  if (conflicts.length > 0) {
    faults.push(...placeConflicts(conflicts, content, store.apex, options, disk));
    store.release(loaded);
    return failed(conflicts[0].kind);
  }
  const version = applyJournal(store, loaded, options, dependencies, faults);
  if (version === 0) return failed();
  reader.open(version);
  const result = checkZone(reader, options.checks, options.zoneClass);
  faults.push(...result.faults);
  if (result.hasErrors) {
    store.release(version);
    return failed();
  }
  return { version, records: scan.records, faults, outside: result.outside, sourceSerial };
}

/** The content, or why there is none. */
function readContent(options: LoadZoneOptions, disk: Disk): Uint8Array<ArrayBuffer> | string {
  try {
    return disk.read(options.file) ?? 'file not found';
  } catch (cause) {
    if (cause instanceof DiskError) return cause.message;
    throw cause;
  }
}

function scanContent(
  content: Uint8Array,
  zone: Name,
  options: LoadZoneOptions,
  disk: Disk,
  sink: RecordSink,
): ScanResult & { sourceSerial?: number } {
  const { file, zoneClass, maxTtl } = options;
  if (options.format === 'raw') return readRawZone(content, { file, zone, zoneClass, maxTtl }, sink);
  return new MasterFileScanner({ file, origin: zone, zone, zoneClass, maxTtl }, { disk, sink }).scan(content);
}

function firstError(faults: readonly MasterFileFault[]): string | undefined {
  return faults.find((fault) => fault.severity === 'error')?.result;
}

function checkApex(checks: Scanned['checks'], zone: Name, zoneClass: number = CLASS.IN): ZoneFault[] {
  const faults: ZoneFault[] = [];
  if (checks.soaCount === 0) faults.push(new ZoneFault('error', 'ZONE_APEX', zone, 'has 0 SOA records', zoneClass));
  if (checks.nsCount === 0) faults.push(new ZoneFault('error', 'ZONE_APEX', zone, 'has no NS records', zoneClass));
  return faults;
}

/** The loader's version, or 0 and a fault where an RRset is too large for the store. */
function finish(loader: ZoneLoader, zone: Name, options: LoadZoneOptions, faults: LoadFault[]): VersionRef {
  try {
    return loader.finish();
  } catch (cause) {
    if (!(cause instanceof SignetError) || cause.code !== 'RRSET_TOO_LARGE') throw cause;
    faults.push(new ZoneFault('error', 'ZONE_FILE', zone, cause.message, options.zoneClass));
    return 0;
  }
}

/** What the journal makes of the loaded version, or 0 and a fault when it does not fit; `loaded` is then released. */
function applyJournal(
  store: ZoneStore,
  loaded: VersionRef,
  options: LoadZoneOptions,
  dependencies: { readonly arena: Arena; readonly disk: Disk },
  faults: LoadFault[],
): VersionRef {
  if (options.journal === undefined) return loaded;
  let version: VersionRef = 0;
  try {
    const journal = Journal.open(options.journal, dependencies);
    if (journal === undefined) return loaded;
    try {
      version = rollForward(journal, store, dependencies.arena, loaded);
    } finally {
      journal.close();
    }
  } catch (cause) {
    if (!(cause instanceof SignetError)) throw cause;
    const what = `journal rollforward failed: ${cause.message}`;
    faults.push(new ZoneFault('error', 'ZONE_JOURNAL', store.apex, what, options.zoneClass));
  }
  if (version !== loaded) store.release(loaded);
  return version;
}

/** Finds the lines of the conflicts by reading the file once more: only zones that are refused pay for it. */
function placeConflicts(
  conflicts: readonly OwnerConflict[],
  content: Uint8Array,
  zone: Name,
  options: LoadZoneOptions,
  disk: Disk,
): MasterFileFault[] {
  const finder = new ConflictFinder(conflicts);
  scanContent(content, zone, options, disk, finder);
  return finder.faults;
}

/** Reports each conflict at the record that completes it. */
class ConflictFinder implements RecordSink {
  readonly faults: MasterFileFault[] = [];
  readonly #open: Map<string, OwnerConflict[]> = new Map();
  readonly #seen = new Map<OwnerConflict, { alias: boolean; other: boolean; rdata: string | undefined }>();

  constructor(conflicts: readonly OwnerConflict[]) {
    for (const conflict of conflicts) {
      const key = nameKey(conflict.owner);
      this.#open.set(key, [...(this.#open.get(key) ?? []), conflict]);
      this.#seen.set(conflict, { alias: false, other: false, rdata: undefined });
    }
  }

  record(
    owner: Uint8Array,
    ownerLength: number,
    type: number,
    _ttl: number,
    rdata: Uint8Array,
    rdataLength: number,
    place: RecordPlace,
  ): void {
    const name = uncheckedName(owner.subarray(0, ownerLength));
    for (const conflict of this.#open.get(nameKey(name)) ?? []) {
      const seen = this.#seen.get(conflict);
      if (seen === undefined || !equalNames(name, conflict.owner)) continue;
      if (!completes(conflict, seen, type, rdata.subarray(0, rdataLength))) continue;
      this.#seen.delete(conflict);
      const what = `${nameToShortText(conflict.owner)}: ${conflict.kind}`;
      this.faults.push(new MasterFileFault('error', 'MASTER_FILE_CHECK', place.position(), what, conflict.kind));
    }
  }
}

function completes(
  conflict: OwnerConflict,
  seen: { alias: boolean; other: boolean; rdata: string | undefined },
  type: number,
  rdata: Uint8Array,
): boolean {
  if (conflict.kind === 'CNAME and other data') {
    if (conflictsWithAlias(type)) seen.other = true;
    else if (type === conflict.type) seen.alias = true;
    return seen.alias && seen.other;
  }
  if (type !== conflict.type) return false;
  const key = nameKey(uncheckedName(rdata));
  if (seen.rdata === undefined) seen.rdata = key;
  return seen.rdata !== key;
}
