import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../src/base/clock.ts';
import { ANSWER, Answerer, type ClientContext } from '../../src/server/answer.ts';
import {
  CounterRow,
  readServerCounts,
  type ServerCounts,
  TRAFFIC,
  type SizeCounts,
} from '../../src/server/statistics.ts';
import { ZoneCounters } from '../../src/server/zone-counters.ts';
import type { Edns } from '../../src/wire/edns.ts';
import { makeQuery, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

const ZONE = `$TTL 60
@ SOA ns h 1 1 1 1 1
@ NS ns
ns A 192.0.2.1
alias CNAME gone
sub NS ns.sub
ns.sub A 192.0.2.2
big TXT ${'"0123456789abcdefghijklmnopqrstuvwxyz0123456789" '.repeat(40)}
`;

const fixture = new ZoneFixture();
fixture.add('one.test.', scanZone('one.test.', ZONE));
fixture.add('two.test.', scanZone('two.test.', ZONE));

interface Counted {
  readonly answerer: Answerer;
  readonly zones: ZoneCounters;
  counts(): ServerCounts;
}

/** A server with two zones, of which the first is counted. */
function counted(): Counted {
  const shared = CounterRow.share(1);
  const zones = new ZoneCounters({ threads: 1 });
  zones.configure(['one.test/IN']);
  const tables = fixture.tables();
  const [view] = tables.views;
  const answerer = new Answerer(
    {
      ...tables,
      zoneCounters: zones.blocks,
      views: [{ ...view, zones: [{ ...view.zones[0], counters: zones.index('one.test/IN')! }, view.zones[1]] }],
    },
    { arena: fixture.arena, clock: new SimulatedClock(1_800_000_000), counters: CounterRow.at(shared, 0) },
  );
  return { answerer, zones, counts: () => readServerCounts(shared) };
}

const out = new Uint8Array(65_535);

function ask(answerer: Answerer, octets: Uint8Array, overTcp: boolean, isIPv6: boolean): number {
  const client: ClientContext = {
    address: new Uint8Array(16),
    addressAt: 0,
    addressLength: isIPv6 ? 16 : 4,
    destination: new Uint8Array(4),
    localPort: 53,
    overTcp,
    encrypted: false,
    keepaliveTimeout: 0,
    now: 1_800_000_000,
  };
  return answerer.answer(octets, octets.length, out, client);
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
const requestsOf = ({ requests }: SizeCounts): number => sum(requests);
const responsesOf = ({ responses }: SizeCounts): number => sum(responses);

const names = ['ns.one.test.', 'one.test.', 'none.one.test.', 'x.sub.one.test.', 'alias.one.test.', 'big.two.test.', 'ns.two.test.', 'elsewhere.', 'version.bind.', '.']; // prettier-ignore
const queries = fc.record({
  name: fc.constantFrom(...names),
  type: fc.constantFrom('A', 'TXT', 'ANY', 'SOA', 'AXFR', 'CAA', 'TYPE65535', 'OPT', 'MAILB', 'TYPE0'),
  class: fc.constantFrom(CLASS.IN, CLASS.IN, CLASS.IN, CLASS.CH, CLASS.HS, 99),
  recursive: fc.boolean(),
  edns: fc.option(fc.record({ version: fc.constantFrom(0, 0, 0, 1), code: fc.constantFrom(3, 8, 9, 10, 14, 77) })),
  overTcp: fc.boolean(),
  isIPv6: fc.boolean(),
  opcode: fc.constantFrom(0, 0, 0, 0, 2, 4, 5, 9),
  cut: fc.constantFrom(0, 0, 0, 0, 0, 1, 3, 20, 100),
});

function encode(query: typeof queries extends fc.Arbitrary<infer Query> ? Query : never): Uint8Array {
  const edns: Edns | undefined = query.edns
    ? { udpSize: 1232, version: query.edns.version, dnssecOk: false, options: [{ code: query.edns.code, data: new Uint8Array(8) }] } // prettier-ignore
    : undefined;
  const question = { name: mustName(query.name), type: typeCode(query.type), class: query.class };
  const octets = writeMessage(makeQuery(7, question, query.recursive ? 0x0100 : 0, edns));
  octets[2] |= query.opcode << 3;
  return octets.subarray(0, Math.max(0, octets.length - query.cut));
}

test('each message is counted once in every group, and the groups agree', () => {
  const property = fc.property(fc.array(queries, { minLength: 1, maxLength: 60 }), (all) => {
    const { answerer, zones, counts } = counted();
    let dropped = 0;
    let handedOn = 0;
    let answers = 0;
    for (const query of all) {
      const length = ask(answerer, encode(query), query.overTcp, query.isIPv6);
      if (length === ANSWER.DROP) dropped++;
      else if (length < 0) handedOn++;
      else answers++;
    }
    const { nameServer, opcodes, queryTypes, responseCodes, traffic } = counts();
    const sizes = TRAFFIC.map((name) => traffic[name]);
    const requests = nameServer.Requestv4 + nameServer.Requestv6;
    assert.equal(requests + dropped, all.length);
    assert.equal(nameServer.QryDropped, dropped);
    assert.equal(sum(sizes.map(requestsOf)), requests);
    assert.equal(requestsOf(traffic.tcp4) + requestsOf(traffic.tcp6), nameServer.ReqTCP);
    assert.equal(requestsOf(traffic.udp6) + requestsOf(traffic.tcp6), nameServer.Requestv6);
    assert.equal(nameServer.Response, answers);
    assert.equal(sum(responseCodes), answers);
    assert.equal(sum(sizes.map(responsesOf)), answers);
    assert.equal(requests, answers + handedOn);
    // Of those with an opcode, queries that were understood are counted by type.
    assert.ok(sum(opcodes) <= requests);
    assert.ok(sum(queryTypes) <= opcodes[0]);
    const outcomes = nameServer.QrySuccess + nameServer.QryReferral + nameServer.QryNxrrset + nameServer.QryNXDOMAIN;
    assert.equal(nameServer.QryAuthAns + nameServer.QryNoauthAns, outcomes);
    assert.equal(nameServer.QryUDP + nameServer.QryTCP, outcomes);
    assert.equal(nameServer.ReqBadEDNSVer, responseCodes[16]);
    const zone = zones.read('one.test/IN')!;
    assert.ok(zone.nameServer.QryAuthAns <= nameServer.QryAuthAns);
    assert.equal(sum(zone.queryTypes), zone.nameServer.QryAuthAns);
  });
  fc.assert(property, { numRuns: 200 });
});

test('queries that are well-formed: the sum of all types is the count of opcode QUERY', () => {
  const { answerer, counts } = counted();
  const types = ['A', 'NS', 'TXT', 'MX', 'CAA', 'TYPE1234', 'ANY'];
  for (let i = 0; i < 300; i++) {
    const question = { name: mustName(names[i % 8]), type: typeCode(types[i % types.length]), class: CLASS.IN };
    assert.ok(ask(answerer, writeMessage(makeQuery(i, question, 0)), i % 3 === 0, i % 5 === 0) > 0);
  }
  const { opcodes, queryTypes, nameServer } = counts();
  assert.equal(opcodes[0], 300);
  assert.equal(sum(queryTypes), 300);
  const elsewhere = Math.ceil((300 - 7) / 8);
  assert.equal(nameServer.AuthQryRej, elsewhere);
  assert.equal(nameServer.QryFailure, elsewhere);
  assert.equal(nameServer.QryUDP + nameServer.QryTCP, 300 - elsewhere);
  assert.equal(
    queryTypes[0],
    [4, 5].reduce((all, at) => all + Math.ceil((300 - at) / types.length), 0),
    'Others',
  );
});

test('the last step of sizes is open', () => {
  const { answerer, counts } = counted();
  const options = [{ code: 12, data: new Uint8Array(400) }];
  const edns: Edns = { udpSize: 4096, version: 0, dnssecOk: false, options };
  const question = { name: mustName('big.two.test.'), type: typeCode('TXT'), class: CLASS.IN };
  const length = ask(answerer, writeMessage(makeQuery(1, question, 0, edns)), true, false);
  const { requests, responses } = counts().traffic.tcp4;
  assert.equal(requests.at(-1), 1);
  assert.equal(responses[length >> 4], 1);
});

test('a zone keeps its counts over reconfigurations, and one that goes leaves none to the next', () => {
  const zones = new ZoneCounters({ threads: 2 });
  const labels = Array.from({ length: 200 }, (_, i) => `z${i}/IN`);
  zones.configure(labels);
  const row = CounterRow.at(CounterRow.share(2), 1);
  row.setZoneBlocks(zones.blocks);
  for (const label of labels) row.addForZone(zones.index(label)!, 18);
  const indexes = new Set(labels.map((label) => zones.index(label)));
  assert.equal(indexes.size, 200);
  assert.equal(zones.read('z5/IN')?.nameServer.QrySuccess, 1);
  zones.configure(labels.slice(1));
  assert.equal(zones.read('z0/IN'), undefined);
  assert.equal(zones.index('z0/IN'), undefined);
  assert.equal(zones.read('z5/IN')?.nameServer.QrySuccess, 1);
  zones.configure([...labels.slice(1), 'new/IN']);
  assert.equal(zones.read('new/IN')?.nameServer.QrySuccess, 0);
  assert.equal(zones.blocks.length, 4, 'room for 256 zones');
});

test('connections: those that are open, the most at once over all threads, and none of a thread that died', () => {
  const shared = CounterRow.share(2);
  const [first, second] = [CounterRow.at(shared, 0), CounterRow.at(shared, 1)];
  first.connectionOpened(false);
  second.connectionOpened(true);
  second.connectionOpened(true);
  second.connectionClosed(true);
  let { sockets, nameServer } = readServerCounts(shared);
  assert.deepEqual([sockets.TCP4Clients, sockets.TCP6Clients, sockets.TCP6Accept, sockets.TCP6Close], [1, 1, 2, 1]);
  assert.equal(nameServer.TCPConnHighWater, 3);
  second.forgetSockets();
  ({ sockets, nameServer } = readServerCounts(shared));
  assert.equal(sockets.TCP6Clients, 0);
  assert.equal(nameServer.TCPConnHighWater, 3);
});
