// Made by scripts/iana-tables.ts from edns-options.csv: change that file and run "npm run tables".

/** EDNS(0) option codes. The second column is the name that dig prints or, where it has none, the registry's. Rows are code, mnemonic. */
export const EDNS_OPTIONS: readonly (readonly [number, string])[] = [
  [1, 'LLQ'], // RFC 8764
  [2, 'UL'], // draft-sekar-dns-ul
  [3, 'NSID'], // RFC 5001
  [5, 'DAU'], // RFC 6975
  [6, 'DHU'], // RFC 6975
  [7, 'N3U'], // RFC 6975
  [8, 'CLIENT-SUBNET'], // RFC 7871
  [9, 'EXPIRE'], // RFC 7314
  [10, 'COOKIE'], // RFC 7873
  [11, 'TCP KEEPALIVE'], // RFC 7828
  [12, 'PAD'], // RFC 7830
  [13, 'CHAIN'], // RFC 7901
  [14, 'KEY-TAG'], // RFC 8145
  [15, 'EDE'], // RFC 8914
  [16, 'CLIENT-TAG'], // draft-bellis-dnsop-edns-tags
  [17, 'SERVER-TAG'], // draft-bellis-dnsop-edns-tags
  [18, 'REPORT-CHANNEL'], // RFC 9567
  [19, 'ZONEVERSION'], // RFC 9660
];
