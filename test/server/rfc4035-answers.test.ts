import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { FLAG } from '../../src/wire/header.ts';
import { Asker, lines, scanZone, withDenial, ZoneFixture } from './zone-fixture.ts';

/* RFC 4035 appendix B, example by example: what stands in each section, signatures named by what they cover. */

const fixture = new ZoneFixture();
const text = fs.readFileSync(new URL('../data/rfc4035-example.zone', import.meta.url), 'latin1');
fixture.add('example.', withDenial('example.', scanZone('example.', text), { kind: 'nsec' }));
const asker = new Asker(fixture.tables(), fixture.arena);

const SOA = ['example. SOA ns1.example. bugs.x.w.example. 1081539377 3600 300 3600000 3600', 'example. RRSIG SOA'];
const NS = ['example. NS ns1.example.', 'example. NS ns2.example.', 'example. RRSIG NS'];
const NS_ADDRESSES = [
  'ns1.example. A 192.0.2.1',
  'ns1.example. RRSIG A',
  'ns2.example. A 192.0.2.2',
  'ns2.example. RRSIG A',
];

interface Example {
  readonly name: string;
  readonly type: string;
  readonly rcode?: number;
  readonly aa?: false;
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
}

const EXAMPLES: Record<string, Example> = {
  'B.1 answer': {
    name: 'x.w.example.',
    type: 'MX',
    answer: ['x.w.example. MX 1 xx.example.', 'x.w.example. RRSIG MX'],
    authority: NS,
    additional: [
      'xx.example. A 192.0.2.10',
      'xx.example. RRSIG A',
      'xx.example. AAAA 2001:db8::f00:baaa',
      'xx.example. RRSIG AAAA',
      ...NS_ADDRESSES,
    ],
  },
  'B.2 name error': {
    name: 'ml.example.',
    type: 'A',
    rcode: 3,
    authority: [
      ...SOA,
      'b.example. NSEC ns1.example. NS RRSIG NSEC',
      'b.example. RRSIG NSEC',
      'example. NSEC a.example. NS SOA MX RRSIG NSEC',
      'example. RRSIG NSEC',
    ],
  },
  'B.3 no data': {
    name: 'ns1.example.',
    type: 'MX',
    authority: [...SOA, 'ns1.example. NSEC ns2.example. A RRSIG NSEC', 'ns1.example. RRSIG NSEC'],
  },
  'B.4 referral to signed zone': {
    name: 'mc.a.example.',
    type: 'MX',
    aa: false,
    authority: [
      'a.example. NS ns1.a.example.',
      'a.example. NS ns2.a.example.',
      'a.example. DS 57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B',
      'a.example. RRSIG DS',
    ],
    additional: ['ns1.a.example. A 192.0.2.5', 'ns2.a.example. A 192.0.2.6'],
  },
  'B.5 referral to unsigned zone': {
    name: 'mc.b.example.',
    type: 'MX',
    aa: false,
    authority: [
      'b.example. NS ns1.b.example.',
      'b.example. NS ns2.b.example.',
      'b.example. NSEC ns1.example. NS RRSIG NSEC',
      'b.example. RRSIG NSEC',
    ],
    additional: ['ns1.b.example. A 192.0.2.7', 'ns2.b.example. A 192.0.2.8'],
  },
  'B.6 wildcard expansion': {
    name: 'a.z.w.example.',
    type: 'MX',
    answer: ['a.z.w.example. MX 1 ai.example.', 'a.z.w.example. RRSIG MX'],
    authority: [...NS, 'x.y.w.example. NSEC xx.example. MX RRSIG NSEC', 'x.y.w.example. RRSIG NSEC'],
    additional: [
      'ai.example. A 192.0.2.9',
      'ai.example. RRSIG A',
      'ai.example. AAAA 2001:db8::f00:baa9',
      'ai.example. RRSIG AAAA',
      ...NS_ADDRESSES,
    ],
  },
  'B.7 wildcard no data': {
    name: 'a.z.w.example.',
    type: 'AAAA',
    authority: [
      ...SOA,
      'x.y.w.example. NSEC xx.example. MX RRSIG NSEC',
      'x.y.w.example. RRSIG NSEC',
      '*.w.example. NSEC x.w.example. MX RRSIG NSEC',
      '*.w.example. RRSIG NSEC',
    ],
  },
  'B.8 DS child zone no data': {
    name: 'example.',
    type: 'DS',
    authority: [...SOA, 'example. NSEC a.example. NS SOA MX RRSIG NSEC', 'example. RRSIG NSEC'],
  },
};

describe('S-027 RFC 4035 appendix B', () => {
  for (const [title, example] of Object.entries(EXAMPLES))
    test(title, () => {
      const message = asker.ask(example.name, example.type);
      assert.equal(message.rcode, example.rcode ?? 0);
      assert.equal((message.flags & FLAG.AA) !== 0, example.aa ?? true);
      assert.deepEqual(lines(message.answers), (example.answer ?? []).toSorted());
      assert.deepEqual(lines(message.authorities), (example.authority ?? []).toSorted());
      assert.deepEqual(lines(message.additionals), (example.additional ?? []).toSorted());
    });
});

test('RFC 4035 section 3.1: without DO nothing of DNSSEC is in the answer', () => {
  for (const { name, type } of Object.values(EXAMPLES)) {
    const message = asker.ask(name, type, { dnssecOk: false });
    const all = [...message.answers, ...message.authorities, ...message.additionals];
    assert.deepEqual(
      lines(all).filter((one) => /RRSIG|NSEC|DS /.test(one)),
      [],
      name,
    );
  }
});
