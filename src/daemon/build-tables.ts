import type { AnswerConfiguration, Configuration } from '../conf/configuration.ts';
import { hostAddresses } from '../net/interfaces.ts';
import type { AnswerLimits, ServerTables, ZoneTable } from '../server/server-tables.ts';
import type { ZoneCounters } from '../server/zone-counters.ts';
import { mustName } from '../wire/name-text.ts';
import type { AnswerMemory } from './answer-memory.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

/** What responder threads are told: the configuration's lists and names, and the slots that the keepers publish in. */
export function buildTables(
  configuration: Configuration,
  keepers: readonly ZoneKeeper[],
  state: {
    readonly generation: number;
    readonly logQueries: boolean;
    readonly answerMemory: AnswerMemory;
    readonly zoneCounters: ZoneCounters;
  },
): ServerTables {
  const own = hostAddresses();
  const cookies = state.answerMemory.cookies(configuration.cookies);
  return {
    generation: state.generation,
    identity: {
      version: configuration.version,
      hostname: configuration.hostname,
      serverId: configuration.serverId,
    },
    limits: limitsOf(configuration.answers),
    ...(cookies && { cookies }),
    keys: configuration.keys.map(({ name, algorithm, secret }) => ({ name: mustName(name), algorithm, secret })),
    views: configuration.views.map(({ name, matchClients, matchDestinations, matchRecursiveOnly, answers }) => ({
      name,
      matchClients,
      matchDestinations,
      matchRecursiveOnly,
      limits: limitsOf(answers),
      ...(answers.padding && { padding: answers.padding }),
      ...(answers.rateLimit && { rateLimit: state.answerMemory.rateLimit(name, answers.rateLimit) }),
      zones: keepers.filter((keeper) => keeper.view === name).map((keeper) => zoneTable(keeper, state.zoneCounters)),
    })),
    localhost: own.map(({ address }) => ({ address, length: address.length * 8 })),
    localnets: own.map(({ address, prefixLength }) => ({ address, length: prefixLength })),
    logQueries: state.logQueries,
    zoneCounters: state.zoneCounters.blocks,
  };
}

function zoneTable(keeper: ZoneKeeper, zoneCounters: ZoneCounters): ZoneTable {
  const counters = zoneCounters.index(keeper.label);
  const { allowQuery, allowQueryOn, allowTransfer, transferOver } = keeper.zone;
  return {
    apex: keeper.apex,
    slot: keeper.store.slot,
    allowQuery,
    allowTransfer,
    ...(allowQueryOn && { allowQueryOn }),
    ...(transferOver && { transferOver }),
    ...(counters !== undefined && { counters }),
  };
}

function limitsOf(answers: AnswerConfiguration): AnswerLimits {
  const { ednsUdpSize, maxUdpSize, nocookieUdpSize, requireServerCookie, minimalAny, minimalResponses } = answers;
  return { ednsUdpSize, maxUdpSize, nocookieUdpSize, requireServerCookie, minimalAny, minimalResponses };
}
