import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compareOctets } from '../../src/base/octets.ts';
import { compareCanonicalNames, equalNames, labelCount, lowerName, type Name } from '../../src/wire/name.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { recordType, typeCode } from '../../src/wire/rdata/registry.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import { anyName } from './names.ts';

describe('RFC 4034 section 6.1: canonical order of names', () => {
  test('the example of the RFC', () => {
    const ordered = [
      'example.',
      'a.example.',
      'yljkjljk.a.example.',
      'Z.a.example.',
      'zABC.a.EXAMPLE.',
      'z.example.',
      '\\001.z.example.',
      '*.z.example.',
      '\\200.z.example.',
    ].map((text) => mustName(text));
    for (let i = 0; i < ordered.length; i++)
      for (let k = 0; k < ordered.length; k++)
        assert.equal(
          Math.sign(compareCanonicalNames(ordered[i], ordered[k])),
          Math.sign(i - k),
          `${nameToText(ordered[i])} and ${nameToText(ordered[k])}`,
        );
  });

  /** The definition, word for word: labels from the right as small octets, a missing label first. */
  function byDefinition(a: Name, b: Name): number {
    const [x, y] = [labelsFromRight(a), labelsFromRight(b)];
    for (let i = 0; i < Math.min(x.length, y.length); i++) {
      const difference = compareOctets(x[i], y[i]);
      if (difference !== 0) return difference;
    }
    return x.length - y.length;
  }

  function labelsFromRight(name: Name): Uint8Array[] {
    const labels: Uint8Array[] = [];
    const lower = lowerName(name);
    for (let at = 0; lower[at] !== 0; at += lower[at] + 1) labels.push(lower.subarray(at + 1, at + 1 + lower[at]));
    return labels.reverse();
  }

  test('is the definition for any two names, and zero only for equal ones', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        const order = compareCanonicalNames(a, b);
        assert.equal(Math.sign(order), Math.sign(byDefinition(a, b)));
        assert.equal(order === 0, equalNames(a, b));
        assert.equal(Math.sign(compareCanonicalNames(b, a)), -Math.sign(order) + 0);
        if (labelCount(a) > 0) assert.ok(compareCanonicalNames(a, mustName('.')) > 0);
      }),
    );
  });
});

describe('RFC 4034 section 6.2 with RFC 6840 section 5.1: canonical form of RDATA', () => {
  const lowered: readonly (readonly [string, string])[] = [
    ['NS', 'A.B.'],
    ['MD', 'A.B.'],
    ['MF', 'A.B.'],
    ['CNAME', 'A.B.'],
    ['SOA', 'A.B. C.D. 1 2 3 4 5'],
    ['MB', 'A.B.'],
    ['MG', 'A.B.'],
    ['MR', 'A.B.'],
    ['PTR', 'A.B.'],
    ['MINFO', 'A.B. C.D.'],
    ['MX', '65 A.B.'],
    ['RP', 'A.B. C.D.'],
    ['AFSDB', '65 A.B.'],
    ['RT', '65 A.B.'],
    ['SIG', 'A 5 2 300 20300101000000 20200101000000 1234 A.B. QUFB'],
    ['PX', '65 A.B. C.D.'],
    ['NXT', 'A.B. A'],
    ['NAPTR', '65 66 "A" "B" "!C!D!" A.B.'],
    ['KX', '65 A.B.'],
    ['SRV', '65 66 67 A.B.'],
    ['DNAME', 'A.B.'],
    ['A6', '64 ::4142:4344 A.B.'],
    ['RRSIG', 'A 5 2 300 20300101000000 20200101000000 1234 A.B. QUFB'],
  ];
  for (const [mnemonic, text] of lowered)
    test(`names in ${mnemonic} get small letters, and nothing else does`, () => {
      const code = typeCode(mnemonic);
      const rdata = rdataFromText(code, text);
      // Only the names hold "A.B." and "C.D."; numbers, strings and digests must keep their octets.
      const expected = rdataFromText(code, text.replaceAll('A.B.', 'a.b.').replaceAll('C.D.', 'c.d.'));
      assert.deepEqual(Uint8Array.from(recordType(code).canonical(rdata)), Uint8Array.from(expected));
    });

  const kept: readonly (readonly [string, string])[] = [
    ['NSEC', 'A.B. A'],
    ['HINFO', 'CPU OS'],
    ['TXT', 'ABC'],
    ['SVCB', '1 A.B.'],
    ['TALINK', 'A.B. C.D.'],
    ['LP', '1 A.B.'],
    ['IPSECKEY', '1 3 2 A.B. QUFB'],
    ['HIP', '2 20 AwEA A.B.'],
    ['DSYNC', 'CDS 1 1 A.B.'],
  ];
  for (const [mnemonic, text] of kept)
    test(`${mnemonic} stays as it is`, () => {
      const rdata = rdataFromText(typeCode(mnemonic), text);
      assert.equal(recordType(typeCode(mnemonic)).canonical(rdata), rdata);
    });
});

describe('RFC 4034 section 6.3: order of RDATA', () => {
  test('as left-justified octets, absence before zero', () => {
    const ordered = [[], [0], [0, 0], [0, 1], [1], [127], [128], [255, 0]].map((octets) => Uint8Array.from(octets));
    for (let i = 0; i + 1 < ordered.length; i++) assert.ok(compareOctets(ordered[i], ordered[i + 1]) < 0);
  });
});
