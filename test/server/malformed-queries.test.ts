import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeQuery, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { checkName } from '../../src/wire/name.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { Asker, scanZone, withDenial, ZoneFixture } from './zone-fixture.ts';

/* Any octets get an answer or none: never an exception, never a header that is not one of an answer. */

const text = fs.readFileSync(new URL('../data/rfc5155-example.zone', import.meta.url), 'latin1');
const fixture = new ZoneFixture();
fixture.add(
  'example.',
  withDenial('example.', scanZone('example.', text), { kind: 'nsec3', iterations: 5, optOut: true }),
);
fixture.add(
  '.',
  withDenial('.', scanZone('.', '. 9 SOA . . 1 1 1 1 1\n. 9 NS a.\na. 9 A 192.0.2.1\n'), { kind: 'nsec' }),
);
const asker = new Asker(fixture.tables(), fixture.arena);

function check(octets: Uint8Array, overTcp: boolean): void {
  const answer = asker.raw(octets, overTcp);
  if (typeof answer === 'number') {
    assert.ok(answer === -1 || (answer === -2 && overTcp));
    return;
  }
  if (answer.length === 0) {
    assert.ok(octets.length < 12 || (octets[2] & 0x80) !== 0, 'only responses and stumps are dropped');
    return;
  }
  assert.ok(answer.length <= (overTcp ? 65_535 : 1232));
  const message = parseMessage(answer);
  assert.equal(message.id, (octets[0] << 8) | octets[1]);
  assert.equal(message.flags & 0x8000, 0x8000, 'QR');
  assert.equal(message.opcode, (octets[2] >> 3) & 15);
}

test('any octets', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), check), { numRuns: 3000 });
});

test('queries with some octets changed, cut off or appended', () => {
  const edns = { udpSize: 4096, version: 0, dnssecOk: true, options: [{ code: 3, data: new Uint8Array(0) }] };
  const soa = { owner: mustName('example.'), type: TYPE.SOA, class: CLASS.IN, ttl: 0, rdata: new Uint8Array(22) };
  const query = writeMessage({
    ...makeQuery(7, { name: mustName('a.c.x.w.example.'), type: TYPE.IXFR, class: CLASS.IN }, 0, edns),
    authorities: [soa],
  });
  const change = fc.record({ at: fc.nat(query.length - 1), to: fc.integer({ min: 0, max: 255 }) });
  const changed = fc.tuple(fc.array(change, { maxLength: 6 }), fc.nat(query.length), fc.uint8Array({ maxLength: 20 }));
  const property = fc.property(changed, fc.boolean(), ([changes, cut, tail], overTcp) => {
    const octets = Uint8Array.from([...query.subarray(0, query.length - (cut % 20)), ...tail]);
    for (const { at, to } of changes) if (at < octets.length) octets[at] = to;
    check(octets, overTcp);
  });
  fc.assert(property, { numRuns: 5000 });
});

test('any name and any type', () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 63 });
  const names = fc.array(label, { maxLength: 100 }).map((labels) => {
    const octets = [...labels.flatMap((one) => [one.length, ...one]).slice(0, 200), 0];
    return checkName(Uint8Array.from(octets)) ?? mustName('cut.off.');
  });
  const under = fc.constantFrom('example.', 'w.example.', 'c.example.', 'a.example.', '.');
  const property = fc.property(names, under, fc.nat(65_535), fc.boolean(), (name, suffix, type, overTcp) => {
    const whole = checkName(Uint8Array.from([...name.subarray(0, -1), ...mustName(suffix)])) ?? name;
    const edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [] };
    check(writeMessage(makeQuery(9, { name: whole, type, class: CLASS.IN }, 0, edns)), overTcp);
  });
  fc.assert(property, { numRuns: 3000 });
});

test('names of 255 octets and of 127 labels', () => {
  const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(53)}.example.`;
  const deep = `${'x.'.repeat(123)}example.`;
  for (const name of [long, deep]) {
    const message = asker.ask(name, 'A', { udpSize: 4096 });
    assert.equal(message.rcode, 3);
    assert.equal(asker.ask(name, 'A', { overTcp: true }).rcode, 3);
  }
});
