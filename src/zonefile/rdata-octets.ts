import { readUint16, readUint32 } from '../base/octets.ts';
import { timeText } from '../wire/rdata/fields.ts';
import { TYPE } from '../wire/type-codes.ts';
import { typeText } from '../wire/type-text.ts';
import type { OctetBuilder } from './octet-builder.ts';

/** What the fast writers need to know of the style. */
export interface RdataLayout {
  readonly multiline: boolean;
  /** Characters of base 64 or hexadecimal in a row. */
  readonly chunk: number;
  /** What stands between two chunks and, where multiline, between the parts of RDATA. */
  readonly separator: Uint8Array;
}

const OPEN = 0x28;
const CLOSE = 0x29;
const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;

/**
 * Writes RDATA of the types that fill large zones straight into octets, with absolute names; the text is what the type's
 * own `toText` gives. False for the types that are left to it. A zone of 500,000 records prints five times faster so.
 */
export function writeRdata(
  type: number,
  rdata: Uint8Array,
  start: number,
  end: number,
  out: OctetBuilder,
  layout: RdataLayout,
): boolean {
  switch (type) {
    case TYPE.A:
      writeAddress(rdata, start, out);
      return true;
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.DNAME:
      out.name(rdata, start);
      return true;
    case TYPE.MX:
      out.decimal(readUint16(rdata, start));
      out.octet(SPACE);
      out.name(rdata, start + 2);
      return true;
    case TYPE.DS:
      writeDs(rdata, start, end, out, layout);
      return true;
    case TYPE.RRSIG:
      writeRrsig(rdata, start, end, out, layout);
      return true;
    case TYPE.NSEC:
      writeBitmap(rdata, out.name(rdata, start), end, out, SPACE_SEPARATOR);
      return true;
    case TYPE.NSEC3:
      writeNsec3(rdata, start, end, out, layout);
      return true;
    default:
      return false;
  }
}

const SPACE_SEPARATOR = Uint8Array.of(SPACE);

function writeAddress(rdata: Uint8Array, start: number, out: OctetBuilder): void {
  for (let i = 0; i < 4; i++) {
    if (i > 0) out.octet(DOT);
    out.decimal(rdata[start + i]);
  }
}

/** Key tag, algorithm, digest type, digest (RFC 4034 section 5.3). */
function writeDs(rdata: Uint8Array, start: number, end: number, out: OctetBuilder, layout: RdataLayout): void {
  out.decimal(readUint16(rdata, start));
  out.octet(SPACE);
  out.decimal(rdata[start + 2]);
  out.octet(SPACE);
  out.decimal(rdata[start + 3]);
  out.octet(SPACE);
  if (layout.multiline) open(out, layout);
  out.hex(rdata, start + 4, end, layout.chunk, layout.separator);
  if (layout.multiline) close(out);
}

function open(out: OctetBuilder, layout: RdataLayout): void {
  out.octet(OPEN);
  out.bytes(layout.separator);
}

function close(out: OctetBuilder): void {
  out.octet(SPACE);
  out.octet(CLOSE);
}

/** Type covered, algorithm, labels, original TTL, expiration, inception, key tag, signer, signature (RFC 4034 section 3.2). */
function writeRrsig(rdata: Uint8Array, start: number, end: number, out: OctetBuilder, layout: RdataLayout): void {
  out.text(typeName(readUint16(rdata, start)));
  out.octet(SPACE);
  out.decimal(rdata[start + 2]);
  out.octet(SPACE);
  out.decimal(rdata[start + 3]);
  out.octet(SPACE);
  out.decimal(readUint32(rdata, start + 4));
  out.octet(SPACE);
  if (layout.multiline) open(out, layout);
  writeTime(readUint32(rdata, start + 8), out);
  out.octet(SPACE);
  writeTime(readUint32(rdata, start + 12), out);
  out.octet(SPACE);
  out.decimal(readUint16(rdata, start + 16));
  out.octet(SPACE);
  const signature = out.name(rdata, start + 18);
  if (layout.multiline) out.bytes(layout.separator);
  else out.octet(SPACE);
  out.base64(rdata, signature, end, layout.chunk, layout.separator);
  if (layout.multiline) close(out);
}

const TYPE_NAMES: (string | undefined)[] = [];

function typeName(type: number): string {
  return (TYPE_NAMES[type] ??= typeText(type));
}

// Signatures of one run share a few times, so the last texts are kept: calendar arithmetic a signature is dear.
const TIME_SLOTS = 256;
const times = new Float64Array(TIME_SLOTS).fill(-1);
const timeTexts: string[] = Array.from({ length: TIME_SLOTS }, () => '');

function writeTime(time32: number, out: OctetBuilder): void {
  const slot = (time32 ^ (time32 >>> 8)) & (TIME_SLOTS - 1);
  if (times[slot] !== time32) {
    times[slot] = time32;
    timeTexts[slot] = timeText(time32);
  }
  out.text(timeTexts[slot]);
}

/** Hash algorithm, flags, iterations, salt, next hash, types (RFC 5155 section 3.3). */
function writeNsec3(rdata: Uint8Array, start: number, end: number, out: OctetBuilder, layout: RdataLayout): void {
  out.decimal(rdata[start]);
  out.octet(SPACE);
  out.decimal(rdata[start + 1]);
  out.octet(SPACE);
  out.decimal(readUint16(rdata, start + 2));
  out.octet(SPACE);
  const salt = start + 5;
  const hash = salt + rdata[start + 4] + 1;
  if (hash - 1 === salt) out.octet(DASH);
  else out.hex(rdata, salt, hash - 1, 0, layout.separator);
  out.octet(SPACE);
  if (layout.multiline) open(out, layout);
  const bitmap = hash + rdata[hash - 1];
  out.base32Hex(rdata, hash, bitmap);
  writeBitmap(rdata, bitmap, end, out, layout.multiline ? layout.separator : SPACE_SEPARATOR);
  if (layout.multiline) close(out);
}

/** Types of a bitmap (RFC 4034 section 4.1.2), `before` the first and a space before each other. */
function writeBitmap(rdata: Uint8Array, start: number, end: number, out: OctetBuilder, before: Uint8Array): void {
  let separator = before;
  for (let at = start; at + 2 <= end; at += 2 + rdata[at + 1]) {
    const first = rdata[at] << 8;
    const length = rdata[at + 1];
    for (let i = 0; i < length; i++) {
      const bits = rdata[at + 2 + i];
      if (bits === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((bits & (0x80 >> bit)) === 0) continue;
        out.bytes(separator);
        out.text(typeName(first + i * 8 + bit));
        separator = SPACE_SEPARATOR;
      }
    }
  }
}
