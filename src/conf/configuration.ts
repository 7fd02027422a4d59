import type { TextPosition } from '../base/error.ts';

/*
 * The checked configuration: plain data that can be sent to other threads (structured clone). `check` makes it from the
 * tree; nothing here has an effect. Durations are seconds. Everything that BIND gives a default has its default filled in.
 */

export interface Configuration {
  /** Working directory that relative file names are under. */
  readonly directory: string;
  /** Addresses to answer on; `any` is already kept as a match list, interfaces are looked up by the daemon. */
  readonly listenOn: readonly ListenOn[];
  readonly listenOnV6: readonly ListenOn[];
  readonly tls: ReadonlyMap<string, TlsConfiguration>;
  /** `default` included. */
  readonly http: ReadonlyMap<string, HttpConfiguration>;
  readonly streams: StreamConfiguration;
  readonly port: number;
  /** undefined: `pid-file none`. */
  readonly pidFile: string | undefined;
  readonly sessionKeyFile: string | undefined;
  /** Text for version.bind CH TXT; undefined: `version none` (REFUSED as BIND does). */
  readonly version: string | undefined;
  /** Text for id.server and NSID; undefined: none. */
  readonly serverId: string | undefined;
  /** Text for hostname.bind; undefined: `hostname none`. */
  readonly hostname: string | undefined;
  /** Of queries that reach no view. */
  readonly answers: AnswerConfiguration;
  /** undefined: `answer-cookie no`. */
  readonly cookies: CookieConfiguration | undefined;
  /** Queries are logged from the start; `rndc querylog` changes it while the server runs. */
  readonly queryLogging: boolean;
  readonly keys: readonly TsigKeyStatement[];
  readonly controls: readonly InetControl[];
  readonly statistics: StatisticsConfiguration;
  readonly logging: LoggingConfiguration;
  readonly policies: ReadonlyMap<string, DnssecPolicy>;
  /** What DS answers of parents are validated with; undefined for `dnssec-validation no`: with nothing. */
  readonly trustAnchors: readonly TrustAnchor[] | undefined;
  /** In order; a configuration without `view` has one, named _default, that matches everybody. */
  readonly views: readonly ViewConfiguration[];
}

/** What options and views say about the form of answers. Sizes are octets. */
export interface AnswerConfiguration {
  readonly ednsUdpSize: number;
  readonly maxUdpSize: number;
  readonly nocookieUdpSize: number;
  readonly requireServerCookie: boolean;
  /** Queries for ANY over UDP get one RRset (RFC 8482). */
  readonly minimalAny: boolean;
  readonly minimalResponses: 'no' | 'yes' | 'no-auth' | 'no-auth-recursive';
  readonly padding: { readonly clients: AddressMatchList; readonly blockSize: number } | undefined;
  /** undefined: nothing is limited. */
  readonly rateLimit: RateLimitConfiguration | undefined;
}

/** `rate-limit`. A rate of 0 is no limit. */
export interface RateLimitConfiguration {
  readonly responsesPerSecond: number;
  readonly referralsPerSecond: number;
  readonly nodataPerSecond: number;
  readonly nxdomainsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly allPerSecond: number;
  /** Seconds. */
  readonly window: number;
  readonly slip: number;
  /** 0: limits do not depend on the number of queries. */
  readonly qpsScale: number;
  readonly ipv4PrefixLength: number;
  readonly ipv6PrefixLength: number;
  readonly maxTableSize: number;
  readonly exemptClients: AddressMatchList | undefined;
  readonly logOnly: boolean;
}

/** DNS cookies. Secrets are 16 octets, never logged; none: one is made at the start. */
export interface CookieConfiguration {
  readonly secrets: readonly Uint8Array[];
}

export interface ListenOn {
  readonly port: number;
  /** The statement names no port: the command line may name another default. */
  readonly isDefaultPort: boolean;
  /** plain: UDP and TCP; tls: RFC 7858; https and http: RFC 8484 with and without TLS. */
  readonly transport: 'plain' | 'tls' | 'https' | 'http';
  /** Name in Configuration.tls, or `ephemeral`. */
  readonly tls?: string;
  /** Name in Configuration.http. */
  readonly http?: string;
  readonly addresses: AddressMatchList;
}

/** A `tls` block. Paths are as written, relative to `directory`. */
export interface TlsConfiguration {
  readonly name: string;
  /** Both or none. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Clients must have a certificate of an authority in it. */
  readonly caFile: string | undefined;
  readonly dhparamFile: string | undefined;
  /** Name that the certificate of a server must have that is asked with this block. */
  readonly remoteHostname?: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's list, for TLS 1.2; undefined: OpenSSL's default. */
  readonly ciphers: string | undefined;
  readonly preferServerCiphers: boolean;
  readonly sessionTickets: boolean;
  readonly position: TextPosition;
}

/** An `http` block. */
export interface HttpConfiguration {
  readonly name: string;
  /** Absolute paths, at least one. */
  readonly endpoints: readonly string[];
  /** Connections at once to one address; 0: no limit. */
  readonly listenerClients: number;
  /** 0: no limit. */
  readonly streamsPerConnection: number;
}

/** Limits of connections. Timeouts are tenths of a second, as they are written. */
export interface StreamConfiguration {
  /** Connections over TCP and TLS at once; 0: no limit. */
  readonly clients: number;
  /** 0: the system's. */
  readonly listenQueue: number;
  readonly initialTimeout: number;
  readonly idleTimeout: number;
  readonly keepaliveTimeout: number;
  /** What edns-tcp-keepalive (RFC 7828) promises. */
  readonly advertisedTimeout: number;
}

/** An entry of `trust-anchors`: RDATA of a DNSKEY or of a DS that is trusted without a proof. */
export interface TrustAnchor {
  /** Absolute, presentation form with final dot. */
  readonly name: string;
  readonly kind: 'key' | 'ds';
  readonly rdata: Uint8Array;
}

export interface TsigKeyStatement {
  /** As written; compared as a domain name. */
  readonly name: string;
  /** hmac-sha256 ... */
  readonly algorithm: string;
  /** Decoded. Never logged. */
  readonly secret: Uint8Array;
}

export interface InetControl {
  readonly address: string;
  readonly port: number;
  readonly allow: AddressMatchList;
  /** Key names; empty: the key of rndc.key. */
  readonly keys: readonly string[];
  readonly readOnly: boolean;
}

export interface StatisticsConfiguration {
  /** What `rndc stats` appends to; relative to `directory`. */
  readonly file: string;
  readonly channels: readonly StatisticsChannel[];
}

/** Where statistics are served over HTTP. */
export interface StatisticsChannel {
  readonly address: string;
  readonly port: number;
  readonly allow: AddressMatchList;
}

/** Elements are tried in order, first match decides; named lists are already put in place of their names. */
export type AddressMatchList = readonly AddressMatch[];
export type AddressMatch = { readonly negated: boolean } & (
  | { readonly kind: 'any' | 'none' | 'localhost' | 'localnets' }
  /** `address` is 4 or 16 octets. */
  | { readonly kind: 'prefix'; readonly address: Uint8Array; readonly length: number }
  | { readonly kind: 'key'; readonly name: string }
  | { readonly kind: 'list'; readonly list: AddressMatchList }
);

export interface ViewConfiguration {
  readonly name: string;
  readonly matchClients: AddressMatchList;
  readonly matchDestinations: AddressMatchList;
  readonly matchRecursiveOnly: boolean;
  readonly answers: AnswerConfiguration;
  readonly zones: readonly ZoneConfiguration[];
}

export interface ZoneConfiguration {
  /** Absolute, presentation form with final dot as nameToText gives it. */
  readonly name: string;
  readonly type: 'primary';
  /** Path as written; relative to `directory`. */
  readonly file: string;
  readonly masterfileFormat: 'text' | 'raw';
  readonly inlineSigning: boolean;
  /** Name of a policy in Configuration.policies, or undefined for none. */
  readonly policy: string | undefined;
  /** `auto-dnssec`: keys that a person manages; absent for off. Never together with a policy. */
  readonly manualKeys?: ManualKeys;
  /** `dnssec-loadkeys-interval`: seconds between two looks at the key directory; absent: only when a key event is due. */
  readonly loadKeysInterval?: number;
  readonly keyDirectory: string;
  /** Where its keys are when the configuration has `key-store`s; absent: in `keyDirectory` only. */
  readonly keyDirectories?: KeyDirectoryList;
  readonly allowQuery: AddressMatchList;
  /** Our addresses that the zone may be asked at; absent: all. */
  readonly allowQueryOn?: AddressMatchList;
  readonly allowTransfer: AddressMatchList;
  /** `allow-transfer port n transport t`: what transfers must come over besides. */
  readonly transferOver?: { readonly port?: number; readonly transport?: 'tcp' | 'tls' };
  readonly notify: 'yes' | 'no' | 'explicit' | 'primary-only';
  readonly alsoNotify: readonly RemoteServer[];
  /** Who tells whether the parent has the DS of the zone's keys; absent: nobody is asked. */
  readonly parent?: ParentConfiguration;
  readonly serialUpdateMethod: 'increment' | 'unixtime' | 'date';
  readonly maxZoneTtl: number | undefined;
  /** full: queries for it are counted; terse: statistics name it and its serial; none: they do not. */
  readonly statistics: 'full' | 'terse' | 'none';
  readonly position: TextPosition;
}

/** Paths as written, relative to `directory`. */
export interface KeyDirectoryList {
  /** That the zone's policy has keys made in; at least one. */
  readonly own: readonly string[];
  /** In which keys may have stayed that were made under another policy. */
  readonly others: readonly string[];
}

/** A server of somebody else, as `also-notify` and `parental-agents` name it. */
export interface RemoteServer {
  readonly address: string;
  readonly port: number;
  /** Name of a TSIG key. */
  readonly key?: string;
  /** Name in Configuration.tls, or `ephemeral`. */
  readonly tls?: string;
}

/** `checkds`, `parental-agents` and `parental-source`. */
export interface ParentConfiguration {
  /** yes: the name servers of the parent zone, found by the daemon; explicit: `agents`, at least one. */
  readonly checkds: 'yes' | 'explicit';
  readonly agents: readonly RemoteServer[];
  /** Where queries leave from; absent: the system's choice. Port 0 is any. */
  readonly source?: { readonly address: string; readonly port: number };
  readonly sourceV6?: { readonly address: string; readonly port: number };
}

/** How a zone without policy is signed with the keys in its key directory, by the times in their files. Seconds. */
export interface ManualKeys {
  /** maintain: on schedule; allow: only on command (`rndc sign`), though signatures are refreshed in time. */
  readonly mode: 'allow' | 'maintain';
  readonly signaturesValidity: number;
  readonly signaturesValidityDnskey: number;
  readonly signaturesRefresh: number;
}

/** A checked dnssec-policy block. Defaults with provenance: src/conf/defaults.ts. */
export interface DnssecPolicy {
  readonly name: string;
  readonly keys: readonly PolicyKey[];
  readonly dnskeyTtl: number;
  readonly nsec3: { readonly iterations: number; readonly optOut: boolean; readonly saltLength: number } | undefined;
  readonly signaturesValidity: number;
  readonly signaturesValidityDnskey: number;
  readonly signaturesRefresh: number;
  readonly signaturesJitter: number;
  readonly publishSafety: number;
  readonly retireSafety: number;
  readonly zonePropagationDelay: number;
  readonly maxZoneTtl: number;
  readonly parentDsTtl: number;
  readonly parentPropagationDelay: number;
  readonly purgeKeys: number;
  /** Digest types of CDS, in order (9.20's cds-digest-types; default 2). */
  readonly cdsDigestTypes: readonly number[];
  readonly cdnskey: boolean;
  /** 9.21's `manual-mode`: what begins something waits for `rndc dnssec -step`; absent: no. */
  readonly manualMode?: true;
}

export interface PolicyKey {
  readonly role: 'ksk' | 'zsk' | 'csk';
  /** Seconds; 0 is unlimited. */
  readonly lifetime: number;
  readonly algorithm: number;
  /** RSA modulus bits; for the others the curve's size. */
  readonly bits: number;
  /** 9.20's `key-store`; absent: the files go to the zone's key directory. */
  readonly keyStore?: KeyStoreStatement;
  /** 9.20's `tag-range`: tags of new keys, also those that they get when they are revoked; absent: any. */
  readonly tagRange?: { readonly low: number; readonly high: number };
}

/** A `key-store` block of BIND 9.20. */
export interface KeyStoreStatement {
  readonly name: string;
  /** Path as written, relative to the server's `directory`; undefined: the key directory of each zone. */
  readonly directory: string | undefined;
}

export interface LoggingConfiguration {
  readonly channels: readonly LogChannel[];
  /** Category to channel names. */
  readonly categories: ReadonlyMap<string, readonly string[]>;
}

export interface LogChannel {
  readonly name: string;
  readonly to:
    | {
        readonly kind: 'file';
        readonly path: string;
        readonly versions: number | 'unlimited' | undefined;
        readonly size: number | undefined;
        readonly suffix: 'increment' | 'timestamp';
      }
    | { readonly kind: 'syslog'; readonly facility: string }
    | { readonly kind: 'stderr' | 'null' };
  /** 'dynamic' follows the debug level of the server. */
  readonly severity: 'critical' | 'error' | 'warning' | 'notice' | 'info' | 'dynamic' | { readonly debug: number };
  readonly printTime: 'none' | 'local' | 'iso8601' | 'iso8601-utc';
  readonly printSeverity: boolean;
  readonly printCategory: boolean;
  readonly buffered: boolean;
}
