import { Mnemonics } from './mnemonics.ts';
import { parseDecimal } from './number-text.ts';
import { RR_TYPES } from './tables/rr-types.ts';

const TYPES = new Mnemonics(RR_TYPES);

/** Mnemonic of a record type, or TYPE123 where it has none (RFC 3597 section 5). */
export function typeText(code: number): string {
  return TYPES.text(code) ?? `TYPE${code}`;
}

/**
 * Number of the record type that the mnemonic or TYPE123 form in `text` (octets[start, end), or a whole string) names, in
 * any case; -1 when there is none. Octets: allocates nothing.
 */
export function typeCode(text: Uint8Array | string, start = 0, end = text.length): number {
  const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const code = TYPES.code(octets, start, end);
  if (code >= 0) return code;
  const isGeneric =
    end - start > 4 &&
    (octets[start] | 0x20) === 0x74 &&
    (octets[start + 1] | 0x20) === 0x79 &&
    (octets[start + 2] | 0x20) === 0x70 &&
    (octets[start + 3] | 0x20) === 0x65;
  return isGeneric ? parseDecimal(octets, start + 4, end, 0xffff) : -1;
}

/** True for types that only occur in messages (RFC 6895 section 3.1: OPT, and 128 to 255), never in zones. */
export function isMetaType(code: number): boolean {
  return code === 41 || (code >= 128 && code <= 255);
}
