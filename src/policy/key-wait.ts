import type { Condition, KeyRecord } from './planned-key.ts';

/** One step that cannot be taken yet. */
export interface KeyWait {
  /** Its id. */
  readonly key: string;
  /** undefined: the key as a whole; its goal goes from omnipresent to hidden (a rollover), or it is hidden and goes for good. */
  readonly record: KeyRecord | undefined;
  readonly from: Condition;
  readonly to: Condition;
  readonly reason: WaitReason;
  /** Ids of the keys that it waits for. */
  readonly others: readonly string[];
  /** The earliest Unix time; undefined: something outside must happen first. */
  readonly until: number | undefined;
  readonly interval: WaitInterval | undefined;
}

/** Why a step waits. */
export type WaitReason = (typeof WAIT_REASONS)[number];
export const WAIT_REASONS = [
  /** Only time is missing: caches have to expire, or the key's own time has not come. */
  'time',
  /** Nobody has seen the key's DS at all of the parent's servers yet. */
  'ds not seen at parent',
  /** Nobody has seen all of the parent's servers without the key's DS yet. */
  'ds still at parent',
  /** The DNSKEY must be known before signatures that need it, or before its DS. */
  'dnskey not known everywhere',
  /** Signatures over the whole zone must be known before what makes resolvers ask for them. */
  'signatures not known everywhere',
  /** Without the record some resolvers would find nothing to validate with: another key is not ready to take its place. */
  'successor not ready',
  /** The zone has a DS still: what it leads to must stay. */
  'zone still secure',
  /** The lifetime is over, and the key's rollover cannot begin before another is done. */
  'rollover under way',
  /** The policy is in manual mode: what begins something waits for an operator's `rndc dnssec -step`. */
  'manual step',
] as const;

/** `since` and the sum of the parts are the time that is waited for. */
export interface WaitInterval {
  /** RFC 7583: 'Ipub', 'IpubC', 'IpubP', 'Iret', 'Dreg', ... */
  readonly term: string;
  /** Unix seconds. */
  readonly since: number;
  readonly parts: readonly IntervalPart[];
}

export interface IntervalPart {
  /** An option of the policy ('publish-safety') or 'highest TTL served'. */
  readonly name: string;
  readonly seconds: number;
}

/** One step among all those of a zone. */
export function stepName({ key, record, to }: Pick<KeyWait, 'key' | 'record' | 'to'>): string {
  return `${key} ${record ?? 'key'} ${to}`;
}

/** What an operator may let begin now. */
export function manualSteps(waits: readonly KeyWait[]): KeyWait[] {
  return waits.filter(({ reason }) => reason === 'manual step');
}
