/** Zones like the real ones, as text: input of interop and unit tests of several layers. All are made, none is random. */
export interface PoolZone {
  readonly title: string;
  /** Zone name, absolute. */
  readonly zone: string;
  /** File name to content; the zone file is "zone.db", the others are included by it. */
  readonly files: Readonly<Record<string, string>>;
}

const HEAD = `$TTL 3600
@ SOA ns1 hostmaster 2026010101 7200 3600 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
`;

/** A registry's zone: delegations, most without DS, with glue in and below them. */
export function delegationZone(delegations: number): PoolZone {
  const lines: string[] = [];
  for (let i = 0; i < delegations; i++) {
    const name = `child${String(i).padStart(6, '0')}`;
    const server = i % 3 === 0 ? `ns.${name}` : 'ns1';
    lines.push(`${name} 86400 NS ${server}`, `${name} 86400 NS ns.elsewhere.net.`);
    if (i % 3 === 0) lines.push(`ns.${name} 86400 A 10.0.${(i >> 8) & 255}.${i & 255}`);
    if (i % 7 === 0) lines.push(`${name} 86400 DS ${i & 0xffff} 13 2 ${hex(i, 32)}`);
  }
  return { title: 'delegations of a registry', zone: 'tld.', files: { 'zone.db': `${HEAD}${lines.join('\n')}\n` } };
}

function hex(number: number, octets: number): string {
  let text = '';
  for (let i = 0; i < octets; i++) text += ((number * 31 + i * 7) & 255).toString(16).padStart(2, '0');
  return text;
}

/** Names with labels that have nothing of their own, as deep as names go. */
export function deepZone(): PoolZone {
  const deepest = Array.from({ length: 118 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('.');
  const text = `${HEAD}a.b.c.d.e.f.g A 192.0.2.10
h.b.c.d.e.f.g A 192.0.2.11
x.e.f.g MX 10 ns1
q.r.s TXT "one"
r.s TXT "two"
z.q.r.s TXT "three"
${deepest} A 192.0.2.12
lonely.very.lonely.indeed A 192.0.2.13
`;
  return { title: 'deep empty non-terminals', zone: 'deep.example.', files: { 'zone.db': text } };
}

export function wildcardZone(): PoolZone {
  const text = `${HEAD}* TXT "everything"
* MX 10 ns1
*.sub A 192.0.2.20
host.sub A 192.0.2.21
*.alias CNAME ns1
a.*.inner TXT "not a wildcard"
*.*.twice A 192.0.2.22
sub.*.deep.er A 192.0.2.23
`;
  return { title: 'wildcards', zone: 'wild.example.', files: { 'zone.db': text } };
}

/** Labels with dots, spaces, quotes, brackets and octets of all values; letters of both cases. */
export function oddNamesZone(): PoolZone {
  const lines: string[] = [];
  for (let octet = 0; octet < 256; octet++) {
    const escaped = `\\${String(octet).padStart(3, '0')}`;
    // One letter in both cases would be one name.
    if (octet >= 0x41 && octet <= 0x5a) continue;
    lines.push(`o${escaped}x TXT "octet ${octet} ${octet === 0x22 ? '\\"' : escaped}"`);
  }
  const text = `${HEAD}${lines.join('\n')}
a\\.b.c A 192.0.2.30
\\@ A 192.0.2.31
\\$ORIGIN A 192.0.2.32
"quoted owner" TXT quoted
\\(x\\) TXT "(brackets)"
semi\\;colon TXT "a;b" ; a comment
MiXeD CNAME CaSe.ExAmPlE.
${'l'.repeat(63)} A 192.0.2.33
`;
  return { title: 'odd octets in names', zone: 'odd.example.', files: { 'zone.db': text } };
}

/** Every directive and every way to leave something out. */
function directivesZone(): PoolZone {
  const text = `; the classic example
$ORIGIN example.net.
$ttl 1h
@	IN	SOA	ns1 hostmaster (
		2026010101	; serial
		2h		; refresh
		30m 2w		; retry expire
		5m )		; minimum
	IN NS	ns1
	NS	ns2
@	MX	10 mail
ns1	A	192.0.2.1
	AAAA	2001:db8::1
ns2	300 IN A	192.0.2.2
mail	IN 1d A	192.0.2.3
www	CNAME	@
$include hosts.inc
after	A	192.0.2.4
$INCLUDE sub.inc sub
	TXT	"owner of the outer file"
$GENERATE 1-20/3 host-$ A 192.0.2.$
$GENERATE 0-2 gen\${10,4,d} 7200 CNAME host-\${1}.other
$generate 16-18 \${0,3,n}.rev IN PTR "host-\${-8,2,x}"
$GENERATE 1-2 mx$ MX "$ mail.$$x"
$TTL 2d
late	TXT	( "a" ; first
	"b" "" )
unknown	TYPE65280 \\# 4 0a000001
known	A \\# 4 0A000001
`;
  const hosts = `inc1 A 192.0.2.40\n$ORIGIN deeper\ninc2 A 192.0.2.41\n$TTL 10m\ninc3 A 192.0.2.42\n`;
  const sub = `@ TXT "apex of sub"\nwww A 192.0.2.50\n$INCLUDE hosts2.inc\nback A 192.0.2.51\n`;
  return {
    title: 'directives',
    zone: 'example.net.',
    files: { 'zone.db': text, 'hosts.inc': hosts, 'sub.inc': sub, 'hosts2.inc': '$ORIGIN x\nin A 192.0.2.52\n' },
  };
}

/** A record of every type that BIND 9.18 knows a text for. */
function everyTypeZone(): PoolZone {
  const text = `${HEAD}@ MX 10 mail
mail A 192.0.2.3
a6 A6 64 0:0:0:0:1:2:3:4 ns1
afsdb AFSDB 1 ns1
amtrelay AMTRELAY 10 1 1 192.0.2.9
amtrelay AMTRELAY 10 0 2 2001:db8::9
amtrelay AMTRELAY 20 0 3 relay
amtrelay AMTRELAY 0 0 0 .
apl APL 1:192.0.2.0/24 !1:192.0.2.64/28 2:2001:db8::/32
atma ATMA +61200000000
avc AVC "app-name:WOLFGANG|app-class:OAM"
caa CAA 0 issue "ca.example.net; policy=ev"
@ CDNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
cert CERT PKIX 1 RSASHA256 KR1L0GbocaIOOim1+qdHtOSrDcOsGiI2NCcxuX2/Tqc=
cname CNAME ns1
csync CSYNC 66 3 A NS AAAA
dhcid DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
dlv DLV 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
dname DNAME elsewhere.example.
@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
@ DNSKEY 256 3 8 AwEAAcw=
doa DOA 0 1 2 "text/plain" aGVsbG8=
ds NS ns1
ds DS 12345 8 2 1122334455667788990011223344556677889900112233445566778899001122
ds DS 12345 8 4 112233445566778899001122334455667788990011223344556677889900112200112233445566778899001122334455
eid EID 12 89 AB
eui48 EUI48 01-23-45-67-89-ab
eui64 EUI64 01-23-45-67-89-ab-cd-ef
gpos GPOS "-22.6882" "116.8652" "250.0"
hinfo HINFO "Generic PC clone" "NetBSD-1.4"
hip HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D ns1
https HTTPS 1 . alpn="h2,h3" ipv4hint=192.0.2.1 ipv6hint=2001:db8::1
https HTTPS 0 ns1
ipseckey IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
ipseckey IPSECKEY 10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
ipseckey IPSECKEY 10 3 2 gateway AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
isdn ISDN "isdn-address" "subaddress"
key KEY 512 3 8 AwEAAcw=
kx KX 10 ns1
l32 L32 10 1.2.3.4
l64 L64 10 2001:db8:1140:1000
loc LOC 60 9 0.000 N 24 39 0.000 E 10.00m 20m 2000m 20m
lp LP 10 l64
mb MB ns1
mg MG mailbox
minfo MINFO mailbox errors
mr MR mailbox
naptr NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
nid NID 10 0014:4fff:ff20:ee64
nimloc NIMLOC 12 89 AB
ninfo NINFO "foo"
nsap NSAP 0x47000580005a0000000001e133ffffff00016100
nsap-ptr NSAP-PTR ns1
nsec NSEC nsec3 A NS MX TXT RRSIG NSEC TYPE1234
@ NSEC3PARAM 1 0 0 AABBCCDD
nxt NXT ns1 A NS SOA SIG KEY NXT
openpgpkey OPENPGPKEY AQMFD5raczCJHViKtLYhWGz8hMY9UGRuniJDBzC7w0aRyzWZriO6i2odGWWQVucZqKVsENW91IOW4vqudngPZsY3GvQ/xVA8/7pyFj6b7Esga60zyGW6LFe9r8n6paHrlG5ojqf0BaqHT+8=
ptr PTR ns1
px PX 65535 map822 mapx400
resinfo RESINFO qnamemin exterr=15,16,17 infourl=https://resolver.example.com/guide
rkey RKEY 0 255 1 KR1L0GbocaIOOim1+qdHtOSrDcOsGiI2
rp RP mbox-dname txt-dname
rrsig TXT "covered"
rrsig RRSIG TXT 13 3 3600 20380101000000 20200101000000 2371 every.example. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==
rt RT 0 intermediate-host
sig SIG NXT 8 2 3600 20380101000000 20200101000000 2143 every.example. MxFcby9k/yvedMfQgKzhH5er0Mu/vILz45IkskceFGgiWCn/GxHhai6VAuHAoNUz
sink SINK 8 0 2 l4ik
smimea SMIMEA 1 1 2 92003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c1b177615d466f6c4b71c216a50292bd58c9ebdd2f74e38fe51ffd48c43326cbc
spf SPF "v=spf1 -all"
spf TXT "v=spf1 -all"
srv SRV 65535 65535 65535 old-slow-box
srv SRV 0 0 0 .
sshfp SSHFP 4 2 C76D8329954DA2835751E371544E963EFDA099080D6C58DD2BFD9A31E6E162C8
svcb SVCB 1 svc port=8443 alpn=h2 mandatory=alpn key65333=ex1
svcb SVCB 0 svc
ta TA 30795 1 1 310D27F4D82C1FC2400704EA9939FE6E1CEAA3B9
talink TALINK talink0 talink2
tlsa TLSA 1 1 2 92003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c1b177615d466f6c4b71c216a50292bd58c9ebdd2f74e38fe51ffd48c43326cbc
txt TXT "foo\\nbar" "" "\\"quoted\\"" "back\\\\slash" "tab\\009 \\255"
uri URI 10 20 "https://www.isc.org/"
wallet WALLET "BTC" "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
wks WKS 192.0.2.7 TCP 25 53 80
x25 X25 "123456789"
zonemd ZONEMD 2026010101 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
type731 TYPE731 \\# 6 abcdef 012345
empty TYPE62347 \\# 0
`;
  return { title: 'every record type', zone: 'every.example.', files: { 'zone.db': text } };
}

/** TTLs of all sizes, differing within a node, and units. */
function ttlZone(): PoolZone {
  const text = `${HEAD}zero 0 A 192.0.2.1
one 1 A 192.0.2.1
big 2147483647 A 192.0.2.1
units 1w2d3h4m5s A 192.0.2.1
units 1W TXT upper
differ 60 A 192.0.2.1
differ 90 MX 10 ns1
differ 60 TXT x
${'long-owner-'.repeat(5)} 788645 A 192.0.2.1
`;
  return { title: 'TTLs', zone: 'ttl.example.', files: { 'zone.db': text } };
}

function rootZone(): PoolZone {
  const text = `$TTL 86400
. SOA a.root-servers.net. nstld.example. 2026010101 1800 900 604800 86400
. NS a.root-servers.net.
a.root-servers.net. A 198.41.0.4
com. NS a.gtld-servers.net.
a.gtld-servers.net. A 192.5.6.30
net. NS a.gtld-servers.net.
xn--p1ai. DS 1 8 2 ${hex(7, 32)}
xn--p1ai. NS a.gtld-servers.net.
`;
  return { title: 'root', zone: '.', files: { 'zone.db': text } };
}

export function zonePool(): PoolZone[] {
  return [
    delegationZone(300),
    deepZone(),
    wildcardZone(),
    oddNamesZone(),
    directivesZone(),
    everyTypeZone(),
    ttlZone(),
    rootZone(),
  ];
}
