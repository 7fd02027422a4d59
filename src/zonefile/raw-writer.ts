import { CLASS } from '../wire/type-codes.ts';
import { Writer } from '../wire/writer.ts';
import { RAW_FORMAT, RAW_SOURCE_SERIAL } from './raw-format.ts';

export interface RawHeader {
  readonly version: 0 | 1;
  /** Unix seconds. */
  readonly written: number;
  /** Version 1: serial of the unsigned version of an inline-signed zone. */
  readonly sourceSerial?: number;
}

const PIECE = 1 << 20;

/** Writes a zone in BIND's raw format: for each RRset `rrset`, then `record` for each record; `finish` at the end. */
export class RawWriter {
  readonly #out = new Writer(PIECE * 2);
  readonly #write: (piece: Uint8Array) => void;
  readonly #class: number;
  #rrsetAt = -1;
  #records = 0;

  /** @param write takes pieces of about a megabyte and may keep them */
  constructor(header: RawHeader, write: (piece: Uint8Array) => void, zoneClass: number = CLASS.IN) {
    this.#write = write;
    this.#class = zoneClass;
    this.#out.uint32(RAW_FORMAT);
    this.#out.uint32(header.version);
    this.#out.uint32(header.written);
    if (header.version === 0) return;
    this.#out.uint32(header.sourceSerial === undefined ? 0 : RAW_SOURCE_SERIAL);
    this.#out.uint32(header.sourceSerial ?? 0);
    this.#out.uint32(0);
  }

  /** Begins an RRset. @param covered type covered, for RRSIG and SIG; otherwise 0 */
  rrset(owner: Uint8Array, type: number, covered: number, ttl: number): void {
    this.#endRRset();
    const out = this.#out;
    if (out.at > PIECE) this.#flush();
    this.#rrsetAt = out.at;
    out.uint32(0);
    out.uint16(this.#class);
    out.uint16(type);
    out.uint16(covered);
    out.uint32(ttl);
    out.uint32(0);
    out.uint16(owner.length);
    out.bytes(owner);
  }

  record(rdata: Uint8Array, start = 0, end = rdata.length): void {
    const out = this.#out;
    out.uint16(end - start);
    out.reserve(end - start);
    for (let i = start; i < end; i++) out.octets[out.at++] = rdata[i];
    this.#records++;
  }

  finish(): void {
    this.#endRRset();
    this.#flush();
  }

  #endRRset(): void {
    if (this.#rrsetAt < 0) return;
    const out = this.#out;
    const at = this.#rrsetAt;
    const length = out.at - at;
    out.patchUint16(at, length >>> 16);
    out.patchUint16(at + 2, length & 0xffff);
    out.patchUint16(at + 14, this.#records >>> 16);
    out.patchUint16(at + 16, this.#records & 0xffff);
    this.#rrsetAt = -1;
    this.#records = 0;
  }

  #flush(): void {
    if (this.#out.at > 0) this.#write(this.#out.finish());
    this.#out.reset();
  }
}
