// Made by scripts/iana-tables.ts from svcb-keys.csv: change that file and run "npm run tables".

/** Service parameter keys (RFC 9460 section 14.3.2) that BIND 9.18 knows by name; others print as keyN. Rows are code, mnemonic. */
export const SVCB_KEYS: readonly (readonly [number, string])[] = [
  [0, 'mandatory'], // RFC 9460
  [1, 'alpn'], // RFC 9460
  [2, 'no-default-alpn'], // RFC 9460
  [3, 'port'], // RFC 9460
  [4, 'ipv4hint'], // RFC 9460
  [5, 'ech'], // RFC 9848
  [6, 'ipv6hint'], // RFC 9460
];
