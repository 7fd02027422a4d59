import { address, matchList } from '../syntax/address-specs.ts';
import { boolean, integer } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import type { ClauseTable } from '../syntax/spec.ts';

/* Blocks inside of `options` and `view`. */

/** Clauses of `rate-limit`. */
export const rateLimitClauses: ClauseTable = {
  'all-per-second': one(integer),
  'errors-per-second': one(integer),
  'exempt-clients': one(matchList),
  'ipv4-prefix-length': one(integer),
  'ipv6-prefix-length': one(integer),
  'log-only': one(boolean),
  'max-table-size': one(integer),
  'min-table-size': one(integer),
  'nodata-per-second': one(integer),
  'nxdomains-per-second': one(integer),
  'qps-scale': one(integer),
  'referrals-per-second': one(integer),
  'responses-per-second': one(integer),
  slip: one(integer),
  window: one(integer),
};

/** Clauses of `dns64`. */
export const dns64Clauses: ClauseTable = {
  'break-dnssec': one(boolean),
  clients: one(matchList),
  exclude: one(matchList),
  mapped: one(matchList),
  'recursive-only': one(boolean),
  suffix: one(address([6])),
};
