import { stepName } from '../policy/key-wait.ts';
import type { KeyWait } from '../policy/key-wait.ts';
import { plan } from '../policy/plan.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import type { ExplainInput } from './explain-input.ts';
import { earliestOf } from './wait-chain.ts';

/** Moments that are looked ahead: a rollover has about ten. */
const MOST_MOMENTS = 40;
/** Plans at one moment: a plan whose actions are done has none. */
const MOST_PLANS = 5;

/** When steps are taken if time passes and nobody does anything; Unix seconds by stepName. */
export type Forecast = ReadonlyMap<string, number>;

/** What explanations are made from. */
export interface ExplainScene extends ExplainInput {
  readonly forecast: Forecast;
}

/**
 * Lets the planner run ahead, from one event to the next, until nothing is left that time alone brings. It stops where a key would be
 * made: what comes then depends on that key.
 */
export function forecastSteps(input: ExplainInput): Forecast {
  const { policy, observations } = input;
  const steps = new Map<string, number>();
  // Where all waits are for time alone, each says its own time.
  if (input.plan.waits.every(({ reason }) => reason === 'time')) return steps;
  let { keys, now, plan: planned } = input;
  for (let moment = 0; moment < MOST_MOMENTS; moment++) {
    for (let round = 0; round < MOST_PLANS && planned.actions.length > 0; round++) {
      if (planned.actions.some(({ kind }) => kind === 'generate')) return steps;
      keys = afterActions(keys, planned.actions, (name) => steps.has(name) || steps.set(name, now));
      planned = plan(policy, keys, observations, now);
    }
    const { nextEvent } = planned;
    if (nextEvent === undefined || nextEvent <= now) return steps;
    now = nextEvent;
    planned = plan(policy, keys, observations, now);
  }
  return steps;
}

function afterActions(
  keys: readonly PlannedKey[],
  actions: ExplainInput['plan']['actions'],
  note: (step: string) => void,
): PlannedKey[] {
  let after = [...keys];
  for (const action of actions) {
    if (action.kind === 'generate') continue;
    if (action.kind === 'purge') {
      note(stepName({ key: action.key, record: undefined, to: 'hidden' }));
      after = after.filter(({ id }) => id !== action.key);
      continue;
    }
    const { key: id, times, state } = action;
    if (action.kind === 'update') for (const { record, to } of action.changes) note(stepName({ key: id, record, to }));
    after = after.map((key) => (key.id === id ? { ...key, times, state } : key));
  }
  return after;
}

/**
 * The time of a step: where time alone brings it, exactly then; else a time before which it cannot be. undefined: not known, or for
 * somebody to say.
 */
export function timeOf(wait: KeyWait, { forecast, plan: { waits } }: ExplainScene): number | undefined {
  return forecast.get(stepName(wait)) ?? earliestOf(wait, waits);
}
