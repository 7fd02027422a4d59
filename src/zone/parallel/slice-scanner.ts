import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { Name } from '../../wire/name.ts';
import { MasterFileScanner } from '../../zonefile/scanner.ts';
import type { ZoneCheckOptions } from '../checks/check-options.ts';
import { RecordChecks } from '../checks/record-checks.ts';
import type { RecordWriter } from '../store/record-writer.ts';
import { ZoneLoader, type WrittenNodes } from '../store/zone-loader.ts';
import { LoaderSink } from './loader-sink.ts';

/** What a slice needs to know of the text before it, and of the zone: plain data. */
export interface SliceOptions {
  readonly zone: Uint8Array;
  readonly origin: Uint8Array;
  /** The $TTL, in seconds. */
  readonly defaultTtl: number | undefined;
  readonly zoneClass: number | undefined;
  readonly maxTtl: number | undefined;
  readonly checks: ZoneCheckOptions;
  /** Unix seconds: expired signatures are told of. */
  readonly now: number | undefined;
}

/** What a slice without any fault has: plain data. */
export interface SliceResult extends WrittenNodes {
  readonly records: number;
  readonly firstOwner: Uint8Array<ArrayBuffer> | undefined;
  readonly lastOwner: Uint8Array<ArrayBuffer> | undefined;
  readonly soa: Uint8Array<ArrayBuffer> | undefined;
  /** NS records at the apex. */
  readonly nsCount: number;
  readonly hasAlias: boolean;
}

/** Reads slices of a zone's text, cut where owners begin, and writes their nodes into the arena. One a thread. */
export class SliceScanner {
  readonly #options: SliceOptions;
  readonly #loader: ZoneLoader;

  /** @param begin gives what writes the nodes; called once, when it is needed */
  constructor(options: SliceOptions, begin: () => RecordWriter) {
    this.#options = options;
    // What the writer wrote belongs to who made it.
    this.#loader = new ZoneLoader(options.zone as Name, { begin, finish: () => undefined, fail: () => undefined });
  }

  /** Undefined when anything at all is to be told of the slice: who reads the whole file tells it rightly. */
  scan(text: Uint8Array): SliceResult | undefined {
    const { checks, now, defaultTtl, zoneClass, maxTtl } = this.#options;
    const zone = this.#options.zone as Name;
    const sink = new RecordChecks({ checks, zone, now }, new LoaderSink(this.#loader));
    const scanner = new MasterFileScanner(
      {
        file: '',
        origin: this.#options.origin as Name,
        zone,
        zoneClass,
        defaultTtl,
        maxTtl,
        maxErrors: 1,
        maxWarnings: 1,
        recordsOnly: true,
      },
      { disk: NO_DISK, sink },
    );
    const { records, faults } = scanner.scan(text);
    if (faults.length > 0) return undefined;
    const nodes = this.#take();
    if (nodes === undefined) return undefined;
    const { firstOwner, lastOwner } = scanner;
    return { ...nodes, records, firstOwner, lastOwner, soa: sink.soa, nsCount: sink.nsCount, hasAlias: sink.hasAlias };
  }

  #take(): WrittenNodes | undefined {
    try {
      return this.#loader.take();
    } catch (error) {
      // Too large an RRset or too small an arena: reading the whole file tells it of the zone.
      if (error instanceof SignetError) return undefined;
      throw error;
    }
  }

  /** Gives the staging space back. */
  release(): void {
    this.#loader.abandon();
  }
}

/** Slices include nothing: directives are refused in them. */
const NO_DISK = new Proxy({} as Disk, {
  get: () => {
    throw new SignetError('INTERNAL', 'a slice of a zone file was to read another file');
  },
});
