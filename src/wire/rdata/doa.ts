import { base64Rest, base64Text } from './base64-text.ts';
import { defineType } from './define-type.ts';
import { characterString, type Field, nextWord, uint32, uint8 } from './fields.ts';
import type { RdataTokens } from './record-type.ts';

const EXPECTED = 'data in base 64, or "-" for none';

const isDash = (tokens: RdataTokens): boolean =>
  tokens.end - tokens.start === 1 && tokens.octets[tokens.start] === 0x2d && !tokens.quoted;

/** The current token first, then those that follow it. */
function behind(tokens: RdataTokens): RdataTokens {
  let isFirst = true;
  return {
    get octets() {
      return tokens.octets;
    },
    get start() {
      return tokens.start;
    },
    get end() {
      return tokens.end;
    },
    get quoted() {
      return tokens.quoted;
    },
    get origin() {
      return tokens.origin;
    },
    next(expected) {
      if (!isFirst) tokens.next(expected);
      isFirst = false;
    },
    more: () => tokens.more(),
    fail: (expected) => tokens.fail(expected),
  };
}

const data: Field = {
  read: (reader, out) => out.bytes(reader.rest()),
  end: (rdata) => rdata.length,
  toText: (rdata, at, end) => (at === end ? '-' : base64Text(rdata, at, end)),
  fromText(tokens, out) {
    nextWord(tokens, EXPECTED);
    if (!isDash(tokens)) base64Rest(behind(tokens), out, EXPECTED);
  },
};

/** Digital object architecture. BIND does not break its data into chunks. */
export const DOA = defineType({
  code: 259,
  fields: [uint32('enterprise'), uint32('type'), uint8('location'), characterString('media type'), data],
});
