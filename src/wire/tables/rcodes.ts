// Made by scripts/iana-tables.ts from rcodes.csv: change that file and run "npm run tables".

/** DNS response codes of the header and of EDNS(0) (RFC 6895 section 2.3). 16 is BADVERS there. Rows are code, mnemonic. */
export const RCODES: readonly (readonly [number, string])[] = [
  [0, 'NOERROR'], // RFC 1035
  [1, 'FORMERR'], // RFC 1035
  [2, 'SERVFAIL'], // RFC 1035
  [3, 'NXDOMAIN'], // RFC 1035
  [4, 'NOTIMP'], // RFC 1035
  [5, 'REFUSED'], // RFC 1035
  [6, 'YXDOMAIN'], // RFC 2136
  [7, 'YXRRSET'], // RFC 2136
  [8, 'NXRRSET'], // RFC 2136
  [9, 'NOTAUTH'], // RFC 2136
  [10, 'NOTZONE'], // RFC 2136
  [11, 'DSOTYPENI'], // RFC 8490
  [16, 'BADVERS'], // RFC 6891
  [23, 'BADCOOKIE'], // RFC 7873
];
