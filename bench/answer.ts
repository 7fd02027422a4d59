/*
 * What an answer costs without the network: CPU of Answerer.answer for each kind of question.
 *   node bench/answer.ts SIGNED-ZONE-FILE ZONE [rounds [MiB of answers that are kept]]
 * The hosts asked for are those of bench/zones.ts. Made to judge changes of the hot path; `npm run bench:serve` compares with peers.
 */
import { NodeDisk } from '../src/base/node-disk.ts';
import { randomBelow, SeededRandom } from '../src/base/random.ts';
import { SystemClock } from '../src/base/clock.ts';
import { Answerer, type ClientContext } from '../src/server/answer.ts';
import { ANSWER_LIMITS, type ServerTables } from '../src/server/server-tables.ts';
import { CounterRow } from '../src/server/statistics.ts';
import { mustName } from '../src/wire/name-text.ts';
import { NO_CHECKS } from '../src/zone/checks/check-options.ts';
import { loadZone } from '../src/zone/load-zone.ts';
import { Arena } from '../src/zone/store/arena.ts';
import { ExtentPool } from '../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../src/zone/store/zone-store.ts';

const [file, zone = 'bench.example', roundsText = '5', cacheText = '0'] = process.argv.slice(2);
const QUESTIONS = 200_000;
const SLOT = 128;
const random = new SeededRandom(7);
const below = (limit: number): number => randomBelow(random, limit);

const arena = Arena.create(1 << 30);
const store = new ZoneStore({ apex: mustName(zone) }, { arena, extents: new ExtentPool(arena) });
const loaded = loadZone(store, { file, checks: NO_CHECKS }, { arena, disk: new NodeDisk() });
if (loaded.version === 0) throw new Error(`${file} is not a zone: ${String(loaded.failure ?? loaded.faults[0])}`);
store.publish(loaded.version);

const ANYBODY = [{ kind: 'any', negated: false }] as const;
const tables: ServerTables = {
  generation: 1,
  identity: { version: undefined, hostname: undefined, serverId: undefined },
  limits: ANSWER_LIMITS,
  keys: [],
  views: [
    {
      name: '_default',
      matchClients: ANYBODY,
      matchDestinations: ANYBODY,
      matchRecursiveOnly: false,
      zones: [{ apex: mustName(zone), slot: store.slot, allowQuery: ANYBODY, allowTransfer: ANYBODY }],
    },
  ],
  localhost: [],
  localnets: [],
  logQueries: false,
};

const cacheOctets = Number(cacheText) << 20;
const answerer = new Answerer(tables, { arena, counters: CounterRow.alone(), clock: new SystemClock(), cacheOctets });
const out = new Uint8Array(4096);
const answerWhole = new DataView(out.buffer);
const client: ClientContext = {
  address: Uint8Array.of(127, 0, 0, 1),
  addressAt: 0,
  addressLength: 4,
  destination: Uint8Array.of(127, 0, 0, 1),
  overTcp: false,
  answerWhole,
  encrypted: false,
  keepaliveTimeout: 0,
  now: 1_800_000_000,
};

const host = (): string => `host-${String(below(100_000)).padStart(6, '0')}.${zone}`;
const nobody = (): string => `${below(1 << 30).toString(36)}.${zone}`;

/** In one buffer, as they come from the network. */
function queries(name: () => string, dnssecOk: boolean): Uint8Array[] {
  const all = Buffer.alloc(QUESTIONS * SLOT);
  return Array.from({ length: QUESTIONS }, (_, i) => {
    const header = [below(256), below(256), 1, 0, 0, 1, 0, 0, 0, 0, 0, dnssecOk ? 1 : 0];
    const opt = dnssecOk ? [0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 0] : [];
    const query = [...header, ...mustName(name()), 0, 1, 0, 1, ...opt];
    all.set(query, i * SLOT);
    return new Uint8Array(all.buffer, all.byteOffset + i * SLOT, query.length);
  });
}

const works: [string, Uint8Array[]][] = [
  ['hosts and 10 % of names that are not there, DO', queries(() => (below(10) === 0 ? nobody() : host()), true)],
  ['the same without DO', queries(() => (below(10) === 0 ? nobody() : host()), false)],
  ['names that are not there, DO', queries(nobody, true)],
];

for (const [title, asked] of works) {
  const costs: number[] = [];
  let octets = 0;
  client.queryWhole = new DataView(asked[0].buffer);
  for (let round = 0; round <= Number(roundsText); round++) {
    const before = process.cpuUsage();
    octets = 0;
    for (const query of asked) octets += answerer.answer(query, query.length, out, client);
    const { user, system } = process.cpuUsage(before);
    if (round > 0) costs.push((user + system) / asked.length);
  }
  costs.sort((a, b) => a - b);
  const median = costs[costs.length >> 1];
  console.log(
    `${title.padEnd(50)} ${median.toFixed(2)} us (${costs[0].toFixed(2)} at best), ${(octets / asked.length).toFixed(0)} octets`,
  );
}
