// Made by scripts/iana-tables.ts from wks-services.csv: change that file and run "npm run tables".

/** Services that WKS records are likely to name (RFC 1010, RFC 1340), by port. Rows are code, mnemonic. */
export const WKS_SERVICES: readonly (readonly [number, string])[] = [
  [7, 'echo'], // RFC 862
  [9, 'discard'], // RFC 863
  [11, 'systat'], // RFC 866
  [13, 'daytime'], // RFC 867
  [17, 'qotd'], // RFC 865
  [19, 'chargen'], // RFC 864
  [20, 'ftp-data'], // RFC 959
  [21, 'ftp'], // RFC 959
  [22, 'ssh'], // RFC 4251
  [23, 'telnet'], // RFC 854
  [25, 'smtp'], // RFC 5321
  [37, 'time'], // RFC 868
  [43, 'whois'], // RFC 3912
  [53, 'domain'], // RFC 1035
  [69, 'tftp'], // RFC 1350
  [70, 'gopher'], // RFC 1436
  [79, 'finger'], // RFC 1288
  [80, 'http'], // RFC 9110
  [88, 'kerberos'], // RFC 4120
  [109, 'pop2'], // RFC 937
  [110, 'pop3'], // RFC 1939
  [111, 'sunrpc'], // RFC 1833
  [113, 'auth'], // RFC 1413
  [119, 'nntp'], // RFC 3977
  [123, 'ntp'], // RFC 5905
  [137, 'netbios-ns'], // RFC 1002
  [138, 'netbios-dgm'], // RFC 1002
  [139, 'netbios-ssn'], // RFC 1002
  [143, 'imap2'], // RFC 9051
  [161, 'snmp'], // RFC 3411
  [162, 'snmp-trap'], // RFC 3411
  [179, 'bgp'], // RFC 4271
  [389, 'ldap'], // RFC 4511
  [443, 'https'], // RFC 9110
  [512, 'exec'], // RFC 1340
  [513, 'login'], // RFC 1340
  [514, 'shell'], // RFC 1340
  [515, 'printer'], // RFC 1179
];
