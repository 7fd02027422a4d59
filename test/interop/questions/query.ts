import { type Name } from '../../../src/wire/name.ts';
import { nameToText } from '../../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../../src/wire/type-codes.ts';
import { typeText } from '../../../src/wire/type-text.ts';

/* One question of the comparison, as a value and in wire form. It is written here by hand, since much of it is odd. */

export interface EdnsPart {
  readonly udpSize: number;
  readonly dnssecOk: boolean;
  readonly version: number;
  /** The fifteen bits behind DO. */
  readonly z: number;
  /** Options in wire form. */
  readonly options: Uint8Array;
}

export interface Query {
  readonly name: Name;
  readonly type: number;
  readonly class: number;
  /** The header's second word, with opcode. */
  readonly flags: number;
  readonly edns: EdnsPart | undefined;
  /** Asked over TCP rather than UDP. */
  readonly tcp: boolean;
}

/** What is sent, and what is said of it when answers differ. */
export interface Question {
  readonly octets: Uint8Array;
  readonly text: string;
  /** Undefined for octets that are no plain question. */
  readonly query: Query | undefined;
}

export function makeQuestion(query: Query): Question {
  return { octets: queryOctets(query), text: queryText(query), query };
}

export function queryOctets(query: Query): Uint8Array {
  const { name, type, flags, edns } = query;
  return Buffer.concat([
    words(0, flags, 1, 0, 0, edns === undefined ? 0 : 1),
    name,
    words(type, query.class),
    edns === undefined ? words() : optOctets(edns),
  ]);
}

/** OPT (RFC 6891 section 6.1.2). */
export function optOctets({ udpSize, version, dnssecOk, z, options }: EdnsPart): Uint8Array {
  return Buffer.concat([
    Uint8Array.of(0),
    words(TYPE.OPT, udpSize, version, (dnssecOk ? 0x8000 : 0) | z, options.length),
    options,
  ]);
}

export function option(code: number, data: Uint8Array | readonly number[]): Uint8Array {
  return Buffer.concat([words(code, data.length), Uint8Array.from(data)]);
}

/** Sixteen bits each. */
export function words(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

export function queryText(query: Query): string {
  const { name, type, flags, edns, tcp } = query;
  const parts = [nameToText(name), typeText(type)];
  if (query.class !== CLASS.IN) parts.push(`class ${query.class}`);
  parts.push(`flags ${flags.toString(16)}`);
  if (edns === undefined) parts.push('no edns');
  else {
    parts.push(`size ${edns.udpSize}${edns.dnssecOk ? ' do' : ''}`);
    if (edns.version !== 0) parts.push(`version ${edns.version}`);
    if (edns.z !== 0) parts.push(`z ${edns.z.toString(16)}`);
    if (edns.options.length > 0) parts.push(`options ${Buffer.from(edns.options).toString('hex')}`);
  }
  if (tcp) parts.push('tcp');
  return parts.join(' ');
}
