import type { AddressMatchList } from './server-tables.ts';

/** Answers of each kind have a limit of their own. In the order of RateLimits.perSecond. */
export const RATE_KIND = {
  /** Positive answers: by name and type. */
  RESPONSE: 0,
  /** By the name of the delegation. */
  REFERRAL: 1,
  /** By name. */
  NODATA: 2,
  /** By zone. */
  NXDOMAIN: 3,
  /** REFUSED, SERVFAIL, FORMERR ...: all that a network gets. */
  ERROR: 4,
  /** All answers that a network gets. */
  ALL: 5,
  /** Not a limit: a network that has asked over TCP is real, and not subject to scaling. */
  TCP: 6,
} as const;

/** BIND's `rate-limit` block, with the defaults filled in. Plain data. */
export interface RateLimits {
  /** Answers a second by RATE_KIND, RESPONSE to ALL; 0: no limit. */
  readonly perSecond: readonly number[];
  /** Seconds that are looked back at. */
  readonly window: number;
  /** Every n-th answer over the limit is sent truncated; 0: none. */
  readonly slip: number;
  /** Limits shrink when all answers together are more than this a second; 0: never. */
  readonly qpsScale: number;
  readonly ipv4PrefixLength: number;
  /** 16 to 64 */
  readonly ipv6PrefixLength: number;
  /** Entries of the table. */
  readonly maxTableSize: number;
  /** Log what would be dropped, and send it. */
  readonly logOnly: boolean;
}

/** The limits of a view and the memory in which all responder threads count together. */
export interface RateLimitTable {
  /** Another one for each memory that was made. */
  readonly id: number;
  readonly limits: RateLimits;
  readonly exemptClients?: AddressMatchList;
  readonly memory: SharedArrayBuffer;
}

/*
 *  words 0 .. 3     secret of the hash
 *  word 4           answers counted since word 5
 *  word 5           Unix time, seconds
 *  word 6           answers a second, times 256
 *  words 16 ..      one lock for each set
 *  then             the sets: 8 entries of 8 words each
 *
 *  entry: hash of what is counted (2) | time of the last answer | balance | answers since the last slip | 1 when its limiting
 *         was logged | seconds since then | unused.        A time of 0 is an empty entry.
 */
export const HEADER_WORDS = 16;
export const QPS = { COUNT: 4, SINCE: 5, VALUE: 6 } as const;
export const ENTRY_WORDS = 8;
export const SET_ENTRIES = 8;
export const SECRET_OCTETS = 16;

/** Of a table with room for at least so many entries. */
export function setsFor(entries: number): number {
  return Math.max(1, Math.ceil(entries / SET_ENTRIES));
}

/** @param secret 16 random octets, so that nobody can choose what falls together */
export function createRateLimitMemory(entries: number, secret: Uint8Array): SharedArrayBuffer {
  const sets = setsFor(entries);
  const words = HEADER_WORDS + sets + sets * SET_ENTRIES * ENTRY_WORDS;
  const memory = new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT);
  new Uint8Array(memory).set(secret.subarray(0, SECRET_OCTETS));
  return memory;
}
