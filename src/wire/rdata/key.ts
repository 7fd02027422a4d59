import { MalformedError } from '../reader.ts';
import { defineType, type Layout } from './define-type.ts';
import { base64, type Field } from './fields.ts';
import { algorithm, flags, keyComment, keyFault, protocol } from './key-fields.ts';
import { hasComments } from './text-style.ts';

const FIXED = 4;

/** The public key, absent when both bits of the flags' type say "no key" (RFC 2535 section 3.1.2). */
const publicKey: Field = {
  ...base64('public key'),
  read(reader, out) {
    const isNoKey = (reader.octets[reader.at - FIXED] & 0xc0) === 0xc0;
    if (isNoKey) return; // octets behind it are then left over, and refused as such
    if (reader.remaining === 0) throw new MalformedError('public key is missing', reader.at);
    out.bytes(reader.rest());
  },
  toText: (rdata, at, end, style) => (at === end ? '' : base64('public key').toText(rdata, at, end, style)),
  fromText(tokens, out) {
    const isNoKey = (out.octets[out.at - FIXED] & 0xc0) === 0xc0;
    if (!isNoKey) base64('public key').fromText(tokens, out);
  },
};

/** Layout of KEY and RKEY: BIND puts no blank between bracket and comment. */
export const keyLayout: Layout = (texts, style, rdata) => {
  if (texts.length < 4) return texts.join(' ');
  const end = hasComments(style) ? `${style.chunkSeparator}); ${keyComment(rdata)}` : ' )';
  return `${texts.slice(0, 3).join(' ')} (${style.chunkSeparator}${texts[3]}${end}`;
};

/** Public key of SIG(0) and TKEY (RFC 2535 section 3, RFC 3445). */
export const KEY = defineType({
  code: 25,
  fields: [flags, protocol, algorithm, publicKey],
  layout: keyLayout,
  fault: keyFault,
});
