// Made by scripts/iana-tables.ts from ds-digests.csv: change that file and run "npm run tables".

/** Delegation signer digest algorithms and the octets of their digests. Rows are code, mnemonic, octets. */
export const DS_DIGESTS: readonly (readonly [number, string, number])[] = [
  [1, 'SHA-1', 20], // RFC 3658
  [2, 'SHA-256', 32], // RFC 4509
  [3, 'GOST', 32], // RFC 5933
  [4, 'SHA-384', 48], // RFC 6605
];
