import { algorithmText } from '../crypto/algorithm.ts';
import { tagOfOtherRevocation } from '../crypto/key-tag.ts';
import { keyBits } from '../crypto/public-key.ts';
import type { HistoryKey } from '../history/history-event.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import { isKsk, isZsk } from '../keys/key-pair.ts';
import type { KeySchedule } from '../policy/key-schedule.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import { nameToShortText } from '../wire/name-text.ts';

/** A key of the store as the planner sees it. */
export function plannedKey(pair: KeyPair): PlannedKey {
  const { fileBase: id, dnskey, tag, algorithm, flags, times, state, predecessor, successor } = pair;
  const related = { ...(predecessor !== undefined && { predecessor }), ...(successor !== undefined && { successor }) };
  return {
    id,
    tag,
    revokedTag: tagOfOtherRevocation(dnskey),
    algorithm,
    bits: keyBits(dnskey) ?? 0,
    flags,
    times,
    ...(state && { state: { ...state, ...related } }),
  };
}

/** The key with times and state as a plan wants them. Key files have the tags of related keys beside the state. */
export function withSchedule(pair: KeyPair, { times, state }: KeySchedule): KeyPair {
  const { predecessor, successor, ...rest } = state;
  return {
    ...pair,
    times,
    state: { ...pair.state, ...rest },
    ...(predecessor !== undefined && { predecessor }),
    ...(successor !== undefined && { successor }),
  };
}

/** CSK, KSK or ZSK, by what the key does. */
export function keyRole(key: KeyPair): 'CSK' | 'KSK' | 'ZSK' {
  if (!isKsk(key)) return 'ZSK';
  return isZsk(key) ? 'CSK' : 'KSK';
}

/** "example.org/ECDSAP256SHA256/12345 (CSK)", as BIND's log has keys. */
export function keyName(pair: KeyPair, withRole: boolean): string {
  const name = `${nameToShortText(pair.zone)}/${algorithmText(pair.algorithm)}/${pair.tag}`;
  return withRole ? `${name} (${keyRole(pair)})` : name;
}

/** The key as the history names it. */
export function historyKey(pair: KeyPair): HistoryKey {
  return { id: pair.fileBase, tag: pair.tag, algorithm: pair.algorithm, role: keyRole(pair) };
}
