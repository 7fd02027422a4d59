import { readUint16, readUint32 } from '../../base/octets.ts';
import { expandTime32 } from '../../base/serial.ts';
import { LOWER, nameLengthAt, uncheckedName } from '../name.ts';
import { NAME_FAULTS, nameToText, parseName } from '../name-text.ts';
import type { Mnemonics } from '../mnemonics.ts';
import { dateText, parseDecimal, parseTime32, parseTtl } from '../number-text.ts';
import { MalformedError, type Reader } from '../reader.ts';
import { typeCode, typeText } from '../type-text.ts';
import type { Writer } from '../writer.ts';
import { ipv4Text, ipv6Text, parseIPv4, parseIPv6 } from './address-text.ts';
import { base64Rest, base64Text } from './base64-text.ts';
import { characterStringFromText, quotedText, unescapeToken } from './character-string.ts';
import { hexRest, hexText } from './hex-text.ts';
import type { MessageWriter, RdataTokens, TextStyle } from './record-type.ts';
import { chunked, nameText } from './text-style.ts';
import { bitmapFromText, bitmapText, readBitmap } from './type-bitmap.ts';

/** One field of RDATA. A record type is a list of them; its five operations follow from theirs. */
export interface Field {
  /** Checks and appends the field; `reader.end` is the end of the RDATA. */
  read(reader: Reader, out: Writer): void;
  /** Where the field that begins at `at` ends, in RDATA that `read` or `fromText` made. */
  end(rdata: Uint8Array, at: number): number;
  toText(rdata: Uint8Array, at: number, end: number, style: TextStyle): string;
  fromText(tokens: RdataTokens, out: Writer): void;
  /** Only names: how it goes into a message, and whether its letters are small in canonical form. */
  readonly name?: NameRules;
}

export interface NameRules {
  /** Types of RFC 1035 only (RFC 3597 section 4). */
  readonly compressible: boolean;
  /** Types that RFC 4034 section 6.2 lists, without NSEC (RFC 6840 section 5.1). */
  readonly lowered: boolean;
  /** Pointers are followed in received messages: RFC 1035 types, and those that RFC 3597 section 4 names. */
  readonly decompressed: boolean;
  /** Printed absolute even where the style has an origin, as BIND prints it. */
  readonly absolute?: boolean;
}

/** Moves to the next token and refuses quotes: only <character-string>s may have them. */
export function nextWord(tokens: RdataTokens, expected: string): void {
  tokens.next(expected);
  if (tokens.quoted) tokens.fail(`${expected} without quotes`);
}

/** The next token as a decimal number. */
export function nextNumber(tokens: RdataTokens, maximum: number, expected: string): number {
  nextWord(tokens, expected);
  const value = parseDecimal(tokens.octets, tokens.start, tokens.end, maximum);
  if (value < 0) tokens.fail(expected);
  return value;
}

export function uint8(what: string): Field {
  const expected = `${what} (0 to 255)`;
  return {
    read: (reader, out) => out.uint8(reader.uint8()),
    end: (_, at) => at + 1,
    toText: (rdata, at) => String(rdata[at]),
    fromText: (tokens, out) => out.uint8(nextNumber(tokens, 0xff, expected)),
  };
}

export function uint16(what: string): Field {
  const expected = `${what} (0 to 65535)`;
  return {
    read: (reader, out) => out.uint16(reader.uint16()),
    end: (_, at) => at + 2,
    toText: (rdata, at) => String(readUint16(rdata, at)),
    fromText: (tokens, out) => out.uint16(nextNumber(tokens, 0xffff, expected)),
  };
}

export function uint32(what: string): Field {
  const expected = `${what} (0 to 4294967295)`;
  return {
    read: (reader, out) => out.uint32(reader.uint32()),
    end: (_, at) => at + 4,
    toText: (rdata, at) => String(readUint32(rdata, at)),
    fromText: (tokens, out) => out.uint32(nextNumber(tokens, 0xffffffff, expected)),
  };
}

/** A number of 8 or 16 bits that text may give by a mnemonic. @param printed whether mnemonics are printed too */
export function mnemonic(what: string, width: 8 | 16, names: Mnemonics, printed: boolean): Field {
  const maximum = width === 8 ? 0xff : 0xffff;
  const expected = `${what} (0 to ${maximum} or its mnemonic)`;
  const number = width === 8 ? uint8(what) : uint16(what);
  return {
    read: number.read,
    end: number.end,
    toText(rdata, at) {
      const value = width === 8 ? rdata[at] : readUint16(rdata, at);
      return (printed ? names.text(value) : undefined) ?? String(value);
    },
    fromText(tokens, out) {
      nextWord(tokens, expected);
      const { octets, start, end } = tokens;
      let value = parseDecimal(octets, start, end, maximum);
      if (value < 0) value = names.code(octets, start, end);
      if (value < 0) tokens.fail(expected);
      if (width === 8) out.uint8(value);
      else out.uint16(value);
    },
  };
}

/** A duration in seconds, which text may give with units. */
export function ttl(what: string): Field {
  const number = uint32(what);
  const expected = `${what} in seconds, or with the units w d h m s`;
  return {
    read: number.read,
    end: number.end,
    toText: number.toText,
    fromText(tokens, out) {
      nextWord(tokens, expected);
      const value = parseTtl(tokens.octets, tokens.start, tokens.end);
      if (value < 0) tokens.fail(expected);
      out.uint32(value);
    },
  };
}

/** A 32-bit time in serial arithmetic (RFC 4034 section 3.1.5), printed as a date. */
export function time(what: string): Field {
  const number = uint32(what);
  const expected = `${what} as YYYYMMDDHHmmSS or seconds`;
  return {
    read: number.read,
    end: number.end,
    toText: (rdata, at) => timeText(readUint32(rdata, at)),
    fromText(tokens, out) {
      nextWord(tokens, expected);
      const value = parseTime32(tokens.octets, tokens.start, tokens.end);
      if (value < 0) tokens.fail(expected);
      out.uint32(value);
    },
  };
}

/** 2030-01-01: 32-bit times are printed as the closest moment to it, 1961 to 2098. Text must not depend on a clock. */
const PRINTED_ERA = 1893456000;

/** A 32-bit time (RFC 4034 section 3.1.5) as YYYYMMDDHHmmSS. */
export function timeText(time32: number): string {
  return dateText(expandTime32(time32, PRINTED_ERA));
}

export function typeField(what: string): Field {
  return {
    read: (reader, out) => out.uint16(reader.uint16()),
    end: (_, at) => at + 2,
    toText: (rdata, at) => typeText(readUint16(rdata, at)),
    fromText(tokens, out) {
      nextWord(tokens, what);
      const { octets, start, end } = tokens;
      let code = typeCode(octets, start, end);
      if (code < 0) code = parseDecimal(octets, start, end, 0xffff); // BIND takes plain numbers too
      if (code < 0) tokens.fail(what);
      out.uint16(code);
    },
  };
}

/** Name in a type of RFC 1035: compressed in messages, small letters in canonical form. */
export const CLASSIC: NameRules = { compressible: true, lowered: true, decompressed: true };
/** Types that RFC 3597 section 4 lists: not compressed by us, but understood, and in RFC 4034 section 6.2's list. */
export const LISTED: NameRules = { compressible: false, lowered: true, decompressed: true };
/** In RFC 4034 section 6.2's list, but compression is an error. */
export const LOWERED: NameRules = { compressible: false, lowered: true, decompressed: false };
/** Types younger than RFC 3597: octets as they are. */
export const MODERN: NameRules = { compressible: false, lowered: false, decompressed: false };

export function name(what: string, rules: NameRules): Field {
  return {
    name: rules,
    read: rules.decompressed ? readAnyName : readPlainName,
    end: (rdata, at) => at + nameLengthAt(rdata, at),
    toText: rules.absolute
      ? (rdata, at, end) => nameToText(uncheckedName(rdata.subarray(at, end)))
      : (rdata, at, end, style) => nameText(rdata, at, end, style),
    fromText: (tokens, out) => nameFromTokens(tokens, out, what),
  };
}

function readAnyName(reader: Reader, out: Writer): void {
  out.reserve(256);
  out.at += reader.nameInto(out.octets, out.at);
}

/** A name that must not be compressed (RFC 3597 section 4). */
export function readPlainName(reader: Reader, out: Writer): void {
  const length = nameLengthAt(reader.octets, reader.at, reader.end);
  if (length < 0) throw new MalformedError('uncompressed name expected', reader.at);
  out.bytes(reader.take(length));
}

/** Appends the name that the next token spells. */
export function nameFromTokens(tokens: RdataTokens, out: Writer, what: string): void {
  nextWord(tokens, what);
  out.reserve(256);
  const length = parseName(tokens.octets, tokens.start, tokens.end, tokens.origin, out.octets, out.at);
  if (length < 0) tokens.fail(`${what} (${NAME_FAULTS[-1 - length]})`);
  out.at += length;
}

export const ipv4: Field = {
  read: (reader, out) => out.bytes(reader.take(4)),
  end: (_, at) => at + 4,
  toText: (rdata, at) => ipv4Text(rdata, at),
  fromText(tokens, out) {
    nextWord(tokens, 'IPv4 address');
    out.reserve(4);
    if (!parseIPv4(tokens.octets, tokens.start, tokens.end, out.octets, out.at)) tokens.fail('IPv4 address');
    out.at += 4;
  },
};

export const ipv6: Field = {
  read: (reader, out) => out.bytes(reader.take(16)),
  end: (_, at) => at + 16,
  toText: (rdata, at) => ipv6Text(rdata, at),
  fromText(tokens, out) {
    nextWord(tokens, 'IPv6 address');
    out.reserve(16);
    if (!parseIPv6(tokens.octets, tokens.start, tokens.end, out.octets, out.at)) tokens.fail('IPv6 address');
    out.at += 16;
  },
};

/** <character-string>: length octet and octets, quoted in text. */
export function characterString(what: string): Field {
  return {
    read(reader, out) {
      const length = reader.uint8();
      out.uint8(length);
      out.bytes(reader.take(length));
    },
    end: (rdata, at) => at + 1 + rdata[at],
    toText: (rdata, at, end) => quotedText(rdata, at + 1, end),
    fromText: (tokens, out) => characterStringFromText(tokens, out, what),
  };
}

/** The rest of RDATA as one string in quotes, without length octet. */
export function quotedRest(what: string): Field {
  return {
    read: (reader, out) => out.bytes(reader.rest()),
    end: (rdata) => rdata.length,
    toText: (rdata, at, end) => quotedText(rdata, at, end),
    fromText(tokens, out) {
      tokens.next(what);
      unescapeToken(tokens, out, what);
    },
  };
}

/** The rest of RDATA, at least one octet, in hexadecimal. */
export function hexadecimalRest(what: string): Field {
  return {
    read: (reader, out) => out.bytes(atLeastOne(reader, what)),
    end: (rdata) => rdata.length,
    toText: (rdata, at, end, style) => chunked(hexText(rdata, at, end), style),
    fromText: (tokens, out) => void hexRest(tokens, out, `${what} in hexadecimal`),
  };
}

/** The rest of RDATA, at least one octet, in base 64. */
export function base64(what: string): Field {
  const expected = `${what} in base 64`;
  return {
    read: (reader, out) => out.bytes(atLeastOne(reader, what)),
    end: (rdata) => rdata.length,
    toText: (rdata, at, end, style) => chunked(base64Text(rdata, at, end), style),
    fromText: (tokens, out) => void base64Rest(tokens, out, expected),
  };
}

function atLeastOne(reader: Reader, what: string): Uint8Array {
  if (reader.remaining === 0) throw new MalformedError(`${what} is missing`, reader.at);
  return reader.rest();
}

/** The rest of RDATA as type bitmap. @param required an empty one is refused (NSEC: it has at least its own type) */
export function typeBitmap(required: boolean): Field {
  return {
    read(reader, out) {
      if (required && reader.remaining === 0) throw new MalformedError('type bitmap is missing', reader.at);
      readBitmap(reader, out);
    },
    end: (rdata) => rdata.length,
    toText: (rdata, at, end) => bitmapText(rdata, at, end),
    fromText(tokens, out) {
      if (required && !tokens.more()) tokens.next('record type');
      bitmapFromText(tokens, out);
    },
  };
}

/** The field again and again until RDATA ends. @param least how often at least */
export function repeated(field: Field, least: number, separator = ' '): Field {
  return {
    read(reader, out) {
      for (let count = 0; count < least || reader.remaining > 0; count++) field.read(reader, out);
    },
    end: (rdata) => rdata.length,
    toText(rdata, at, end, style) {
      const texts: string[] = [];
      for (let here = at; here < end; here = field.end(rdata, here))
        texts.push(field.toText(rdata, here, field.end(rdata, here), style));
      return texts.join(separator);
    },
    fromText(tokens, out) {
      for (let count = 0; count < least || tokens.more(); count++) field.fromText(tokens, out);
    },
  };
}

/** The field, or nothing when RDATA ends before it. */
export function optional(field: Field): Field {
  return {
    read(reader, out) {
      if (reader.remaining > 0) field.read(reader, out);
    },
    end: (rdata, at) => (at < rdata.length ? field.end(rdata, at) : at),
    toText: (rdata, at, end, style) => (at < end ? field.toText(rdata, at, end, style) : ''),
    fromText(tokens, out) {
      if (tokens.more()) field.fromText(tokens, out);
    },
  };
}

/** Copies rdata[at, end) with small letters: a name field in canonical form. */
export function lowerInto(rdata: Uint8Array, at: number, end: number, out: Uint8Array): void {
  for (let i = at; i < end; i++) out[i] = LOWER[rdata[i]];
}

/** Puts the name rdata[at, end) into a message, compressed. */
export function writeCompressed(rdata: Uint8Array, at: number, end: number, out: MessageWriter): void {
  out.compressedName(uncheckedName(rdata.subarray(at, end)));
}
