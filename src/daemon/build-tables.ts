import type { Configuration } from '../conf/configuration.ts';
import { hostAddresses } from '../net/interfaces.ts';
import { ANSWER_LIMITS, type ServerTables, type ZoneTable } from '../server/server-tables.ts';
import { mustName } from '../wire/name-text.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

/** What responder threads are told: the configuration's lists and names, and the slots that the keepers publish in. */
export function buildTables(
  configuration: Configuration,
  keepers: readonly ZoneKeeper[],
  state: { readonly generation: number; readonly logQueries: boolean },
): ServerTables {
  const own = hostAddresses();
  return {
    generation: state.generation,
    identity: {
      version: configuration.version,
      hostname: configuration.hostname,
      serverId: configuration.serverId,
    },
    limits: { ...ANSWER_LIMITS, minimalAny: configuration.minimalAny },
    keys: configuration.keys.map(({ name, algorithm, secret }) => ({ name: mustName(name), algorithm, secret })),
    views: configuration.views.map(({ name, matchClients, matchDestinations, matchRecursiveOnly }) => ({
      name,
      matchClients,
      matchDestinations,
      matchRecursiveOnly,
      zones: keepers.filter((keeper) => keeper.view === name).map(zoneTable),
    })),
    localhost: own.map(({ address }) => ({ address, length: address.length * 8 })),
    localnets: own.map(({ address, prefixLength }) => ({ address, length: prefixLength })),
    logQueries: state.logQueries,
  };
}

function zoneTable(keeper: ZoneKeeper): ZoneTable {
  const { allowQuery, allowTransfer } = keeper.zone;
  return { apex: keeper.apex, slot: keeper.store.slot, allowQuery, allowTransfer };
}
