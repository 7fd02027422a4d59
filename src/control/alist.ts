/*
 * Association lists of the control protocol, as BIND's rndc and named exchange them:
 *
 *   alist  = { key-length(1) key value } ...            until the enclosing length is used up
 *   value  = tag(1) length(4) octets                    tag 1: octet string, 2: alist, 3: list of values
 *
 * All integers are big-endian. Numbers travel as decimal text in octet strings.
 */
import { concatOctets, latin1Octets, latin1Text } from '../base/octets.ts';

export type AlistValue = Uint8Array | Alist | readonly AlistValue[];
export type Alist = ReadonlyMap<string, AlistValue>;

const OCTET_STRING = 1;
const TABLE = 2;
const LIST = 3;

/** Nesting of what peers send is 2; a bound keeps hostile messages from deep recursion. */
const MAX_DEPTH = 10;

/** The alist that `octets[start, end)` holds, or undefined when it is malformed. */
export function decodeAlist(octets: Uint8Array, start = 0, end = octets.length, depth = 0): Alist | undefined {
  const alist = new Map<string, AlistValue>();
  for (let at = start; at < end;) {
    const keyEnd = at + 1 + octets[at];
    if (octets[at] === 0 || keyEnd >= end) return undefined;
    const key = latin1Text(octets, at + 1, keyEnd);
    const value = decodeValue(octets, keyEnd, end, depth);
    // A key that comes twice could mean one thing to the check of the time and another to the command.
    if (value === undefined || alist.has(key)) return undefined;
    alist.set(key, value.value);
    at = value.end;
  }
  return alist;
}

function decodeValue(
  octets: Uint8Array,
  at: number,
  end: number,
  depth: number,
): { value: AlistValue; end: number } | undefined {
  if (end - at < 5 || depth >= MAX_DEPTH) return undefined;
  const length = new DataView(octets.buffer, octets.byteOffset).getUint32(at + 1);
  const start = at + 5;
  if (length > end - start) return undefined;
  const value = decodeBody(octets[at], octets, start, start + length, depth + 1);
  return value && { value, end: start + length };
}

function decodeBody(
  tag: number,
  octets: Uint8Array,
  start: number,
  end: number,
  depth: number,
): AlistValue | undefined {
  if (tag === OCTET_STRING) return octets.slice(start, end);
  if (tag === TABLE) return decodeAlist(octets, start, end, depth);
  return tag === LIST ? decodeList(octets, start, end, depth) : undefined;
}

function decodeList(octets: Uint8Array, start: number, end: number, depth: number): AlistValue[] | undefined {
  const list: AlistValue[] = [];
  for (let at = start; at < end;) {
    const value = decodeValue(octets, at, end, depth);
    if (value === undefined) return undefined;
    list.push(value.value);
    at = value.end;
  }
  return list;
}

/** Wire form. @throws RangeError for a key of no or more than 255 octets: a caller's mistake. */
export function encodeAlist(alist: Alist): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const [key, value] of alist) {
    if (key.length === 0 || key.length > 255) throw new RangeError(`alist key of ${key.length} octets`);
    parts.push(new Uint8Array([key.length]), latin1Octets(key), encodeValue(value));
  }
  return concatOctets(parts);
}

function encodeValue(value: AlistValue): Uint8Array {
  if (value instanceof Uint8Array) return tagged(OCTET_STRING, value);
  if (value instanceof Map) return tagged(TABLE, encodeAlist(value));
  return tagged(LIST, concatOctets((value as readonly AlistValue[]).map(encodeValue)));
}

function tagged(tag: number, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(5);
  head[0] = tag;
  new DataView(head.buffer).setUint32(1, body.length);
  return concatOctets([head, body]);
}

/** The text under `key`, or undefined when it is missing or no octet string. */
export function alistText(alist: Alist, key: string): string | undefined {
  const value = alist.get(key);
  return value instanceof Uint8Array ? latin1Text(value) : undefined;
}

/** The unsigned 32-bit number under `key`, or undefined when it is missing or not decimal digits. */
export function alistNumber(alist: Alist, key: string): number | undefined {
  const text = alistText(alist, key);
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const number = Number(text);
  return number <= 0xffffffff ? number : undefined;
}

/** The alist under `key`, or undefined when it is missing or something else. */
export function alistTable(alist: Alist, key: string): Alist | undefined {
  const value = alist.get(key);
  return value instanceof Map ? value : undefined;
}
