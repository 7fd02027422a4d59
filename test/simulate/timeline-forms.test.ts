import assert from 'node:assert/strict';
import test from 'node:test';
import type { Simulation } from '../../src/simulate/simulation.ts';
import { timelineJson } from '../../src/simulate/timeline-json.ts';
import { timelineSvg } from '../../src/simulate/timeline-svg.ts';
import { timelineText } from '../../src/simulate/timeline-text.ts';
import { COMBINED, DAY, INSECURE, run, SPLIT, START } from './scenarios.ts';

/** Everything that a timeline can show is in one of these. */
const RUNS: readonly Simulation[] = [
  run(SPLIT, 400, ['parent-flaps=5dx1@+100d', 'daemon-down=30d@+70d', 'clock-jump=+12d/1d@+20d'], {
    zone: 'a<b&"c.example.',
    rollovers: [
      { at: START + 10 * DAY, role: 'csk' },
      { at: START + 25 * DAY, role: 'ksk' },
    ],
    policyChanges: [{ at: START + 250 * DAY, policy: INSECURE }],
  }),
  run(COMBINED, 200, ['parent-never@+20d']),
  run(SPLIT, 5 * 365),
  run(SPLIT, 100, [], { policyChanges: [{ at: START + 99 * DAY, policy: COMBINED }] }),
];

/** The members of plain data with their types; members of lists are joined. */
function shapeOf(value: unknown, at = '$', found = new Map<string, Set<string>>()): Map<string, Set<string>> {
  const type = value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
  found.set(at, (found.get(at) ?? new Set()).add(type));
  if (Array.isArray(value)) for (const one of value) shapeOf(one, `${at}[]`, found);
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) shapeOf(member, `${at}.${name}`, found);
  return found;
}

/** The promise of docs/simulate.md: what is here may not change without another JSON_VERSION. */
const SHAPE: Readonly<Record<string, string>> = {
  $: 'object',
  '$.zone': 'string',
  '$.policy': 'string',
  '$.from': 'string',
  '$.until': 'string',
  '$.faults': 'list',
  '$.faults[]': 'object',
  '$.faults[].kind': 'string',
  '$.faults[].from': 'string',
  '$.faults[].text': 'string',
  '$.keys': 'list',
  '$.keys[]': 'object',
  '$.keys[].name': 'string',
  '$.keys[].role': 'string',
  '$.keys[].algorithm': 'number',
  '$.keys[].bits': 'number',
  '$.keys[].tag': 'null',
  '$.keys[].made': 'string',
  '$.keys[].predecessor': 'null string',
  '$.keys[].purged': 'null string',
  '$.keys[].states': 'object',
  ...Object.fromEntries(
    ['dnskey', 'zrrsig', 'krrsig', 'ds'].flatMap((record) => [
      [`$.keys[].states.${record}`, 'list'],
      [`$.keys[].states.${record}[]`, 'object'],
      [`$.keys[].states.${record}[].state`, 'string'],
      [`$.keys[].states.${record}[].since`, 'string'],
    ]),
  ),
  '$.events': 'list',
  '$.events[]': 'object',
  '$.events[].time': 'string',
  '$.events[].kind': 'string',
  '$.events[].subject': 'string',
  '$.events[].text': 'string',
  '$.events[].record': 'string',
  '$.events[].from': 'string',
  '$.events[].to': 'string',
  '$.events[].keys': 'list',
  '$.events[].keys[]': 'string',
  '$.events[].reason': 'string',
  '$.events[].waitedSince': 'string',
  '$.events[].waitedFor': 'null string',
  '$.events[].interval': 'null object',
  '$.events[].interval.term': 'string',
  '$.events[].interval.since': 'string',
  '$.events[].interval.parts': 'list',
  '$.events[].interval.parts[]': 'object',
  '$.events[].interval.parts[].name': 'string',
  '$.events[].interval.parts[].seconds': 'number',
  '$.ds': 'list',
  '$.ds[]': 'object',
  '$.ds[].since': 'string',
  '$.ds[].keys': 'list',
  '$.ds[].keys[]': 'string',
  '$.signers': 'list',
  '$.signers[]': 'object',
  '$.signers[].since': 'string',
  '$.signers[].keyRecords': 'list',
  '$.signers[].keyRecords[]': 'string',
  '$.signers[].zoneData': 'list',
  '$.signers[].zoneData[]': 'string',
  '$.signers[].retiring': 'list',
  '$.signers[].retiring[]': 'string',
  '$.signatureRounds': 'list',
  '$.signatureRounds[]': 'object',
  '$.signatureRounds[].records': 'string',
  '$.signatureRounds[].from': 'string',
  '$.signatureRounds[].until': 'string',
  '$.signatureRounds[].reason': 'string',
  '$.dangers': 'list',
  '$.dangers[]': 'object',
  '$.dangers[].from': 'string',
  '$.dangers[].until': 'string',
  '$.dangers[].kind': 'string',
  '$.dangers[].text': 'string',
  '$.waitsForEver': 'list',
  '$.waitsForEver[]': 'object',
  '$.waitsForEver[].key': 'string',
  '$.waitsForEver[].record': 'string',
  '$.waitsForEver[].from': 'string',
  '$.waitsForEver[].to': 'string',
  '$.waitsForEver[].since': 'string',
  '$.waitsForEver[].waitsFor': 'string',
  '$.waitsForEver[].others': 'list',
  '$.waitsForEver[].others[]': 'string',
  '$.waitsForEver[].text': 'string',
  '$.summary': 'object',
  '$.summary.isSound': 'boolean',
  '$.summary.rollovers': 'object',
  '$.summary.rollovers.ksk': 'number',
  '$.summary.rollovers.zsk': 'number',
  '$.summary.rollovers.csk': 'number',
  '$.summary.keySetChanges': 'list',
  '$.summary.keySetChanges[]': 'object',
  '$.summary.keySetChanges[].since': 'string',
  '$.summary.keySetChanges[].over': 'null string',
  '$.summary.keySetChanges[].before': 'list',
  '$.summary.keySetChanges[].before[]': 'object',
  '$.summary.keySetChanges[].before[].role': 'string',
  '$.summary.keySetChanges[].before[].algorithm': 'number',
  '$.summary.keySetChanges[].before[].bits': 'number',
  '$.summary.keySetChanges[].after': 'list',
  '$.summary.keySetChanges[].after[]': 'object',
  '$.summary.keySetChanges[].after[].role': 'string',
  '$.summary.keySetChanges[].after[].algorithm': 'number',
  '$.summary.keySetChanges[].after[].bits': 'number',
  '$.summary.longestWait': 'object',
  '$.summary.longestWait.key': 'string',
  '$.summary.longestWait.record': 'string',
  '$.summary.longestWait.from': 'string',
  '$.summary.longestWait.to': 'string',
  '$.summary.longestWait.since': 'string',
  '$.summary.longestWait.waitsFor': 'string',
  '$.summary.longestWait.others': 'list',
  '$.summary.longestWait.others[]': 'string',
  '$.summary.longestWait.text': 'string',
  '$.summary.longestWait.until': 'null string',
  '$.summary.dsActions': 'list',
  '$.summary.dsActions[]': 'object',
  '$.summary.dsActions[].from': 'string',
  '$.summary.dsActions[].keys': 'list',
  '$.summary.dsActions[].keys[]': 'string',
  '$.summary.dsActions[].done': 'null string',
  '$.summary.dsActions[].commands': 'list',
};

test('the JSON of simulations has the members that are promised, each of its type', () => {
  const found = new Map<string, Set<string>>();
  for (const simulation of RUNS) shapeOf(JSON.parse(JSON.stringify(timelineJson(simulation))), '$', found);
  const actual = Object.fromEntries([...found].map(([at, types]) => [at, [...types].toSorted().join(' ')]));
  // A wait may have no other keys in some of these runs: what is a list of names is one when it is empty, too.
  const wanted = Object.entries(SHAPE).filter(([at]) => at in actual || !at.endsWith('others[]'));
  assert.deepEqual(actual, Object.fromEntries(wanted));
});

test('times in the JSON are ISO 8601 in UTC', () => {
  for (const simulation of RUNS)
    for (const [, time] of JSON.stringify(timelineJson(simulation)).matchAll(
      /"(?:time|from|until|since|made)":"(.*?)"/g,
    ))
      if (!/^(hidden|rumoured|omnipresent|unretentive)$/.test(time))
        assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

/** Start tags that have no end tag, or the other way round. */
function unbalanced(svg: string): string[] {
  const open: string[] = [];
  for (const [, end, name, empty] of svg.matchAll(/<(\/?)([a-z]+)(?:\s+[a-zA-Z:-]+="[^"<>]*")*\s*(\/?)>/g)) {
    if (end === '/' && open.pop() !== name) return [...open, name];
    if (end === '' && empty === '') open.push(name);
  }
  return open;
}

test('the picture is well-formed, has a title and a description, and a lane for each key', () => {
  for (const simulation of RUNS) {
    const svg = timelineSvg(simulation);
    assert.match(
      svg,
      /^<svg [^>]*role="img" aria-labelledby="title desc">\n<title id="title">.+<\/title>\n<desc id="desc">.+<\/desc>\n/,
    );
    assert.deepEqual(unbalanced(svg), []);
    const texts = svg.replace(/<style>.*<\/style>/s, '').replace(/<[^<>]*>/g, '');
    assert.ok(!/[<>]|&(?!#\d+;)/.test(texts), 'signs that mean something in XML are escaped');
    for (const { name } of simulation.keys) assert.ok(svg.includes(`>${name}<`), name);
    assert.ok(svg.includes('prefers-color-scheme: dark'));
    assert.ok(!/NaN|Infinity|undefined/.test(svg));
  }
});

test('the picture shows what went wrong and what was done', () => {
  const [svg] = RUNS.map(timelineSvg);
  for (const name of ['danger', 'fault', 'parent', 'event', 'rumoured', 'omnipresent', 'unretentive'])
    assert.ok(svg.includes(`class="${name}"`), name);
});

test('the text has a line for each step with its reason, in order of time', () => {
  for (const simulation of RUNS) {
    const text = timelineText(simulation, { withRounds: true });
    const times = [...text.matchAll(/^(\d{4}-\S+Z) {2}/gm)].map(([, time]) => time);
    assert.deepEqual(times, times.toSorted());
    for (const { name } of simulation.keys) assert.ok(text.includes(`  ${name} `), name);
    assert.ok(!/NaN|Infinity|undefined|\[object/.test(text));
  }
});

test('the summary says what is wrong, and that nothing is', () => {
  const [bad, stuck, good] = RUNS.map((one) => timelineText(one, { withRounds: false }));
  assert.match(bad, /^DANGER: bogus for some from .*: signatures have expired$/m);
  assert.match(bad, /^result: NOT SOUND$/m);
  assert.match(stuck, /^WAITS FOR EVER: csk #2: DS rumoured -> omnipresent waits since .*: ds not seen at parent/m);
  assert.match(good, /^rollovers: \d+ ksk, \d+ zsk$/m);
  assert.match(good, /^result: at no time an answer is bogus, and nothing waits for ever$/m);
});

test('rounds of renewals have lines when they are asked for', () => {
  const linesOf = (withRounds: boolean): number =>
    timelineText(RUNS[2], { withRounds }).match(/signatures of zone data: due/g)?.length ?? 0;
  assert.equal(linesOf(false), 0);
  assert.ok(linesOf(true) > 190);
});
