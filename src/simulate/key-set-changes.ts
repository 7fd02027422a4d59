import type { PlannedKey } from '../policy/planned-key.ts';
import type { KeyKind, KeyLife, KeySetChange, Step } from './simulation.ts';

/*
 * Rollovers that leave no key as it is: to another algorithm, other roles, another size, or to no keys at all. They have no predecessors
 * and successors; what is seen of them is that the zone wants keys of other kinds from some moment on.
 */

/** @param lives of all keys, by id; @param start the keys that were there */
export function keySetChanges(
  steps: readonly Step[],
  lives: ReadonlyMap<string, KeyLife>,
  start: readonly PlannedKey[],
): KeySetChange[] {
  const wanted = new Set(start.filter(({ state }) => state?.goal === 'omnipresent').map(({ id }) => id));
  const changes: KeySetChange[] = [];
  for (let i = 0; i < steps.length;) {
    const { at } = steps[i];
    const before = new Set(wanted);
    // What a plan wants comes in several steps of the same moment: new keys, then the end of old ones.
    for (; i < steps.length && steps[i].at === at; i++) follow(steps[i], wanted);
    const [from, to] = [kindsOf(before, lives), kindsOf(wanted, lives)];
    if (from.length === 0 || nameOf(from) === nameOf(to)) continue;
    const old = [...before].filter((id) => !wanted.has(id));
    if (old.length > 0) changes.push({ at, over: overAt(old, lives), from, to });
  }
  return changes;
}

function follow(step: Step, wanted: Set<string>): void {
  if (step.kind === 'key made' || step.kind === 'key adopted' || step.kind === 'key kept') wanted.add(step.key);
  else if (step.kind === 'key retired' || step.kind === 'key purged') wanted.delete(step.key);
}

function kindsOf(ids: ReadonlySet<string>, lives: ReadonlyMap<string, KeyLife>): KeyKind[] {
  const kinds = [...ids].map((id) => lives.get(id)!).map(({ role, algorithm, bits }) => ({ role, algorithm, bits }));
  const byName = new Map(kinds.map((kind) => [nameOf([kind]), kind]));
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind);
}

const nameOf = (kinds: readonly KeyKind[]): string =>
  kinds.map(({ role, algorithm, bits }) => `${role} ${algorithm} ${bits}`).join();

/** When the last trace of the last of these keys has left all caches; undefined: it has not. */
function overAt(ids: readonly string[], lives: ReadonlyMap<string, KeyLife>): number | undefined {
  let over = -Infinity;
  for (const id of ids)
    for (const spans of Object.values(lives.get(id)!.records)) {
      const last = spans.at(-1)!;
      if (last.condition !== 'hidden') return undefined;
      over = Math.max(over, last.from);
    }
  return over === -Infinity ? undefined : over;
}
