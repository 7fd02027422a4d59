import { soaSerial } from '../../wire/rdata/soa.ts';
import { nameLengthAt, type Name, uncheckedName } from '../../wire/name.ts';
import { CLASS, TYPE } from '../../wire/type-codes.ts';
import { Writer } from '../../wire/writer.ts';
import { corrupt } from './journal-format.ts';

/** A record of a transaction. */
export interface JournalRecord {
  readonly isAdded: boolean;
  readonly owner: Name;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly rdata: Uint8Array;
}

/**
 * Reads the records of one transaction; `octets` are all of them, `offset` is where they stand in the file. The first
 * SOA record begins what is deleted, the second what is added.
 * @throws SignetError JOURNAL_CORRUPT
 */
export function* readRecords(file: string, octets: Uint8Array, offset: number): Generator<JournalRecord> {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  let soas = 0;
  for (let at = 0; at < octets.length;) {
    if (octets.length - at < 4) corrupt(file, 'a record is cut off', offset + at);
    const size = view.getUint32(at);
    const start = at + 4;
    const end = start + size;
    if (end > octets.length) corrupt(file, `a record of ${size} octets reaches beyond its transaction`, offset + at);
    const nameLength = nameLengthAt(octets, start, end);
    const fixed = start + nameLength;
    if (nameLength < 0 || fixed + 10 > end || fixed + 10 + view.getUint16(fixed + 8) !== end)
      corrupt(file, 'a record is malformed', offset + at);
    const type = view.getUint16(fixed);
    if (type === TYPE.SOA) soas++;
    if (soas === 0 || soas > 2) corrupt(file, 'a transaction without its two SOA records', offset + at);
    yield {
      isAdded: soas === 2,
      owner: uncheckedName(octets.subarray(start, fixed)),
      type,
      class: view.getUint16(fixed + 2),
      ttl: view.getUint32(fixed + 4),
      rdata: octets.subarray(fixed + 10, end),
    };
    at = end;
  }
  if (soas !== 2) corrupt(file, 'a transaction without its two SOA records', offset);
}

/** Collects the records of a transaction in their order: what is deleted, SOA first, then what is added, SOA first. */
export class TransactionWriter {
  readonly #deleted = new Writer(4096);
  readonly #added = new Writer(4096);
  readonly #class: number;
  #count = 0;
  #startSerial: number | undefined;
  #endSerial: number | undefined;

  constructor(zoneClass: number = CLASS.IN) {
    this.#class = zoneClass;
  }

  /** The SOA record must come first. */
  deleted(owner: Name, type: number, ttl: number, rdata: Uint8Array): void {
    if (type === TYPE.SOA) this.#startSerial = soaSerial(rdata);
    this.#put(this.#deleted, owner, type, ttl, rdata);
  }

  /** The SOA record must come first. */
  added(owner: Name, type: number, ttl: number, rdata: Uint8Array): void {
    if (type === TYPE.SOA) this.#endSerial = soaSerial(rdata);
    this.#put(this.#added, owner, type, ttl, rdata);
  }

  get recordCount(): number {
    return this.#count;
  }

  /** Serials of the two SOA records; undefined without them. */
  get serials(): { start: number; end: number } | undefined {
    if (this.#startSerial === undefined || this.#endSerial === undefined) return undefined;
    return { start: this.#startSerial, end: this.#endSerial };
  }

  get size(): number {
    return this.#deleted.at + this.#added.at;
  }

  /** Views, one behind the other in the file. */
  parts(): [Uint8Array, Uint8Array] {
    return [this.#deleted.view(), this.#added.view()];
  }

  #put(out: Writer, owner: Name, type: number, ttl: number, rdata: Uint8Array): void {
    this.#count++;
    out.uint32(owner.length + 10 + rdata.length);
    out.name(owner);
    out.uint16(type);
    out.uint16(this.#class);
    out.uint32(ttl);
    out.uint16(rdata.length);
    out.bytes(rdata);
  }
}
