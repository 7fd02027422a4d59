import { Mnemonics } from '../mnemonics.ts';
import { parseDecimal } from '../number-text.ts';
import { MalformedError } from '../reader.ts';
import { RR_TYPES } from '../tables/rr-types.ts';
import { typeCode } from '../type-text.ts';
import { defineType } from './define-type.ts';
import { type Field, LISTED, name, nextWord } from './fields.ts';

const LAST_TYPE = 127;
const NAMES = new Mnemonics(RR_TYPES);

/** One bit a type, from the left, for types below 128 (RFC 2535 section 5.2). */
const bitmap: Field = {
  read(reader, out) {
    const at = reader.at;
    const map = reader.rest();
    // RFC 2535 section 5.2: bit 0 set would say that another format follows, which nobody defined.
    if (map.length > 0 && ((map[0] & 0x80) !== 0 || map.length > 16 || map.at(-1) === 0))
      throw new MalformedError('type bit map of NXT is malformed', at);
    out.bytes(map);
  },
  end: (rdata) => rdata.length,
  toText(rdata, at, end) {
    const texts: string[] = [];
    for (let type = 0; type < (end - at) * 8; type++)
      if (rdata[at + (type >> 3)] & (0x80 >> (type & 7))) texts.push(NAMES.text(type) ?? String(type));
    return texts.join(' ');
  },
  fromText(tokens, out) {
    const map = new Uint8Array(16);
    let length = 0;
    while (tokens.more()) {
      nextWord(tokens, 'record type');
      let type = typeCode(tokens.octets, tokens.start, tokens.end);
      if (type < 0) type = parseDecimal(tokens.octets, tokens.start, tokens.end, LAST_TYPE);
      if (type < 1 || type > LAST_TYPE) tokens.fail('record type (1 to 127)');
      map[type >> 3] |= 0x80 >> (type & 7);
      length = Math.max(length, (type >> 3) + 1);
    }
    out.bytes(map.subarray(0, length));
  },
};

/** Next name of old (RFC 2535 section 5), replaced by NSEC. */
export const NXT = defineType({ code: 30, fields: [name('next name', LISTED), bitmap] });
