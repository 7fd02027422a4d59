import { formatAddress, isPrefix, parseIpv4, parseIpv6 } from '../../base/address-text.ts';
import { numberOf, port, text } from './scalar-specs.ts';
import { list } from './structure-specs.ts';
import type { Printer } from './printer.ts';
import type { Spec } from './spec.ts';
import type { TreeReader } from './tree-reader.ts';
import type { AddressValue, PrefixValue, TextValue, Value } from './tree.ts';

export type Family = 4 | 6;

/** An address of one of these families; with `star` also `*`, the unspecified address of the first. */
export function address(families: readonly Family[], star = false): Spec {
  return { read: (reader) => readAddress(reader, families, star), print: printAddress };
}

/** `1.2.3.4 [port 53] [dscp 4]` as transfer sources have it; `*` for any port too. */
export function sourceAddress(family: Family): Spec {
  return {
    read(reader) {
      const base = readAddress(reader, [family], true);
      return readPort(reader, base, true);
    },
    print: printAddress,
  };
}

/** `[address] ( 1.2.3.4 | * ) [port ( 53 | * )]`, as query sources have it. */
export function querySource(family: Family): Spec {
  return {
    read(reader) {
      const position = reader.peek().position;
      const isNamed = reader.takeWord('address');
      const isBare = !isNamed && reader.peek().text.toLowerCase() === 'port';
      const octets = new Uint8Array(family === 4 ? 4 : 16);
      const base = isBare ? ({ kind: 'address', octets, position } as const) : readAddress(reader, [family], true);
      const whole = readPort(reader, base, true);
      // BIND prints the word and a port whenever the word was there.
      return isNamed ? { ...whole, isNamed, port: whole.port ?? 0 } : whole;
    },
    print: printAddress,
  };
}

/** `1.2.3.4 [port 53]`, for forwarders and the like. */
export const addressWithPort: Spec = {
  read: (reader) => readPort(reader, readAddress(reader, [4, 6], false), false),
  print: printAddress,
};

/** `10/8`, `10.0.0.0/8`, `2001:db8::/32`; a single address is a prefix of full length. */
export const prefix: Spec = {
  read(reader) {
    const value = tryPrefix(reader);
    if (value) return value;
    throw reader.fault('expected network prefix');
  },
  print: printPrefix,
};

/** What `geoip` may ask a database for. BIND 9.18. */
const GEOIP_FIELDS: ReadonlySet<string> = new Set(
  (
    'area areacode asnum city continent country country3 countryname domain isp metro metrocode netspeed org postal ' +
    'postalcode region regionname timezone tz'
  ).split(' '),
);

/** One element of an address match list: `[!] ( prefix | key name | geoip [db name] field value | acl name | { ... } )`. */
const matchElement: Spec = {
  read(reader) {
    const position = reader.peek().position;
    if (!reader.take('!')) return readMatch(reader);
    return { kind: 'negated', value: readMatch(reader), position };
  },
  print(value, printer) {
    if (value.kind === 'negated') {
      printer.write('!');
      printMatch(value.value, printer);
    } else printMatch(value, printer);
  },
};

export const matchList: Spec = list(matchElement);

/** The port of a listener: a number, or `*` for the default one, which is as if nothing were written. */
export const portOrStar: Spec = {
  read(reader) {
    const token = reader.peek();
    if (token.kind !== 'word' || token.text !== '*') return port.read(reader);
    reader.next();
    return { kind: 'void', position: token.position };
  },
  print: port.print,
};

function readMatch(reader: TreeReader): Value {
  const token = reader.peek();
  if (token.kind === 'special' && token.text === '{') return matchList.read(reader);
  if (token.kind === 'special' || token.kind === 'end') throw reader.fault('expected IP match list element');
  if (reader.takeWord('key')) {
    const name = text.read(reader) as TextValue;
    return { kind: 'tuple', fields: new Map([['key', name]]), position: token.position };
  }
  if (reader.takeWord('geoip')) return readGeoip(reader, token.position);
  return (token.kind === 'word' ? tryPrefix(reader) : undefined) ?? text.read(reader);
}

function readGeoip(reader: TreeReader, position: Value['position']): Value {
  const database = reader.takeWord('db') ? [['db', text.read(reader)] as const] : [];
  const field = reader.peek();
  if (field.kind !== 'word') throw reader.fault('expected unquoted string');
  if (!GEOIP_FIELDS.has(field.text.toLowerCase())) throw reader.fault(`'${field.text}' unexpected`);
  const fields = [...database, ['field', text.read(reader)] as const, ['geoip', text.read(reader)] as const];
  return { kind: 'tuple', fields: new Map(fields), position };
}

function printMatch(value: Value, printer: Printer): void {
  if (value.kind === 'list') matchList.print(value, printer);
  else if (value.kind === 'prefix') printPrefix(value, printer);
  else if (value.kind === 'tuple' && value.fields.has('geoip')) printGeoip(value.fields, printer);
  else if (value.kind === 'tuple') {
    printer.write('key ');
    text.print(value.fields.get('key')!, printer);
  } else text.print(value, printer);
}

/** BIND leaves out the word and a space, and cannot read what it printed. */
function printGeoip(fields: ReadonlyMap<string, Value>, printer: Printer): void {
  printer.write('geoip ');
  for (const [name, value] of fields) {
    if (name === 'db') printer.write('db ');
    if (name === 'field') printer.write((value as TextValue).text);
    else text.print(value, printer);
    if (name !== 'geoip') printer.write(' ');
  }
}

function readAddress(reader: TreeReader, families: readonly Family[], star: boolean): AddressValue {
  const token = reader.peek();
  const wanted = `expected ${families.map((family) => `IPv${family}`).join(' or ')} address${star ? " or '*'" : ''}`;
  if (token.kind !== 'word') throw reader.fault(wanted);
  if (star && token.text === '*') {
    reader.next();
    return { kind: 'address', octets: new Uint8Array(families[0] === 4 ? 4 : 16), position: token.position };
  }
  const parsed = parseAddress(token.text);
  if (!parsed || !families.includes(parsed.octets.length === 4 ? 4 : 6)) throw reader.fault(wanted);
  reader.next();
  return { kind: 'address', ...parsed, position: token.position };
}

/** Address and scope (RFC 4007 section 11: address%zone) of a text, or undefined. */
export function parseAddress(written: string): { octets: Uint8Array; scope?: string } | undefined {
  const v4 = parseIpv4(written);
  if (v4) return { octets: v4 };
  const [bare, scope] = written.split('%', 2);
  const v6 = parseIpv6(bare);
  if (!v6 || scope === '') return undefined;
  return scope === undefined ? { octets: v6 } : { octets: v6, scope };
}

function readPort(reader: TreeReader, base: AddressValue, star: boolean): AddressValue {
  if (!reader.takeWord('port')) return base;
  const value = (star ? portOrStar : port).read(reader);
  return { ...base, port: value.kind === 'number' ? value.value : 0 };
}

function tryPrefix(reader: TreeReader): PrefixValue | undefined {
  const token = reader.peek();
  if (token.kind !== 'word') return undefined;
  const parsed = parseAddress(token.text) ?? shortIpv4(token.text);
  if (!parsed) return undefined;
  reader.next();
  const bits = parsed.octets.length * 8;
  if (!reader.take('/')) {
    if ('isShort' in parsed) throw reader.fault('incomplete IPv4 address or prefix');
    return { kind: 'prefix', ...parsed, length: bits, position: token.position };
  }
  const length = readPrefixLength(reader, bits);
  const { octets } = parsed;
  const scope = 'scope' in parsed ? { scope: parsed.scope } : {};
  if (!isPrefix(octets, length)) {
    const written = `${formatAddress(octets)}/${length}`;
    reader.faults.error('CONF_VALUE', token.position, `'${written}': address/prefix length mismatch '${length}'`);
  }
  return { kind: 'prefix', octets, ...scope, length, position: token.position };
}

function readPrefixLength(reader: TreeReader, bits: number): number {
  const token = reader.peek();
  const length = numberOf(token);
  if (length === undefined) throw reader.fault('expected prefix length');
  if (length > bits) throw reader.fault(`invalid prefix length '${length}'`);
  reader.next();
  return length;
}

/** `10`, `10.1` and `10.1.2` stand for the network with zeros after; only a prefix length may follow. */
function shortIpv4(written: string): { octets: Uint8Array; isShort: true } | undefined {
  const parts = /^\d{1,3}(?:\.\d{1,3}){0,2}\.?$/.test(written) ? written.replace(/\.$/, '').split('.').map(Number) : [];
  if (parts.length === 0 || parts.some((part) => part > 255)) return undefined;
  const octets = new Uint8Array(4);
  octets.set(parts);
  return { octets, isShort: true };
}

function printAddress(value: Value, printer: Printer): void {
  if (value.kind !== 'address') return;
  if (value.isNamed) printer.write('address ');
  printer.write(formatAddress(value.octets) + (value.scope === undefined ? '' : `%${value.scope}`));
  if (value.port !== undefined) printer.write(` port ${value.port}`);
}

function printPrefix(value: Value, printer: Printer): void {
  if (value.kind !== 'prefix') return;
  const scope = value.scope === undefined ? '' : `%${value.scope}`;
  printer.write(`${formatAddress(value.octets)}${scope}/${value.length}`);
}
