import { nameToShortText } from '../../wire/name-text.ts';
import { nameKey, type Name } from '../../wire/name.ts';
import type { OutsideName } from './address-checks.ts';
import type { ZoneCheckOptions } from './check-options.ts';
import { FaultList } from './fault-list.ts';
import type { ZoneFault } from './zone-fault.ts';

/** What the world knows of a name. */
export type LookupOutcome =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Looks up addresses of a host, given without final dot. Never rejects. */
export type AddressLookup = (host: string) => Promise<LookupOutcome>;

/** Look-ups under way at once. */
const PARALLEL = 16;

/** The checks of mode "full" on names outside the zone: that they have addresses. Each name is looked up and told of once. */
export async function outsideFaults(
  outside: readonly OutsideName[],
  options: { readonly zone: Name; readonly zoneClass: number; readonly checks: ZoneCheckOptions },
  lookup: AddressLookup,
): Promise<ZoneFault[]> {
  const faults = new FaultList(options.zone, options.zoneClass);
  const unique = new Map<string, OutsideName>();
  for (const name of outside) if (!unique.has(nameKey(name.name))) unique.set(nameKey(name.name), name);
  const waiting = [...unique.values()];
  for (let at = 0; at < waiting.length; at += PARALLEL) {
    const batch = waiting.slice(at, at + PARALLEL);
    const outcomes = await Promise.all(batch.map(({ name }) => lookup(nameToShortText(name))));
    batch.forEach((name, i) => addFault(name, outcomes[i], options.checks, faults));
  }
  return faults.all();
}

function addFault(outside: OutsideName, outcome: LookupOutcome, options: ZoneCheckOptions, faults: FaultList): void {
  if (outcome.kind === 'addresses') return;
  const text = `${nameToShortText(outside.owner)}/${outside.type} '${nameToShortText(outside.name)}' (out of zone)`;
  if (outcome.kind === 'failed') {
    faults.add('warning', 'ZONE_ADDRESS', `${text} could not be looked up: ${outcome.reason}`);
    return;
  }
  const fails = outside.type === 'MX' && options.mxAddress === 'fail';
  faults.add(fails ? 'error' : 'warning', 'ZONE_ADDRESS', `${text} has no addresses records (A or AAAA)`);
}
