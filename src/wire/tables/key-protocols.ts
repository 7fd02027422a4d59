// Made by scripts/iana-tables.ts from key-protocols.csv: change that file and run "npm run tables".

/** Protocols of KEY records (RFC 2535 section 3.1.3). Rows are code, mnemonic. */
export const KEY_PROTOCOLS: readonly (readonly [number, string])[] = [
  [0, 'NONE'], // RFC 2535
  [1, 'TLS'], // RFC 2535
  [2, 'EMAIL'], // RFC 2535
  [3, 'DNSSEC'], // RFC 2535
  [4, 'IPSEC'], // RFC 2535
  [255, 'ALL'], // RFC 2535
];
