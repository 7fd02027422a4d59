import type { DnssecPolicy } from '../conf/configuration.ts';
import type { KeyWait } from '../policy/key-wait.ts';
import type { ServedTtl } from '../policy/observations.ts';
import type { Condition, KeyRecord, PlannedKey } from '../policy/planned-key.ts';
import type { Danger } from './caches.ts';
import type { Fault } from './fault.ts';
import type { SignatureRound } from './signature-rounds.ts';

/* What is simulated and what came of it: plain data. Times are Unix seconds and true, whatever the daemon's clock says. */

export interface Scenario {
  /** Absolute, with final dot. */
  readonly zone: string;
  readonly policy: DnssecPolicy;
  /** What the key directory holds. */
  readonly keys: readonly PlannedKey[];
  /** The daemon asks the parent (`checkds`, `parental-agents`); else an operator tells it. Both are taken to be prompt. */
  readonly asksParent: boolean;
  /** TTLs that were served before and may be in caches still; `until` undefined is taken for the start. */
  readonly served?: readonly ServedTtl[];
  readonly start: number;
  readonly end: number;
  readonly faults: readonly Fault[];
  /** Other policies that the zone gets, in order of time. */
  readonly policyChanges: readonly { readonly at: number; readonly policy: DnssecPolicy }[];
  /** `rndc dnssec -rollover` for the key of this role that signs at the time. */
  readonly rollovers: readonly { readonly at: number; readonly role: KeyRole }[];
}

export type KeyRole = 'ksk' | 'zsk' | 'csk';

export interface Simulation {
  readonly scenario: Scenario;
  /** In the order that they came into the zone. */
  readonly keys: readonly KeyLife[];
  /** In order of time. */
  readonly steps: readonly Step[];
  /** The DS RRset of all servers of the parent, from each change on; the first is that of the start. */
  readonly ds: readonly { readonly from: number; readonly keys: readonly string[] }[];
  /** Who signs, from each change on. */
  readonly signers: readonly Signers[];
  readonly rounds: readonly SignatureRound[];
  readonly dangers: readonly Danger[];
  /** What nothing that was going to happen would have ended. */
  readonly stuck: readonly Wait[];
  readonly summary: Summary;
}

export interface KeyLife {
  readonly id: string;
  /** "ksk 12345" for a key that is there, "zsk 2 (new)" for one that is made on the way. */
  readonly name: string;
  readonly role: KeyRole;
  readonly algorithm: number;
  readonly bits: number;
  /** Undefined for a key that is made on the way: nobody can know it. */
  readonly tag: number | undefined;
  /** Made on the way at this time; undefined: it was there. */
  readonly made: number | undefined;
  readonly predecessor: string | undefined;
  /** Its files were removed (purge-keys). */
  readonly purged: number | undefined;
  /** The conditions of each of its records, from each change on. */
  readonly records: Readonly<Partial<Record<KeyRecord, readonly Span[]>>>;
}

/** Ids of keys by what they sign at one time. */
export interface Signers {
  readonly from: number;
  /** DNSKEY, CDS and CDNSKEY. */
  readonly keys: readonly string[];
  /** All else. */
  readonly data: readonly string[];
  /** They sign no more, and what they signed is replaced as it comes due. */
  readonly retiring: readonly string[];
}

export interface Span {
  readonly condition: Condition;
  readonly from: number;
}

/** What happened, and why. */
export type Step = { readonly at: number } & (
  | { readonly kind: 'key made'; readonly key: string; readonly reason: Reason }
  | { readonly kind: 'key adopted'; readonly key: string }
  | {
      readonly kind: 'state';
      readonly key: string;
      readonly record: KeyRecord;
      readonly from: Condition;
      readonly to: Condition;
      readonly reason: Reason;
    }
  | { readonly kind: 'key retired'; readonly key: string; readonly reason: Reason }
  /** A key that was on its way out is wanted again. */
  | { readonly kind: 'key kept'; readonly key: string }
  | { readonly kind: 'key purged'; readonly key: string }
  /** CDS and CDNSKEY from now on: of these keys, DELETE, or none. */
  | { readonly kind: 'cds'; readonly keys: readonly string[]; readonly isDelete: boolean }
  /** All servers of the parent have this DS RRset. */
  | {
      readonly kind: 'ds';
      readonly keys: readonly string[];
      readonly added: readonly string[];
      readonly removed: readonly string[];
      readonly isFlap: boolean;
    }
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'policy'; readonly name: string }
  | {
      readonly kind: 'rollover asked';
      readonly key: string | undefined;
      readonly role: KeyRole;
      readonly refusal: string | undefined;
    }
  | { readonly kind: 'fault begins' | 'fault ends'; readonly fault: Fault }
);

export type StepKind = Step['kind'];

/** What the planner said that a step waited for before it was taken. */
export interface Reason {
  /** The last wait of the step; undefined: it was taken as soon as it was thought of. */
  readonly wait: KeyWait | undefined;
  /** Since when it had waited. */
  readonly since: number;
  /** For what no wait explains: a new or a retired key. */
  readonly text: string | undefined;
}

export interface Wait {
  readonly wait: KeyWait;
  readonly since: number;
}

export interface Summary {
  /** By role: a key that was in use is gone from all caches and another has its place. */
  readonly rollovers: Readonly<Record<KeyRole, number>>;
  /** In order of time: the zone got keys of other kinds in place of all that it had of some kind. */
  readonly keySetChanges: readonly KeySetChange[];
  /** The longest time that a step waited for something outside; undefined: none did. */
  readonly longestWait: (Wait & { readonly until: number | undefined }) | undefined;
  /** What the parent has to be told, unless it reads CDS or CDNSKEY and the daemon its DS RRset. */
  readonly dsActions: readonly DsAction[];
  readonly isSound: boolean;
}

export interface KeySetChange {
  readonly at: number;
  /** When the last of the old keys was gone from all caches; undefined: it was not by the end. */
  readonly over: number | undefined;
  /** Each kind once. */
  readonly from: readonly KeyKind[];
  /** None: the zone is to be unsigned. */
  readonly to: readonly KeyKind[];
}

export interface KeyKind {
  readonly role: KeyRole;
  /** DNSSEC algorithm number. */
  readonly algorithm: number;
  readonly bits: number;
}

export interface DsAction {
  /** From when on CDS and CDNSKEY ask for it. */
  readonly at: number;
  /** Names of keys whose DS the parent is to have; none: no DS at all. */
  readonly keys: readonly string[];
  /** When all of its servers had it; undefined: never in this simulation. */
  readonly done: number | undefined;
  /** What to tell named then, as it asks no parental agents; empty where it does. */
  readonly commands: readonly string[];
}
