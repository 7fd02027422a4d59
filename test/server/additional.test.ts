import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nameToText } from '../../src/wire/name-text.ts';
import type { ResourceRecord } from '../../src/wire/message.ts';
import { typeText } from '../../src/wire/type-text.ts';
import { ContextAsker } from './context-asker.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

const ZONE = `$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::2
mail A 192.0.2.3
_25._tcp.mail TLSA 3 1 1 00
mx MX 10 mail
_sip._tcp SRV 0 0 5060 www
_5060._tcp.www TLSA 3 1 1 01
*.wsrv SRV 0 0 53 ns1
naptr-s NAPTR 10 10 "S" "SIP" "" _sip._tcp
naptr-a NAPTR 10 10 "a" "" "" www
naptr-u NAPTR 10 10 "u" "x" "!a!b!" www
naptr-w NAPTR 10 10 "s" "x" "" x.wsrv
naptr-c NAPTR 10 10 "s" "x" "" alias
alias CNAME _sip._tcp
own HTTPS 1 .
own A 192.0.2.9
none HTTPS 0 .
none A 192.0.2.10
*.wild HTTPS 1 .
*.wild A 192.0.2.11
first HTTPS 0 second
second HTTPS 0 third
second A 192.0.2.20
third HTTPS 1 www
toself HTTPS 0 toself
cut NS ns.cut
ns.cut A 192.0.2.30
tocut HTTPS 0 ns.cut
dot SRV 0 0 0 .
${Array.from({ length: 15 }, (_, i) => `chain${i} SVCB 0 chain${i + 1}`).join('\n')}
chain15 SVCB 1 www
${Array.from({ length: 13 }, (_, i) => `many MX ${i} host-with-a-long-name-${i}\nhost-with-a-long-name-${i} A 198.51.100.${i}\nhost-with-a-long-name-${i} AAAA 2001:db8:1::${i}`).join('\n')}
`;

const fixture = new ZoneFixture();
fixture.add('example.', scanZone('example.', ZONE));
const asker = new ContextAsker(fixture, fixture.tables());

const text = ({ owner, type }: ResourceRecord): string =>
  `${nameToText(owner).replace('.example.', '')} ${typeText(type)}`;

/** Owners and types of the additional section, the zone's name servers left out. */
function additional(name: string, type: string, circumstances: Parameters<ContextAsker['ask']>[2] = {}): string[] {
  const answer = asker.ask(`${name}.example.`, type, { recursive: true, ...circumstances });
  return (answer?.additionals ?? assert.fail('no answer')).map(text).filter((one) => one !== 'ns1 A');
}

describe('RFC 1034 section 4.3.2: the additional section, as BIND 9.18 fills it', () => {
  test('RFC 7672 section 2.2, RFC 6698 section 3: TLSA of the services that MX and SRV name', () => {
    assert.deepEqual(additional('mx', 'MX'), ['mail A', '_25._tcp.mail TLSA']);
    assert.deepEqual(additional('_sip._tcp', 'SRV'), ['www A', 'www AAAA', '_5060._tcp.www TLSA']);
    assert.deepEqual(additional('dot', 'SRV'), []);
  });

  test('RFC 3403 section 4.1: NAPTR leads to SRV by the flag S, to addresses by A, and nowhere by others', () => {
    const sip = ['_sip._tcp SRV', 'www A', 'www AAAA', '_5060._tcp.www TLSA'];
    assert.deepEqual(additional('naptr-s', 'NAPTR'), sip);
    assert.deepEqual(additional('naptr-a', 'NAPTR'), ['www A', 'www AAAA']);
    assert.deepEqual(additional('naptr-u', 'NAPTR'), []);
    assert.deepEqual(additional('naptr-w', 'NAPTR'), ['x.wsrv SRV']);
    assert.deepEqual(additional('naptr-c', 'NAPTR'), [], 'aliases are not followed');
  });

  test('RFC 9460 section 4.1: the owner for the target ".", aliases to their end, no addresses beside bindings', () => {
    assert.deepEqual(additional('own', 'HTTPS'), ['own A']);
    assert.deepEqual(additional('OWN', 'HTTPS'), ['own A']);
    assert.deepEqual(additional('any.wild', 'HTTPS'), ['any.wild A']);
    assert.deepEqual(additional('none', 'HTTPS'), []);
    assert.deepEqual(additional('first', 'HTTPS'), ['second HTTPS', 'third HTTPS', 'www A', 'www AAAA']);
    assert.deepEqual(additional('toself', 'HTTPS'), []);
    assert.deepEqual(additional('tocut', 'HTTPS'), []);
  });

  test('a chain of service bindings ends after twelve', () => {
    const chain = (from: number, to: number): string[] =>
      Array.from({ length: to - from + 1 }, (_, i) => `chain${from + i} SVCB`);
    assert.deepEqual(additional('chain0', 'SVCB'), chain(1, 12));
    assert.deepEqual(additional('chain3', 'SVCB'), chain(4, 15));
    assert.deepEqual(additional('chain4', 'SVCB'), [...chain(5, 15), 'www A', 'www AAAA']);
  });

  test('where there is no room for all, the addresses of the client’s family go first', () => {
    const types = (circumstances: Parameters<ContextAsker['ask']>[2]): string[] =>
      additional('many', 'MX', circumstances).map((one) => one.split(' ')[1]);
    const [a, aaaa] = [Array.from({ length: 13 }, () => 'A'), Array.from({ length: 13 }, () => 'AAAA')];
    const all = types({}).toSorted();
    assert.deepEqual(all, [...a, ...aaaa]);
    const v4 = types({ udpSize: 850 });
    assert.deepEqual(v4.slice(0, 13), a);
    assert.ok(v4.length < 26 && v4.slice(13).every((type) => type === 'AAAA'), String(v4));
    const v6 = types({ udpSize: 950, address: new Uint8Array(16) });
    assert.deepEqual(v6.slice(0, 13), aaaa);
    assert.ok(v6.length < 26 && v6.slice(13).every((type) => type === 'A'), String(v6));
  });
});
