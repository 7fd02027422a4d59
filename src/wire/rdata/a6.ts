import { MalformedError, type Reader } from '../reader.ts';
import { nameLengthAt } from '../name.ts';
import type { Writer } from '../writer.ts';
import { ipv6Text, parseIPv6 } from './address-text.ts';
import { within } from './define-type.ts';
import { lowerInto, nameFromTokens, nextNumber, nextWord, readPlainName } from './fields.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { LINE_STYLE, nameText } from './text-style.ts';

/*
 * A6 RDATA (RFC 2874 section 3.1): prefix length (8), address suffix (0 to 16 octets: what 128 - prefix length bits
 * need), prefix name (not there when the prefix length is 0)
 */
const suffixLength = (prefix: number): number => 16 - (prefix >> 3);
/** Of the first octet of the suffix, the bits that belong to it. */
const suffixMask = (prefix: number): number => 0xff >> (prefix & 7);

/** IPv6 address in parts, historic (RFC 2874, RFC 6563). */
export const A6: RecordType = {
  code: 38,
  mnemonic: 'A6',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      const prefix = reader.uint8();
      if (prefix > 128) throw new MalformedError('prefix length is above 128', reader.at - 1);
      out.uint8(prefix);
      const suffix = Uint8Array.from(reader.take(prefix === 128 ? 0 : suffixLength(prefix)));
      // RFC 2874 section 3.1: bits outside the suffix are ignored by receivers; BIND clears them.
      if (suffix.length > 0) suffix[0] &= suffixMask(prefix);
      out.bytes(suffix);
      if (prefix !== 0) readPlainName(reader, out);
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical(rdata) {
    const at = nameAt(rdata);
    if (at === rdata.length) return rdata;
    const copy = rdata.slice();
    lowerInto(rdata, at, at + nameLengthAt(rdata, at), copy);
    return copy;
  },
  toText(rdata, style = LINE_STYLE) {
    const prefix = rdata[0];
    const at = nameAt(rdata);
    const address = new Uint8Array(16);
    address.set(rdata.subarray(1, at), 17 - at);
    // With 128 there is no address; BIND prints its place all the same.
    const parts = [String(prefix), prefix === 128 ? '' : ipv6Text(address)];
    if (prefix !== 0) parts.push(nameText(rdata, at, rdata.length, style));
    return parts.join(' ');
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    const prefix = nextNumber(tokens, 128, 'prefix length (0 to 128)');
    out.uint8(prefix);
    if (prefix !== 128) suffixFromText(tokens, out, prefix);
    if (prefix !== 0) nameFromTokens(tokens, out, 'prefix name');
  },
};

function nameAt(rdata: Uint8Array): number {
  return rdata[0] === 128 ? 1 : 1 + suffixLength(rdata[0]);
}

const ADDRESS = new Uint8Array(16);

function suffixFromText(tokens: RdataTokens, out: Writer, prefix: number): void {
  nextWord(tokens, 'IPv6 address');
  if (!parseIPv6(tokens.octets, tokens.start, tokens.end, ADDRESS, 0)) tokens.fail('IPv6 address');
  const first = prefix >> 3;
  out.uint8(ADDRESS[first] & suffixMask(prefix));
  for (let i = first + 1; i < 16; i++) out.uint8(ADDRESS[i]);
}
