import { formatAddress } from '../../base/address-text.ts';
import type { AddressMatchList, InetControl } from '../configuration.ts';
import { SERVER_DEFAULTS } from '../defaults.ts';
import { clausesNamed, fieldOf, numberField } from '../syntax/tree.ts';
import type { Clause, ListValue, MapValue, Value } from '../syntax/tree.ts';
import { canonicalKeyName } from './context.ts';
import type { CheckContext } from './context.ts';
import { checkMatchList } from './match-lists.ts';

const LOCALHOST: AddressMatchList = [{ kind: 'localhost', negated: false }];

/**
 * The control channels. Without `controls` there is one on each loopback address for the key of rndc.key, as in BIND;
 * an empty `controls { };` means none.
 */
export function checkControls(clauses: readonly Clause[], context: CheckContext): InetControl[] {
  if (clauses.length === 0)
    return SERVER_DEFAULTS.controlAddresses.map((address) => ({
      address,
      port: SERVER_DEFAULTS.controlPort,
      allow: LOCALHOST,
      keys: [],
      readOnly: false,
    }));
  return clauses.flatMap((clause) => {
    const map = clause.value as MapValue;
    for (const unix of clausesNamed(map, 'unix'))
      // BIND 9.18 reads this and then refuses it too: Unix domain sockets are no longer there.
      context.faults.error(
        'CONF_UNSUPPORTED',
        unix.position,
        "'unix' is known but not supported by this version; use 'inet'",
      );
    return clausesNamed(map, 'inet').map((inet) => checkInet(inet.value, context));
  });
}

function checkInet(value: Value, context: CheckContext): InetControl {
  const address = fieldOf(value, 'address');
  const allow = fieldOf(value, 'allow');
  const readOnly = fieldOf(value, 'read-only');
  return {
    address: address?.kind === 'address' ? formatAddress(address.octets) : '127.0.0.1',
    port: numberField(value, 'port') ?? SERVER_DEFAULTS.controlPort,
    allow: allow ? checkMatchList(allow, context) : LOCALHOST,
    keys: checkKeyNames(fieldOf(value, 'keys'), context),
    readOnly: readOnly?.kind === 'boolean' && readOnly.value,
  };
}

function checkKeyNames(value: Value | undefined, context: CheckContext): string[] {
  return ((value as ListValue | undefined)?.elements ?? []).flatMap((element) => {
    if (element.kind !== 'text') return [];
    if (!context.keyNames.has(canonicalKeyName(element.text)))
      context.faults.error('CONF_REFERENCE', element.position, `unknown key '${element.text}'`);
    return [element.text];
  });
}
