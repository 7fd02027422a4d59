import { MalformedError, type Reader } from '../reader.ts';
import { typeCode, typeText } from '../type-text.ts';
import type { Writer } from '../writer.ts';
import type { RdataTokens } from './record-type.ts';

/*
 * Type bit maps (RFC 4034 section 4.1.2): blocks in ascending order, each
 *
 *   window number (1 octet) | length of the map, 1 to 32 (1 octet) | map, bit 0 is the most significant, no trailing zeros
 */

/** True when the bitmap in octets[at, end) has the bit of `type`. False for malformed octets. Allocates nothing. */
export function bitmapHas(octets: Uint8Array, at: number, end: number, type: number): boolean {
  const window = type >> 8;
  const index = (type & 0xff) >> 3;
  let here = at;
  while (here + 2 <= end) {
    const length = octets[here + 1];
    if (octets[here] === window)
      return index < length && here + 2 + index < end && (octets[here + 2 + index] & (0x80 >> (type & 7))) !== 0;
    if (octets[here] > window) return false;
    here += 2 + length;
  }
  return false;
}

/** The types of the bitmap in octets[at, end), ascending. */
export function bitmapTypes(octets: Uint8Array, at = 0, end = octets.length): number[] {
  const types: number[] = [];
  for (let here = at; here + 2 <= end; here += 2 + octets[here + 1])
    for (let i = 0; i < octets[here + 1] && here + 2 + i < end; i++)
      for (let bit = 0; bit < 8; bit++)
        if (octets[here + 2 + i] & (0x80 >> bit)) types.push((octets[here] << 8) | (i * 8 + bit));
  return types;
}

// One set of types while it is collected; windows in use are cleared again as they are written.
const MAPS = new Uint8Array(65536 / 8);
const LENGTHS = new Uint8Array(256);
let lastWindow = 0;

function collect(type: number): void {
  const window = type >> 8;
  const index = (type & 0xff) >> 3;
  MAPS[window * 32 + index] |= 0x80 >> (type & 7);
  if (LENGTHS[window] <= index) LENGTHS[window] = index + 1;
  if (lastWindow < window) lastWindow = window;
}

/** Forgets what was collected, so that a refused record leaves nothing behind. */
function clear(): void {
  for (let window = 0; window <= lastWindow; window++) {
    MAPS.fill(0, window * 32, window * 32 + LENGTHS[window]);
    LENGTHS[window] = 0;
  }
  lastWindow = 0;
}

function flush(out: Writer): void {
  for (let window = 0; window <= lastWindow; window++) {
    const length = LENGTHS[window];
    if (length === 0) continue;
    out.reserve(length + 2);
    out.octets[out.at++] = window;
    out.octets[out.at++] = length;
    for (let i = 0; i < length; i++) out.octets[out.at++] = MAPS[window * 32 + i];
  }
  clear();
}

/** Appends the bitmap of `types`, in any order. */
export function writeBitmap(types: Iterable<number>, out: Writer): void {
  for (const type of types) collect(type);
  flush(out);
}

/** Appends the bitmap of the types that the remaining tokens name. Allocates nothing. */
export function bitmapFromText(tokens: RdataTokens, out: Writer): void {
  while (tokens.more()) {
    tokens.next('record type');
    const type = tokens.quoted ? -1 : typeCode(tokens.octets, tokens.start, tokens.end);
    if (type < 0) {
      clear();
      tokens.fail('record type');
    }
    collect(type);
  }
  flush(out);
}

/** Checks the rest of RDATA as bitmap and appends it. */
export function readBitmap(reader: Reader, out: Writer): void {
  let last = -1;
  while (reader.remaining > 0) {
    const at = reader.at;
    const window = reader.uint8();
    const length = reader.uint8();
    if (window <= last) throw new MalformedError('type bitmap windows are out of order', at);
    if (length === 0 || length > 32) throw new MalformedError('type bitmap length is not 1 to 32', at);
    const map = reader.take(length);
    if (map[length - 1] === 0) throw new MalformedError('type bitmap ends in a zero octet', at);
    out.uint8(window);
    out.uint8(length);
    out.bytes(map);
    last = window;
  }
}

/** Mnemonics of the types, apart by blanks. */
export function bitmapText(rdata: Uint8Array, at: number, end: number): string {
  return bitmapTypes(rdata, at, end).map(typeText).join(' ');
}
