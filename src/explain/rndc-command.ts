import { nameToShortText } from '../wire/name-text.ts';
import type { PlannedKey } from '../policy/planned-key.ts';
import type { ExplainInput } from './explain-input.ts';
import { hasNamesake } from './key-words.ts';

/* Commands as a shell takes them. */

type Place = Pick<ExplainInput, 'apex' | 'view' | 'keys'>;

export function checkdsCommand(key: PlannedKey, what: 'published' | 'withdrawn', place: Place): string {
  return `rndc dnssec -checkds ${keyOptions(key, place)} ${what} ${zoneWords(place)}`;
}

export function rolloverCommand(key: PlannedKey, place: Place): string {
  return `rndc dnssec -rollover ${keyOptions(key, place)} ${zoneWords(place)}`;
}

export function stepCommand(place: Place): string {
  return `rndc dnssec -step ${zoneWords(place)}`;
}

export function loadkeysCommand(place: Place): string {
  return `rndc loadkeys ${zoneWords(place)}`;
}

/** The algorithm is needed where another key has the same tag. */
function keyOptions(key: PlannedKey, { keys }: Place): string {
  return hasNamesake(key, keys) ? `-key ${key.tag} -alg ${key.algorithm}` : `-key ${key.tag}`;
}

/** A zone of another view than the default one needs its class and view too. */
function zoneWords({ apex, view }: Place): string {
  const zone = shellWord(nameToShortText(apex));
  return view === '_default' ? zone : `${zone} IN ${shellWord(view)}`;
}

/** Names may hold anything; a shell shall take each as one word. */
function shellWord(text: string): string {
  return /^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
