import { readUint16 } from '../../base/octets.ts';
import { type Field, nextWord } from './fields.ts';
import { hexDigit } from './hex-text.ts';

const COLON = 0x3a;

/** 64 bits as four groups of hexadecimal digits with colons between (RFC 6742 sections 2.1.2 and 2.3.2). */
export function locator64(what: string): Field {
  const expected = `${what}: four groups of one to four hexadecimal digits with colons between`;
  return {
    read: (reader, out) => out.bytes(reader.take(8)),
    end: (_, at) => at + 8,
    toText: (rdata, at) => [0, 2, 4, 6].map((offset) => readUint16(rdata, at + offset).toString(16)).join(':'),
    fromText(tokens, out) {
      nextWord(tokens, expected);
      const { octets, end } = tokens;
      let at = tokens.start;
      for (let group = 0; group < 4; group++) {
        if (group > 0 && octets[at++] !== COLON) tokens.fail(expected);
        let value = 0;
        let digits = 0;
        for (; at < end && hexDigit(octets[at]) >= 0; digits++) value = (value << 4) | hexDigit(octets[at++]);
        if (digits === 0 || digits > 4) tokens.fail(expected);
        out.uint16(value);
      }
      if (at !== end) tokens.fail(expected);
    },
  };
}
