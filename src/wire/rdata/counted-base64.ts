import { readUint16 } from '../../base/octets.ts';
import { base64Text, base64Token } from './base64-text.ts';
import { type Field, nextNumber } from './fields.ts';
import { chunked } from './text-style.ts';

/** Octets behind a length of 16 bits; in text the length, and when it is not 0 the octets in base 64 (TSIG, TKEY). */
export function countedBase64(what: string): Field {
  return {
    read(reader, out) {
      const length = reader.uint16();
      out.uint16(length);
      out.bytes(reader.take(length));
    },
    end: (rdata, at) => at + 2 + readUint16(rdata, at),
    toText(rdata, at, end, style) {
      const length = end - at - 2;
      return length === 0 ? '0' : `${length} ${chunked(base64Text(rdata, at + 2, end), style)}`;
    },
    fromText(tokens, out) {
      const length = nextNumber(tokens, 0xffff, `length of ${what}`);
      out.uint16(length);
      if (length === 0) return;
      if (base64Token(tokens, out, `${what} in base 64`) !== length) tokens.fail(`${what} of ${length} octets`);
    },
  };
}
