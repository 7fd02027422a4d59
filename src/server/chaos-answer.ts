import { SECTION, type Section } from '../wire/header.ts';
import { uncheckedName } from '../wire/name.ts';
import type { QueryView } from '../wire/query-view.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { ResponseBuilder } from './response-builder.ts';

const SOA_TTL = 86_400;
const HOSTMASTER = Uint8Array.from([10, ...Buffer.from('hostmaster', 'latin1')]);
/** Serial 0, refresh 28800, retry 7200, expire 604800, minimum 86400. */
const SOA_TIMES = Uint8Array.from([0, 0, 0, 0, 0, 0, 0x70, 0x80, 0, 0, 0x1c, 0x20, 0, 9, 0x3a, 0x80, 0, 1, 0x51, 0x80]);

/** Whether a question of class CH is one for the text of its name. */
export function asksChaosText(type: number): boolean {
  return type === TYPE.TXT || type === TYPE.ANY;
}

/** The text, and the NS record of BIND's zone for it unless it is left out. */
export function addChaosText(
  builder: ResponseBuilder,
  query: QueryView,
  text: Uint8Array,
  omitAuthority: boolean,
): void {
  addRecord(builder, query, SECTION.ANSWER, TYPE.TXT, 0, text);
  if (!omitAuthority) addRecord(builder, query, SECTION.AUTHORITY, TYPE.NS, 0, nameOf(query));
}

/** The SOA of BIND's zone for a name that has no such type: the name itself, hostmaster below it, and fixed times. */
export function addChaosSoa(builder: ResponseBuilder, query: QueryView): void {
  const name = nameOf(query);
  const rdata = Buffer.concat([name, HOSTMASTER, name, SOA_TIMES]);
  addRecord(builder, query, SECTION.AUTHORITY, TYPE.SOA, SOA_TTL, rdata);
}

function addRecord(
  builder: ResponseBuilder,
  query: QueryView,
  section: Section,
  type: number,
  ttl: number,
  rdata: Uint8Array,
): void {
  const owner = uncheckedName(nameOf(query));
  if (!builder.message.record(section, owner, type, CLASS.CH, ttl, rdata)) builder.truncated = true;
}

function nameOf({ octets, nameAt, nameLength }: QueryView): Uint8Array {
  return octets.subarray(nameAt, nameAt + nameLength);
}
