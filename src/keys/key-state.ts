/** How far the world knows a record of a key: hidden to everybody, rumoured, omnipresent, or on its way out. */
export type KeyCondition = (typeof KEY_CONDITIONS)[number];
export const KEY_CONDITIONS = ['hidden', 'rumoured', 'omnipresent', 'unretentive'] as const;

/** The state of a key under a dnssec-policy, as BIND's .state files have it. Changes are Unix seconds. */
export interface KeyState {
  /** Bits, "Length". */
  readonly length?: number;
  /** Seconds; 0 is unlimited. */
  readonly lifetime?: number;
  readonly ksk?: boolean;
  readonly zsk?: boolean;
  readonly goal?: KeyCondition;
  readonly dnskey?: KeyCondition;
  /** Signatures of zone data. */
  readonly zrrsig?: KeyCondition;
  /** Signatures of the DNSKEY RRset. */
  readonly krrsig?: KeyCondition;
  readonly ds?: KeyCondition;
  readonly dnskeyChange?: number;
  readonly zrrsigChange?: number;
  readonly krrsigChange?: number;
  readonly dsChange?: number;
  /** Lines of a newer version that we do not know; written back as they were. */
  readonly unknownLines?: readonly string[];
}

export type StateChange = 'dnskeyChange' | 'zrrsigChange' | 'krrsigChange' | 'dsChange';
export type StateCondition = 'goal' | 'dnskey' | 'zrrsig' | 'krrsig' | 'ds';
