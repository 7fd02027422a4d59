import type { KeyAction } from '../policy/plan.ts';
import { KEY_RECORDS, type PlannedKey, type PlannedState, type PlannedTimes } from '../policy/planned-key.ts';
import type { HistoryEvent, HistoryKey, HistoryZone } from './history-event.ts';

/** What an action of a plan was done to. */
export interface ActionContext {
  /** Unix seconds. */
  readonly at: number;
  readonly about: HistoryZone;
  /** The key that was made or changed, or whose files were removed. */
  readonly key: HistoryKey;
  /** As it was before the action; absent for one that was made. */
  readonly before?: PlannedKey;
  readonly policy: { readonly name: string; readonly purgeKeys: number };
  /** Tag of the predecessor of a key that was made. */
  readonly predecessor?: number;
}

/** The events of one action of a plan, for the history once it is done. */
export function actionEvents(action: KeyAction, context: ActionContext): HistoryEvent[] {
  const { at, about, key, before, policy, predecessor } = context;
  const head = { at, about, key };
  switch (action.kind) {
    case 'generate': {
      const { bits } = action.line;
      const made = {
        kind: 'generate',
        policy: policy.name,
        bits,
        ...(predecessor !== undefined && { predecessor }),
      } as const;
      return [{ ...head, ...made }, ...beginnings(head, action.state)];
    }
    case 'adopt':
      return [{ ...head, kind: 'adopt', policy: policy.name }, ...beginnings(head, action.state)];
    case 'update': {
      const { goal } = action.state;
      return [
        ...(goal !== undefined && goal !== before?.state?.goal ? [{ ...head, kind: 'goal' as const, to: goal }] : []),
        ...action.changes.map((change) => ({ ...head, kind: 'state' as const, ...change })),
        ...newTimes(head, action.times, action.state, before),
      ];
    }
    case 'purge':
      return [{ ...head, kind: 'purge', after: policy.purgeKeys }];
  }
}

type Head = Pick<HistoryEvent, 'at' | 'about' | 'key'>;

/** A key that comes under a policy starts from hidden. */
function beginnings(head: Head, state: PlannedState): HistoryEvent[] {
  return KEY_RECORDS.flatMap((record) => {
    const to = state[record];
    return to === undefined || to === 'hidden' ? [] : { ...head, kind: 'state' as const, record, from: 'hidden', to };
  });
}

function newTimes(
  head: Head,
  times: PlannedTimes,
  state: PlannedState,
  before: PlannedKey | undefined,
): HistoryEvent[] {
  const old: Readonly<Record<string, number | undefined>> = { ...before?.times };
  const changed = Object.entries(times).filter(([name, at]: [string, number]) => old[name] !== at);
  const { successor } = state;
  const isFollowed = successor !== undefined && successor !== before?.state?.successor;
  if (changed.length === 0 && !isFollowed) return [];
  return [{ ...head, kind: 'update', times: Object.fromEntries(changed), ...(isFollowed && { successor }) }];
}
