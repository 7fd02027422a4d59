/* Zones with a case for every kind of answer: text of master files. All servers of the comparison load the same files. */

/** How dnssec-signzone is told to sign a zone; undefined leaves it unsigned. */
export interface QuestionZone {
  readonly text: string;
  readonly signing: readonly string[] | undefined;
}

const NSEC = ['-x'];
const NSEC3 = ['-3', 'aabbccdd', '-H', '3', '-x'];
const OPT_OUT = ['-3', '-', '-H', '0', '-A', '-x'];

const repeated = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

const LABEL63 = 'abcdefghijklmnopqrstuvwxyz0123456789'.repeat(2).slice(0, 63);

/** Labels that make a name of exactly `octets` octets in wire form with the apex; the last ones are as long as can be. */
function fill(apex: string, octets: number): string {
  let left = octets - (apex.length + 1);
  const labels: string[] = [];
  while (left > 0) {
    // A label takes its length and one octet; what is left over must not be one octet, which no label has.
    const length = Math.min(63, left - 1 === 64 ? 62 : left - 1);
    labels.push('l'.repeat(length));
    left -= length + 1;
  }
  return labels.join('.');
}

/** @param other apex of another zone of the same server, or of none */
const everyKind = (apex: string, other: string): string => `$TTL 3600
@ SOA ns1 hostmaster 2024010101 7200 900 1209600 300
@ NS ns1
@ NS ns2
@ NS ns.${other}
@ MX 10 mail
@ MX 20 mail.${other}
@ A 192.0.2.100
@ TXT "v=spf1 -all"
@ CAA 0 issue "ca.example.net"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.77
mail A 192.0.2.2
mail AAAA 2001:db8::2
www 60 A 192.0.2.3
www 60 A 192.0.2.4
www 60 AAAA 2001:db8::3
; every common type at one name
types A 192.0.2.20
types AAAA 2001:db8::20
types MX 0 .
types MX 5 types
types TXT "" "two" "${'t'.repeat(255)}"
types SRV 1 2 3 www
types NAPTR 100 50 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
types PTR www
types CAA 128 tbs "unknown"
types TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
types SSHFP 4 2 1111111111111111111111111111111111111111111111111111111111111111
types LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
types HINFO "PC" "none"
types RP hostmaster www
types AFSDB 1 mail
types URI 10 1 "https://www.example.net/"
types SVCB 1 www alpn=h2
types HTTPS 1 . alpn=h3 ipv4hint=192.0.2.3
types CERT 1 12345 13 AQID
types KX 1 mail
types RT 1 mail
types TYPE65280 \\# 3 abcdef
types TYPE999 \\# 0
; aliases
alias CNAME www
alias2 CNAME alias
alias3 CNAME ALIAS2
dangling CNAME nowhere
outside CNAME www.${other}
outdangling CNAME nowhere.${other}
outward CNAME www.elsewhere.invalid.
intocut CNAME host.secure
intoinsecure CNAME x.insecure
intocutds CNAME secure
intoempty CNAME b.c.d
intowild CNAME any.wild
intowildcname CNAME q.wildcname
intodname CNAME www.inner
intoapex CNAME @
loop1 CNAME loop2
loop2 CNAME loop1
selfloop CNAME selfloop
${repeated(20, (i) => `chain${i} CNAME chain${i + 1}`)}
chain20 A 192.0.2.21
; empty non-terminals
a.b.c.d A 192.0.2.5
a2.b.c.d TXT "below the same"
under.d TXT "d"
; wildcards
*.wild A 192.0.2.6
*.wild TXT "wild"
*.wild MX 5 mail
exact.wild TXT "exact"
deep.sub.wild A 192.0.2.7
*.deep.sub.wild A 192.0.2.9
*.wildcname CNAME www
*.wildout CNAME www.${other}
*.wildent.x A 192.0.2.8
a.*.wildent2 TXT "below an empty wildcard"
*.wildloop CNAME x.wildloop
cut.wild NS ns.cut.wild
ns.cut.wild A 192.0.2.30
cut.*.wildent3 NS ns1
*.wildsrv SRV 0 0 53 ns1
*.wilddname TXT "no"
sub.*.wilddname TXT "below a wildcard"
; additional data
svc HTTPS 0 www
svc2 SVCB 1 www alpn=h2
svc2 SVCB 2 mail alpn=h3
_sip._tcp SRV 0 5 5060 sip
_sip._tcp SRV 1 5 5060 www
_sip._tcp SRV 2 5 5060 sip.${other}
_none._tcp SRV 0 0 0 .
sip A 192.0.2.14
na NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp
na2 NAPTR 10 10 "a" "" "" www
na3 NAPTR 10 10 "us" "x" "" srv.wildsrv
na3 NAPTR 20 10 "" "x" "" www
na3 NAPTR 30 10 "a" "x" "" ns.secure
_25._tcp.mail TLSA 3 1 1 2222222222222222222222222222222222222222222222222222222222222222
_5060._tcp.sip TLSA 3 1 1 3333333333333333333333333333333333333333333333333333333333333333
*.www TLSA 3 1 1 4444444444444444444444444444444444444444444444444444444444444444
own HTTPS 1 . alpn=h3
own A 192.0.2.60
own AAAA 2001:db8::60
ownalias HTTPS 0 .
ownalias A 192.0.2.61
*.ownwild HTTPS 1 .
*.ownwild A 192.0.2.63
toown HTTPS 0 own
toownwild HTTPS 0 any.ownwild
toitself HTTPS 0 toitself
tosvcb SVCB 0 own
tocut HTTPS 0 ns.secure
${repeated(15, (i) => `bind${i} SVCB 0 bind${i + 1}`)}
bind15 SVCB 1 www
bind15 A 192.0.2.64
manysrv ${repeated(13, (i) => `${i === 0 ? '' : 'manysrv '}SRV 0 0 ${25 + i} mx${i}`)}
mxwild MX 1 x.wild
mxcut MX 1 ns.secure
mxalias MX 1 alias
mxin MX 1 nothing
manymx ${repeated(16, (i) => (i === 0 ? 'MX 0 mx0' : `manymx MX ${i} mx${i}`))}
${repeated(16, (i) => `mx${i} A 198.51.100.${i}`)}
; DNAME
tree DNAME ${other}
inner DNAME wild
inner2 DNAME inner3
inner3 DNAME inner4
inner4 DNAME sub
sub TXT "a DNAME chain ends here"
www.sub A 192.0.2.40
hidden.sub CNAME www.inner2
long DNAME ${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}
dloop DNAME below.dloop2
dloop2 DNAME dloop
dself DNAME dself2
dself2 DNAME dself
dself TXT "beside a DNAME"
intoroot DNAME .
dcut DNAME secure
dnowhere DNAME nowhere
; delegations
secure NS ns.secure
secure NS ns1
secure DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
secure DS 12345 13 4 ${'0'.repeat(96)}
ns.secure A 192.0.2.10
host.secure A 192.0.2.11
insecure NS ns.insecure
insecure NS ns.secure
insecure NS ns.outside.invalid.
ns.insecure A 192.0.2.12
ns.insecure AAAA 2001:db8::12
lame NS ns.${other}
apexns NS ns1
apexns NS ns2
sibling NS ns.insecure
sibling NS ns.secure
deep.er.cut NS a.b.ns.deep.er.cut
a.b.ns.deep.er.cut A 192.0.2.41
noglue NS ns.noglue
manyns ${repeated(13, (i) => (i === 0 ? 'NS ns0.manyns' : `manyns NS ns${i}.manyns`))}
${repeated(13, (i) => `ns${i}.manyns A 198.51.100.${i}\nns${i}.manyns AAAA 2001:db8:1::${i}`)}
hugens ${repeated(26, (i) => (i === 0 ? `NS a-rather-long-name-of-server-0.hugens` : `hugens NS a-rather-long-name-of-server-${i}.hugens`))}
${repeated(26, (i) => `a-rather-long-name-of-server-${i}.hugens AAAA 2001:db8:2::${i}`)}
child NS ns1.child
child DS 23456 13 2 1111111111111111111111111111111111111111111111111111111111111111
ns1.child A 192.0.2.13
; spelling
CaSe.MiXeD TXT "Case"
UPPER A 192.0.2.50
UpperAlias CNAME UPPER
UpperMx MX 1 UPPER
UpperCut NS NS.UpperCut
NS.UpperCut A 192.0.2.51
*.WildCase A 192.0.2.52
\\000\\255\\.dot TXT "odd octets"
\\128\\129.odd TXT "octets above 127"
sp\\032ace TXT "space"
under_score TXT "no host"
${LABEL63} TXT "63 octets"
w.${LABEL63} TXT "below 63 octets"
${fill(apex, 253)} TXT "253 octets"
; sizes
big TXT "${'a'.repeat(250)}" "${'b'.repeat(250)}" "${'c'.repeat(250)}" "${'d'.repeat(250)}" "${'e'.repeat(250)}"
middle TXT "${'m'.repeat(200)}" "${'n'.repeat(200)}"
almost TXT "${'o'.repeat(255)}" "${'p'.repeat(140)}"
${repeated(60, (i) => `manya A 203.0.113.${i}`)}
${repeated(40, (i) => `manyaaaa AAAA 2001:db8:3::${i}`)}
${repeated(20, (i) => `manytxt TXT "number ${i} ${'v'.repeat(30 + i)}"`)}
huge ${repeated(80, (i) => `${i === 0 ? '' : 'huge '}TXT "${String(i).padStart(4, '0').repeat(60)}"`)}
zz CAA 0 issue "ca.example.net"
`;

const CHILD = `$TTL 3600
@ SOA ns1 hostmaster 7 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.13
www A 192.0.2.16
up CNAME www.nsec.test.
mx MX 1 ns1
*.w TXT "child's"
x.y A 192.0.2.17
`;

/** A top-level domain: one label, and hardly anything but delegations. */
const TOP_LEVEL = `$TTL 86400
@ SOA a.nic hostmaster.nic 1 1800 900 604800 86400
@ NS a.nic
@ NS b.nic
a.nic A 192.0.2.1
b.nic A 192.0.2.2
b.nic AAAA 2001:db8::2
nic TXT "registry"
${repeated(
  60,
  (i) => `
d${i} NS ns1.d${i}
d${i} NS ns2.d${(i * 7) % 60}
ns1.d${i} A 198.51.100.${i}
${i % 2 === 0 ? `ns2.d${i} AAAA 2001:db8:5::${i}` : `ns2.d${i} A 203.0.113.${i}`}
${i % 3 === 0 ? `d${i} DS ${i + 1000} 13 2 ${String(i % 10).repeat(64)}` : ''}
`,
)}
out NS ns.elsewhere.invalid.
ent.of NS ns.ent.of
ns.ent.of A 192.0.2.9
`;

/** dnssec-signzone cannot sign it with NSEC3: it looks for a wildcard below each name. */
const LONGEST = `${fill('nsec.test.', 255)} CNAME www\n`;

export const QUESTION_ZONES: ReadonlyMap<string, QuestionZone> = new Map([
  ['nsec.test.', { text: `${everyKind('nsec.test.', 'nsec3.test.')}${LONGEST}`, signing: NSEC }],
  ['nsec3.test.', { text: `${everyKind('nsec3.test.', 'nsec.test.')}ns A 192.0.2.99\n`, signing: NSEC3 }],
  ['optout.test.', { text: everyKind('optout.test.', 'elsewhere.invalid.'), signing: OPT_OUT }],
  ['plain.test.', { text: everyKind('plain.test.', 'nsec.test.'), signing: undefined }],
  ['child.nsec.test.', { text: CHILD, signing: NSEC }],
  ['child.nsec3.test.', { text: CHILD, signing: OPT_OUT }],
  ['child.plain.test.', { text: CHILD, signing: undefined }],
  ['tld.', { text: TOP_LEVEL, signing: NSEC }],
  ['optouttld.', { text: TOP_LEVEL, signing: OPT_OUT }],
]);
