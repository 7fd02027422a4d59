import { Mnemonics } from './mnemonics.ts';
import { parseDecimal } from './number-text.ts';
import { CLASSES } from './tables/classes.ts';

const NAMES = new Mnemonics([...CLASSES, [3, 'CHAOS'], [4, 'HESIOD']]);

/** Mnemonic of a class, or CLASS123 where it has none (RFC 3597 section 5). */
export function classText(code: number): string {
  return NAMES.text(code) ?? `CLASS${code}`;
}

/** Number of the class that the mnemonic or CLASS123 form in `text` names, in any case, or -1. Octets: allocates nothing. */
export function classCode(text: Uint8Array | string, start = 0, end = text.length): number {
  const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const code = NAMES.code(octets, start, end);
  if (code >= 0) return code;
  const isGeneric =
    end - start > 5 &&
    (octets[start] | 0x20) === 0x63 &&
    (octets[start + 1] | 0x20) === 0x6c &&
    (octets[start + 2] | 0x20) === 0x61 &&
    (octets[start + 3] | 0x20) === 0x73 &&
    (octets[start + 4] | 0x20) === 0x73;
  return isGeneric ? parseDecimal(octets, start + 5, end, 0xffff) : -1;
}
