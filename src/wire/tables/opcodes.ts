// Made by scripts/iana-tables.ts from opcodes.csv: change that file and run "npm run tables".

/** DNS operation codes (RFC 6895 section 2.2). Rows are code, mnemonic. */
export const OPCODES: readonly (readonly [number, string])[] = [
  [0, 'QUERY'], // RFC 1035
  [1, 'IQUERY'], // RFC 3425
  [2, 'STATUS'], // RFC 1035
  [4, 'NOTIFY'], // RFC 1996
  [5, 'UPDATE'], // RFC 2136
  [6, 'DSO'], // RFC 8490
];
