import { parseDecimal } from '../number-text.ts';
import { MalformedError, type Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { ipv4Text, ipv6Text, parseIPv4, parseIPv6 } from './address-text.ts';
import { within } from './define-type.ts';
import { nextWord } from './fields.ts';
import { genericText } from './generic.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { LINE_STYLE } from './text-style.ts';

/*
 * APL RDATA (RFC 3123 section 4), again and again:
 *
 *   address family (16) | prefix (8) | N, the "!" (1), length (7) | address without the zero octets at its end
 */
const IPV4 = 1;
const IPV6 = 2;
const ADDRESS = new Uint8Array(16);

/** Lists of address prefixes (RFC 3123). */
export const APL: RecordType = {
  code: 42,
  mnemonic: 'APL',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      while (reader.remaining > 0) readItem(reader, out);
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical: (rdata) => rdata,
  toText(rdata, style = LINE_STYLE) {
    const texts: string[] = [];
    for (let at = 0; at < rdata.length; at += 4 + (rdata[at + 3] & 0x7f)) {
      const family = (rdata[at] << 8) | rdata[at + 1];
      if (family !== IPV4 && family !== IPV6) return genericText(rdata, style);
      ADDRESS.fill(0);
      ADDRESS.set(rdata.subarray(at + 4, at + 4 + (rdata[at + 3] & 0x7f)));
      const address = family === IPV4 ? ipv4Text(ADDRESS) : ipv6Text(ADDRESS);
      texts.push(`${rdata[at + 3] & 0x80 ? '!' : ''}${family}:${address}/${rdata[at + 2]}`);
    }
    return texts.join(' ');
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    while (tokens.more()) itemFromText(tokens, out);
  },
};

function readItem(reader: Reader, out: Writer): void {
  const at = reader.at;
  const family = reader.uint16();
  const prefix = reader.uint8();
  const length = reader.uint8();
  const address = reader.take(length & 0x7f);
  // RFC 3123 section 4: the address shall not end in a zero octet.
  if (address.at(-1) === 0) throw new MalformedError('address ends in a zero octet', at);
  const bits = familyBits(family);
  if (prefix > bits || address.length * 8 > bits) throw new MalformedError('address or prefix is too long', at);
  out.uint16(family);
  out.uint8(prefix);
  out.uint8(length);
  out.bytes(address);
}

function familyBits(family: number): number {
  if (family === IPV4) return 32;
  return family === IPV6 ? 128 : Infinity;
}

const EXPECTED = 'address prefix like 1:192.0.2.0/24 or !2:2001:db8::/32';
const [COLON, SLASH, EXCLAMATION] = [0x3a, 0x2f, 0x21];

function itemFromText(tokens: RdataTokens, out: Writer): void {
  nextWord(tokens, EXPECTED);
  const { octets, end } = tokens;
  const isNegated = octets[tokens.start] === EXCLAMATION;
  const start = tokens.start + (isNegated ? 1 : 0);
  let colon = start;
  while (colon < end && octets[colon] !== COLON) colon++;
  let slash = colon;
  while (slash < end && octets[slash] !== SLASH) slash++;
  const family = parseDecimal(octets, start, colon, 0xffff);
  if (family !== IPV4 && family !== IPV6) tokens.fail(`${EXPECTED}, address family 1 or 2`);
  const prefix = parseDecimal(octets, slash + 1, end, familyBits(family));
  ADDRESS.fill(0);
  const parse = family === IPV4 ? parseIPv4 : parseIPv6;
  if (prefix < 0 || !parse(octets, colon + 1, slash, ADDRESS, 0)) tokens.fail(EXPECTED);
  let length = 16;
  while (length > 0 && ADDRESS[length - 1] === 0) length--;
  out.uint16(family);
  out.uint8(prefix);
  out.uint8(length | (isNegated ? 0x80 : 0));
  for (let i = 0; i < length; i++) out.uint8(ADDRESS[i]);
}
