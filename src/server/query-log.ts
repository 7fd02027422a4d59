import { formatAddress } from '../net/address.ts';
import { classText } from '../wire/class-text.ts';
import { uncheckedName } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { QueryView } from '../wire/query-view.ts';
import { typeText } from '../wire/type-text.ts';
import type { ClientContext } from './answer.ts';

/** What lines about a query tell of where it came from. */
export interface QuerySource {
  readonly client: ClientContext;
  readonly port: number;
  /** Name of the key that signs the query. */
  readonly key: string | undefined;
  /** Undefined for the only view. */
  readonly view: string | undefined;
}

/**
 * A line of BIND's category `queries`: client, name, class, type, then flags: recursion (+ or -), S signed, E(version)
 * EDNS, T over TCP, D DO, C CD; and the address asked. Undefined for messages without a question.
 */
export function queryLogText(query: QueryView, source: QuerySource): string | undefined {
  if (query.nameLength === 0) return undefined;
  const { destination, overTcp } = source.client;
  const flags =
    (query.wantsRecursion ? '+' : '-') +
    (query.tsigAt > 0 ? 'S' : '') +
    (query.hasEdns ? `E(${query.ednsVersion})` : '') +
    (overTcp ? 'T' : '') +
    (query.dnssecOk ? 'D' : '') +
    (query.checkingDisabled ? 'C' : '');
  const name = nameOf(query);
  const question = `${name} ${classText(query.class)} ${typeText(query.type)}`;
  return `${sourceText(source, name)}: query: ${question} ${flags} (${formatAddress(destination)})`;
}

/** A line of BIND's category `security`. */
export function deniedTransferText(query: QueryView, source: QuerySource): string {
  const name = nameOf(query);
  const what = `${name}/${typeText(query.type)}/${classText(query.class)}`;
  return `${sourceText(source, name)}: zone transfer '${what}' denied`;
}

/** A line of BIND's category `security`. */
export function badSignatureText(source: QuerySource, failure: string): string {
  return `${sourceText(source, undefined)}: request has invalid signature: ${failure}`;
}

function nameOf({ octets, nameAt, nameLength }: QueryView): string {
  return nameToShortText(uncheckedName(octets.slice(nameAt, nameAt + nameLength)));
}

function sourceText({ client, port, key, view }: QuerySource, name: string | undefined): string {
  const { address, addressAt, addressLength } = client;
  const from = formatAddress(address.slice(addressAt, addressAt + addressLength));
  const signer = key === undefined ? '' : `/key ${key}`;
  return `client ${from}#${port}${signer}${name === undefined ? '' : ` (${name})`}${view === undefined ? '' : `: view ${view}`}`;
}
