import { fromBase64, toBase64 } from '../../base/base64.ts';
import { MalformedError, Reader } from '../reader.ts';
import { SVCB_KEYS } from '../tables/svcb-keys.ts';
import { ipv4Text, ipv6Text, parseIPv4, parseIPv6 } from './address-text.ts';
import { quotedText } from './character-string.ts';

/**
 * Values of service parameters (RFC 9460 section 7), by key. Wire form and text are both checked here; key 7, dohpath
 * (RFC 9461), is checked too but printed as "key7", as BIND 9.18 does.
 */
const SERVICE_KEY = {
  MANDATORY: 0,
  ALPN: 1,
  NO_DEFAULT_ALPN: 2,
  PORT: 3,
  IPV4HINT: 4,
  ECH: 5,
  IPV6HINT: 6,
  DOHPATH: 7,
} as const;

const NAMES = new Map(SVCB_KEYS);
const CODES = new Map(SVCB_KEYS.map(([code, text]) => [text, code]));
CODES.set('dohpath', SERVICE_KEY.DOHPATH);

/** Name of a key: "alpn", "key667". */
export function serviceKeyText(key: number): string {
  return NAMES.get(key) ?? `key${key}`;
}

/** Number of a key given by name or as keyN (without leading zeros), or -1. Names have small letters (RFC 9460 section 2.1). */
export function serviceKeyCode(text: string): number {
  const known = CODES.get(text);
  if (known !== undefined) return known;
  const match = /^key(0|[1-9]\d{0,4})$/.exec(text);
  return match !== null && Number(match[1]) <= 65535 ? Number(match[1]) : -1;
}

/** What is wrong with a value in wire form, or undefined. */
function valueFault(key: number, value: Uint8Array): string | undefined {
  switch (key) {
    case SERVICE_KEY.MANDATORY:
      return mandatoryFault(value);
    case SERVICE_KEY.ALPN:
      return alpnFault(value);
    case SERVICE_KEY.NO_DEFAULT_ALPN:
      return value.length === 0 ? undefined : 'no-default-alpn has a value';
    case SERVICE_KEY.PORT:
      return value.length === 2 ? undefined : 'port is not 16 bits';
    case SERVICE_KEY.IPV4HINT:
      return value.length > 0 && value.length % 4 === 0 ? undefined : 'ipv4hint is not a list of addresses';
    case SERVICE_KEY.IPV6HINT:
      return value.length > 0 && value.length % 16 === 0 ? undefined : 'ipv6hint is not a list of addresses';
    case SERVICE_KEY.DOHPATH:
      return dohpathFault(value);
    default:
      return undefined;
  }
}

/** Keys in ascending order, without itself (RFC 9460 section 8). */
function mandatoryFault(value: Uint8Array): string | undefined {
  if (value.length === 0 || value.length % 2 !== 0) return 'mandatory is not a list of keys';
  let last = 0;
  for (const key of mandatoryKeys(value)) {
    if (key <= last) return 'keys of mandatory are not in ascending order from 1 on';
    last = key;
  }
  return undefined;
}

function mandatoryKeys(value: Uint8Array): number[] {
  const reader = new Reader(value);
  const keys: number[] = [];
  while (reader.remaining > 1) keys.push(reader.uint16());
  return keys;
}

function alpnFault(value: Uint8Array): string | undefined {
  const reader = new Reader(value);
  if (value.length === 0) return 'alpn is empty';
  while (reader.remaining > 0) {
    const length = reader.uint8();
    if (length === 0 || length > reader.remaining) return 'alpn is not a list of protocols';
    reader.take(length);
  }
  return undefined;
}

/** Expression of a URI template: operator and variables (RFC 6570 section 2.2). */
const EXPRESSION = /\{[+#./;?&]?([\w.,%*:]+)\}/g;

/** A relative URI template with the variable "dns" (RFC 9461 section 5). */
function dohpathFault(value: Uint8Array): string | undefined {
  const text = Buffer.from(value).toString('utf8');
  const isBraced = !text.replaceAll(EXPRESSION, '').includes('{');
  const hasVariable = [...text.matchAll(EXPRESSION)].some(([, list]) =>
    list.split(',').some((variable) => /^dns(?:\*|:\d{1,4})?$/.test(variable)),
  );
  const isTemplate = text.startsWith('/') && isBraced && hasVariable && !text.includes('\ufffd');
  return isTemplate ? undefined : 'dohpath is not a template with the variable dns';
}

/** The value as it stands behind "=" in text, quoted where it needs to be; '' when the key stands alone. */
export function valueText(key: number, value: Uint8Array): string {
  if (value.length === 0) return '';
  switch (key) {
    case SERVICE_KEY.MANDATORY:
      return mandatoryKeys(value).map(serviceKeyText).join(',');
    case SERVICE_KEY.ALPN:
      return alpnText(value);
    case SERVICE_KEY.PORT:
      return String((value[0] << 8) | value[1]);
    case SERVICE_KEY.IPV4HINT:
      return groups(value, 4)
        .map((address) => ipv4Text(address))
        .join(',');
    case SERVICE_KEY.IPV6HINT:
      return groups(value, 16)
        .map((address) => ipv6Text(address))
        .join(',');
    case SERVICE_KEY.ECH:
      return toBase64(value);
    default:
      return quotedText(value, 0, value.length);
  }
}

function groups(value: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: value.length / size }, (_, i) => value.subarray(i * size, (i + 1) * size));
}

/**
 * The list in quotes. Escaped twice (RFC 9460 appendix A.1): "," and "\" inside a protocol for the list, then "\" and '"'
 * for the master file.
 */
function alpnText(value: Uint8Array): string {
  const protocols: string[] = [];
  for (let at = 0; at < value.length; at += 1 + value[at]) {
    let text = '';
    for (const octet of value.subarray(at + 1, at + 1 + value[at])) {
      if (octet === COMMA || octet === BACKSLASH) text += `\\\\${octet === COMMA ? ',' : '\\\\'}`;
      else if (octet === QUOTE) text += '\\"';
      else if (octet <= 0x20 || octet >= 0x7f) text += `\\${String(octet).padStart(3, '0')}`;
      else text += String.fromCharCode(octet);
    }
    protocols.push(text);
  }
  return `"${protocols.join(',')}"`;
}

const [COMMA, BACKSLASH, QUOTE] = [0x2c, 0x5c, 0x22];

/**
 * Wire form of a value whose escapes of the master file are resolved already.
 * @param isGeneric the key was given as keyN: the octets are the wire form
 * @returns the octets, or what is wrong
 */
export function parseValue(key: number, text: Uint8Array, isGeneric: boolean): Uint8Array | string {
  const value = isGeneric ? text : parseKnown(key, text);
  return typeof value === 'string' ? value : (valueFault(key, value) ?? value);
}

function parseKnown(key: number, octets: Uint8Array): Uint8Array | string {
  const text = Buffer.from(octets).toString('latin1');
  switch (key) {
    case SERVICE_KEY.MANDATORY:
      return parseMandatory(text);
    case SERVICE_KEY.ALPN:
      return parseAlpn(octets);
    case SERVICE_KEY.PORT:
      return /^\d{1,5}$/.test(text) && Number(text) <= 65535
        ? Uint8Array.of(Number(text) >> 8, Number(text))
        : 'port is not a number from 0 to 65535';
    case SERVICE_KEY.IPV4HINT:
      return parseAddresses(text, 4);
    case SERVICE_KEY.IPV6HINT:
      return parseAddresses(text, 16);
    case SERVICE_KEY.ECH:
      return fromBase64(text) ?? 'ech is not base 64';
    default:
      return octets;
  }
}

/** In any order in text; doubles are errors (RFC 9460 section 8). */
function parseMandatory(text: string): Uint8Array | string {
  const keys = text.split(',').map(serviceKeyCode);
  if (keys.includes(-1)) return 'mandatory names an unknown key';
  if (new Set(keys).size !== keys.length) return 'mandatory names a key twice';
  return Uint8Array.from(keys.toSorted((a, b) => a - b).flatMap((key) => [key >> 8, key & 0xff]));
}

/** A list apart by ",", which "\" hides (RFC 9460 appendix A.1). */
function parseAlpn(text: Uint8Array): Uint8Array | string {
  const value: number[] = [0];
  let lengthAt = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === COMMA) {
      lengthAt = value.push(0) - 1;
      continue;
    }
    if (text[i] === BACKSLASH && ++i === text.length) return 'alpn ends in "\\"';
    value.push(text[i]);
    if (++value[lengthAt] > 255) return 'alpn has a protocol of more than 255 octets';
  }
  return Uint8Array.from(value);
}

function parseAddresses(text: string, size: 4 | 16): Uint8Array | string {
  const items = text.split(',');
  const value = new Uint8Array(items.length * size);
  const parse = size === 4 ? parseIPv4 : parseIPv6;
  const isAll = items.every((item, i) => {
    const octets = Buffer.from(item, 'latin1');
    return parse(octets, 0, octets.length, value, i * size);
  });
  return isAll ? value : `${size === 4 ? 'ipv4hint' : 'ipv6hint'} is not a list of addresses`;
}

/** Checks what RFC 9460 says of all parameters together. @returns what is wrong, or undefined */
export function parametersFault(parameters: ReadonlyMap<number, Uint8Array>): string | undefined {
  // Section 7.1.1: no-default-alpn only beside alpn. Section 8: what is mandatory is there.
  if (parameters.has(SERVICE_KEY.NO_DEFAULT_ALPN) && !parameters.has(SERVICE_KEY.ALPN))
    return 'no-default-alpn without alpn';
  const mandatory = parameters.get(SERVICE_KEY.MANDATORY);
  const missing = mandatory && mandatoryKeys(mandatory).find((key) => !parameters.has(key));
  return missing === undefined ? undefined : `mandatory names ${serviceKeyText(missing)}, which is missing`;
}

/** The parameters in wire form, of which each key is higher than the one before (RFC 9460 section 2.2). @throws MalformedError */
export function readParameters(reader: Reader): Map<number, Uint8Array> {
  const parameters = new Map<number, Uint8Array>();
  let last = -1;
  while (reader.remaining > 0) {
    const at = reader.at;
    const key = reader.uint16();
    const value = reader.take(reader.uint16());
    if (key <= last) throw new MalformedError('service parameters are not in ascending order', at);
    const fault = valueFault(key, value);
    if (fault !== undefined) throw new MalformedError(fault, at);
    parameters.set(key, value);
    last = key;
  }
  return parameters;
}
