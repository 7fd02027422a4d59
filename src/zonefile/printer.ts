import { isWithin, nameLengthAt, uncheckedName, type Name } from '../wire/name.ts';
import { nameToText } from '../wire/name-text.ts';
import { classText } from '../wire/class-text.ts';
import { durationInWords } from '../wire/number-text.ts';
import { timeText } from '../wire/rdata/fields.ts';
import type { TextStyle } from '../wire/rdata/record-type.ts';
import { recordTypeInClass } from '../wire/rdata/registry.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import { typeText } from '../wire/type-text.ts';
import { OctetBuilder } from './octet-builder.ts';
import { writeRdata, type RdataLayout } from './rdata-octets.ts';

/** Columns and habits of one of BIND's ways to print a zone. Columns count from 0; tabs are 8 wide. */
export interface PrinterStyle {
  readonly ttlColumn: number;
  readonly classColumn: number;
  readonly typeColumn: number;
  readonly rdataColumn: number;
  /** Owner and class are printed where they change only. */
  readonly sparse: boolean;
  /** TTLs stand in $TTL lines, and names are relative to $ORIGIN lines. */
  readonly relative: boolean;
  /** Long RDATA is spread over lines in brackets, with comments. */
  readonly multiline: boolean;
  /** Characters of base 64 or hexadecimal in a row. */
  readonly chunk: number;
  /** A comment behind RRSIGs says when the first of them expires. */
  readonly resignComment: boolean;
}

/** `named-compilezone -s full`, `dnssec-signzone -O full`: one whole record a line. */
export const FULL_STYLE: PrinterStyle = {
  ttlColumn: 46,
  classColumn: 46,
  typeColumn: 46,
  rdataColumn: 64,
  sparse: false,
  relative: false,
  multiline: false,
  chunk: 56,
  resignComment: true,
};

/** `named-compilezone -s relative`, and what named writes: for people. */
export const RELATIVE_STYLE: PrinterStyle = {
  ttlColumn: 24,
  classColumn: 24,
  typeColumn: 24,
  rdataColumn: 32,
  sparse: true,
  relative: true,
  multiline: true,
  chunk: 44,
  resignComment: false,
};

/** `dnssec-signzone -O text`: a TTL in each record, absolute names. */
export const EXPLICIT_TTL_STYLE: PrinterStyle = {
  ttlColumn: 24,
  classColumn: 32,
  typeColumn: 32,
  rdataColumn: 40,
  sparse: true,
  relative: false,
  multiline: true,
  chunk: 36,
  resignComment: false,
};

const TAB = 0x09;
const LF = 0x0a;
const SPACE = 0x20;
const AT = 0x40;
const TAB_WIDTH = 8;

/**
 * Prints records as a master file in one of BIND's styles. Calls come RRset by RRset: `node` when the owner changes, then
 * `record` for each record; `endSignatures` behind the last RRSIG of an RRset. `finish` hands on what is left.
 */
export class MasterFilePrinter {
  readonly #style: PrinterStyle;
  readonly #out: OctetBuilder;
  readonly #classCode: number;
  readonly #class: string;
  readonly #layout: RdataLayout;
  readonly #typeNames: (string | undefined)[] = [];
  #textStyle: TextStyle;
  #owner: Uint8Array = new Uint8Array(0);
  #ownerPrinted = false;
  #classPrinted = false;
  #ttl = -1;
  #origin: Name | undefined;
  #originPrinted = true;
  #earliestExpiration = -1;

  /** @param write takes pieces of about a megabyte and may keep them */
  constructor(
    options: { readonly style: PrinterStyle; readonly zoneClass?: number },
    write: (piece: Uint8Array) => void,
  ) {
    this.#style = options.style;
    this.#out = new OctetBuilder(write);
    this.#classCode = options.zoneClass ?? CLASS.IN;
    this.#class = classText(this.#classCode);
    const { multiline, chunk, rdataColumn } = options.style;
    const chunkSeparator = multiline ? `\n${'\t'.repeat(rdataColumn / TAB_WIDTH)}` : ' ';
    this.#layout = { multiline, chunk, separator: Uint8Array.from(Buffer.from(chunkSeparator, 'latin1')) };
    this.#textStyle = { multiline, chunk, chunkSeparator, comments: multiline };
  }

  /** A comment or other line as it is, with its newline. */
  line(text: string): void {
    this.#out.reserve();
    this.#out.text(text);
  }

  /** In the relative style: what owners and names in RDATA are relative to from now on; printed before the next record. */
  origin(origin: Name): void {
    if (!this.#style.relative) return;
    this.#origin = origin;
    this.#originPrinted = false;
    this.#textStyle = { ...this.#textStyle, origin };
  }

  /** The owner of the records that follow, in wire form. */
  node(owner: Uint8Array): void {
    this.#owner = owner;
    this.#ownerPrinted = false;
    // dnssec-signzone repeats the class with each owner, the relative style says it once.
    if (!this.#style.relative) this.#classPrinted = false;
  }

  /** One record; `ttl` in seconds, RDATA in wire form in rdata[start, end). */
  record(type: number, ttl: number, rdata: Uint8Array, start = 0, end = rdata.length): void {
    const out = this.#out;
    const style = this.#style;
    out.reserve();
    if (!this.#originPrinted) this.#printOrigin();
    if (style.relative && ttl !== this.#ttl) this.#printTtl(ttl);
    let column = this.#printOwner();
    if (!style.relative) {
      column = this.#indent(column, style.ttlColumn);
      const before = out.at;
      out.decimal(ttl);
      column += out.at - before;
    }
    if (!style.sparse || !this.#classPrinted) {
      column = this.#indent(column, style.classColumn);
      out.text(this.#class);
      column += this.#class.length;
      this.#classPrinted = true;
    }
    column = this.#indent(column, style.typeColumn);
    const typeName = (this.#typeNames[type] ??= typeText(type));
    out.text(typeName);
    this.#indent(column + typeName.length, style.rdataColumn);
    this.#printRdata(type, rdata, start, end);
    out.octet(LF);
    if (type === TYPE.RRSIG && style.resignComment) this.#noteExpiration(rdata, start);
  }

  /** To be called behind the last RRSIG of an RRset. */
  endSignatures(): void {
    if (this.#earliestExpiration < 0) return;
    this.#out.text(`; resign=${timeText(this.#earliestExpiration)}\n`);
    this.#earliestExpiration = -1;
  }

  finish(): void {
    this.#out.flush();
  }

  #printOrigin(): void {
    const origin = this.#origin;
    if (origin === undefined) return;
    this.#out.text(`$ORIGIN ${nameToText(origin)}\n`);
    this.#originPrinted = true;
  }

  #printTtl(ttl: number): void {
    this.#ttl = ttl;
    this.#out.text(`$TTL ${ttl}\t; ${durationInWords(ttl)}\n`);
  }

  /** @returns the column behind the owner; 0 when it is left out */
  #printOwner(): number {
    if (this.#ownerPrinted && this.#style.sparse) return 0;
    this.#ownerPrinted = true;
    const out = this.#out;
    const before = out.at;
    const origin = this.#origin;
    if (origin === undefined || !isWithin(uncheckedName(this.#owner), origin)) out.name(this.#owner, 0);
    else this.#printRelativeOwner(origin);
    return out.at - before;
  }

  /** "@" for the origin itself. Unlike names in RDATA, owners are relative to the root too. */
  #printRelativeOwner(origin: Name): void {
    const out = this.#out;
    const stop = nameLengthAt(this.#owner) - origin.length;
    if (stop === 0) {
      out.octet(AT);
      return;
    }
    out.labels(this.#owner, 0, stop);
    out.at--; // the dot behind the last label
  }

  /** Tabs and spaces from one column to another, at least one column wide, as BIND sets them. */
  #indent(from: number, to: number): number {
    const target = to > from ? to : from + 1;
    const out = this.#out;
    let column = from;
    for (let tabs = Math.floor(target / TAB_WIDTH) - Math.floor(from / TAB_WIDTH); tabs > 0; tabs--) {
      out.octet(TAB);
      column = (Math.floor(column / TAB_WIDTH) + 1) * TAB_WIDTH;
    }
    for (; column < target; column++) out.octet(SPACE);
    return target;
  }

  #printRdata(type: number, rdata: Uint8Array, start: number, end: number): void {
    // The fast writers print absolute names, and only some of the types have none.
    const absolute = this.#origin === undefined || type === TYPE.DS;
    if (absolute && this.#classCode === CLASS.IN && writeRdata(type, rdata, start, end, this.#out, this.#layout))
      return;
    const whole = start === 0 && end === rdata.length ? rdata : rdata.subarray(start, end);
    this.#out.text(recordTypeInClass(type, this.#classCode).toText(whole, this.#textStyle));
  }

  #noteExpiration(rdata: Uint8Array, start: number): void {
    const time =
      ((rdata[start + 8] << 24) | (rdata[start + 9] << 16) | (rdata[start + 10] << 8) | rdata[start + 11]) >>> 0;
    // RFC 4034 section 3.1.5: times compare by serial arithmetic.
    if (this.#earliestExpiration < 0 || ((time - this.#earliestExpiration) | 0) < 0) this.#earliestExpiration = time;
  }
}
