import type { Disk, UpdateHandle } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import { serialLess } from '../../base/serial.ts';
import {
  addToIndex,
  bodyOffset,
  corrupt,
  HEADER_OCTETS,
  INDEX_ENTRIES,
  type JournalFormat,
  type JournalHeader,
  type JournalPlace,
  readHeader,
  readTransactionHeader,
  type TransactionHeader,
  transactionHeaderOctets,
  writeHeader,
  writeTransactionHeader,
} from './journal-format.ts';
import { type JournalRecord, readRecords, type TransactionWriter } from './journal-records.ts';

/** Offsets in the file have 32 bits. */
const MAX_JOURNAL_OCTETS = 0xffffffff;

export interface AppendOptions {
  /** Serial of the unsigned version that the zone is signed from, kept in the header. */
  readonly sourceSerial?: number;
}

/**
 * A zone's journal on disk: what took it from each serial to the next. One process at a time writes it. What was appended
 * is durable when `append` returns; whatever happens before, the file stands as it was before `append`.
 */
export class Journal {
  readonly path: string;
  readonly #disk: Disk;
  #handle: UpdateHandle;
  #header: JournalHeader;

  private constructor(path: string, disk: Disk, handle: UpdateHandle) {
    this.path = path;
    this.#disk = disk;
    this.#handle = handle;
    this.#header = this.#readHeader();
  }

  /**
   * Opens the journal; undefined when there is none.
   * @throws SignetError JOURNAL_FORMAT, JOURNAL_CORRUPT, DiskError
   */
  static open(path: string, dependencies: { disk: Disk }): Journal | undefined {
    const handle = dependencies.disk.openUpdate(path);
    if (handle === undefined) return undefined;
    try {
      return new Journal(path, dependencies.disk, handle);
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  /** Opens the journal, making an empty one when there is none. */
  static openOrCreate(path: string, dependencies: { disk: Disk }, mode = 0o644): Journal {
    const known = Journal.open(path, dependencies);
    if (known !== undefined) return known;
    dependencies.disk.replace(path, writeHeader(emptyHeader()), mode);
    return Journal.open(path, dependencies)!;
  }

  #readHeader(): JournalHeader {
    const fixed = new Uint8Array(HEADER_OCTETS);
    const length = this.#handle.read(0, fixed);
    const header = readHeader(this.path, fixed.subarray(0, length));
    const whole = new Uint8Array(bodyOffset(header));
    const read = this.#handle.read(0, whole);
    const complete = readHeader(this.path, whole.subarray(0, read));
    const { begin, end } = complete;
    if (begin.offset === end.offset) return complete;
    if (begin.offset < bodyOffset(complete) || end.offset < begin.offset || end.offset > this.#handle.size())
      corrupt(this.path, 'begin or end of the transactions lies outside the file', 16);
    return complete;
  }

  get format(): JournalFormat {
    return this.#header.format;
  }

  get header(): JournalHeader {
    return this.#header;
  }

  get isEmpty(): boolean {
    return this.#header.begin.offset === this.#header.end.offset;
  }

  /** Serial before the first transaction. */
  get beginSerial(): number {
    return this.#header.begin.serial;
  }

  /** Serial after the last transaction. */
  get endSerial(): number {
    return this.#header.end.serial;
  }

  get sourceSerial(): number | undefined {
    return this.#header.sourceSerial;
  }

  /** Octets of the file that count. */
  get size(): number {
    return Math.max(this.#header.end.offset, bodyOffset(this.#header));
  }

  /**
   * Transactions from the one that begins with `from` (default: the first), to the end. Each is read when it is asked for.
   * @throws SignetError JOURNAL_RANGE when no transaction begins with `from` (and it is not the end)
   */
  *transactions(from: number = this.beginSerial): Generator<TransactionHeader> {
    let { offset, serial } = this.#place(from);
    while (offset < this.#header.end.offset) {
      const transaction = this.#transactionAt(offset, serial);
      offset += transactionHeaderOctets(this.format) + transaction.size;
      serial = transaction.end;
      yield transaction;
    }
  }

  /** True when the differences from this serial to the end are here. */
  reaches(from: number): boolean {
    return this.#find(from) !== undefined;
  }

  /** The records of a transaction. They are views of memory that nothing else uses. */
  records(transaction: TransactionHeader): Generator<JournalRecord> {
    const octets = new Uint8Array(transaction.size);
    const offset = transaction.offset + transactionHeaderOctets(this.format);
    if (this.#handle.read(offset, octets) !== octets.length) corrupt(this.path, 'a transaction is cut off', offset);
    return readRecords(this.path, octets, offset);
  }

  /**
   * Appends a transaction. First its octets are made durable, then the header that makes them count.
   * @throws SignetError JOURNAL_SERIAL when it does not begin where the journal ends, or its serial does not go up;
   *   DiskError: then the journal is as it was
   */
  append(transaction: TransactionWriter, options: AppendOptions = {}): void {
    const { start, end } = this.#checkSerials(transaction);
    if (this.format === 'V9') this.rewrite('V9.2');
    const header = this.#header;
    const offset = this.isEmpty ? bodyOffset(header) : header.end.offset;
    const { size, recordCount } = transaction;
    const fixed = writeTransactionHeader('V9.2', { offset, size, recordCount, start, end });
    const behind = offset + fixed.length + size;
    if (behind > MAX_JOURNAL_OCTETS) this.#full(behind);
    let at = offset;
    for (const part of [fixed, ...transaction.parts()]) {
      this.#handle.write(at, part);
      at += part.length;
    }
    this.#handle.sync();
    const place = { serial: start, offset };
    this.#commit({
      ...header,
      begin: this.isEmpty ? place : header.begin,
      end: { serial: end, offset: behind },
      index: addToIndex(this.isEmpty ? [] : header.index, place, header.indexSize),
      sourceSerial: options.sourceSerial ?? header.sourceSerial,
    });
  }

  /** Keeps the serial of the unsigned version in the header, durably. */
  setSourceSerial(serial: number): void {
    if (this.#header.sourceSerial !== serial) this.#commit({ ...this.#header, sourceSerial: serial });
  }

  /** Header and index are one sector of the disk: they are written whole or not at all. */
  #commit(header: JournalHeader): void {
    this.#handle.write(0, writeHeader(header));
    this.#handle.sync();
    this.#header = header;
  }

  #checkSerials(transaction: TransactionWriter): { start: number; end: number } {
    const { serials } = transaction;
    const follows = serials !== undefined && (this.isEmpty || serials.start === this.endSerial);
    if (follows && serialLess(serials.start, serials.end)) return serials;
    const text = serials === undefined ? 'no two SOA records' : `serials ${serials.start} to ${serials.end}`;
    const expected = this.isEmpty ? 'a serial that goes up' : `one from ${this.endSerial} upwards`;
    throw new SignetError(
      'JOURNAL_SERIAL',
      `${this.path}: a transaction with ${text} was given, expected ${expected}`,
      {
        file: this.path,
        start: serials?.start,
        end: serials?.end,
      },
    );
  }

  #full(octets: number): never {
    throw new SignetError(
      'JOURNAL_FULL',
      `${this.path} would be ${octets} octets long: write the zone file, compact it`,
      {
        file: this.path,
        octets,
      },
    );
  }

  /**
   * Drops transactions from the front until what is left is at most half of `limit`, in one step. Those from `keepFrom` on
   * (the serial of the zone file) stay, so that the zone can be rolled forward.
   * @returns true when something was dropped
   */
  compact(limit: number, keepFrom: number): boolean {
    if (this.size <= limit || this.isEmpty) return false;
    const wanted = limit / 2;
    for (const transaction of this.transactions()) {
      const left = bodyOffset(this.#header) + this.#header.end.offset - transaction.offset;
      if (transaction.start !== keepFrom && left > wanted) continue;
      return this.#keepFrom({ serial: transaction.start, offset: transaction.offset });
    }
    return this.#keepFrom(this.#header.end);
  }

  /** Drops all transactions before the one that begins with `serial`. @throws SignetError JOURNAL_RANGE */
  dropBefore(serial: number): void {
    this.#keepFrom(this.#place(serial));
  }

  #keepFrom(place: JournalPlace): boolean {
    if (place.offset === this.#header.begin.offset) return false;
    this.#replace(this.format, [...this.transactions(place.serial)]);
    return true;
  }

  /** Writes the journal again in another format, in one step. */
  rewrite(format: JournalFormat): void {
    this.#replace(format, this.isEmpty ? [] : [...this.transactions()]);
  }

  #replace(format: JournalFormat, kept: readonly TransactionHeader[]): void {
    const parts: Uint8Array[] = [];
    const index: JournalPlace[] = [];
    let offset = HEADER_OCTETS + 8 * INDEX_ENTRIES;
    const first = offset;
    for (const transaction of kept) {
      const octets = new Uint8Array(transaction.size);
      this.#handle.read(transaction.offset + transactionHeaderOctets(this.format), octets);
      index.push({ serial: transaction.start, offset });
      const recordCount = transaction.recordCount || countRecords(octets);
      const fixed = writeTransactionHeader(format, { ...transaction, recordCount });
      parts.push(fixed, octets);
      offset += fixed.length + octets.length;
    }
    const { end, sourceSerial } = this.#header;
    const header: JournalHeader = {
      format,
      begin: { serial: kept[0]?.start ?? end.serial, offset: first },
      end: { serial: end.serial, offset },
      indexSize: INDEX_ENTRIES,
      index: index.reduce<JournalPlace[]>((all, place) => addToIndex(all, place, INDEX_ENTRIES), []),
      sourceSerial,
    };
    this.#disk.replace(this.path, [writeHeader(header), ...parts], this.#disk.facts(this.path)?.mode);
    this.#handle.close();
    this.#handle = this.#disk.openUpdate(this.path)!;
    this.#header = this.#readHeader();
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #place(serial: number): JournalPlace {
    const place = this.#find(serial);
    if (place !== undefined) return place;
    throw new SignetError(
      'JOURNAL_RANGE',
      `${this.path} goes from serial ${this.beginSerial} to ${this.endSerial} and has no transaction from ${serial}`,
      { file: this.path, serial, begin: this.beginSerial, end: this.endSerial },
    );
  }

  /** Where the transaction that begins with `serial` is: from the nearest place in the index, from one to the next. */
  #find(serial: number): JournalPlace | undefined {
    const { begin, end, index } = this.#header;
    if (serial === end.serial) return end;
    if (this.isEmpty || serialLess(serial, begin.serial) || serialLess(end.serial, serial)) return undefined;
    let place = begin;
    for (const entry of index) {
      const isUsable = entry.offset > place.offset && entry.offset < end.offset;
      if (isUsable && !serialLess(serial, entry.serial)) place = entry;
    }
    while (place.offset < end.offset && place.serial !== serial) {
      const transaction = this.#transactionAt(place.offset, place.serial);
      place = {
        serial: transaction.end,
        offset: place.offset + transactionHeaderOctets(this.format) + transaction.size,
      };
    }
    return place.serial === serial ? place : undefined;
  }

  #transactionAt(offset: number, serial: number): TransactionHeader {
    const octets = new Uint8Array(transactionHeaderOctets(this.format));
    if (this.#handle.read(offset, octets) !== octets.length) corrupt(this.path, 'a transaction is cut off', offset);
    const transaction = readTransactionHeader(this.format, octets, offset);
    const isInside = offset + octets.length + transaction.size <= this.#header.end.offset;
    if (!isInside || transaction.start !== serial || transaction.size === 0)
      corrupt(this.path, `a transaction of ${transaction.size} octets from serial ${transaction.start}`, offset);
    return transaction;
  }
}

function emptyHeader(): JournalHeader {
  const none = { serial: 0, offset: 0 };
  return { format: 'V9.2', begin: none, end: none, index: [], indexSize: INDEX_ENTRIES, sourceSerial: undefined };
}

function countRecords(octets: Uint8Array): number {
  const view = new DataView(octets.buffer);
  let count = 0;
  for (let at = 0; at + 4 <= octets.length; at += 4 + view.getUint32(at)) count++;
  return count;
}
