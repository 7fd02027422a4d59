import type { WaitReason } from '../policy/key-wait.ts';
import type { Condition, KeyRecord } from '../policy/planned-key.ts';

/*
 * What is known about the keys of a zone and what they wait for, as plain data: it is printed as it is with --json, and the text
 * is made from it alone (explanation-text.ts). `text` fields are sentences without a line break.
 */

/** A moment for programs and for people. */
export interface Moment {
  /** Unix seconds. */
  readonly unix: number;
  /** UTC, ISO 8601. */
  readonly utc: string;
  /** From the moment of the explanation: `in 3 days`. */
  readonly distance: string;
}

export interface Explanation {
  /** Grows when fields change their meaning or go. */
  readonly format: 1;
  readonly zone: string;
  readonly view: string;
  readonly policy: string;
  readonly now: Moment;
  /** The zone as a whole. */
  readonly status: readonly string[];
  /** What is to be done at once and is not done yet: named does it when it next looks at the keys. */
  readonly due: readonly string[];
  readonly parent: ParentDuty;
  readonly keys: readonly KeyExplanation[];
  /** When something changes that needs nobody; absent: nothing does. */
  readonly nextEvent?: Moment;
}

/** What the parent has to do, or somebody has to ask it for. */
export interface ParentDuty {
  /** DS that the parent should have and has not been seen with. */
  readonly add: readonly ParentKey[];
  /** DS that the parent should not have any more. */
  readonly remove: readonly ParentKey[];
  readonly text: readonly string[];
}

export interface ParentKey {
  readonly key: string;
  readonly tag: number;
  readonly algorithm: number;
  /** Absent: the public key was not given. */
  readonly records?: ParentRecords;
  /** Says that it is done, where no parental agents are asked. */
  readonly command: string;
}

/** What registrars and registries ask for, for one key. Lines are in master file form. */
export interface ParentRecords {
  readonly ds: readonly string[];
  readonly cds: readonly string[];
  /** Absent: the policy publishes none. */
  readonly cdnskey?: string;
  /** For a form with fields for the DS. */
  readonly dsFields: readonly DsFields[];
  /** For registries that make the DS by themselves. */
  readonly keyFields: KeyFields;
}

export interface DsFields {
  readonly keyTag: number;
  readonly algorithm: number;
  readonly digestType: number;
  /** Hexadecimal, capitals. */
  readonly digest: string;
}

export interface KeyFields {
  readonly flags: number;
  readonly protocol: number;
  readonly algorithm: number;
  /** Base64. */
  readonly publicKey: string;
}

export interface KeyExplanation {
  readonly key: string;
  readonly tag: number;
  readonly algorithm: number;
  readonly algorithmName: string;
  readonly role: KeyRole;
  /** What it is there for now: in use, coming, going, gone, or not of the policy. */
  readonly stage: KeyStage;
  readonly status: string;
  readonly predecessor?: number;
  readonly successor?: number;
  /** Absent: the policy has not taken it up. */
  readonly goal?: Condition;
  /** What `rndc dnssec -status` says of them. */
  readonly times: KeyTimesExplanation;
  /** Absent: what the key has to sign it can sign. */
  readonly lacks?: LackingExplanation;
  readonly records: readonly RecordExplanation[];
  /** Steps that cannot be taken yet; the first is what the key waits for first. */
  readonly waits: readonly WaitExplanation[];
  /** Of its DNSKEY record and its files. */
  readonly removal: RemovalExplanation;
  /** The latest events of its history, oldest first; empty where there is none. */
  readonly history: readonly { readonly at: Moment; readonly text: string }[];
}

/** Absent is what has no time, or is not so at present. */
export interface KeyTimesExplanation {
  readonly publishedSince?: Moment;
  readonly keySigningSince?: Moment;
  readonly zoneSigningSince?: Moment;
  /** When its successor is published. */
  readonly nextRollover?: Moment;
  /** When it ceases to be the one that signs. */
  readonly retires?: Moment;
}

export type KeyRole = 'KSK' | 'ZSK' | 'CSK';
export type KeyStage = 'coming' | 'in use' | 'going' | 'gone' | 'not managed';

/** The private half of a key is needed and not at hand. */
export interface LackingExplanation {
  readonly file: string;
  readonly text: string;
  /** The end of the first signature that nobody can make anew; absent: the key has made none that is served. */
  readonly end?: Moment;
  readonly advice: readonly Advice[];
}

export interface RecordExplanation {
  readonly record: KeyRecord;
  readonly name: string;
  readonly condition: Condition;
  readonly since?: Moment;
  readonly text: string;
}

export interface WaitExplanation {
  /** Absent: the key as a whole. */
  readonly record?: KeyRecord;
  readonly from: Condition;
  readonly to: Condition;
  /** What happens when the wait is over. */
  readonly step: string;
  readonly reason: WaitReason;
  /** Why it cannot happen yet. */
  readonly cause: string;
  /** The keys that it waits for. */
  readonly others: readonly string[];
  /** The earliest time; absent: something outside must happen first. */
  readonly earliest?: Moment;
  readonly rule?: RuleExplanation;
  /** What helps. Empty: nothing but what `cause` names. */
  readonly advice: readonly Advice[];
  /** The other step that has to be taken first, at the end of the chain of those that wait for each other. */
  readonly first?: FirstStep;
}

export interface FirstStep {
  readonly key: string;
  /** The key as people call it. */
  readonly name: string;
  readonly record?: KeyRecord;
  readonly step: string;
  readonly reason: WaitReason;
  readonly cause: string;
  readonly earliest?: Moment;
}

export interface RuleExplanation {
  readonly term: string;
  /** What the term means and where it stands. */
  readonly meaning?: string;
  readonly since: Moment;
  readonly parts: readonly { readonly name: string; readonly seconds: number }[];
  readonly seconds: number;
  /** The sum, written out. */
  readonly text: string;
}

export interface Advice {
  readonly text: string;
  /** For a shell, where a command is what helps. */
  readonly command?: string;
}

export interface RemovalExplanation {
  readonly text: string;
  /** When the DNSKEY may leave the zone, or the files the disk, as `what` says. Absent: not known yet, or nothing is to go. */
  readonly earliest?: Moment;
  readonly what: 'nothing' | 'DNSKEY' | 'files';
}
