import type { TextPosition } from '../base/error.ts';
import { isWithin, nameLengthAt, uncheckedName, type Name } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { MalformedError, Reader } from '../wire/reader.ts';
import { recordTypeInClass } from '../wire/rdata/registry.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import { isMetaType, typeText } from '../wire/type-text.ts';
import { Writer } from '../wire/writer.ts';
import { MasterFileFault, type FaultSeverity, type MasterFileFaultCode } from './master-file-fault.ts';
import {
  MAP_FORMAT,
  RAW_FORMAT,
  RAW_HEADER_1_LENGTH,
  RAW_HEADER_LENGTH,
  RAW_RRSET_HEADER_LENGTH,
  RAW_SOURCE_SERIAL,
} from './raw-format.ts';
import type { RecordPlace, RecordSink, ScanResult } from './scanner.ts';

export interface RawReadOptions {
  readonly file: string;
  readonly zone: Name;
  readonly zoneClass?: number;
  readonly maxTtl?: number;
}

export interface RawReadResult extends ScanResult {
  /** Unix time of writing, where the header could be read. */
  readonly written?: number;
  readonly sourceSerial?: number;
}

/**
 * Reads a zone file in BIND's raw format, versions 0 and 1, and hands every record to the sink. Every length, name and
 * RDATA is checked; the first fault ends the reading, because nothing after it has a known place. In positions the line
 * is 1 and the column counts octets of the file.
 */
export function readRawZone(octets: Uint8Array, options: RawReadOptions, sink: RecordSink): RawReadResult {
  const reading = new RawReading(octets, options, sink);
  return reading.run();
}

/** Thrown and caught in this file only. */
class RawFault extends Error {
  readonly what: string;
  readonly result: string;

  constructor(what: string, result: string) {
    super(what);
    this.what = what;
    this.result = result;
  }
}

class RawReading implements RecordPlace {
  readonly #reader: Reader;
  readonly #options: RawReadOptions;
  readonly #sink: RecordSink;
  readonly #checked = new Writer(65536);
  readonly #owner = new Uint8Array(256);
  readonly #faults: MasterFileFault[] = [];
  #records = 0;
  #warnings = 0;

  constructor(octets: Uint8Array, options: RawReadOptions, sink: RecordSink) {
    this.#reader = new Reader(octets);
    this.#options = options;
    this.#sink = sink;
  }

  run(): RawReadResult {
    let header: { written?: number; sourceSerial?: number } = {};
    try {
      header = this.#readHeader();
      while (this.#reader.remaining > 0) this.#readRRset();
    } catch (thrown) {
      if (thrown instanceof RawFault) this.report('error', 'MASTER_FILE_RAW', thrown.what, thrown.result);
      else if (thrown instanceof MalformedError) this.report('error', 'MASTER_FILE_RAW', thrown.message, 'end of file');
      else throw thrown;
    }
    const faults = this.#faults;
    return {
      records: this.#records,
      errors: faults.length - this.#warnings,
      warnings: this.#warnings,
      faults,
      ...header,
    };
  }

  position(): TextPosition {
    return { file: this.#options.file, line: 1, column: this.#reader.at + 1 };
  }

  tokenText(): string {
    return '';
  }

  report(severity: FaultSeverity, code: MasterFileFaultCode, what: string, result?: string): void {
    if (severity === 'warning') this.#warnings++;
    this.#faults.push(new MasterFileFault(severity, code, this.position(), what, result));
  }

  #readHeader(): { written: number; sourceSerial?: number } {
    const reader = this.#reader;
    if (reader.remaining < RAW_HEADER_LENGTH) throw new RawFault('the file ends within the header', 'end of file');
    const format = reader.uint32();
    if (format === MAP_FORMAT)
      throw new RawFault('the map format is not supported: convert it with BIND 9.16', 'not implemented');
    if (format !== RAW_FORMAT) throw new RawFault('file format mismatch (not raw)', 'not implemented');
    const version = reader.uint32();
    if (version > 1)
      throw new RawFault(`raw format version ${version} is not supported, only 0 and 1 are`, 'not implemented');
    const written = reader.uint32();
    if (version === 0) return { written };
    if (reader.remaining < RAW_HEADER_1_LENGTH - RAW_HEADER_LENGTH) {
      throw new RawFault('the file ends within the header', 'end of file');
    }
    const flags = reader.uint32();
    const sourceSerial = reader.uint32();
    reader.uint32();
    return (flags & RAW_SOURCE_SERIAL) === 0 ? { written } : { written, sourceSerial };
  }

  #readRRset(): void {
    const reader = this.#reader;
    const start = reader.at;
    const total = reader.uint32();
    if (total < RAW_RRSET_HEADER_LENGTH || total > reader.octets.length - start) {
      throw new RawFault(`an RRset of ${total} octets does not fit into the file`, 'out of range');
    }
    const end = start + total;
    const rrClass = reader.uint16();
    if (rrClass !== (this.#options.zoneClass ?? CLASS.IN))
      throw new RawFault(`class ${rrClass} is not the zone's`, 'bad class');
    const type = reader.uint16();
    if (type === 0 || isMetaType(type))
      throw new RawFault(`type ${typeText(type)} cannot be in a zone`, 'invalid use of a meta type');
    const covered = reader.uint16();
    const ttl = reader.uint32();
    this.#checkTtl(ttl);
    const count = reader.uint32();
    const ownerLength = this.#readOwner(end, type);
    for (let i = 0; i < count; i++) this.#readRecord(end, type, covered, ttl, ownerLength);
    if (count === 0 || reader.at !== end)
      throw new RawFault(`the RRset does not have ${count} records`, 'out of range');
  }

  #checkTtl(ttl: number): void {
    const { maxTtl } = this.#options;
    if (ttl > 0x7fffffff) throw new RawFault(`TTL ${ttl} has more than 31 bits`, 'out of range');
    if (maxTtl === undefined || ttl <= maxTtl) return;
    throw new RawFault(`TTL ${ttl} exceeds configured max-zone-ttl ${maxTtl}`, 'out of range');
  }

  #readOwner(end: number, type: number): number {
    const reader = this.#reader;
    const length = reader.uint16();
    if (length > end - reader.at || nameLengthAt(reader.octets, reader.at, reader.at + length) !== length) {
      throw new RawFault('the owner is not a name', 'out of range');
    }
    for (let i = 0; i < length; i++) this.#owner[i] = reader.octets[reader.at + i];
    reader.at += length;
    const owner = uncheckedName(this.#owner.subarray(0, length));
    const { zone } = this.#options;
    if (!isWithin(owner, zone) || (type === TYPE.SOA && length !== zone.length)) {
      throw new RawFault(`${nameToShortText(owner)}: not at top of zone`, 'not at top of zone');
    }
    return length;
  }

  #readRecord(end: number, type: number, covered: number, ttl: number, ownerLength: number): void {
    const reader = this.#reader;
    const length = reader.uint16();
    if (length > end - reader.at)
      throw new RawFault(`RDATA of ${length} octets does not fit into the RRset`, 'out of range');
    const checked = this.#checked;
    checked.reset();
    recordTypeInClass(type, this.#options.zoneClass ?? CLASS.IN).read(reader, length, checked);
    // A name that was compressed has another length now: such RDATA is no uncompressed wire form.
    if (checked.at !== length) throw new RawFault(`RDATA of type ${typeText(type)} is malformed`, 'form error');
    if ((type === TYPE.RRSIG || type === TYPE.SIG) && ((checked.octets[0] << 8) | checked.octets[1]) !== covered) {
      throw new RawFault(`a signature does not cover type ${typeText(covered)}`, 'form error');
    }
    this.#records++;
    this.#sink.record(this.#owner, ownerLength, type, ttl, checked.octets, length, this);
  }
}
