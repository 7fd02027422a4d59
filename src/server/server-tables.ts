import type { RateLimitTable } from './rate-limit-table.ts';

/*
 * What the control thread sends to responder threads: plain data (structured clone), replaced as a whole. Zone contents
 * are not in here: each zone names the slot word in the arena that holds its published version.
 */

export interface ServerTables {
  /** Counts up with every change. */
  readonly generation: number;
  readonly identity: ServerIdentity;
  /** Of views that have none of their own, and of queries that reach no view. */
  readonly limits: AnswerLimits;
  /** undefined: cookies are not answered (answer-cookie no). */
  readonly cookies?: CookieSecrets;
  readonly keys: readonly TsigKey[];
  /** In order: the first view that matches a client takes its query. */
  readonly views: readonly ViewTable[];
  /** What the match lists `localhost` and `localnets` stand for. */
  readonly localhost: readonly Prefix[];
  readonly localnets: readonly Prefix[];
  /** Whether queries are written to the log category `queries` (BIND: querylog). */
  readonly logQueries: boolean;
  /** Shared memory that zones are counted in (ZoneCounters.blocks). */
  readonly zoneCounters?: readonly SharedArrayBuffer[];
}

/** What the server tells about itself in class CH; undefined is refused, as BIND does for `none`. */
export interface ServerIdentity {
  /** version.bind, version.server */
  readonly version: string | undefined;
  /** hostname.bind */
  readonly hostname: string | undefined;
  /** id.server, and NSID (RFC 5001) */
  readonly serverId: string | undefined;
}

/** What an answer may be and what is left out of it; views may have their own. */
export interface AnswerLimits {
  /** Size offered in our OPT record. BIND 9.18: edns-udp-size 1232. */
  readonly ednsUdpSize: number;
  /** Largest answer over UDP, 512 to 4096. BIND 9.18: max-udp-size 1232. */
  readonly maxUdpSize: number;
  /** The same for clients without a good server cookie, 128 to 4096. BIND 9.18: nocookie-udp-size 4096. */
  readonly nocookieUdpSize: number;
  /** Clients that send a cookie, but no good one of ours, get BADCOOKIE over UDP. BIND 9.18: require-server-cookie no. */
  readonly requireServerCookie: boolean;
  /** ANY over UDP gets one RRset (RFC 8482). BIND 9.18: minimal-any no. */
  readonly minimalAny: boolean;
  /** Whether authority and additional data that nobody asked for are left out. BIND 9.18: no-auth-recursive. */
  readonly minimalResponses: 'no' | 'yes' | 'no-auth' | 'no-auth-recursive';
}

export const ANSWER_LIMITS: AnswerLimits = {
  ednsUdpSize: 1232,
  maxUdpSize: 1232,
  nocookieUdpSize: 4096,
  requireServerCookie: false,
  minimalAny: true,
  minimalResponses: 'no-auth-recursive',
};

/** What DNS cookies are made with (RFC 9018): 16 octets each. The first makes them, all verify them. Never logged. */
export interface CookieSecrets {
  readonly secrets: readonly Uint8Array[];
}

/** Answers over encrypted transports are padded (RFC 7830) for these clients when the query has padding. */
export interface ResponsePadding {
  readonly clients: AddressMatchList;
  /** Octets, 0 to 512; 0 is none. */
  readonly blockSize: number;
}

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
  /** undefined: those of the server. */
  readonly limits?: AnswerLimits;
  readonly padding?: ResponsePadding;
  /** undefined: no limit on the rate of answers. */
  readonly rateLimit?: RateLimitTable;
  readonly zones: readonly ZoneTable[];
}

export interface ZoneTable {
  /** Wire form. */
  readonly apex: Uint8Array;
  /** Reference of the arena word that holds the published version; a version of 0 is a zone that is not loaded. */
  readonly slot: number;
  readonly allowQuery: AddressMatchList;
  readonly allowTransfer: AddressMatchList;
  /** Our addresses that the zone may be asked at; undefined: all. */
  readonly allowQueryOn?: AddressMatchList;
  /** Where this zone is counted (ZoneCounters.index); absent without `zone-statistics full`. */
  readonly counters?: number;
  /** What a transfer must come over besides. Absent: anything. */
  readonly transferOver?: TransferOver;
}

/** `allow-transfer port n transport t`. */
export interface TransferOver {
  /** The server's port. */
  readonly port?: number;
  readonly transport?: 'tcp' | 'tls';
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
