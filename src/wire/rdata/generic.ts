import { equalOctets } from '../../base/octets.ts';
import { MalformedError, Reader } from '../reader.ts';
import { typeText } from '../type-text.ts';
import { Writer } from '../writer.ts';
import { nextNumber, nextWord } from './fields.ts';
import { decode, hexText } from './hex-text.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import { chunked, LINE_STYLE } from './text-style.ts';
import type { TextStyle } from './record-type.ts';

/** RDATA of any type as RFC 3597 section 5 writes it, in BIND's form: `\# 3 ABCDEF`. */
export function genericText(rdata: Uint8Array, style: TextStyle = LINE_STYLE): string {
  if (rdata.length === 0) return '\\# 0';
  const data = chunked(hexText(rdata, 0, rdata.length), style);
  return style.multiline ? `\\# ${rdata.length} ( ${data} )` : `\\# ${rdata.length} ${data}`;
}

/** True when the current token is the "\#" that begins the generic form. */
export function isGenericMark(tokens: RdataTokens): boolean {
  const { octets, start, end } = tokens;
  return !tokens.quoted && end - start === 2 && octets[start] === 0x5c && octets[start + 1] === 0x23;
}

const HEX_EXPECTED = 'RDATA in hexadecimal';

/**
 * Parses the generic form (RFC 3597 section 5) behind its "\#", which is the current token, and appends the RDATA. For a
 * type that is known the octets must be RDATA of that type, without compression.
 */
export function genericFromText(type: RecordType, tokens: RdataTokens, out: Writer): void {
  const length = nextNumber(tokens, 0xffff, 'length of the RDATA (0 to 65535)');
  const start = out.at;
  let high = -1;
  while (out.at - start < length) {
    nextWord(tokens, `${HEX_EXPECTED}, ${length} octets`);
    high = decode(tokens, out, high, HEX_EXPECTED);
  }
  if (high >= 0 || out.at - start !== length) tokens.fail(`${HEX_EXPECTED}, exactly ${length} octets`);
  const fault = faultOf(type, out.octets.slice(start, out.at));
  if (fault !== undefined) tokens.fail(`RDATA of type ${type.mnemonic} (${fault})`);
}

/** What is wrong with uncompressed RDATA of a type, or undefined. */
export function faultOf(type: RecordType, rdata: Uint8Array): string | undefined {
  const checked = new Writer(rdata.length + 256);
  try {
    type.read(new Reader(rdata), rdata.length, checked);
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
  return equalOctets(checked.view(), rdata) ? undefined : 'a name in it is compressed';
}

/** A type without its own form: octets in, octets out (RFC 3597 section 3). */
export function genericType(code: number): RecordType {
  return {
    code,
    mnemonic: typeText(code),
    read: (reader, length, out) => out.bytes(reader.take(length)),
    write: (rdata, out) => out.bytes(rdata),
    canonical: (rdata) => rdata,
    toText: genericText,
    fromText: (tokens) => {
      tokens.next('"\\#" and the RDATA in hexadecimal');
      tokens.fail('"\\#" and the RDATA in hexadecimal, the only form for this type');
    },
  };
}
