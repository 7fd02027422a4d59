import type { DnssecPolicy } from '../conf/configuration.ts';
import type { HistoryEntry } from '../history/key-history.ts';
import type { Observations } from '../policy/observations.ts';
import type { Plan } from '../policy/plan.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import type { Name } from '../wire/name.ts';
import type { LackingHalf } from './lacking-half.ts';

/** What the planner saw and said, and what it is told with. */
export interface ExplainInput {
  readonly apex: Name;
  /** `_default` where there are no views. */
  readonly view: string;
  readonly policy: DnssecPolicy;
  readonly keys: readonly PlannedKey[];
  /** Made from policy, keys, observations and now. */
  readonly plan: Plan;
  readonly observations: Observations;
  /** Unix seconds. */
  readonly now: number;
  /** RDATA of the DNSKEY records by key id: without one no DS can be shown. */
  readonly dnskeys?: ReadonlyMap<string, Uint8Array>;
  /** By key id: keys whose signatures are needed and whose private half is not at hand. */
  readonly lacking?: ReadonlyMap<string, LackingHalf>;
  /** Events of this zone, oldest first. */
  readonly history?: readonly HistoryEntry[];
}
