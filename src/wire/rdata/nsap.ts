import { MalformedError } from '../reader.ts';
import { defineType } from './define-type.ts';
import { type Field, nextWord } from './fields.ts';
import { hexDigit, hexText } from './hex-text.ts';

const EXPECTED = 'NSAP address: 0x and hexadecimal digits, dots between them ignored';

const address: Field = {
  read(reader, out) {
    if (reader.remaining === 0) throw new MalformedError('NSAP address is empty', reader.at);
    out.bytes(reader.rest());
  },
  end: (rdata) => rdata.length,
  toText: (rdata, at, end) => `0x${hexText(rdata, at, end).toLowerCase()}`,
  fromText(tokens, out) {
    nextWord(tokens, EXPECTED);
    const { octets, start, end } = tokens;
    if (end - start < 4 || octets[start] !== 0x30 || (octets[start + 1] | 0x20) !== 0x78) tokens.fail(EXPECTED);
    let high = -1;
    for (let i = start + 2; i < end; i++) {
      if (octets[i] === 0x2e) continue;
      const digit = hexDigit(octets[i]);
      if (digit < 0) tokens.fail(EXPECTED);
      if (high >= 0) out.uint8((high << 4) | digit);
      high = high >= 0 ? -1 : digit;
    }
    if (high >= 0) tokens.fail(`${EXPECTED}; an even number of them`);
  },
};

/** NSAP address (RFC 1706 section 5). */
export const NSAP = defineType({ code: 22, fields: [address] });
