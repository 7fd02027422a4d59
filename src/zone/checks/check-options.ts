/** What happens when a check finds something: the zone is refused, a warning, or the check is not made. */
export type CheckMode = 'fail' | 'warn' | 'ignore';

/** Which names in RDATA are looked up: none, those in the zone (local), or all (full); without or with glue of siblings. */
export type IntegrityMode = 'full' | 'full-sibling' | 'local' | 'local-sibling' | 'none';

/** The semantic checks of a zone, with the letters that named-checkzone(1) has for them. */
export interface ZoneCheckOptions {
  /** -i: names in NS, MX and SRV have addresses; glue is there. */
  readonly integrity: IntegrityMode;
  /** -k: owners of addresses and names in RDATA are host names (RFC 952, RFC 1123 section 2.1). */
  readonly hostNames: CheckMode;
  /** -m: an MX record that is an address. Also whether an MX name without address is an error. */
  readonly mxAddress: CheckMode;
  /** -M: an MX name that is an alias (RFC 2181 section 10.3). */
  readonly mxAlias: CheckMode;
  /** -n: an NS record that is an address. */
  readonly nsAddress: CheckMode;
  /** -S: an SRV name that is an alias (RFC 2782). */
  readonly srvAlias: CheckMode;
  /** -r: records that DNSSEC takes for different and DNS for equal. */
  readonly duplicates: CheckMode;
  /** -T: an SPF record without a TXT record of the same content (RFC 7208 section 3.1). */
  readonly spf: 'warn' | 'ignore';
  /** -W: an asterisk label that is not the first (RFC 4592 section 2.1.1). */
  readonly innerWildcards: 'warn' | 'ignore';
}

/** Defaults of named-checkzone (BIND 9.18). */
export const CHECKZONE_CHECKS: ZoneCheckOptions = {
  integrity: 'full',
  hostNames: 'warn',
  mxAddress: 'warn',
  mxAlias: 'warn',
  nsAddress: 'warn',
  srvAlias: 'warn',
  duplicates: 'warn',
  spf: 'warn',
  innerWildcards: 'warn',
};

/** Defaults of named-compilezone (BIND 9.18): what it writes is served as it is. */
export const COMPILEZONE_CHECKS: ZoneCheckOptions = { ...CHECKZONE_CHECKS, hostNames: 'fail', nsAddress: 'fail' };

/** Defaults of named for a primary zone (BIND 9.18: check-names fail, check-integrity yes, the rest warn). */
export const SERVER_CHECKS: ZoneCheckOptions = { ...CHECKZONE_CHECKS, integrity: 'local', hostNames: 'fail' };

/** For what was checked when it was made, and for commands to which the sense of the data is no matter. */
export const NO_CHECKS: ZoneCheckOptions = {
  integrity: 'none',
  hostNames: 'ignore',
  mxAddress: 'ignore',
  mxAlias: 'ignore',
  nsAddress: 'ignore',
  srvAlias: 'ignore',
  duplicates: 'ignore',
  spf: 'ignore',
  innerWildcards: 'ignore',
};
