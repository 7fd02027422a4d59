// Made by scripts/iana-tables.ts from cert-types.csv: change that file and run "npm run tables".

/** Certificate types of CERT records (RFC 4398 section 2.1). Rows are code, mnemonic. */
export const CERT_TYPES: readonly (readonly [number, string])[] = [
  [1, 'PKIX'], // RFC 4398
  [2, 'SPKI'], // RFC 4398
  [3, 'PGP'], // RFC 4398
  [4, 'IPKIX'], // RFC 4398
  [5, 'ISPKI'], // RFC 4398
  [6, 'IPGP'], // RFC 4398
  [7, 'ACPKIX'], // RFC 4398
  [8, 'IACPKIX'], // RFC 4398
  [253, 'URI'], // RFC 4398
  [254, 'OID'], // RFC 4398
];
