// Made by scripts/iana-tables.ts from dnssec-algorithms.csv: change that file and run "npm run tables".

/** DNS security algorithm numbers (RFC 9905 and its predecessors). The first mnemonic is the one BIND prints. Rows are code, mnemonic. */
export const DNSSEC_ALGORITHMS: readonly (readonly [number, string])[] = [
  [1, 'RSAMD5'], // RFC 2537
  [2, 'DH'], // RFC 2539
  [3, 'DSA'], // RFC 2536
  [5, 'RSASHA1'], // RFC 3110
  [6, 'NSEC3DSA'], // RFC 5155
  [7, 'NSEC3RSASHA1'], // RFC 5155
  [8, 'RSASHA256'], // RFC 5702
  [10, 'RSASHA512'], // RFC 5702
  [12, 'ECCGOST'], // RFC 5933
  [13, 'ECDSAP256SHA256'], // RFC 6605
  [14, 'ECDSAP384SHA384'], // RFC 6605
  [15, 'ED25519'], // RFC 8080
  [16, 'ED448'], // RFC 8080
  [252, 'INDIRECT'], // RFC 4034
  [253, 'PRIVATEDNS'], // RFC 4034
  [254, 'PRIVATEOID'], // RFC 4034
];
