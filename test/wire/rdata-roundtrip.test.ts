import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SignetError } from '../../src/base/error.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { MessageBuilder } from '../../src/wire/message-writer.ts';
import { KNOWN_TYPES, recordType } from '../../src/wire/rdata/registry.ts';
import { MalformedError, Reader } from '../../src/wire/reader.ts';
import { rdataFromText, rdataToText } from '../../src/wire/rdata-text.ts';
import { RR_TYPES } from '../../src/wire/tables/rr-types.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { isMetaType } from '../../src/wire/type-text.ts';
import { Writer } from '../../src/wire/writer.ts';
import { rdataCases } from './rdata-cases.ts';

const ORIGIN = mustName('t.');

const goodCases = rdataCases().flatMap((one) => {
  try {
    return [{ ...one, rdata: rdataFromText(one.code, one.text, ORIGIN) }];
  } catch (error) {
    if (error instanceof SignetError) return [];
    throw error;
  }
});

/** What `read` makes of octets, or undefined when it refuses them. Anything but MalformedError fails the test. */
function read(code: number, octets: Uint8Array): Uint8Array | undefined {
  const out = new Writer();
  try {
    recordType(code).read(new Reader(octets), octets.length, out);
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
  return out.finish();
}

function checkAllOperations(code: number, rdata: Uint8Array): void {
  const type = recordType(code);
  assert.deepEqual(read(code, rdata), rdata, 'read takes what was made');
  const text = type.toText(rdata);
  const again = rdataFromText(code, /^$/.test(text) && code !== 42 ? '\\# 0' : text);
  assert.equal(type.toText(again), text, 'text is the same after a round trip');
  const canonical = type.canonical(rdata);
  assert.equal(canonical.length, rdata.length);
  assert.deepEqual(type.canonical(canonical), canonical, 'canonical form is its own');

  const builder = new MessageBuilder(new Uint8Array(65535));
  builder.begin(65535);
  builder.question(mustName('a.example.'), 0, 1, 1);
  const at = builder.at;
  type.write(rdata, builder);
  const viaType = builder.octets.slice(0, builder.at);
  const out = new Writer();
  type.read(new Reader(viaType, at), viaType.length - at, out);
  assert.deepEqual(out.finish(), rdata, 'what was written into a message is read again');
}

describe('operations of every type', () => {
  test('every type of the table has a form of its own, except those that are only numbers', () => {
    const known = new Set(KNOWN_TYPES.map((type) => type.code));
    const without = RR_TYPES.filter(([code]) => !known.has(code)).map(([, mnemonic]) => mnemonic);
    assert.deepEqual(without, ['UINFO', 'UID', 'GID', 'UNSPEC', 'IXFR', 'AXFR', 'MAILB', 'MAILA', 'ANY']);
    assert.equal(known.size, KNOWN_TYPES.length);
  });

  test('there is a good case of every type that zones can hold', () => {
    const covered = new Set(goodCases.map((one) => one.code));
    const missing = KNOWN_TYPES.filter((type) => !covered.has(type.code) && !isMetaType(type.code));
    assert.deepEqual(
      missing.map((type) => type.mnemonic),
      [],
    );
  });

  test('text, wire and canonical form of the cases', () => {
    for (const one of goodCases) {
      checkAllOperations(one.code, one.rdata);
      const exact = rdataFromText(one.code, rdataToText(one.code, one.rdata).trim() || '\\# 0');
      assert.deepEqual(exact, one.rdata, one.line);
    }
  });

  for (const type of KNOWN_TYPES)
    test(`random octets as ${type.mnemonic} are refused as malformed or round-trip`, () => {
      const samples = goodCases.filter((one) => one.code === type.code).map((one) => one.rdata);
      const octets = fc.oneof(fc.uint8Array({ maxLength: 64 }), ...(samples.length > 0 ? [mutated(samples)] : []));
      fc.assert(
        fc.property(octets, (candidate) => {
          const rdata = read(type.code, candidate);
          if (rdata !== undefined) checkAllOperations(type.code, rdata);
        }),
        { numRuns: 60 },
      );
    });

  test('the RDATA shortcut of the message writer does what the types do', () => {
    for (const one of goodCases) {
      const [a, b] = [new MessageBuilder(new Uint8Array(65535)), new MessageBuilder(new Uint8Array(65535))];
      for (const builder of [a, b]) {
        builder.begin(65535);
        builder.question(mustName('a.example.'), 0, 1, 1);
      }
      recordType(one.code).write(one.rdata, a);
      b.rdata(one.code, one.rdata, 0, one.rdata.length);
      assert.deepEqual(b.octets.slice(0, b.at), a.octets.slice(0, a.at), one.line);
    }
  });
});

/** Good RDATA with a few octets changed, or cut, or made longer. */
function mutated(samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 });
  return fc
    .tuple(fc.constantFrom(...samples), changes, fc.integer({ min: -3, max: 3 }))
    .map(([sample, list, longer]) => {
      const octets = new Uint8Array(Math.max(0, sample.length + longer));
      octets.set(sample.subarray(0, octets.length));
      for (const [at, value] of list) if (octets.length > 0) octets[at % octets.length] = value;
      return octets;
    });
}

describe('multiline style', () => {
  const style = { multiline: true, chunk: 44, chunkSeparator: '\n\t' };

  test('SOA has a line a number, with its meaning', () => {
    const rdata = rdataFromText(TYPE.SOA, 'a. b. 1 0 61 90061 4294967295');
    assert.equal(
      rdataToText(TYPE.SOA, rdata, style),
      'a. b. (\n\t1          ; serial\n\t0          ; refresh (0 seconds)\n\t61         ; retry (1 minute 1 second)\n\t' +
        '90061      ; expire (1 day 1 hour 1 minute 1 second)\n\t' +
        '4294967295 ; minimum (7101 weeks 3 days 6 hours 28 minutes 15 seconds)\n\t)',
    );
    assert.equal(
      rdataToText(TYPE.SOA, rdata, { ...style, comments: false }),
      'a. b. (\n\t1\n\t0\n\t61\n\t90061\n\t4294967295 )',
    );
  });

  test('keys have role, algorithm and tag in a comment, on one line too', () => {
    const rdata = rdataFromText(TYPE.DNSKEY, '385 3 13 AAAA');
    const comment = ' ; revoked KSK; alg = ECDSAP256SHA256 ; key id = 1166';
    assert.equal(rdataToText(TYPE.DNSKEY, rdata, style), `385 3 13 (\n\tAAAA\n\t)${comment}`);
    const line = { multiline: false, chunk: 0, chunkSeparator: ' ', comments: true };
    assert.equal(rdataToText(TYPE.DNSKEY, rdata, line), `385 3 13 AAAA${comment}`);
  });
});
