/** Zones with a case for every kind of answer: text of master files by apex. */

export const ZONES = {
  'answers.test.': `$TTL 3600
@ SOA ns1 hostmaster 2024010101 7200 900 1209600 300
@ NS ns1
@ NS ns2.other.test.
@ MX 10 mail
@ MX 20 mail.other.test.
@ TXT "v=spf1 -all"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
www 60 A 192.0.2.3
www 60 A 192.0.2.4
www 60 AAAA 2001:db8::3
alias CNAME www
alias2 CNAME alias
dangling CNAME nowhere
outside CNAME www.other.test.
outward CNAME www.elsewhere.invalid.
intocut CNAME host.secure
intowild CNAME any.wild
loop1 CNAME loop2
loop2 CNAME loop1
a.b.c.d A 192.0.2.5
*.wild A 192.0.2.6
*.wild TXT "wild"
*.wildmx MX 5 mail
exact.wild TXT "exact"
deep.sub.wild A 192.0.2.7
*.wildcname CNAME www
*.wildent.x A 192.0.2.8
*.deep.sub.wild A 192.0.2.9
*.wildloop CNAME x.wildloop
svc HTTPS 0 www
svc2 SVCB 1 www alpn=h2
tree DNAME other.test.
inner DNAME wild
long DNAME ${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}
secure NS ns.secure
secure NS ns1
secure DS 12345 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure A 192.0.2.10
host.secure A 192.0.2.11
insecure NS ns.insecure
insecure NS ns.secure
insecure NS ns.outside.invalid.
ns.insecure A 192.0.2.12
ns.insecure AAAA 2001:db8::12
lame NS ns.other.test.
child NS ns1.child
child DS 23456 13 2 1111111111111111111111111111111111111111111111111111111111111111
ns1.child A 192.0.2.13
_sip._tcp SRV 0 5 5060 sip
sip A 192.0.2.14
na NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp
CaSe.MiXeD TXT "Case"
\\000\\255\\.dot TXT "odd octets"
sp\\032ace A 192.0.2.15
big TXT "${'a'.repeat(250)}" "${'b'.repeat(250)}" "${'c'.repeat(250)}" "${'d'.repeat(250)}" "${'e'.repeat(250)}"
zz CAA 0 issue "ca.example.net"
`,
  'child.answers.test.': `$TTL 3600
@ SOA ns1 hostmaster 7 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.13
www A 192.0.2.16
up CNAME www.answers.test.
`,
  'other.test.': `$TTL 1800
@ SOA ns.other.test. hostmaster.other.test. 3 7200 900 1209600 3600
@ NS ns
@ NS ns2
ns A 198.51.100.1
ns2 A 198.51.100.2
mail A 198.51.100.3
mail AAAA 2001:db8:5::3
www A 198.51.100.4
back CNAME www.answers.test.
x.y A 198.51.100.5
`,
} as const;
