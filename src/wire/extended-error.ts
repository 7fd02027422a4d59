import { MalformedError, Reader } from './reader.ts';
import { EXTENDED_ERRORS } from './tables/extended-errors.ts';

/** Extended DNS error (RFC 8914 section 2): code (16 bits) and text in UTF-8, not null-terminated. */
export interface ExtendedError {
  readonly code: number;
  readonly text: string;
}

const TEXTS = new Map(EXTENDED_ERRORS);

/** The registry's words for the code, or undefined. */
function extendedErrorName(code: number): string | undefined {
  return TEXTS.get(code);
}

/** @throws MalformedError when the code is missing */
export function decodeExtendedError(data: Uint8Array): ExtendedError {
  const reader = new Reader(data);
  const code = reader.uint16();
  const octets = reader.rest();
  // RFC 8914 section 2: a terminating null is not to be sent, but is to be tolerated.
  const end = octets.at(-1) === 0 ? octets.length - 1 : octets.length;
  return { code, text: Buffer.from(octets.subarray(0, end)).toString('utf8') };
}

export function encodeExtendedError(error: ExtendedError): Uint8Array<ArrayBuffer> {
  const text = Buffer.from(error.text, 'utf8');
  if (text.length > 0xfffd) throw new MalformedError('extended error text is too long', 0);
  const data = new Uint8Array(2 + text.length);
  data.set([error.code >> 8, error.code]);
  data.set(text, 2);
  return data;
}

/** "6 (DNSSEC Bogus): (text)", as dig prints it. */
export function extendedErrorText(error: ExtendedError): string {
  const name = extendedErrorName(error.code);
  return `${error.code}${name === undefined ? '' : ` (${name})`}${error.text === '' ? '' : `: (${error.text})`}`;
}
