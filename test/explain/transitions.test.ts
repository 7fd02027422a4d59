import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Advice, KeyExplanation, WaitExplanation } from '../../src/explain/explanation.ts';
import { explanationText } from '../../src/explain/explanation-text.ts';
import { RULE_TERMS } from '../../src/explain/interval-text.ts';
import { type KeyWait, WAIT_REASONS, type WaitReason } from '../../src/policy/key-wait.ts';
import type { Plan } from '../../src/policy/plan.ts';
import type { Condition, KeyRecord } from '../../src/policy/planned-key.ts';
import { DrivenZone } from './driven-zone.ts';
import { change, live, POLICIES, rollIfPossible, type Scenario, SCENARIOS, START } from './scenarios.ts';

/*
 * Each step of the state machine is met where it is blocked, in lives that plan() itself leads. There
 * - the text must name the true cause: without what it names the step is not taken, however long one waits;
 * - what the text says must unblock it: its command is given, or its time awaited, until the step is taken.
 */

/** What the text of each reason must say; a reason without a row does not compile. */
const CAUSES: Readonly<Record<WaitReason, RegExp>> = {
  time: /^(caches may have|the zone or caches may have|its (time|lifetime)|purge-keys|the DS that|its DNSKEY and)/,
  'ds not seen at parent': /the DS has not been seen at all servers of the parent yet/,
  'ds still at parent': /no one has seen yet that all servers of the parent are without the DS/,
  'dnskey not known everywhere': /caches may have the DNSKEY RRset without (KSK|ZSK|CSK) \d+/,
  'signatures not known everywhere': /caches may have records without the signatures of (KSK|ZSK|CSK) \d+/,
  'successor not ready': /(there is no other key that could take its place yet|cannot take its place yet)/,
  'zone still secure':
    /(its own DS, at the parent or in a cache, still leads to it|at the parent or in a cache still leads to the zone|caches may still have the DNSKEY of)/,
  'rollover under way': /rollover .*has to end first/,
  'manual step': /^the policy has manual-mode: named begins nothing before an operator says so$/,
};

/** Steps towards the end of one wait. */
const MOST_STEPS = 60;
const YEAR = 365 * 86_400;

/** One step that is waited for. */
interface Step {
  readonly key: string;
  readonly record: KeyRecord | undefined;
  readonly from: Condition;
  readonly to: Condition;
}

/** Whether the step has been taken, or is no more to be taken in this way. */
function isTaken(zone: DrivenZone, { key: id, record, from, to }: Step): boolean {
  const key = zone.keys.find((one) => one.id === id);
  if (!key) return true;
  if (record !== undefined) return (key.state?.[record] ?? 'hidden') === to;
  // The key as a whole: its goal, and at the end its files.
  return from === 'hidden' && to === 'hidden' ? false : key.state?.goal === to;
}

function find(zone: DrivenZone, step: Step): { key: KeyExplanation; wait: WaitExplanation } | undefined {
  const key = zone.explain().keys.find((one) => one.key === step.key);
  const wait = key?.waits.find(({ record, to }) => record === step.record && to === step.to);
  return key && wait && { key, wait };
}

const isCommand = (advice: Advice): advice is Required<Advice> => advice.command !== undefined;

/** Does what the explanations say until the step is taken. @returns how often something was done */
function follow(start: DrivenZone, step: Step): { zone: DrivenZone; commands: string[] } {
  const zone = start.copy();
  const commands: string[] = [];
  for (let i = 0; i < MOST_STEPS; i++) {
    if (isTaken(zone, step)) return { zone, commands };
    const found = find(zone, step);
    assert.ok(found, `${describeStep(step)}: no explanation on the way`);
    const { advice, earliest } = found.wait;
    const command = advice
      .filter(isCommand)
      .find(
        (one) => one.command.includes('-checkds') || (one.command.includes('-step') && earliest === undefined),
      )?.command;
    if (command !== undefined) {
      assert.equal(zone.command(command), true, `${command} is refused`);
      commands.push(command);
    } else {
      assert.ok(earliest, `${describeStep(step)}: neither a time nor a command\n${explanationText(zone.explain())}`);
      assert.ok(
        earliest.unix > zone.now,
        `${describeStep(step)}: its earliest time has passed\n${explanationText(zone.explain())}`,
      );
      zone.advanceTo(earliest.unix);
    }
  }
  assert.fail(`${describeStep(step)}: not taken after ${MOST_STEPS} steps\n${explanationText(zone.explain())}`);
}

/** Only time passes. @returns whether the step was taken on the way */
function waitOnly(start: DrivenZone, step: Step, until: number): boolean {
  const zone = start.copy();
  for (let i = 0; i < MOST_STEPS && zone.now < until; i++) {
    const { nextEvent } = zone.settle();
    zone.advanceTo(Math.min(until, nextEvent ?? until));
    if (isTaken(zone, step)) return true;
  }
  return false;
}

function describeStep({ key, record, from, to }: Step): string {
  return `${key} ${record ?? 'key'} ${from} -> ${to}`;
}

function checkWait(zone: DrivenZone, wait: KeyWait): void {
  const found = find(zone, wait);
  assert.ok(found, `${describeStep(wait)} is waited for and not explained`);
  const { wait: explained } = found;
  assert.match(explained.cause, CAUSES[wait.reason]);
  const text = explanationText(zone.explain(), { key: wait.key });
  assert.ok(text.includes(`: ${explained.step}\n    not yet   ${explained.cause}\n`), text);
  checkRule(wait, explained);
  checkOthers(zone, wait, explained);
  checkBlocked(zone, wait, explained);
  const { zone: after, commands } = follow(zone, wait);
  if (explained.earliest)
    assert.ok(after.now >= explained.earliest.unix, `${describeStep(wait)} came too early\n${text}`);
  if (explained.advice.some((one) => one.command?.includes('-checkds'))) assert.notEqual(commands.length, 0);
  checkRollover(zone, wait, explained);
}

/** A command that is offered to bring a rollover forward does so. */
function checkRollover(zone: DrivenZone, wait: KeyWait, { advice, earliest }: WaitExplanation): void {
  const command = advice.find((one) => one.command?.includes('-rollover'))?.command;
  if (command === undefined) return;
  const copy = zone.copy();
  assert.equal(copy.command(command), true, `${command} is refused`);
  const step = advice.find((one) => one.command?.includes('-step'))?.command;
  assert.equal(step !== undefined, zone.policy.manualMode === true);
  for (let i = 0; step !== undefined && i < MOST_STEPS && !isTaken(copy, wait); i++) {
    const { nextEvent = earliest!.unix } = copy.settle();
    copy.command(step);
    if (!isTaken(copy, wait) && nextEvent < earliest!.unix) copy.advanceTo(nextEvent);
  }
  assert.ok(isTaken(copy, wait) || waitOnly(copy, wait, earliest!.unix - 1), `${command} does not help`);
  offered++;
}

/** The sum is the time that is waited for, and its term has a meaning. */
function checkRule({ interval, until }: KeyWait, { rule }: WaitExplanation): void {
  assert.equal(rule !== undefined, interval !== undefined);
  if (!rule) return;
  assert.ok(RULE_TERMS.includes(rule.term), `${rule.term} has no meaning`);
  assert.equal(rule.since.unix + rule.seconds, until, rule.text);
}

function checkOthers(zone: DrivenZone, { others }: KeyWait, { cause }: WaitExplanation): void {
  for (const id of others) {
    const tag = zone.keys.find((key) => key.id === id)!.tag;
    assert.ok(cause.includes(String(tag)), `${cause}: does not name key ${tag}`);
  }
}

/** Without what the text names, nothing happens. */
function checkBlocked(zone: DrivenZone, wait: KeyWait, { earliest, advice, first }: WaitExplanation): void {
  if (earliest)
    assert.equal(waitOnly(zone, wait, earliest.unix - 1), false, `${describeStep(wait)} came before its time`);
  const root = first?.reason ?? wait.reason;
  if (!['ds not seen at parent', 'ds still at parent', 'manual step'].includes(root)) return;
  assert.ok(advice.some(isCommand));
  assert.equal(waitOnly(zone, wait, zone.now + 10 * YEAR), false, `${describeStep(wait)} came without its command`);
}

let offered = 0;
const met = new Set<string>();
const reasons = new Set<WaitReason>();

/** Checks each wait of a life once. @returns how many there were */
function checkLife(scenario: Scenario): number {
  const seen = new Set<string>();
  live(scenario, (zone) => {
    for (const wait of zone.settle().waits) {
      const { key, record, from, to, reason } = wait;
      // A key that is still to be made has no explanation of its own: the zone's status tells of it.
      if (zone.keys.every(({ id }) => id !== key)) {
        assert.equal(reason, 'manual step');
        assert.match(
          zone.explain().status.join('\n'),
          /is not made before an operator says so .*rndc dnssec -step example\.org/,
        );
        continue;
      }
      reasons.add(reason);
      met.add(`${record ?? 'key'} ${from} -> ${to}`);
      // The same wait is there for many moments.
      const name = [key, record, from, to, reason].join(' ');
      if (seen.has(name)) continue;
      seen.add(name);
      checkWait(zone, wait);
    }
  });
  return seen.size;
}

/** A rollover that would be refused is no event. */
const ROLLS = fc
  .constantFrom('KSK', 'ZSK', 'CSK')
  .map((role) =>
    Object.assign((zone: DrivenZone) => void rollIfPossible(role, zone), { toString: () => `roll ${role}` }),
  );
const CHANGES = fc
  .constantFrom(...POLICIES)
  .map((policy) => Object.assign(change(policy), { toString: () => `policy ${policy.name}` }));

describe('explain: each blocked transition', () => {
  for (const scenario of SCENARIOS)
    it(`RFC 7583: ${scenario.title}: the text names the true cause, and what it says unblocks`, () => {
      assert.notEqual(checkLife(scenario), 0);
    });

  it('S-158 the earliest time for the DS of a new zone is told, and its CDS comes then and no sooner', () => {
    for (const policy of POLICIES.filter(({ keys }) => keys.length > 0)) {
      const zone = new DrivenZone(policy, [], START);
      zone.settle();
      const key = zone.keys.find(({ state }) => state?.ksk)!;
      const told = zone.explain().parent.text.join('\n');
      const [, time] = /Do not give the parent the DS of \w+ \d+ before (\S+) /.exec(told) ?? [];
      assert.ok(time, told);
      const isAsked = (plan: Plan): boolean => plan.publication.sync.includes(key.id);
      // All of the zone's records have to be signed everywhere, the largest TTL included.
      assert.ok(Date.parse(time) / 1000 >= START + policy.maxZoneTtl);
      for (let step = 0; step < MOST_STEPS && zone.now < Date.parse(time) / 1000 - 1; step++) {
        const { nextEvent } = zone.settle();
        assert.equal(isAsked(zone.advanceTo(Math.min(nextEvent ?? Infinity, Date.parse(time) / 1000 - 1))), false);
      }
      assert.equal(isAsked(zone.advanceTo(Date.parse(time) / 1000)), true);
      assert.match(zone.explain().parent.text.join('\n'), /The parent should get the DS of/);
    }
  });

  it('so does the text of any other life', () => {
    const day = fc.integer({ min: 3, max: 40 });
    const events = fc.array(fc.tuple(day, fc.oneof(ROLLS, CHANGES)), { maxLength: 3 });
    const lives = fc.record({
      policy: fc.constantFrom(...POLICIES.filter(({ keys }) => keys.length > 0)),
      events: events.map((list) => list.toSorted(([a], [b]) => a - b)),
      parentDays: fc.constantFrom(1, 5, 20),
    });
    fc.assert(
      fc.property(lives, (life) => {
        checkLife({ ...life, title: 'any', days: 90 });
      }),
      { numRuns: 6 },
    );
  });

  it('every reason has been met', () => assert.deepEqual([...reasons].toSorted(), WAIT_REASONS.toSorted()));

  it('rollovers have been offered', () => assert.notEqual(offered, 0));

  it('every step of every record has been met', () => {
    const circle: readonly Condition[] = ['hidden', 'rumoured', 'omnipresent', 'unretentive', 'hidden'];
    const all = (['dnskey', 'zrrsig', 'krrsig', 'ds'] as const).flatMap((record) =>
      circle.slice(1).map((to, i) => `${record} ${circle[i]} -> ${to}`),
    );
    assert.deepEqual(
      all.filter((step) => !met.has(step)),
      [],
    );
  });
});
