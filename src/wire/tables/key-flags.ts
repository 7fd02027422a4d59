// Made by scripts/iana-tables.ts from key-flags.csv: change that file and run "npm run tables".

/** Words for the flags of KEY records (RFC 2535 section 3.1.2) and of DNSKEY (RFC 4034 section 2.1.1, RFC 5011), as masks. Rows are code, mnemonic. */
export const KEY_FLAGS: readonly (readonly [number, string])[] = [
  [16384, 'NOCONF'], // RFC 2535
  [32768, 'NOAUTH'], // RFC 2535
  [49152, 'NOKEY'], // RFC 2535
  [8192, 'FLAG2'], // RFC 2535
  [4096, 'EXTEND'], // RFC 2535
  [2048, 'FLAG4'], // RFC 2535
  [1024, 'FLAG5'], // RFC 2535
  [0, 'USER'], // RFC 2535
  [256, 'ZONE'], // RFC 2535
  [512, 'HOST'], // RFC 2535
  [768, 'NTYP3'], // RFC 2535
  [128, 'FLAG8'], // RFC 2535
  [64, 'FLAG9'], // RFC 2535
  [32, 'FLAG10'], // RFC 2535
  [16, 'FLAG11'], // RFC 2535
  [0, 'SIG0'], // RFC 2137
  [1, 'SIG1'], // RFC 2137
  [2, 'SIG2'], // RFC 2137
  [3, 'SIG3'], // RFC 2137
  [4, 'SIG4'], // RFC 2137
  [5, 'SIG5'], // RFC 2137
  [6, 'SIG6'], // RFC 2137
  [7, 'SIG7'], // RFC 2137
  [8, 'SIG8'], // RFC 2137
  [9, 'SIG9'], // RFC 2137
  [10, 'SIG10'], // RFC 2137
  [11, 'SIG11'], // RFC 2137
  [12, 'SIG12'], // RFC 2137
  [13, 'SIG13'], // RFC 2137
  [14, 'SIG14'], // RFC 2137
  [15, 'SIG15'], // RFC 2137
  [1, 'KSK'], // RFC 3757
];
