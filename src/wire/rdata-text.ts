import { SignetError } from '../base/error.ts';
import { latin1Octets } from '../base/octets.ts';
import type { Name } from './name.ts';
import { genericFromText, isGenericMark } from './rdata/generic.ts';
import type { RdataTokens, TextStyle } from './rdata/record-type.ts';
import { recordType } from './rdata/registry.ts';
import { Writer } from './writer.ts';

/**
 * RDATA from its presentation form in a string: for tests and tools; master files have their own scanner. Brackets and
 * comments are not understood.
 * @throws SignetError RDATA_SYNTAX with the facts `type`, `token`, `column` and `expected`
 */
export function rdataFromText(code: number, text: string, origin?: Name): Uint8Array<ArrayBuffer> {
  const type = recordType(code);
  const tokens = new StringTokens(text, origin, type.mnemonic);
  const out = new Writer();
  const ahead = new StringTokens(text, origin, type.mnemonic);
  if (ahead.more()) ahead.next('RDATA');
  if (isGenericMark(ahead)) {
    tokens.next('RDATA');
    genericFromText(type, tokens, out);
  } else {
    type.fromText(tokens, out);
  }
  if (tokens.more()) {
    tokens.next('end of the RDATA');
    tokens.fail('end of the RDATA');
  }
  return out.finish();
}

/** RDATA in presentation form, as BIND prints it. */
export function rdataToText(code: number, rdata: Uint8Array, style?: TextStyle): string {
  return recordType(code).toText(rdata, style);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const isBlank = (octet: number): boolean => octet === 0x20 || (octet >= 0x09 && octet <= 0x0d);

/** The tokens of one string: words apart by blanks, or in quotes. A quote also ends a word, as in BIND. */
class StringTokens implements RdataTokens {
  readonly octets: Uint8Array;
  start = 0;
  end = 0;
  quoted = false;
  readonly origin: Name | undefined;
  readonly #subject: string;
  #at = 0;

  /** @param subject what the text is, for errors: a record type's mnemonic */
  constructor(text: string, origin: Name | undefined, subject: string) {
    this.octets = latin1Octets(text);
    this.origin = origin;
    this.#subject = subject;
  }

  more(): boolean {
    while (this.#at < this.octets.length && isBlank(this.octets[this.#at])) this.#at++;
    return this.#at < this.octets.length;
  }

  next(expected: string): void {
    if (!this.more()) {
      this.start = this.end = this.octets.length;
      this.quoted = false;
      this.fail(expected);
    }
    this.quoted = this.octets[this.#at] === QUOTE;
    if (this.quoted) this.#at++;
    this.start = this.#at;
    while (this.#at < this.octets.length && !this.#endsToken(this.octets[this.#at])) {
      this.#at += this.octets[this.#at] === BACKSLASH ? 2 : 1;
    }
    this.#at = Math.min(this.#at, this.octets.length);
    this.end = this.#at;
    if (!this.quoted) return;
    if (this.#at === this.octets.length) this.fail('closing quote');
    this.#at++;
  }

  #endsToken(octet: number): boolean {
    return octet === QUOTE || (!this.quoted && isBlank(octet));
  }

  fail(expected: string): never {
    const token = Buffer.from(this.octets.subarray(this.start, this.end)).toString('latin1');
    const found = token === '' && !this.quoted ? 'the end' : `"${token}"`;
    const column = this.start + 1;
    throw new SignetError(
      'RDATA_SYNTAX',
      `${this.#subject} record, column ${column}: ${expected} expected, found ${found}: correct the record's text`,
      { type: this.#subject, token, column, expected },
    );
  }
}
