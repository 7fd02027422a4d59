import type { Writer } from '../writer.ts';
import type { RdataTokens } from './record-type.ts';

const BACKSLASH = 0x5c;
const isDigit = (octet: number): boolean => octet >= 0x30 && octet <= 0x39;

/**
 * Appends the octets that the current token stands for, its escapes resolved (RFC 1035 section 5.1: \DDD is an octet,
 * \X is X itself). Allocates nothing. @returns the octets written
 */
export function unescapeToken(
  tokens: Pick<RdataTokens, 'octets' | 'start' | 'end' | 'fail'>,
  out: Writer,
  expected: string,
): number {
  const { octets, start, end } = tokens;
  const from = out.at;
  out.reserve(end - start);
  for (let i = start; i < end; i++) {
    let octet = octets[i];
    if (octet === BACKSLASH) {
      if (++i >= end) tokens.fail(expected);
      octet = octets[i];
      if (isDigit(octet)) {
        if (i + 2 >= end || !isDigit(octets[i + 1]) || !isDigit(octets[i + 2]))
          tokens.fail(`${expected}, three digits behind "\\"`);
        octet = (octet - 0x30) * 100 + (octets[i + 1] - 0x30) * 10 + (octets[i + 2] - 0x30);
        if (octet > 255) tokens.fail(`${expected}, \\000 to \\255`);
        i += 2;
      }
    }
    out.octets[out.at++] = octet;
  }
  return out.at - from;
}

/** Appends the next token, quoted or not, as <character-string>: a length octet and at most 255 octets. */
export function characterStringFromText(tokens: RdataTokens, out: Writer, expected: string): void {
  tokens.next(expected);
  const at = out.at;
  out.uint8(0);
  const length = unescapeToken(tokens, out, expected);
  if (length > 255) tokens.fail(`${expected} of at most 255 octets`);
  out.octets[at] = length;
}

/** Per octet its form inside quotes, escaped as BIND escapes it. */
const QUOTED: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  if (octet < 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`;
  return octet === 0x22 || octet === BACKSLASH ? `\\${String.fromCharCode(octet)}` : String.fromCharCode(octet);
});

/** The octets rdata[at, end) in quotes. */
export function quotedText(rdata: Uint8Array, at: number, end: number): string {
  let text = '"';
  for (let i = at; i < end; i++) text += QUOTED[rdata[i]];
  return `${text}"`;
}
