import type { Caches } from './caches.ts';
import { isGone } from './key-lives.ts';
import type { KeyLives } from './key-lives.ts';
import { keySetChanges } from './key-set-changes.ts';
import type { Lapse, SignatureRounds } from './signature-rounds.ts';
import type { DsAction, KeyLife, KeyRole, Scenario, Simulation, Step, Wait } from './simulation.ts';
import { isOutside } from './step-log.ts';
import type { StepLog } from './step-log.ts';

interface Outcome {
  readonly scenario: Scenario;
  readonly lives: KeyLives;
  readonly log: StepLog;
  readonly ds: Simulation['ds'];
  /** Seconds for which validators may go by a DS that the parent has no more: its TTL, and that of the keys that it led to. */
  readonly keptFor: number;
  readonly signers: Simulation['signers'];
  readonly rounds: readonly SignatureRounds[];
  readonly caches: Caches;
  /** The parent is not going to change anything. */
  readonly isParentIdle: boolean;
  /** Nothing at all is going to happen. */
  readonly isAtRest: boolean;
}

/** What a simulation came to. */
export function summarize(outcome: Outcome): Simulation {
  const { scenario, lives, log, ds, rounds, caches } = outcome;
  for (const { from, until, kind } of rounds.flatMap((one) => one.finish(scenario.end)))
    for (const trusted of trustedTimes(outcome)) report(caches, { kind, from, until }, trusted);
  const dangers = caches.dangers();
  const waits = log.waits(scenario.end);
  const stuck = stuckOf(waits, outcome);
  return {
    scenario,
    keys: [...lives.lives.values()] as KeyLife[],
    steps: log.steps,
    ds,
    signers: outcome.signers,
    rounds: rounds.flatMap((one) => one.rounds).toSorted((a, b) => a.from - b.from),
    dangers,
    stuck,
    summary: {
      rollovers: countRollovers(lives),
      keySetChanges: keySetChanges(log.steps, lives.lives, scenario.keys),
      longestWait: log.longest,
      dsActions: dsActionsOf(log.steps, lives, outcome),
      isSound: dangers.length === 0 && stuck.length === 0,
    },
  };
}

/** A signature that is out of its validity hurts only where a DS record makes somebody look at it. */
function report(caches: Caches, lapse: Lapse, trusted: { from: number; until: number }): void {
  const from = Math.max(lapse.from, trusted.from);
  const until = Math.min(lapse.until, trusted.until);
  if (from < until) caches.report({ kind: lapse.kind }, from, until);
}

function trustedTimes({ ds, keptFor }: Outcome): { from: number; until: number }[] {
  return ds.flatMap(({ from, keys }, i) => {
    const until = i + 1 < ds.length ? ds[i + 1].from + keptFor : Infinity;
    return keys.length === 0 ? [] : { from, until };
  });
}

/** Steps that wait for something outside that is not going to happen; where nothing at all is, all that wait for anything. */
function stuckOf(waits: readonly Wait[], { isParentIdle, isAtRest }: Outcome): Wait[] {
  const open = waits.filter(({ wait }) => wait.until === undefined);
  const atParent = open.filter(({ wait }) => isParentIdle && isOutside(wait));
  return atParent.length === 0 && isAtRest ? open : atParent;
}

function countRollovers({ keys, lives }: KeyLives): Record<KeyRole, number> {
  const count = { ksk: 0, zsk: 0, csk: 0 };
  const predecessors = new Set([...lives.values()].map(({ predecessor }) => predecessor));
  for (const { id, role, purged } of lives.values()) {
    const key = keys.find((one) => one.id === id);
    const isOver = purged !== undefined || (key !== undefined && isGone(key));
    if (isOver && (predecessors.has(id) || key?.state?.successor !== undefined)) count[role]++;
  }
  return count;
}

/** Each time that CDS and CDNSKEY ask the parent for something else, and when it had done it. */
function dsActionsOf(steps: readonly Step[], lives: KeyLives, { ds, scenario }: Outcome): DsAction[] {
  const { asksParent, zone } = scenario;
  const requests = steps.flatMap((step, at) => (step.kind === 'cds' ? { step, at } : []));
  return requests.flatMap(({ step, at }, i): DsAction | DsAction[] => {
    const isRequest = step.keys.length > 0 || step.isDelete;
    const present = ds.findLast(({ from }) => from <= step.at)!.keys;
    const isDone = present.length === step.keys.length && step.keys.every((key) => present.includes(key));
    if (!isRequest) return [];
    if (isDone) return asksParent ? [] : untoldActions(step, lives, scenario);
    const until = steps.slice(at, requests[i + 1]?.at);
    const done = until.find((one): one is DsStep => one.kind === 'ds' && !one.isFlap);
    const commands = asksParent || done === undefined ? [] : checkdsCommands(done, lives, zone);
    return { at: step.at, keys: step.keys.map(lives.nameOf), done: done?.at, commands };
  });
}

/** The parent has had these DS from before the policy, and named, which asks nobody, has never been told. */
function untoldActions(step: Extract<Step, { kind: 'cds' }>, lives: KeyLives, scenario: Scenario): DsAction[] {
  const untold = step.keys.filter((id) =>
    scenario.keys.some((key) => key.id === id && key.times.dsPublish === undefined),
  );
  if (untold.length === 0) return [];
  const told = { at: step.at, kind: 'ds', keys: step.keys, added: untold, removed: [], isFlap: false } as const;
  const commands = checkdsCommands(told, lives, scenario.zone);
  return [{ at: step.at, keys: step.keys.map(lives.nameOf), done: step.at, commands }];
}

type DsStep = Extract<Step, { kind: 'ds' }>;

function checkdsCommands({ at, added, removed }: DsStep, { lives }: KeyLives, zone: string): string[] {
  const command = (id: string, what: string): string => {
    const { tag, name } = lives.get(id)!;
    return `rndc dnssec -checkds -key ${tag ?? `<tag of ${name}>`} ${what} ${zone.replace(/\.(?= |$)/, '')}`;
  };
  return [
    ...added.map((id) => command(id, 'published')),
    ...removed.filter((id) => (lives.get(id)!.purged ?? Infinity) > at).map((id) => command(id, 'withdrawn')),
  ];
}
