import { type Field, nextWord } from './fields.ts';
import { hexDigit } from './hex-text.ts';

const HYPHEN = 0x2d;

/** An extended unique identifier: octets as pairs of hexadecimal digits with hyphens between (RFC 7043). */
export function eui(octetCount: number): Field {
  const expected = `EUI-${octetCount * 8}: ${octetCount} hexadecimal octets with hyphens between`;
  return {
    read: (reader, out) => out.bytes(reader.take(octetCount)),
    end: (_, at) => at + octetCount,
    toText: (rdata, at, end) =>
      Array.from(rdata.subarray(at, end), (octet) => octet.toString(16).padStart(2, '0')).join('-'),
    fromText(tokens, out) {
      nextWord(tokens, expected);
      const { octets, end } = tokens;
      let at = tokens.start;
      for (let i = 0; i < octetCount; i++) {
        if (i > 0 && octets[at++] !== HYPHEN) tokens.fail(expected);
        let value = at < end ? hexDigit(octets[at++]) : -1;
        if (value < 0) tokens.fail(expected);
        const low = at < end ? hexDigit(octets[at]) : -1;
        if (low >= 0) {
          value = (value << 4) | low;
          at++;
        }
        out.uint8(value);
      }
      if (at !== end) tokens.fail(expected);
    },
  };
}
