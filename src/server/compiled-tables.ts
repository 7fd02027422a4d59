import { AddressMatcher } from './address-match.ts';
import type { RateLimitTable } from './rate-limit-table.ts';
import type { AnswerLimits, ServerTables, ViewTable } from './server-tables.ts';
import { ZoneIndex } from './zone-index.ts';

/** A view ready for look-ups. The arrays go by the zone's index in the table. */
export interface CompiledView {
  readonly name: string;
  readonly matchClients: AddressMatcher;
  readonly matchDestinations: AddressMatcher;
  readonly matchRecursiveOnly: boolean;
  readonly limits: AnswerLimits;
  /** Whose answers are padded, and to a multiple of how many octets; 0: nobody's. */
  readonly paddedClients: AddressMatcher | undefined;
  readonly paddingBlock: number;
  readonly rateLimit: RateLimitTable | undefined;
  readonly rateLimitExempt: AddressMatcher | undefined;
  readonly index: ZoneIndex;
  readonly slots: Uint32Array;
  readonly apexes: readonly Uint8Array[];
  readonly allowQuery: readonly AddressMatcher[];
  readonly allowTransfer: readonly AddressMatcher[];
  /** Undefined when no zone of the view has allow-query-on. */
  readonly allowQueryOn: readonly (AddressMatcher | undefined)[] | undefined;
  /** As ZoneTable.counters, -1 for a zone that is not counted; undefined where none is. */
  readonly counters: Int32Array | undefined;
}

export interface CompiledTables {
  readonly tables: ServerTables;
  readonly views: readonly CompiledView[];
}

/**
 * @param seed of the names that zones are looked up by
 * @throws SignetError KEY_UNKNOWN when a match list names a key that the tables lack
 */
export function compileTables(tables: ServerTables, seed = 0): CompiledTables {
  const matchers = new Map<unknown, AddressMatcher>();
  // Thousands of zones share the few lists of their view: structured clone keeps that they are the same object.
  const matcher = (list: ViewTable['matchClients']): AddressMatcher => {
    let compiled = matchers.get(list);
    if (compiled === undefined) matchers.set(list, (compiled = new AddressMatcher(list, tables)));
    return compiled;
  };
  return {
    tables,
    views: tables.views.map((view) => ({
      name: view.name,
      matchClients: matcher(view.matchClients),
      matchDestinations: matcher(view.matchDestinations),
      matchRecursiveOnly: view.matchRecursiveOnly,
      limits: limitsOf(view, tables),
      paddedClients: view.padding && matcher(view.padding.clients),
      paddingBlock: view.padding?.blockSize ?? 0,
      rateLimit: view.rateLimit,
      rateLimitExempt: view.rateLimit?.exemptClients && matcher(view.rateLimit.exemptClients),
      index: new ZoneIndex(
        view.zones.map((zone) => zone.apex),
        seed,
      ),
      slots: Uint32Array.from(view.zones, (zone) => zone.slot),
      apexes: view.zones.map((zone) => zone.apex),
      allowQuery: view.zones.map((zone) => matcher(zone.allowQuery)),
      allowTransfer: view.zones.map((zone) => matcher(zone.allowTransfer)),
      allowQueryOn: view.zones.some((zone) => zone.allowQueryOn !== undefined)
        ? view.zones.map((zone) => zone.allowQueryOn && matcher(zone.allowQueryOn))
        : undefined,
      counters: view.zones.some((zone) => zone.counters !== undefined)
        ? Int32Array.from(view.zones, (zone) => zone.counters ?? -1)
        : undefined,
    })),
  };
}

/** The server's own object where a view has nothing of its own: then there is nothing to switch to for a query. */
function limitsOf({ limits }: ViewTable, tables: ServerTables): AnswerLimits {
  return limits === undefined || JSON.stringify(limits) === JSON.stringify(tables.limits) ? tables.limits : limits;
}
