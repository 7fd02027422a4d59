import type { Writer } from '../writer.ts';
import type { RdataTokens } from './record-type.ts';

/** Octet to the value of the hexadecimal digit it is in either case, or -1. */
const DIGITS = new Int8Array(256).fill(-1);
for (let i = 0; i < 16; i++) {
  DIGITS['0123456789abcdef'.charCodeAt(i)] = i;
  DIGITS['0123456789ABCDEF'.charCodeAt(i)] = i;
}

/** The value of one hexadecimal digit in either case, or -1. */
export function hexDigit(octet: number): number {
  return DIGITS[octet];
}

/**
 * Appends what all remaining tokens spell in hexadecimal; a pair of digits may be split over two tokens, as BIND takes
 * it. Allocates nothing. @returns the octets written
 */
export function hexRest(tokens: RdataTokens, out: Writer, expected: string): number {
  const start = out.at;
  let high = -1;
  do {
    tokens.next(expected);
    high = decode(tokens, out, high, expected);
  } while (tokens.more());
  if (high >= 0) tokens.fail(`${expected}, an even number of digits`);
  return out.at - start;
}

/** Appends what the next token spells in hexadecimal. @returns the octets written */
export function hexToken(tokens: RdataTokens, out: Writer, expected: string): number {
  const start = out.at;
  tokens.next(expected);
  if (decode(tokens, out, -1, expected) >= 0) tokens.fail(`${expected}, an even number of digits`);
  return out.at - start;
}

/** Appends the current token's octets. @param high digit left from the token before, or -1 @returns digit left, or -1 */
export function decode(tokens: RdataTokens, out: Writer, high: number, expected: string): number {
  if (tokens.quoted) tokens.fail(expected);
  const { octets, start, end } = tokens;
  out.reserve((end - start + 1) >> 1);
  let held = high;
  let i = start;
  if (held < 0) {
    // Whole pairs first: nearly all there is.
    const target = out.octets;
    let at = out.at;
    for (; i + 2 <= end; i += 2) {
      const octet = (DIGITS[octets[i]] << 4) | DIGITS[octets[i + 1]];
      if (octet < 0) break;
      target[at++] = octet;
    }
    out.at = at;
  }
  for (; i < end; i++) {
    const digit = hexDigit(octets[i]);
    if (digit < 0) tokens.fail(expected);
    if (held < 0) {
      held = digit;
    } else {
      out.octets[out.at++] = (held << 4) | digit;
      held = -1;
    }
  }
  return held;
}

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, octet) =>
  octet.toString(16).toUpperCase().padStart(2, '0'),
);

/** The octets rdata[at, end) in capital hexadecimal digits, as BIND prints them. */
export function hexText(rdata: Uint8Array, at: number, end: number): string {
  let text = '';
  for (let i = at; i < end; i++) text += PAIRS[rdata[i]];
  return text;
}
