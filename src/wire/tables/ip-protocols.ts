// Made by scripts/iana-tables.ts from ip-protocols.csv: change that file and run "npm run tables".

/** Internet protocol numbers that WKS records are likely to name. Rows are code, mnemonic. */
export const IP_PROTOCOLS: readonly (readonly [number, string])[] = [
  [1, 'icmp'], // RFC 792
  [6, 'tcp'], // RFC 9293
  [17, 'udp'], // RFC 768
];
