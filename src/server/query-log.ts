import { formatAddress } from '../net/address.ts';
import { classText } from '../wire/class-text.ts';
import { uncheckedName } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { QueryView } from '../wire/query-view.ts';
import { typeText } from '../wire/type-text.ts';
import type { ClientContext } from './answer.ts';

/**
 * A line of BIND's category `queries`: client, name, class, type, then flags: recursion (+ or -), S signed, E(version)
 * EDNS, T over TCP, D DO, C CD; and the address asked. Undefined for messages without a question.
 */
export function queryLogText(query: QueryView, client: ClientContext, port: number): string | undefined {
  if (query.nameLength === 0) return undefined;
  const { octets, nameAt, nameLength } = query;
  const name = nameToShortText(uncheckedName(octets.slice(nameAt, nameAt + nameLength)));
  const { address, addressAt, addressLength, destination, overTcp } = client;
  const from = formatAddress(address.slice(addressAt, addressAt + addressLength));
  const flags =
    (query.wantsRecursion ? '+' : '-') +
    (query.tsigAt > 0 ? 'S' : '') +
    (query.hasEdns ? `E(${query.ednsVersion})` : '') +
    (overTcp ? 'T' : '') +
    (query.dnssecOk ? 'D' : '') +
    (query.checkingDisabled ? 'C' : '');
  const question = `${name} ${classText(query.class)} ${typeText(query.type)}`;
  return `client ${from}#${port} (${name}): query: ${question} ${flags} (${formatAddress(destination)})`;
}
