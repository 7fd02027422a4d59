// Made by scripts/iana-tables.ts from dsync-schemes.csv: change that file and run "npm run tables".

/** Schemes of DSYNC records (RFC 9859 section 2.3). Rows are code, mnemonic. */
export const DSYNC_SCHEMES: readonly (readonly [number, string])[] = [
  [1, 'NOTIFY'], // RFC 9859
];
