// Made by scripts/iana-tables.ts from tsig-rcodes.csv: change that file and run "npm run tables".

/** Response codes in the Error field of TSIG and TKEY (RFC 8945 section 3, RFC 2930 section 2.6). 16 is BADSIG there. Rows are code, mnemonic. */
export const TSIG_RCODES: readonly (readonly [number, string])[] = [
  [16, 'BADSIG'], // RFC 8945
  [17, 'BADKEY'], // RFC 8945
  [18, 'BADTIME'], // RFC 8945
  [19, 'BADMODE'], // RFC 2930
  [20, 'BADNAME'], // RFC 2930
  [21, 'BADALG'], // RFC 2930
  [22, 'BADTRUNC'], // RFC 8945
];
