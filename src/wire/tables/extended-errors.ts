// Made by scripts/iana-tables.ts from extended-errors.csv: change that file and run "npm run tables".

/** Extended DNS error codes (RFC 8914 section 5.2 and later registrations). Rows are code, mnemonic. */
export const EXTENDED_ERRORS: readonly (readonly [number, string])[] = [
  [0, 'Other'], // RFC 8914
  [1, 'Unsupported DNSKEY Algorithm'], // RFC 8914
  [2, 'Unsupported DS Digest Type'], // RFC 8914
  [3, 'Stale Answer'], // RFC 8914
  [4, 'Forged Answer'], // RFC 8914
  [5, 'DNSSEC Indeterminate'], // RFC 8914
  [6, 'DNSSEC Bogus'], // RFC 8914
  [7, 'Signature Expired'], // RFC 8914
  [8, 'Signature Not Yet Valid'], // RFC 8914
  [9, 'DNSKEY Missing'], // RFC 8914
  [10, 'RRSIGs Missing'], // RFC 8914
  [11, 'No Zone Key Bit Set'], // RFC 8914
  [12, 'NSEC Missing'], // RFC 8914
  [13, 'Cached Error'], // RFC 8914
  [14, 'Not Ready'], // RFC 8914
  [15, 'Blocked'], // RFC 8914
  [16, 'Censored'], // RFC 8914
  [17, 'Filtered'], // RFC 8914
  [18, 'Prohibited'], // RFC 8914
  [19, 'Stale NXDOMAIN Answer'], // RFC 8914
  [20, 'Not Authoritative'], // RFC 8914
  [21, 'Not Supported'], // RFC 8914
  [22, 'No Reachable Authority'], // RFC 8914
  [23, 'Network Error'], // RFC 8914
  [24, 'Invalid Data'], // RFC 8914
  [25, 'Signature Expired before Valid'], // IANA
  [26, 'Too Early'], // RFC 9250
  [27, 'Unsupported NSEC3 Iterations Value'], // RFC 9276
  [28, 'Unable to conform to policy'], // IANA
  [29, 'Synthesized'], // RFC 9520
  [30, 'Invalid Query Type'], // RFC 9824
];
