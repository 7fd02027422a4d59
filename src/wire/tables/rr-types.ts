// Made by scripts/iana-tables.ts from rr-types.csv: change that file and run "npm run tables".

/** Resource record types (IANA "Domain Name System (DNS) Parameters") with the mnemonics that BIND 9.18 reads and prints. Rows are code, mnemonic. */
export const RR_TYPES: readonly (readonly [number, string])[] = [
  [1, 'A'], // RFC 1035
  [2, 'NS'], // RFC 1035
  [3, 'MD'], // RFC 1035
  [4, 'MF'], // RFC 1035
  [5, 'CNAME'], // RFC 1035
  [6, 'SOA'], // RFC 1035
  [7, 'MB'], // RFC 1035
  [8, 'MG'], // RFC 1035
  [9, 'MR'], // RFC 1035
  [10, 'NULL'], // RFC 1035
  [11, 'WKS'], // RFC 1035
  [12, 'PTR'], // RFC 1035
  [13, 'HINFO'], // RFC 1035
  [14, 'MINFO'], // RFC 1035
  [15, 'MX'], // RFC 1035
  [16, 'TXT'], // RFC 1035
  [17, 'RP'], // RFC 1183
  [18, 'AFSDB'], // RFC 1183
  [19, 'X25'], // RFC 1183
  [20, 'ISDN'], // RFC 1183
  [21, 'RT'], // RFC 1183
  [22, 'NSAP'], // RFC 1706
  [23, 'NSAP-PTR'], // RFC 1348
  [24, 'SIG'], // RFC 2535
  [25, 'KEY'], // RFC 2535
  [26, 'PX'], // RFC 2163
  [27, 'GPOS'], // RFC 1712
  [28, 'AAAA'], // RFC 3596
  [29, 'LOC'], // RFC 1876
  [30, 'NXT'], // RFC 2535
  [31, 'EID'], // draft-ietf-nimrod-dns
  [32, 'NIMLOC'], // draft-ietf-nimrod-dns
  [33, 'SRV'], // RFC 2782
  [34, 'ATMA'], // AF-DANS-0152
  [35, 'NAPTR'], // RFC 3403
  [36, 'KX'], // RFC 2230
  [37, 'CERT'], // RFC 4398
  [38, 'A6'], // RFC 2874
  [39, 'DNAME'], // RFC 6672
  [40, 'SINK'], // draft-eastlake-kitchen-sink
  [41, 'OPT'], // RFC 6891
  [42, 'APL'], // RFC 3123
  [43, 'DS'], // RFC 4034
  [44, 'SSHFP'], // RFC 4255
  [45, 'IPSECKEY'], // RFC 4025
  [46, 'RRSIG'], // RFC 4034
  [47, 'NSEC'], // RFC 4034
  [48, 'DNSKEY'], // RFC 4034
  [49, 'DHCID'], // RFC 4701
  [50, 'NSEC3'], // RFC 5155
  [51, 'NSEC3PARAM'], // RFC 5155
  [52, 'TLSA'], // RFC 6698
  [53, 'SMIMEA'], // RFC 8162
  [55, 'HIP'], // RFC 8005
  [56, 'NINFO'], // draft-reid-dnsext-zs
  [57, 'RKEY'], // draft-reid-dnsext-rkey
  [58, 'TALINK'], // draft-wijngaards-dnsop-trust-history
  [59, 'CDS'], // RFC 7344
  [60, 'CDNSKEY'], // RFC 7344
  [61, 'OPENPGPKEY'], // RFC 7929
  [62, 'CSYNC'], // RFC 7477
  [63, 'ZONEMD'], // RFC 8976
  [64, 'SVCB'], // RFC 9460
  [65, 'HTTPS'], // RFC 9460
  [66, 'DSYNC'], // RFC 9859
  [67, 'HHIT'], // RFC 9886
  [68, 'BRID'], // RFC 9886
  [99, 'SPF'], // RFC 7208
  [100, 'UINFO'], // IANA reserved
  [101, 'UID'], // IANA reserved
  [102, 'GID'], // IANA reserved
  [103, 'UNSPEC'], // IANA reserved
  [104, 'NID'], // RFC 6742
  [105, 'L32'], // RFC 6742
  [106, 'L64'], // RFC 6742
  [107, 'LP'], // RFC 6742
  [108, 'EUI48'], // RFC 7043
  [109, 'EUI64'], // RFC 7043
  [249, 'TKEY'], // RFC 2930
  [250, 'TSIG'], // RFC 8945
  [251, 'IXFR'], // RFC 1995
  [252, 'AXFR'], // RFC 5936
  [253, 'MAILB'], // RFC 1035
  [254, 'MAILA'], // RFC 1035
  [255, 'ANY'], // RFC 8482
  [256, 'URI'], // RFC 7553
  [257, 'CAA'], // RFC 8659
  [258, 'AVC'], // IANA expert review
  [259, 'DOA'], // draft-durand-doa-over-dns
  [260, 'AMTRELAY'], // RFC 8777
  [261, 'RESINFO'], // RFC 9606
  [262, 'WALLET'], // IANA expert review
  [32768, 'TA'], // IANA DNSSEC trust authorities
  [32769, 'DLV'], // RFC 8749
];
