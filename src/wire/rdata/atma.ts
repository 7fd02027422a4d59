import { MalformedError, type Reader } from '../reader.ts';
import type { Writer } from '../writer.ts';
import { within } from './define-type.ts';
import { nextWord } from './fields.ts';
import { genericText } from './generic.ts';
import { hexDigit, hexText } from './hex-text.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { LINE_STYLE } from './text-style.ts';

/*
 * ATMA RDATA (ATM Forum AF-DANS-0152): format (8), then the address: 0 AESA in octets, 1 E.164 in digits of ASCII
 */
const AESA = 0;
const E164 = 1;
const DOT = 0x2e;
const PLUS = 0x2b;
const isDigit = (octet: number): boolean => octet >= 0x30 && octet <= 0x39;

/** ATM address. */
export const ATMA: RecordType = {
  code: 34,
  mnemonic: 'ATMA',
  read(reader: Reader, length: number, out: Writer): void {
    within(reader, length, () => {
      const format = reader.uint8();
      if (reader.remaining === 0) throw new MalformedError('ATM address is empty', reader.at);
      const at = reader.at;
      const address = reader.rest();
      if (format === E164 && !address.every(isDigit)) throw new MalformedError('E.164 address is not all digits', at);
      out.uint8(format);
      out.bytes(address);
    });
  },
  write: (rdata, out) => out.bytes(rdata),
  canonical: (rdata) => rdata,
  toText(rdata, style = LINE_STYLE) {
    if (rdata[0] > E164) return genericText(rdata, style);
    if (rdata[0] === AESA) return hexText(rdata, 1, rdata.length).toLowerCase();
    return `+${Buffer.from(rdata.subarray(1)).toString('latin1')}`;
  },
  fromText(tokens: RdataTokens, out: Writer): void {
    nextWord(tokens, 'ATM address');
    if (tokens.octets[tokens.start] === PLUS) digitsFromText(tokens, out);
    else octetsFromText(tokens, out);
  },
};

function digitsFromText(tokens: RdataTokens, out: Writer): void {
  out.uint8(E164);
  const start = out.at;
  for (let i = tokens.start + 1; i < tokens.end; i++) {
    const octet = tokens.octets[i];
    if (octet === DOT) continue;
    if (!isDigit(octet)) tokens.fail('"+" and decimal digits');
    out.uint8(octet);
  }
  if (out.at === start) tokens.fail('"+" and decimal digits');
}

function octetsFromText(tokens: RdataTokens, out: Writer): void {
  const expected = 'ATM address: pairs of hexadecimal digits, or "+" and decimal digits';
  out.uint8(AESA);
  const start = out.at;
  let high = -1;
  for (let i = tokens.start; i < tokens.end; i++) {
    if (tokens.octets[i] === DOT && high < 0) continue;
    const digit = hexDigit(tokens.octets[i]);
    if (digit < 0) tokens.fail(expected);
    if (high >= 0) out.uint8((high << 4) | digit);
    high = high >= 0 ? -1 : digit;
  }
  if (high >= 0 || out.at === start) tokens.fail(expected);
}
