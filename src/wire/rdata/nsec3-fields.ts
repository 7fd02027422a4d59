import { toBase32Hex } from '../../base/base32hex.ts';
import { base32HexDigit } from '../../base/base32hex.ts';
import { Mnemonics } from '../mnemonics.ts';
import { MalformedError } from '../reader.ts';
import { type Field, mnemonic, nextWord } from './fields.ts';
import { decode, hexText } from './hex-text.ts';

/** What NSEC3 and NSEC3PARAM share (RFC 5155 sections 3.2 and 4.2). */

export const hashAlgorithm: Field = mnemonic('hash algorithm', 8, new Mnemonics([[1, 'SHA-1']]), false);

const SALT_EXPECTED = 'salt in hexadecimal, or "-" for none';

/** Salt behind its length octet; "-" when it is empty. */
export const salt: Field = {
  read(reader, out) {
    const length = reader.uint8();
    out.uint8(length);
    out.bytes(reader.take(length));
  },
  end: (rdata, at) => at + 1 + rdata[at],
  toText: (rdata, at, end) => (end === at + 1 ? '-' : hexText(rdata, at + 1, end)),
  fromText(tokens, out) {
    nextWord(tokens, SALT_EXPECTED);
    const at = out.at;
    out.uint8(0);
    if (tokens.end - tokens.start === 1 && tokens.octets[tokens.start] === 0x2d) return;
    if (decode(tokens, out, -1, SALT_EXPECTED) >= 0) tokens.fail(SALT_EXPECTED);
    if (out.at - at - 1 > 255) tokens.fail('salt of at most 255 octets');
    out.octets[at] = out.at - at - 1;
  },
};

const HASH_EXPECTED = 'next hashed owner name in base 32 hex';

/** Next hashed owner name behind its length octet, never empty. */
export const nextHash: Field = {
  read(reader, out) {
    const at = reader.at;
    const length = reader.uint8();
    if (length === 0) throw new MalformedError('next hashed owner name is empty', at);
    out.uint8(length);
    out.bytes(reader.take(length));
  },
  end: (rdata, at) => at + 1 + rdata[at],
  toText: (rdata, at, end) => toBase32Hex(rdata.subarray(at + 1, end)).toUpperCase(),
  fromText(tokens, out) {
    nextWord(tokens, HASH_EXPECTED);
    const { octets, start, end } = tokens;
    const at = out.at;
    out.reserve(2 + (((end - start) * 5) >> 3));
    out.at++;
    let bits = 0;
    let held = 0;
    for (let i = start; i < end; i++) {
      const digit = base32HexDigit(octets[i]);
      if (digit < 0) tokens.fail(HASH_EXPECTED);
      bits = ((bits << 5) | digit) & 0xfff;
      held += 5;
      if (held < 8) continue;
      held -= 8;
      out.octets[out.at++] = bits >> held;
    }
    // RFC 4648 section 3.5: no stray bits, and no digit that adds nothing.
    const length = out.at - at - 1;
    if (held >= 5 || (bits & ((1 << held) - 1)) !== 0 || length === 0 || length > 255) tokens.fail(HASH_EXPECTED);
    out.octets[at] = length;
  },
};
