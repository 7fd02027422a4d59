import { KEY_RECORDS, recordsOf } from '../../../src/policy/planned-key.ts';
import type { PlannedKey } from '../../../src/policy/planned-key.ts';
import type { CachedMix, KeyName } from './caches.ts';
import type { Planner } from './daemon.ts';
import type { History } from './history.ts';
import { START, watchHistory, type World } from './run-history.ts';

/** A history line by line: time, what happened, what is served, and the states of every key; at the end what is bogus. */
export function timeline(history: History, planner: Planner): string {
  const lines: string[] = [];
  let before = '';
  const note = (world: World, what: () => string): void => {
    const now = situation(world);
    const text = what();
    // A look that changed nothing is no news.
    if (now === before && text === LOOKS) return;
    lines.push(`${String(world.now - START).padStart(7)}  ${text}`);
    if (now !== before) lines.push(now);
    before = now;
  };
  const { failure, world } = watchHistory(history, planner, { note });
  // What was done in the look that failed.
  if (situation(world) !== before) lines.push(situation(world));
  if (failure === undefined) lines.push('nothing went wrong');
  else lines.push(`${String(failure.at - START).padStart(7)}  ${failure.why}`);
  if (failure?.mix) lines.push(mixText(failure.mix));
  return [conditions(history), ...lines].join('\n');
}

const LOOKS = 'the daemon looks';
const INDENT = ' '.repeat(11);

function situation({ zone, parent, daemon }: World): string {
  const { keys, signers } = zone.dnskey.current.rrset;
  const data = zone.lanes.map(({ served }) => list(served.current.rrset.signers)).join(' and ');
  const sync = zone.sync.isDelete ? 'delete' : list(zone.sync.keys);
  return [
    `${INDENT}served: DS ${list(parent.keys)}; DNSKEY ${list(keys)} by ${list(signers)}; data by ${data}; CDS ${sync}`,
    ...daemon.files.filter((key) => !isGone(key)).map((key) => `${INDENT}${keyText(key)}`),
  ].join('\n');
}

/** Nobody has anything of the key any more. */
function isGone({ state }: PlannedKey): boolean {
  return state?.goal === 'hidden' && KEY_RECORDS.every((record) => (state[record] ?? 'hidden') === 'hidden');
}

function keyText(key: PlannedKey): string {
  const { id, algorithm, state } = key;
  if (state === undefined) return `${id} algorithm ${algorithm}: no state`;
  const role = state.ksk === true ? (state.zsk === true ? 'CSK' : 'KSK') : 'ZSK';
  const records = KEY_RECORDS.filter((record) => recordsOf(key).includes(record)).map(
    (record) => `${record} ${state[record] ?? '-'}`,
  );
  return `${id} ${role} algorithm ${algorithm}, goal ${state.goal ?? '-'}: ${records.join(', ')}`;
}

function conditions({ policies, ...history }: History): string {
  const rest = { ...history, events: undefined };
  const told = policies.map((policy, i) => `policy ${i}: ${JSON.stringify(policy)}`);
  return [...told, `outside: ${JSON.stringify(rest)}`].join('\n');
}

function mixText({ ds, dnskey, data }: CachedMix): string {
  return [
    `${INDENT}in one cache: DS ${list(ds.rrset.keys)}, ${spanOf(ds)}`,
    `${INDENT}              DNSKEY ${list(dnskey.rrset.keys)} by ${list(dnskey.rrset.signers)}, ${spanOf(dnskey)}`,
    `${INDENT}              data by ${list(data.rrset.signers)}, ${spanOf(data)}`,
  ].join('\n');
}

const moment = (time: number): string => (Number.isFinite(time) ? String(time - START) : 'always');

function spanOf({ since, gone, ttl }: CachedMix[keyof CachedMix]): string {
  return `TTL ${ttl}, served from ${moment(since)}, ${gone === Infinity ? 'still' : `in caches until ${moment(gone)}`}`;
}

const list = (keys: readonly KeyName[]): string => (keys.length === 0 ? '-' : keys.map(({ id }) => id).join('+'));
