/*
 * What the control thread sends to responder threads: plain data (structured clone), replaced as a whole. Zone contents
 * are not in here: each zone names the slot word in the arena that holds its published version.
 */

export interface ServerTables {
  /** Counts up with every change. */
  readonly generation: number;
  readonly identity: ServerIdentity;
  readonly limits: AnswerLimits;
  readonly keys: readonly TsigKey[];
  /** Of views that have none of their own, and of queries that reach no view. */
  /** In order: the first view that matches a client takes its query. */
  readonly views: readonly ViewTable[];
  /** What the match lists `localhost` and `localnets` stand for. */
  readonly localhost: readonly Prefix[];
  readonly localnets: readonly Prefix[];
  /** Whether queries are written to the log category `queries` (BIND: querylog). */
  readonly logQueries: boolean;
}

/** What the server tells about itself in class CH; undefined is refused, as BIND does for `none`. */
export interface ServerIdentity {
  /** Shared memory that zones are counted in (ZoneCounters.blocks). */
  readonly zoneCounters?: readonly SharedArrayBuffer[];
  /** version.bind, version.server */
  readonly version: string | undefined;
  /** hostname.bind */
  readonly hostname: string | undefined;
  /** id.server, and NSID (RFC 5001) */
  readonly serverId: string | undefined;
}

export interface AnswerLimits {
  /** Size offered in our OPT record. BIND 9.18: edns-udp-size 1232. */
  readonly ednsUdpSize: number;
  /** Largest answer over UDP, 512 to 4096. BIND 9.18: max-udp-size 1232. */
/** What an answer may be and what is left out of it; views may have their own. */
  readonly maxUdpSize: number;
  /** ANY over UDP gets one RRset (RFC 8482). BIND 9.18: minimal-any no. */
  readonly minimalAny: boolean;
  /** Whether authority and additional data that nobody asked for are left out. BIND 9.18: no-auth-recursive. */
  readonly minimalResponses: 'no' | 'yes' | 'no-auth' | 'no-auth-recursive';
}

export const ANSWER_LIMITS: AnswerLimits = {
  ednsUdpSize: 1232,
  maxUdpSize: 1232,
  minimalAny: true,
  minimalResponses: 'no-auth-recursive',
};

export interface TsigKey {
  /** Wire form. */
  readonly name: Uint8Array;
  /** hmac-sha256 ... */
  readonly algorithm: string;
  readonly secret: Uint8Array;
}

export interface ViewTable {
  readonly name: string;
  readonly matchClients: AddressMatchList;
  readonly matchDestinations: AddressMatchList;
  /** Only queries with RD set (match-recursive-only). */
  readonly matchRecursiveOnly: boolean;
  readonly zones: readonly ZoneTable[];
}

export interface ZoneTable {
  /** Wire form. */
  readonly apex: Uint8Array;
  /** Reference of the arena word that holds the published version; a version of 0 is a zone that is not loaded. */
  readonly slot: number;
  readonly allowQuery: AddressMatchList;
  readonly allowTransfer: AddressMatchList;
}

export interface Prefix {
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  /** Bits that count. */
  readonly length: number;
}

/** Elements are tried in order, first match decides; named lists are already put in place of their names. */
export type AddressMatchList = readonly AddressMatch[];
export type AddressMatch = { readonly negated: boolean } & (
  | { readonly kind: 'any' | 'none' | 'localhost' | 'localnets' }
  | { readonly kind: 'prefix'; readonly address: Uint8Array; readonly length: number }
  /** `name` in presentation form; compared as a domain name. */
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'list'; readonly list: AddressMatchList }
);
