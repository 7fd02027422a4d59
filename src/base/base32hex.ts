/** Base 32 with extended hex alphabet (RFC 4648 section 7), unpadded as NSEC3 writes it (RFC 5155 section 3.3). */

const ALPHABET = '0123456789abcdefghijklmnopqrstuv';

export function toBase32Hex(octets: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const octet of octets) {
    bits = (bits << 8) | octet;
    held += 8;
    while (held >= 5) {
      held -= 5;
      text += ALPHABET[(bits >> held) & 31];
    }
    bits &= (1 << held) - 1;
  }
  if (held > 0) text += ALPHABET[(bits << (5 - held)) & 31];
  return text;
}

/** The value of one digit given as an octet (either case), or -1. */
export function base32HexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x76 ? lower - 0x61 + 10 : -1;
}

/** The octets of an unpadded string in either case, or undefined when a digit, the length or a trailing bit is wrong. */
export function fromBase32Hex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const octets = new Uint8Array((text.length * 5) >> 3);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = base32HexDigit(text.charCodeAt(i));
    if (digit < 0) return undefined;
    bits = ((bits << 5) | digit) & 0xfff;
    held += 5;
    if (held >= 8) {
      held -= 8;
      octets[at++] = (bits >> held) & 0xff;
    }
  }
  const wholeGroups = held < 5 && (bits & ((1 << held) - 1)) === 0;
  return wholeGroups ? octets : undefined;
}
