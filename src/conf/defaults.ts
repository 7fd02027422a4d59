import type { AddressMatchList, DnssecPolicy, PolicyKey } from './configuration.ts';

/*
 * Every default value, with its unit and where it comes from. "BIND 9.18" is what `named -C` of that version prints or
 * its manual says. Durations are seconds.
 */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

const EVERYBODY: AddressMatchList = [{ kind: 'any', negated: false }];

/** The server as a whole. */
export const SERVER_DEFAULTS = {
  /** UDP and TCP port. RFC 1035 section 4.2. */
  port: 53,
  /** RFC 7858 section 3.1. BIND 9.18. */
  tlsPort: 853,
  /** RFC 8484 section 3. BIND 9.18. */
  httpsPort: 443,
  /** HTTP/2 without TLS, behind a proxy. BIND 9.18. */
  httpPort: 80,
  /** listen-on, listen-on-v6. BIND 9.18: any. */
  listenOn: EVERYBODY,
  /** BIND 9.18 on Debian. */
  pidFile: '/run/named/named.pid',
  /** BIND 9.18 on Debian. */
  sessionKeyFile: '/run/named/session.key',
  /** A query for ANY over UDP gets one RRset. RFC 8482 section 4.1; BIND 9.18 has no. */
  minimalAny: true,
  /** Port of the control channel. BIND 9.18. */
  controlPort: 953,
  /** Where commands are taken without `controls`. BIND 9.18: 127.0.0.1 and ::1, for localhost. */
  controlAddresses: ['127.0.0.1', '::1'],
  /** BIND 9.18: named.stats in `directory`. */
  statisticsFile: 'named.stats',
  /** Port of a statistics channel that names none. BIND 9.18. */
  statisticsPort: 80,
} as const;

/** The form of answers. */
export const ANSWER_DEFAULTS = {
  /** Octets. BIND 9.18: 1232, as the DNS flag day of 2020 has it. */
  ednsUdpSize: 1232,
  /** Octets. BIND 9.18: 1232. */
  maxUdpSize: 1232,
  /** Octets. BIND 9.18: 4096. */
  nocookieUdpSize: 4096,
  /** BIND 9.18: no-auth-recursive. */
  minimalResponses: 'no-auth-recursive',
} as const;

/** What a `rate-limit` block leaves out. Rates that are left out are those of responses-per-second. */
export const RATE_LIMIT_DEFAULTS = {
  /** Seconds. BIND 9.18: 15. */
  window: 15,
  /** BIND 9.18: 2. */
  slip: 2,
  /** BIND 9.18: 24. */
  ipv4PrefixLength: 24,
  /** BIND 9.18: 56. */
  ipv6PrefixLength: 56,
  /** Entries. BIND 9.18: 500. */
  minTableSize: 500,
  /** Entries. BIND 9.18: 20000. */
  maxTableSize: 20_000,
} as const;

/** Connections. Timeouts are tenths of a second. */
export const STREAM_DEFAULTS = {
  /** tcp-clients. BIND 9.18. */
  clients: 150,
  /** tcp-listen-queue. BIND 9.18. */
  listenQueue: 10,
  /** tcp-initial-timeout, tcp-idle-timeout, tcp-keepalive-timeout, tcp-advertised-timeout. BIND 9.18. */
  timeout: 300,
} as const;

/** `tls` blocks. */
export const TLS_DEFAULTS = {
  /** OpenSSL's choice is the client's. BIND 9.18 leaves it at that. */
  preferServerCiphers: false,
  /** BIND 9.18 leaves OpenSSL's default. */
  sessionTickets: true,
} as const;

/** `http` blocks. */
export const HTTP_DEFAULTS = {
  /** BIND 9.18; customary since RFC 8484. */
  endpoint: '/dns-query',
  /** http-listener-clients. BIND 9.18. */
  listenerClients: 300,
  /** http-streams-per-connection. BIND 9.18. */
  streamsPerConnection: 100,
} as const;

/** Views and zones. */
export const ZONE_DEFAULTS = {
  /** BIND 9.18: any. */
  allowQuery: EVERYBODY,
  /** BIND 9.18: any (none from 9.20 on). */
  allowTransfer: EVERYBODY,
  /** BIND 9.18: yes. */
  notify: 'yes',
  /** BIND 9.18: increment. */
  serialUpdateMethod: 'increment',
  /** BIND 9.18 for primary zones: text. */
  masterfileFormat: 'text',
  /** BIND 9.18: no (yes from 9.20 on, for zones with a policy). */
  inlineSigning: false,
  /** zone-statistics. BIND 9.18: terse. */
  statistics: 'terse',
} as const;

/** Zones with `auto-dnssec`, whose keys a person manages. */
export const MANUAL_KEYS_DEFAULTS = {
  /** sig-validity-interval. BIND 9.18: 30 days. */
  signaturesValidity: 30 * DAY,
  /** Part of the validity that is left when signatures are replaced. BIND 9.18: a quarter, 7.5 days of 30. */
  refreshShare: 1 / 4,
  /** dnssec-loadkeys-interval. BIND 9.18: 60 minutes. */
  loadKeysInterval: HOUR,
  /** Expirations are spread over this time. As in policies; BIND 9.18 has no option for it. */
  signaturesJitter: 12 * HOUR,
} as const;

/** The key of the built-in policy `default`: one that signs all. BIND 9.18. */
const DEFAULT_POLICY_KEY: PolicyKey = {
  role: 'csk',
  lifetime: 0,
  // RFC 8624 section 3.1 and RFC 9904 recommend ECDSAP256SHA256 for signing.
  algorithm: 13,
  bits: 256,
};

/** The built-in policy `default`, and what custom policies leave out. The table in docs/policy-default.md is tested against it. */
export const DEFAULT_POLICY: DnssecPolicy = {
  name: 'default',
  keys: [DEFAULT_POLICY_KEY],
  /** TTL of DNSKEY, CDS and CDNSKEY. BIND 9.18: 3600. */
  dnskeyTtl: HOUR,
  /** NSEC: RFC 9276 section 3.1 recommends NSEC3 only where it is needed. */
  nsec3: undefined,
  /** BIND 9.18: P14D. */
  signaturesValidity: 14 * DAY,
  /** BIND 9.18: P14D. */
  signaturesValidityDnskey: 14 * DAY,
  /** Signatures with this much time left are replaced. BIND 9.18: P5D. */
  signaturesRefresh: 5 * DAY,
  /** Expirations are spread over this time. BIND 9.18: PT12H. */
  signaturesJitter: 12 * HOUR,
  /** RFC 7583 section 3.2.1; BIND 9.18: 3600. */
  publishSafety: HOUR,
  /** RFC 7583 section 3.2.1; BIND 9.18: 3600. */
  retireSafety: HOUR,
  /** Until all secondaries have a new version. BIND 9.18: 300. */
  zonePropagationDelay: 5 * MINUTE,
  /** Largest TTL in the zone; 0: no limit. BIND 9.18: 86400. */
  maxZoneTtl: DAY,
  /** TTL of the DS RRset at the parent. BIND 9.18: 86400. */
  parentDsTtl: DAY,
  /** Until all servers of the parent have a new version. BIND 9.18: 3600. */
  parentPropagationDelay: HOUR,
  /** Files of keys that are gone are removed after this time. BIND 9.18: P90D. */
  purgeKeys: 90 * DAY,
  /** SHA-256. RFC 9905 forbids SHA-1; BIND 9.20: 2. */
  cdsDigestTypes: [2],
  /** RFC 8078 section 3 lets the parent choose. BIND 9.20: yes. */
  cdnskey: true,
};

/** The built-in policy `insecure`: takes a zone back to unsigned. BIND 9.18. */
export const INSECURE_POLICY: DnssecPolicy = { ...DEFAULT_POLICY, name: 'insecure', keys: [], maxZoneTtl: 0 };

/** What the intervals of keys count with where a policy has `max-zone-ttl 0`. BIND 9.18: a week. */
export const UNLIMITED_ZONE_TTL = 7 * DAY;

/** NSEC3 parameters that `nsec3param` leaves out. RFC 9276 section 3.1; BIND 9.18. */
export const NSEC3_DEFAULTS = { iterations: 0, optOut: false, saltLength: 0 } as const;

/** Bits of an RSA modulus where a policy says none. BIND 9.18: 2048. */
export const RSA_BITS = 2048;
