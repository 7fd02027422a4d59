// Made by scripts/iana-tables.ts from classes.csv: change that file and run "npm run tables".

/** DNS classes (RFC 6895 section 3.2). Rows are code, mnemonic. */
export const CLASSES: readonly (readonly [number, string])[] = [
  [0, 'RESERVED0'], // RFC 6895
  [1, 'IN'], // RFC 1035
  [3, 'CH'], // Chaosnet
  [4, 'HS'], // Hesiod
  [254, 'NONE'], // RFC 2136
  [255, 'ANY'], // RFC 1035
];
