import { readUint16 } from '../../base/octets.ts';
import { nameLengthAt } from '../name.ts';
import { MalformedError, Reader } from '../reader.ts';
import { typeText } from '../type-text.ts';
import { Writer } from '../writer.ts';
import { unescapeToken } from './character-string.ts';
import { within } from './define-type.ts';
import { nameFromTokens, nextNumber, nextWord, readPlainName } from './fields.ts';
import type { RdataTokens, RecordType } from './record-type.ts';
import {
  parametersFault,
  parseValue,
  readParameters,
  serviceKeyCode,
  serviceKeyText,
  valueText,
} from './service-parameters.ts';
import { LINE_STYLE, nameText } from './text-style.ts';

/*
 * SVCB RDATA (RFC 9460 section 2.2)
 *
 *   priority (16) | target, uncompressed | parameters in ascending order: key (16), length (16), value
 */
const TARGET_AT = 2;

/** Service binding (RFC 9460 section 2). */
export const SVCB: RecordType = serviceType(64);

/** SVCB and types compatible with it. */
export function serviceType(code: number): RecordType {
  return {
    code,
    mnemonic: typeText(code),
    read(reader: Reader, length: number, out: Writer): void {
      within(reader, length, () => {
        out.uint16(reader.uint16());
        readPlainName(reader, out);
        const at = reader.at;
        const fault = parametersFault(readParameters(reader));
        if (fault !== undefined) throw new MalformedError(fault, at);
        out.bytes(reader.octets.subarray(at, reader.at));
      });
    },
    write: (rdata, out) => out.bytes(rdata),
    canonical: (rdata) => rdata,
    toText(rdata, style = LINE_STYLE) {
      const at = TARGET_AT + nameLengthAt(rdata, TARGET_AT);
      const parts = [String(readUint16(rdata, 0)), nameText(rdata, TARGET_AT, at, style)];
      for (const [key, value] of readParameters(new Reader(rdata, at))) {
        const text = valueText(key, value);
        parts.push(text === '' ? serviceKeyText(key) : `${serviceKeyText(key)}=${text}`);
      }
      return parts.join(' ');
    },
    fromText(tokens: RdataTokens, out: Writer): void {
      out.uint16(nextNumber(tokens, 0xffff, 'priority (0 to 65535)'));
      nameFromTokens(tokens, out, 'target');
      const parameters = parametersFromText(tokens);
      const fault = parametersFault(parameters);
      if (fault !== undefined) tokens.fail(`consistent service parameters (${fault})`);
      for (const [key, value] of [...parameters].toSorted(([a], [b]) => a - b)) {
        out.uint16(key);
        out.uint16(value.length);
        out.bytes(value);
      }
    },
  };
}

const EQUALS = 0x3d;
const QUOTE = 0x22;

function parametersFromText(tokens: RdataTokens): Map<number, Uint8Array> {
  const parameters = new Map<number, Uint8Array>();
  let isAhead = false; // the current token is a parameter already
  while (isAhead || tokens.more()) {
    if (!isAhead) nextWord(tokens, 'service parameter');
    isAhead = false;
    const { octets, start, end } = tokens;
    let equals = start;
    while (equals < end && octets[equals] !== EQUALS) equals++;
    const word = Buffer.from(octets.subarray(start, equals)).toString('latin1');
    const key = serviceKeyCode(word);
    if (key < 0) tokens.fail('service parameter key: a known name, or key0 to key65535');
    if (parameters.has(key)) tokens.fail(`service parameter ${word} only once`);
    let text: Uint8Array = new Uint8Array(0);
    if (equals < end) {
      // Behind key= a value in quotes may be a token of its own, where the scanner ends words at quotes.
      if (equals + 1 === end && tokens.more()) {
        tokens.next('value');
        isAhead = !tokens.quoted;
        if (tokens.quoted) text = valueOf(tokens, tokens.start, tokens.end);
      } else {
        const isQuoted = octets[equals + 1] === QUOTE && octets[end - 1] === QUOTE && end - equals > 2;
        text = isQuoted ? valueOf(tokens, equals + 2, end - 1) : valueOf(tokens, equals + 1, end);
      }
    }
    const value = parseValue(key, text, /^key\d/.test(word));
    if (typeof value === 'string') tokens.fail(`value of ${word} (${value})`);
    parameters.set(key, value);
  }
  return parameters;
}

/** The octets that part of the current token stands for, its escapes resolved. */
function valueOf(tokens: RdataTokens, start: number, end: number): Uint8Array {
  const out = new Writer(end - start);
  const part = { octets: tokens.octets, start, end, fail: (expected: string): never => tokens.fail(expected) };
  unescapeToken(part, out, 'value of a service parameter');
  return out.finish();
}
