import { toBase64 } from '../../base/base64.ts';
import type { Writer } from '../writer.ts';
import type { RdataTokens } from './record-type.ts';

const INVALID = 255;
const PADDING = 64;

/** Octet of text to its six bits, PADDING or INVALID. */
const SIX_BITS = new Uint8Array(256).fill(INVALID);
for (let i = 0; i < 64; i++)
  SIX_BITS['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'.charCodeAt(i)] = i;
SIX_BITS[0x3d] = PADDING;

// Where a run of base 64 stands between two tokens: the digits of the current group of four, and the padding seen.
let bits = 0;
let digits = 0;
let padding = 0;

/**
 * Appends what all remaining tokens of the record spell in base 64 (RFC 4648 section 4): groups may be split by white
 * space anywhere. Refuses stray bits and missing padding. Allocates nothing.
 * @returns the octets written
 */
export function base64Rest(tokens: RdataTokens, out: Writer, expected: string): number {
  const start = out.at;
  begin();
  do {
    tokens.next(expected);
    if (!decodeToken(tokens, out)) tokens.fail(expected);
  } while (tokens.more());
  if (!isWhole()) tokens.fail(`${expected}, whole groups of four`);
  return out.at - start;
}

/** Appends what the next token spells in base 64. @returns the octets written */
export function base64Token(tokens: RdataTokens, out: Writer, expected: string): number {
  const start = out.at;
  begin();
  tokens.next(expected);
  if (!decodeToken(tokens, out) || !isWhole()) tokens.fail(expected);
  return out.at - start;
}

function begin(): void {
  bits = digits = padding = 0;
}

function isWhole(): boolean {
  return digits === 0;
}

function decodeToken(tokens: RdataTokens, out: Writer): boolean {
  if (tokens.quoted) return false;
  const { octets, start, end } = tokens;
  out.reserve(end - start);
  for (let i = wholeGroups(octets, start, end, out); i < end; i++) {
    const value = SIX_BITS[octets[i]];
    if (value === INVALID || !takeDigit(value, out)) return false;
  }
  return true;
}

/** Decodes groups of four digits as long as there are any without padding; returns where it stopped. */
function wholeGroups(octets: Uint8Array, start: number, end: number, out: Writer): number {
  if (digits !== 0 || padding !== 0) return start;
  const target = out.octets;
  let at = out.at;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const a = SIX_BITS[octets[i]];
    const b = SIX_BITS[octets[i + 1]];
    const c = SIX_BITS[octets[i + 2]];
    const d = SIX_BITS[octets[i + 3]];
    if ((a | b | c | d) >= PADDING) break;
    target[at++] = (a << 2) | (b >> 4);
    target[at++] = (b << 4) | (c >> 2);
    target[at++] = (c << 6) | d;
  }
  out.at = at;
  return i;
}

/** One digit; the group is written when it is full. False for padding in a wrong place or stray bits before it. */
function takeDigit(value: number, out: Writer): boolean {
  if (value === PADDING) {
    if (digits < 2) return false;
    padding++;
    bits <<= 6;
  } else {
    if (padding > 0) return false;
    bits = (bits << 6) | value;
  }
  if (++digits < 4) return true;
  if (padding === 1 && (bits & 0xff) !== 0) return false;
  if (padding === 2 && (bits & 0xffff) !== 0) return false;
  out.octets[out.at++] = bits >> 16;
  if (padding < 2) out.octets[out.at++] = bits >> 8;
  if (padding < 1) out.octets[out.at++] = bits;
  bits = digits = 0;
  return true;
}

/** The octets rdata[at, end) in base 64. */
export function base64Text(rdata: Uint8Array, at: number, end: number): string {
  return toBase64(rdata.subarray(at, end));
}
