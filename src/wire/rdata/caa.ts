import { MalformedError } from '../reader.ts';
import { defineType } from './define-type.ts';
import { type Field, nextWord, quotedRest, uint8 } from './fields.ts';

/** RFC 8659 section 4.1: tags are ASCII letters and digits, at least one. */
function isTag(octets: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const lower = octets[i] | 0x20;
    if (!(octets[i] >= 0x30 && octets[i] <= 0x39) && !(lower >= 0x61 && lower <= 0x7a)) return false;
  }
  return end > start && end - start <= 255;
}

const tag: Field = {
  read(reader, out) {
    const at = reader.at;
    const octets = reader.take(reader.uint8());
    if (!isTag(octets, 0, octets.length)) throw new MalformedError('tag is not letters and digits', at);
    out.uint8(octets.length);
    out.bytes(octets);
  },
  end: (rdata, at) => at + 1 + rdata[at],
  toText: (rdata, at, end) => Buffer.from(rdata.subarray(at + 1, end)).toString('latin1'),
  fromText(tokens, out) {
    nextWord(tokens, 'tag');
    const { octets, start, end } = tokens;
    if (!isTag(octets, start, end)) tokens.fail('tag of letters and digits');
    out.uint8(end - start);
    for (let i = start; i < end; i++) out.uint8(octets[i]);
  },
};

/** Which certification authorities may issue for the name (RFC 8659 section 4). */
export const CAA = defineType({ code: 257, fields: [uint8('flags'), tag, quotedRest('value')] });
