import { formatCalendarTime } from '../keys/key-times.ts';
import type { Log } from '../base/log.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import type { HistoryZone } from '../history/history-event.ts';
import { actionEvents } from '../history/action-events.ts';
import type { HistorySink } from '../history/key-history.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { KEY_RECORDS, type PlannedKey } from '../policy/planned-key.ts';
import { noteDs, type RequestAnswer, type RequestRefusal, requestRollover, selectKey } from '../policy/requests.ts';
import type { Name } from '../wire/name.ts';
import { zoneEvent } from './events.ts';
import { keyText } from './key-waits.ts';
import { historyKey, keyName, plannedKey, withSchedule } from './managed-key.ts';

/** What an operator asks for with `rndc dnssec`. Times are Unix seconds. */
export type KeyRequest = KeySelector & { readonly when: number } & (
    { readonly kind: 'rollover' } | { readonly kind: 'checkds'; readonly seen: 'published' | 'withdrawn' }
  );

export interface KeySelector {
  readonly tag: number | undefined;
  readonly algorithm: number | undefined;
}

export type KeyRequestOutcome =
  | { readonly kind: 'done'; readonly tag: number }
  /** `text` is BIND's where it refuses for the same reason. */
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'ambiguous'; readonly candidates: readonly string[] };

export interface KeyRequestContext {
  readonly apex: Name;
  readonly about: HistoryZone;
  readonly policy: DnssecPolicy;
  readonly keyStore: KeyStore;
  readonly log: Log;
  readonly history: HistorySink;
}

/** Does what was asked for, durably, or says why not. A look at the keys afterwards draws the consequences. @throws DiskError */
export function obeyKeyRequest(request: KeyRequest, context: KeyRequestContext, now: number): KeyRequestOutcome {
  const { apex, keyStore, policy, about, history, log } = context;
  const { keys: pairs } = keyStore.list(apex);
  const keys = pairs.map(plannedKey);
  const { tag, algorithm, when } = request;
  const selector = { ...(tag !== undefined && { tag }), ...(algorithm !== undefined && { algorithm }) };
  const selection = selectKey(keys, selector, request.kind === 'rollover' ? 'any' : 'ksk');
  if (selection.kind === 'none') return { kind: 'refused', text: 'no matching key found' };
  if (selection.kind === 'ambiguous') {
    return { kind: 'ambiguous', candidates: selection.candidates.map(({ id }) => keyText(id, pairs)) };
  }
  const { key } = selection;
  const answer =
    request.kind === 'rollover'
      ? requestRollover(policy, keys, key.id, when, now)
      : noteDs(keys, key.id, request.seen, when, now);
  if (answer.kind === 'refused') {
    const text = refusalText(answer.refusal, pairs);
    const what = request.kind === 'rollover' ? 'rollover' : `checkds ${request.seen}`;
    const about_ = { at: now, about, key: historyKey(pairOf(key, pairs)) };
    history.record([{ ...about_, kind: 'refusal', what, reason: text }]);
    return { kind: 'refused', text };
  }
  const pair = pairOf(key, pairs);
  keyStore.save(withSchedule(pair, answer));
  if (request.kind === 'checkds')
    log.write(zoneEvent.dsMarked(keyName(pair, false), request.seen, formatCalendarTime(when)));
  history.record(eventsOf(answer, key, pair, context, now));
  return { kind: 'done', tag: key.tag };
}

function eventsOf(
  answer: RequestAnswer & { kind: 'accepted' },
  before: PlannedKey,
  pair: KeyPair,
  { about, policy }: KeyRequestContext,
  at: number,
): ReturnType<typeof actionEvents> {
  const changes = KEY_RECORDS.flatMap((record) => {
    const [from, to] = [before.state?.[record] ?? 'hidden', answer.state[record] ?? 'hidden'];
    return from === to ? [] : { record, from, to };
  });
  const { key, times, state } = answer;
  return actionEvents(
    { kind: 'update', key, changes, times, state },
    { at, about, key: historyKey(pair), before, policy },
  );
}

const pairOf = ({ id }: PlannedKey, pairs: readonly KeyPair[]): KeyPair =>
  pairs.find(({ fileBase }) => fileBase === id)!;

function refusalText(refusal: RequestRefusal, pairs: readonly KeyPair[]): string {
  switch (refusal.reason) {
    case 'no such key':
    case 'not a KSK':
      return 'no matching key found';
    case 'not active':
      return 'key is not actively signing';
    case 'not managed':
      return 'the policy has not taken up the key yet; try again after "rndc loadkeys"';
    case 'rollover under way': {
      const others = refusal.others.map((id) => keyText(id, pairs)).join('; ');
      return `a rollover of this key is under way already${others === '' ? '' : `, with ${others}`}`;
    }
  }
}
