import type { Condition, KeyRecord } from '../policy/planned-key.ts';

/*
 * What the history of keys keeps: one file declares every event. Facts are plain data, the text is made from them
 * (history-text.ts). No event holds a secret: keys are named by file, tag and algorithm, people by the name of their rndc key.
 */

/** A key as it is named for people; `id` is the base of its file names. */
export interface HistoryKey {
  readonly id: string;
  readonly tag: number;
  readonly algorithm: number;
  readonly role: 'KSK' | 'ZSK' | 'CSK';
}

/** Whom an event is about: a zone of a view, or the server where both are absent. */
export interface HistoryZone {
  /** As in configuration, without final dot and in lower case; the root is ".". */
  readonly zone: string;
  /** `_default` where the configuration has no views. */
  readonly view: string;
}

/** What happened. Times and durations are (Unix) seconds. */
export type HistoryFacts =
  /** A record of a key came into another condition. */
  | { readonly kind: 'state'; readonly record: KeyRecord; readonly from: Condition; readonly to: Condition }
  /** A key pair was made; `predecessor` is the tag of the key that it follows. */
  | { readonly kind: 'generate'; readonly policy: string; readonly bits: number; readonly predecessor?: number }
  /** A key that was there before was taken up by the policy. */
  | { readonly kind: 'adopt'; readonly policy: string }
  /** Times of a key were changed without a change of a state. `times` are those that are new. */
  | { readonly kind: 'update'; readonly times: Readonly<Record<string, number>>; readonly successor?: number }
  /** The goal of a key changed: 'hidden' is a key that is on its way out. */
  | { readonly kind: 'goal'; readonly to: Condition }
  /** The files of a key that nobody needs any more were removed (purge-keys). */
  | { readonly kind: 'purge'; readonly after: number }
  /** A version of the zone with this serial was published; `what` says which of its key records or signatures are new. */
  | { readonly kind: 'publish'; readonly serial: number; readonly what: string }
  /** Something was not done. `reason` says why, and what to do. */
  | { readonly kind: 'refusal'; readonly what: string; readonly reason: string }
  /** One server of the parent was asked for the DS of a key. */
  | {
      readonly kind: 'ds';
      readonly agent: string;
      readonly seen: 'present' | 'absent' | 'no answer';
      /** Of the DS RRset. */
      readonly ttl?: number;
      /** Where the answer was validated or could not be had: in which words. */
      readonly detail?: string;
    }
  /** A TTL that is higher than all that were served before. */
  | { readonly kind: 'ttl'; readonly rrset: 'dnskey' | 'zone' | 'ds'; readonly ttl: number }
  /** A person asked for something. `by` is the name of the key of the control channel. */
  | { readonly kind: 'command'; readonly command: string; readonly by: string; readonly result: string }
  /** The zone has another policy, or its policy other values. `from` is absent for a zone that is new. */
  | { readonly kind: 'policy'; readonly from?: string; readonly to: string; readonly changes?: readonly string[] }
  | { readonly kind: 'start'; readonly version: string }
  | { readonly kind: 'stop' }
  /** Events that could not be written and for which there was no room any more. */
  | { readonly kind: 'gap'; readonly lost: number; readonly reason: string };

export type HistoryKind = HistoryFacts['kind'];

export const HISTORY_KINDS: readonly HistoryKind[] = [
  'state',
  'generate',
  'adopt',
  'update',
  'goal',
  'purge',
  'publish',
  'refusal',
  'ds',
  'ttl',
  'command',
  'policy',
  'start',
  'stop',
  'gap',
];

export type HistoryEvent = {
  /** Unix time in seconds. */
  readonly at: number;
  /** Undefined: the server as a whole. */
  readonly about: HistoryZone | undefined;
  readonly key?: HistoryKey;
} & HistoryFacts;
