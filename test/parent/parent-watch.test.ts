import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { type Agent, type AgentAnswer, type AgentAsker, agentText } from '../../src/parent/agent.ts';
import { ParentWatch, type ParentWatchOptions, type WatchedKey } from '../../src/parent/parent-watch.ts';
import type { Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';

const START = 1_800_000_000;
const ZONE = mustName('child.example.');
const LABEL = 'zone child.example/IN (signed)';
const [OLD, NEW] = [0, 1].map(() => generateKey({ algorithm: 13, flags: 257 }).dnskey);
const DS_OLD = dsRdata(ZONE, OLD, 2);
const DS_NEW = dsRdata(ZONE, NEW, 2);

const WAITS_FOR_NEW: WatchedKey = {
  id: 'new',
  name: 'child.example/ECDSAP256SHA256/2 (KSK)',
  dnskey: NEW,
  awaits: 'published',
};
const WAITS_FOR_END: WatchedKey = {
  id: 'old',
  name: 'child.example/ECDSAP256SHA256/1 (KSK)',
  dnskey: OLD,
  awaits: 'withdrawn',
};

const AGENTS: readonly Agent[] = [1, 2].map((last) => ({ address: Uint8Array.of(192, 0, 2, last), port: 53 }));
const [FIRST, SECOND] = AGENTS.map(agentText);

const has = (ds: readonly Uint8Array[], ttl = 600): AgentAnswer => ({ kind: 'DS', ds, ttl, isValidated: false });
const fails = (fault: string): AgentAnswer => ({ kind: 'fault', fault });

/** What the agents say is in a map; each question takes a second, if nobody says otherwise. */
class World implements AgentAsker {
  readonly clock = new SimulatedClock(START);
  readonly log = new MemoryLog();
  readonly says = new Map<string, AgentAnswer>();
  found: readonly Agent[] | { readonly fault: string } = { fault: 'not looked for' };
  readonly asked: { readonly agent: Agent; readonly at: number; readonly zone: Name }[] = [];
  changes = 0;
  most = 0;
  /** Milliseconds. */
  delay = 1000;
  #running = 0;
  readonly watch: ParentWatch;

  constructor(options: ParentWatchOptions = {}) {
    const random = new SeededRandom(1);
    this.watch = new ParentWatch(options, { clock: this.clock, log: this.log, random, asker: this });
  }

  async ask(zone: Name, agent: Agent, signal: AbortSignal): Promise<AgentAnswer> {
    this.asked.push({ agent, at: this.clock.now(), zone });
    this.most = Math.max(this.most, ++this.#running);
    await new Promise<void>((resolve) => {
      this.clock.after(this.delay, resolve);
      signal.addEventListener('abort', () => resolve());
    });
    this.#running--;
    return this.says.get(agentText(agent)) ?? fails('nobody told');
  }

  async findAgents(): Promise<readonly Agent[] | { readonly fault: string }> {
    return this.found;
  }

  open(agents: readonly Agent[] | undefined = AGENTS) {
    return this.watch.open({ apex: ZONE, label: LABEL, ...(agents && { agents }) }, () => this.changes++);
  }

  /** Lets what was begun go on, then moves the clock. */
  async run(seconds: number): Promise<void> {
    await setImmediate();
    await this.clock.advance(seconds);
  }

  /** Lines of the log but for those of single messages. */
  get lines(): string[] {
    const told = this.log.records.filter(({ severity }) => !severity.startsWith('debug'));
    return told.map(({ severity, text }) => `${severity}: ${text.replace(`${LABEL}: checkds: `, '')}`);
  }
}

test('S-161 nothing is asked while no key waits', async () => {
  const world = new World();
  const parent = world.open();
  await world.run(86_400);
  assert.equal(world.asked.length, 0);
  parent.expect([]);
  parent.askNow();
  await world.run(86_400);
  assert.equal(world.asked.length, 0);
  assert.deepEqual([parent.asked, parent.next, parent.report], [undefined, undefined, []]);
});

test('S-075 the DS counts when all agents have it; the one that lacks it is named once', async () => {
  const world = new World();
  const parent = world.open();
  world.says.set(FIRST, has([DS_OLD, DS_NEW])).set(SECOND, has([DS_OLD]));
  parent.expect([WAITS_FOR_NEW]);
  await world.run(3600);
  assert.equal(parent.dsSeen.size, 0);
  assert.deepEqual(parent.report.map(({ agent, has: of }) => [agent, of.get('new')]), [[FIRST, true], [SECOND, false]]); // prettier-ignore
  assert.deepEqual(world.lines, [
    `notice: parental agent ${SECOND} does not have the DS of ${WAITS_FOR_NEW.name}: the rollover waits until every agent has it`,
  ]);
  world.says.set(SECOND, has([DS_NEW]));
  world.changes = 0;
  await world.run(3600);
  assert.equal(world.changes, 1);
  const seen = parent.dsSeen.get('new') ?? 0;
  assert.ok(seen > START + 3600 && seen <= START + 3600 + 601);
  assert.match(world.lines[1], /^info: the DS of .* is at all parental agents \(192\.0\.2\.1#53, 192\.0\.2\.2#53\)$/);
  // It stays the first moment, however often it is seen again.
  await world.run(7200);
  assert.deepEqual([parent.dsSeen.get('new'), world.changes, world.lines.length], [seen, 1, 2]);
});

test('S-073 the DS of the old key must be gone from all agents; both conditions are told apart', async () => {
  const world = new World();
  const parent = world.open();
  world.says.set(FIRST, has([DS_OLD, DS_NEW])).set(SECOND, has([DS_OLD, DS_NEW]));
  parent.expect([WAITS_FOR_NEW, WAITS_FOR_END]);
  await world.run(2);
  assert.deepEqual([[...parent.dsSeen.keys()], [...parent.dsGone.keys()]], [['new'], []]);
  world.says.set(FIRST, has([DS_NEW]));
  await world.run(700);
  assert.deepEqual([...parent.dsGone.keys()], []);
  assert.equal(
    world.lines.filter((line) => line.includes(`${SECOND} still has the DS of ${WAITS_FOR_END.name}`)).length,
    1,
  );
  world.says.set(SECOND, has([DS_NEW]));
  await world.run(700);
  assert.deepEqual([...parent.dsGone.keys()], ['old']);
  assert.match(world.lines.at(-1)!, /^info: the DS of .* is at none of the parental agents any more/);
});

test('S-073 that the DS is gone is told by the last moment, and never by the second in which the question began', async () => {
  const world = new World({ leastWait: 600, mostWait: 600 });
  const parent = world.open();
  world.says.set(FIRST, has([DS_NEW])).set(SECOND, has([DS_NEW]));
  world.delay = 0;
  parent.expect([WAITS_FOR_END]);
  for (let turns = 0; turns < 50 && parent.asked === undefined; turns++) await world.run(0.01);
  assert.deepEqual([parent.asked, parent.dsGone.get('old')], [START, START + 1]);
  const { changes } = world;
  await world.run(601);
  assert.equal(parent.dsGone.get('old'), parent.asked);
  assert.ok(parent.asked! > START + 500);
  assert.equal(world.changes, changes + 1, 'a later moment is news');
  assert.equal(world.lines.length, 1, 'but not for the log');
});

test('S-075 an agent that fails lets nothing advance, is named, and is asked less and less often', async () => {
  const world = new World();
  const parent = world.open();
  world.says.set(FIRST, has([DS_NEW])).set(SECOND, fails('it answers SERVFAIL'));
  parent.expect([WAITS_FOR_NEW]);
  await world.run(86_400);
  assert.equal(parent.dsSeen.size, 0);
  assert.deepEqual(world.lines, [
    `warning: parental agent ${SECOND} cannot tell whether the DS is there: it answers SERVFAIL; it is asked again`,
  ]);
  const times = world.asked.filter(({ agent }) => agent === AGENTS[1]).map(({ at }) => at);
  const gaps = times.slice(1).map((at, i) => at - times[i]);
  assert.ok(gaps[0] >= 54 && gaps[0] <= 62, `${gaps[0]}`);
  assert.ok(gaps[3] > 400 && gaps.at(-1)! <= 3602, gaps.join());
  world.says.set(SECOND, fails('it does not answer'));
  await world.run(3700);
  assert.equal(world.lines.length, 2);
  world.says.set(SECOND, has([DS_NEW]));
  await world.run(3700);
  assert.deepEqual([...parent.dsSeen.keys()], ['new']);
});

test('S-071 a parent that takes the DS back is believed; one that cannot be reached takes nothing back', async () => {
  const world = new World();
  const parent = world.open();
  world.says.set(FIRST, has([DS_NEW])).set(SECOND, has([DS_NEW]));
  parent.expect([WAITS_FOR_NEW]);
  await world.run(2);
  const seen = parent.dsSeen.get('new');
  world.says.set(FIRST, fails('it does not answer'));
  await world.run(700);
  assert.equal(parent.dsSeen.get('new'), seen);
  world.says.set(FIRST, has([]));
  await world.run(700);
  assert.equal(parent.dsSeen.size, 0);
  world.says.set(FIRST, has([DS_NEW]));
  await world.run(3700);
  assert.ok(parent.dsSeen.get('new')! > seen!);
});

test('the TTL of the DS says how often, between a minute and an hour', async () => {
  for (const [ttl, least, most] of [
    [5, 54, 62],
    [600, 540, 602],
    [86_400, 3240, 3602],
  ] as const) {
    // prettier-ignore
    const world = new World();
    world.says.set(FIRST, has([DS_OLD], ttl)).set(SECOND, has([DS_OLD], ttl + 1));
    const parent = world.open();
    parent.expect([WAITS_FOR_NEW]);
    await world.run(40_000);
    const times = world.asked.filter(({ agent }) => agent === AGENTS[0]).map(({ at }) => at);
    for (const gap of times.slice(1).map((at, i) => at - times[i]))
      assert.ok(gap >= least && gap <= most, `${ttl}: ${gap}`);
    assert.equal(parent.highestTtl, ttl + 1);
    assert.ok(parent.next! > parent.asked!);
  }
});

test('expect: the same keys again ask nothing, another one asks at once, none ends it', async () => {
  const world = new World();
  world.says.set(FIRST, has([DS_OLD])).set(SECOND, has([DS_OLD]));
  const parent = world.open();
  parent.expect([WAITS_FOR_NEW]);
  await world.run(2);
  parent.expect([{ ...WAITS_FOR_NEW }]);
  await world.run(2);
  assert.equal(world.asked.length, 2);
  parent.expect([WAITS_FOR_NEW, WAITS_FOR_END]);
  await world.run(2);
  assert.equal(world.asked.length, 4);
  parent.askNow();
  await world.run(2);
  assert.equal(world.asked.length, 6);
  world.says.set(FIRST, has([])).set(SECOND, has([]));
  parent.askNow();
  await world.run(2);
  assert.deepEqual([...parent.dsGone.keys()], ['old']);
  parent.expect([WAITS_FOR_NEW]);
  assert.equal(parent.dsGone.size, 0);
  parent.expect([]);
  await world.run(86_400);
  assert.equal(world.asked.length, 8);
  assert.equal(parent.next, undefined);
});

test('S-077 checkds yes: the servers that are found are asked, from the source address of their family', async () => {
  const world = new World();
  const parent = world.watch.open(
    { apex: ZONE, label: LABEL, sources: { source: { address: '127.0.0.9', port: 0 } } },
    () => world.changes++,
  );
  world.found = { fault: 'no resolver is known' };
  parent.expect([WAITS_FOR_NEW]);
  await world.run(300);
  assert.deepEqual([world.asked.length, parent.fault], [0, 'no resolver is known']);
  assert.equal(world.lines.length, 1);
  assert.match(
    world.lines[0],
    /^warning: the name servers of the parent are not known: no resolver is known; name them in/,
  );
  world.found = [...AGENTS, { address: new Uint8Array(16), port: 53 }];
  for (const agent of world.found) world.says.set(agentText(agent), has([DS_NEW]));
  await world.run(3700);
  assert.deepEqual([[...parent.dsSeen.keys()], parent.fault], [['new'], undefined]);
  assert.deepEqual(world.asked.slice(0, 3).map(({ agent }) => agent.source?.address), ['127.0.0.9', '127.0.0.9', undefined]); // prettier-ignore
});

test('thousands of zones: the questions are bounded in number and rate, and all are asked', async () => {
  const world = new World({ mostQuestions: 50, perSecond: 200 });
  world.says.set(FIRST, has([DS_NEW], 3600));
  const parents = Array.from({ length: 3000 }, () => world.open([AGENTS[0]]));
  for (const parent of parents) parent.expect([WAITS_FOR_NEW]);
  await world.run(10);
  assert.ok(world.asked.length <= 551, `${world.asked.length}`);
  assert.ok(world.watch.load.waiting > 2000);
  await world.run(60);
  assert.equal(world.asked.length, 3000);
  assert.equal(world.most, 50);
  assert.ok(parents.every(({ dsSeen }) => dsSeen.has('new')));
  assert.equal(world.changes, 3000);
  await world.watch[Symbol.asyncDispose]();
});

test('a zone that is closed in the middle of a question hears no more of it, and the watch ends', async () => {
  const world = new World();
  world.says.set(FIRST, has([DS_NEW])).set(SECOND, has([DS_NEW]));
  const [one, other] = [world.open(), world.open()];
  one.expect([WAITS_FOR_NEW]);
  other.expect([WAITS_FOR_NEW]);
  one.close();
  one.close();
  one.expect([WAITS_FOR_END]);
  one.askNow();
  await world.run(5);
  assert.deepEqual([one.dsSeen.size, other.dsSeen.size], [0, 1]);
  other.askNow();
  await world.watch[Symbol.asyncDispose]();
  await world.run(10_000);
  assert.equal(world.changes, 1);
});

test('S-075 whatever agents do, a DS counts only after a round in which all had it, and never after one said otherwise', async () => {
  const step = fc.record({
    first: fc.constantFrom('has', 'lacks', 'fails'),
    second: fc.constantFrom('has', 'lacks', 'fails'),
    wait: fc.integer({ min: 3, max: 8000 }),
    act: fc.constantFrom('nothing', 'askNow', 'again', 'other', 'none'),
  });
  const answer = { has: has([DS_NEW]), lacks: has([]), fails: fails('x') } as const;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const world = new World();
      const parent = world.open();
      let isExpected = false;
      for (const { first, second, wait, act } of steps) {
        world.says.set(FIRST, answer[first as 'has']).set(SECOND, answer[second as 'has']);
        if (act === 'askNow') parent.askNow();
        if (act === 'again') parent.expect([WAITS_FOR_NEW]);
        if (act === 'other') parent.expect([WAITS_FOR_END]);
        if (act === 'none') parent.expect([]);
        if (act === 'again') isExpected = true;
        if (act === 'other' || act === 'none') isExpected = false;
        await world.run(wait);
        const said = parent.report.map(({ fault, has: of }) => (fault === undefined ? of.get('new') : undefined));
        if (parent.dsSeen.has('new')) assert.ok(!said.includes(false) && said.length === 2);
        else assert.ok(!isExpected || said.length < 2 || said.some((one) => one !== true));
        assert.ok(parent.dsGone.size === 0 || !said.includes(true));
      }
    }),
    { numRuns: 300 },
  );
});
