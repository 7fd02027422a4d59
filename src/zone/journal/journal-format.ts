import { SignetError } from '../../base/error.ts';
import { latin1Octets, latin1Text } from '../../base/octets.ts';

/*
 * BIND's journal file. All numbers have their high octet first.
 *
 *   header        16 octets   ";BIND LOG V9.2\n" (BIND 9.16.13 and later) or ";BIND LOG V9\n", filled up with 0
 *   (64 octets)   32, 32      begin: serial before the first transaction, octet where that is
 *                 32, 32      end: serial after the last transaction, octet behind it
 *                 32          entries in the index
 *                 32          source serial: the unsigned version that an inline-signed zone was made from
 *                 8           flags: 1 = the source serial is set
 *                 23          0
 *   index         entries of 32 (serial before a transaction), 32 (octet where it is); 0, 0 for none
 *   transactions  V9.2: 32 octets of the records, 32 number of records, 32 serial before, 32 serial after; then records
 *                 V9:   the same without the number of records
 *   record        32 octets that follow, then owner, type, class, TTL, RDATA length, RDATA, nothing compressed
 *
 * A transaction is IXFR's difference sequence (RFC 1995 section 4): the old SOA and what is deleted, then the new SOA
 * and what is added. It counts from the moment that the header's end is behind it.
 */

export type JournalFormat = 'V9' | 'V9.2';

export interface JournalPlace {
  readonly serial: number;
  readonly offset: number;
}

export interface JournalHeader {
  readonly format: JournalFormat;
  readonly begin: JournalPlace;
  readonly end: JournalPlace;
  readonly sourceSerial: number | undefined;
  /** Places of transactions, ascending. */
  readonly index: readonly JournalPlace[];
  readonly indexSize: number;
}

export interface TransactionHeader {
  readonly offset: number;
  /** Octets of the records. */
  readonly size: number;
  /** 0 in V9, which does not say it. */
  readonly recordCount: number;
  readonly start: number;
  readonly end: number;
}

export const HEADER_OCTETS = 64;
export const INDEX_ENTRIES = 56;
const MAGIC: Readonly<Record<JournalFormat, string>> = { V9: ';BIND LOG V9\n', 'V9.2': ';BIND LOG V9.2\n' };
/** A larger index is not one that BIND writes. */
const MAX_INDEX_ENTRIES = 65536;

export function transactionHeaderOctets(format: JournalFormat): number {
  return format === 'V9' ? 12 : 16;
}

/** Where transactions begin. */
export function bodyOffset(header: JournalHeader): number {
  return HEADER_OCTETS + 8 * header.indexSize;
}

/** @throws SignetError JOURNAL_FORMAT, JOURNAL_CORRUPT */
export function readHeader(file: string, octets: Uint8Array): JournalHeader {
  const text = octets.length < HEADER_OCTETS ? '' : latin1Text(octets, 0, 16).replace(/\0+$/, '');
  const format = text === MAGIC['V9.2'] ? 'V9.2' : text === MAGIC.V9 ? 'V9' : undefined;
  if (format === undefined)
    throw new SignetError('JOURNAL_FORMAT', `${file} is not a journal of format V9 or V9.2: remove it or its name`, {
      file,
    });
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const place = (at: number): JournalPlace => ({ serial: view.getUint32(at), offset: view.getUint32(at + 4) });
  const indexSize = view.getUint32(32);
  const header = {
    format,
    begin: place(16),
    end: place(24),
    indexSize,
    sourceSerial: (octets[40] & 1) === 0 ? undefined : view.getUint32(36),
  } as const;
  if (indexSize > MAX_INDEX_ENTRIES) corrupt(file, `an index of ${indexSize} entries`, 32);
  const index: JournalPlace[] = [];
  for (let at = HEADER_OCTETS; at < HEADER_OCTETS + 8 * indexSize && at + 8 <= octets.length; at += 8)
    if (view.getUint32(at + 4) !== 0) index.push(place(at));
  return { ...header, index };
}

/** Header and index, ready to be written at the beginning of the file. */
export function writeHeader(header: JournalHeader): Uint8Array {
  const octets = new Uint8Array(bodyOffset(header));
  const view = new DataView(octets.buffer);
  octets.set(latin1Octets(MAGIC[header.format]));
  const put = (at: number, place: JournalPlace): void => {
    view.setUint32(at, place.serial);
    view.setUint32(at + 4, place.offset);
  };
  put(16, header.begin);
  put(24, header.end);
  view.setUint32(32, header.indexSize);
  view.setUint32(36, header.sourceSerial ?? 0);
  octets[40] = header.sourceSerial === undefined ? 0 : 1;
  for (const [i, place] of header.index.entries()) put(HEADER_OCTETS + 8 * i, place);
  return octets;
}

export function readTransactionHeader(format: JournalFormat, octets: Uint8Array, offset: number): TransactionHeader {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const size = view.getUint32(0);
  const at = format === 'V9' ? 4 : 8;
  const recordCount = format === 'V9' ? 0 : view.getUint32(4);
  return { offset, size, recordCount, start: view.getUint32(at), end: view.getUint32(at + 4) };
}

export function writeTransactionHeader(format: JournalFormat, transaction: TransactionHeader): Uint8Array {
  const { size, recordCount, start, end } = transaction;
  const numbers = format === 'V9' ? [size, start, end] : [size, recordCount, start, end];
  const octets = new Uint8Array(4 * numbers.length);
  const view = new DataView(octets.buffer);
  for (const [i, number] of numbers.entries()) view.setUint32(4 * i, number);
  return octets;
}

/** An index has room for so many places: when it is full, every other one goes. */
export function addToIndex(index: readonly JournalPlace[], place: JournalPlace, size: number): JournalPlace[] {
  const kept = index.length < size ? index : index.filter((_, i) => i % 2 === 0);
  return [...kept, place];
}

export function corrupt(file: string, what: string, offset: number): never {
  throw new SignetError(
    'JOURNAL_CORRUPT',
    `${file}: ${what} at octet ${offset}: the journal is damaged; move it away to go on with the zone file alone`,
    { file, offset },
  );
}
