import { compareCanonicalNames, isWildcard, type Name, nameKey, parentName } from '../../wire/name.ts';
import type { NodeRef, RRsetRef } from './arena.ts';
import { NODE } from './layout.ts';
import { flagsOf, hidesNamesBelow } from './version-builder.ts';
import type { ZoneReader } from './zone-reader.ts';

/** An owner whose RRsets change: refs of those it has afterwards, ascending by type, old and new ones. */
export interface OwnerChange {
  readonly owner: Name;
  /** Of an NSEC3 owner. */
  readonly hash: Uint8Array | undefined;
  /** Its node before, 0 for none. */
  readonly base: NodeRef;
  readonly rrsets: readonly RRsetRef[];
}

/** What becomes of one name of the main tree. */
export interface Plan {
  readonly name: Name;
  /** Its node before, 0 for none. */
  readonly base: NodeRef;
  /** Undefined for the apex. */
  readonly parent: Plan | undefined;
  readonly rrsets: readonly RRsetRef[];
  /** Names that come below it, less names that go. */
  belowChange: number;
  exists: boolean;
  hasWildcardChild: boolean;
  flags: number;
  /** Names below are not in the zone: behind a cut or a DNAME. */
  hides: boolean;
  /** Flags and hides are known. */
  decided: boolean;
}

/**
 * Finds out which names exist after an edit, empty non-terminals included, and what their flags are: for the names that
 * are edited, their ancestors, and those below a name that becomes or ceases to be a cut.
 */
export class EditPlanner {
  readonly #reader: ZoneReader;
  readonly #changes: ReadonlyMap<string, OwnerChange>;
  readonly #plans = new Map<string, Plan>();

  constructor(reader: ZoneReader, changes: readonly OwnerChange[]) {
    this.#reader = reader;
    this.#changes = new Map(changes.map((change) => [nameKey(change.owner), change]));
    for (const change of changes) this.#plan(change.owner);
  }

  /** In canonical order, beginning with the apex. */
  plans(): Plan[] {
    const candidates = this.#sorted();
    // A name's fate depends on the names below it, which come behind it.
    for (const plan of candidates.toReversed()) this.#decideExistence(plan);
    for (const plan of candidates)
      if (plan.parent !== undefined && isWildcard(plan.name)) plan.parent.hasWildcardChild = plan.exists;
    // A name's flags depend on the names above it, which come before it.
    for (const plan of candidates) this.#decideFlags(plan);
    return this.#plans.size === candidates.length ? candidates : this.#sorted();
  }

  #sorted(): Plan[] {
    return [...this.#plans.values()].sort((a, b) => compareCanonicalNames(a.name, b.name));
  }

  /** The plan for a name; before it, plans for all its ancestors are made. */
  #plan(name: Name): Plan {
    const key = nameKey(name);
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const isApex = name.length === this.#reader.apex.length;
    const parent = isApex ? undefined : this.#plan(parentName(name));
    const change = this.#changes.get(key);
    const base = change === undefined ? this.#reader.find(name) : change.base;
    const plan: Plan = {
      name,
      base,
      parent,
      rrsets: change === undefined ? this.#rrsetsOf(base) : change.rrsets,
      belowChange: 0,
      exists: base !== 0,
      hasWildcardChild: base !== 0 && (this.#reader.nodeFlags(base) & NODE.WILDCARD_CHILD) !== 0,
      flags: 0,
      hides: false,
      decided: false,
    };
    this.#plans.set(key, plan);
    return plan;
  }

  #rrsetsOf(node: NodeRef): RRsetRef[] {
    const count = node === 0 ? 0 : this.#reader.rrsetCount(node);
    return Array.from({ length: count }, (_, i) => this.#reader.rrsetAt(node, i));
  }

  /** A name exists when it has data, or a name below it does (RFC 4592 section 2.2.2), and the apex always. */
  #decideExistence(plan: Plan): void {
    const before = plan.base !== 0;
    plan.exists = plan.parent === undefined || plan.rrsets.length > 0 || this.#namesBelow(plan) > 0;
    if (plan.exists === before) return;
    const change = plan.exists ? 1 : -1;
    for (let above = plan.parent; above !== undefined; above = above.parent) above.belowChange += change;
  }

  #namesBelow(plan: Plan): number {
    return plan.belowChange + (plan.base === 0 ? 0 : this.#reader.subtreeSize(plan.name) - 1);
  }

  #decideFlags(plan: Plan): void {
    if (plan.decided || !plan.exists) return;
    plan.decided = true;
    const { u32 } = this.#reader.arena;
    const isApex = plan.parent === undefined;
    const occluded = plan.parent?.hides ?? false;
    const wildcard = plan.hasWildcardChild ? NODE.WILDCARD_CHILD : 0;
    plan.flags = flagsOf(u32, plan.rrsets, 0, plan.rrsets.length, isApex, occluded) | wildcard;
    plan.hides = occluded || hidesNamesBelow(u32, plan.rrsets, 0, plan.rrsets.length, isApex);
    if (plan.base !== 0 && plan.hides !== this.#hidBefore(plan.base)) this.#planNamesBelow(plan);
  }

  #hidBefore(node: NodeRef): boolean {
    const flags = this.#reader.nodeFlags(node);
    if ((flags & NODE.OCCLUDED) !== 0) return true;
    const { u32 } = this.#reader.arena;
    return hidesNamesBelow(u32, u32, node + 1, this.#reader.rrsetCount(node), (flags & NODE.APEX) !== 0);
  }

  /** Names below that are not edited themselves get new flags too. */
  #planNamesBelow(plan: Plan): void {
    const names: Name[] = [];
    this.#reader.seek(plan.name);
    this.#reader.next();
    for (let left = this.#reader.subtreeSize(plan.name) - 1; left > 0; left--)
      names.push(this.#reader.owner(this.#reader.next()));
    // In canonical order, so each one's parent is decided before it.
    for (const name of names) this.#decideFlags(this.#plan(name));
  }
}
