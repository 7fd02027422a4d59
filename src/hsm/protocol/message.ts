import { HalStatus } from '../hal-status.ts';
import type { Fields } from './fields.ts';
import { type ArgumentsOf, FUNCTIONS, type FunctionName, isOwn, type ResultsOf } from './functions.ts';
import { XdrReader, type XdrWriter } from './xdr.ts';

/*
 * libhal's functions:   request  func | client | arguments              reply  func | client | status | results
 * ours (5000 to 5FFF):  request  func | client | request | arguments    reply  func | client | request | status | results or message
 *
 * Results follow only status 0. A message is an opaque of UTF-8 for people: what happened, and what to do next.
 * `client` is echoed and means nothing. `request` is the client's number of a call; replies come in any order.
 */
export const VENDOR_HEADER = 8;
export const OWN_HEADER = 12;

/** HAL_RPC_MAX_PKT_SIZE: most octets of a request, and of a reply whose length the client did not ask for. */
export const MOST_VENDOR_OCTETS = 16_384;
/** Room for a message of 64 KiB that is signed as a whole (an RRset, EdDSA), and attributes. */
export const MOST_OWN_OCTETS = 81_920;

/** Most octets of a request, by its first octets. */
export function mostRequestOctets(beginning: Uint8Array): number {
  return isOwn(codeOf(beginning)) ? MOST_OWN_OCTETS : MOST_VENDOR_OCTETS;
}

export function codeOf(message: Uint8Array): number {
  return wordAt(message, 0);
}

export function wordAt(message: Uint8Array, at: number): number {
  return ((message[at] << 24) | (message[at + 1] << 16) | (message[at + 2] << 8) | message[at + 3]) >>> 0;
}

/** Where the arguments of a request begin. */
export function headerLength(code: number): number {
  return isOwn(code) ? OWN_HEADER : VENDOR_HEADER;
}

/** What a message's fields say, and whether they could be read. */
export interface Decoded<Values> {
  readonly status: HalStatus;
  readonly values: Values;
}

export function readArguments<Name extends FunctionName>(name: Name, message: Uint8Array): Decoded<ArgumentsOf<Name>> {
  const { code, arguments: fields } = FUNCTIONS[name];
  const reader = new XdrReader(message, headerLength(code));
  const values = readFields(fields, reader, false) as ArgumentsOf<Name>;
  return { status: reader.verdict, values };
}

export function writeArguments<Name extends FunctionName>(
  name: Name,
  values: ArgumentsOf<Name>,
  writer: XdrWriter,
): void {
  writeFields(FUNCTIONS[name].arguments, values, writer);
}

/** @param at where the results begin */
export function readResults<Name extends FunctionName>(
  name: Name,
  message: Uint8Array,
  at: number,
  isBare: boolean,
): Decoded<ResultsOf<Name>> {
  const reader = new XdrReader(message, at);
  const values = readFields(FUNCTIONS[name].results, reader, isBare) as ResultsOf<Name>;
  return { status: reader.verdict, values };
}

/** @param values the function's, which its handler made */
export function writeResults(name: FunctionName, values: object, writer: XdrWriter): void {
  writeFields(FUNCTIONS[name].results, values, writer);
}

/** Whether the call asks for lengths instead of values. */
export function isBareCall(name: FunctionName, values: object): boolean {
  return (
    (name === 'PKEY_GET_ATTRIBUTES' || name === 'HASH_GET_DIGEST_ALGORITHM_ID') &&
    (values as { readonly room: number }).room === 0
  );
}

function readFields(fields: Fields, reader: XdrReader, isBare: boolean): object {
  const values: Record<string, unknown> = {};
  for (const name in fields) values[name] = fields[name].read(reader, isBare);
  return values;
}

function writeFields(fields: Fields, values: object, writer: XdrWriter): void {
  for (const name in fields) fields[name].write(writer, (values as Record<string, unknown>)[name]);
}
