import { compareOctets } from '../../base/octets.ts';
import type { Arena, NodeRef, RRsetRef, VersionRef } from './arena.ts';
import { EditPlanner, type OwnerChange, type Plan } from './edit-plan.ts';
import { HashIndexWriter, type NodeChanges } from './hash-index.ts';
import { NODE, nodeHeadFlags, nodeOwnerAt, nodeRRsetCount } from './layout.ts';
import { byHash, byOwner, type NodeOrder, OrderedIndexWriter } from './ordered-index.ts';
import { nodeWords, type RecordWriter, rrsetWords } from './record-writer.ts';
import { VERSION, writeVersion } from './version.ts';
import { apexFacts, recordsOf } from './version-builder.ts';
import type { ZoneReader } from './zone-reader.ts';

/** Makes the version with these changes from the one `reader` has open. */
export function commitEdit(
  reader: ZoneReader,
  writer: RecordWriter,
  main: readonly OwnerChange[],
  hashed: readonly OwnerChange[],
): VersionRef {
  const { arena } = reader;
  const tally = new Tally(arena);
  const plans = new EditPlanner(reader, main).plans();
  const mainChanges = writeMain(writer, plans, tally);
  const hashChanges = writeHashed(writer, hashed, tally);
  const { u32 } = arena;
  const field = (word: number): number => u32[reader.version + word];
  const index = new HashIndexWriter(arena, writer.space, mainChanges);
  const indexRoot = index.apply(field(VERSION.INDEX));
  tally.live += index.allocatedWords - index.freedWords;
  const tree = changeTree(writer, byOwner, mainChanges, field(VERSION.TREE), tally);
  const hashTree = changeTree(writer, byHash, hashChanges, field(VERSION.HASH_TREE), tally);
  const apexNode = mainChanges.apex || reader.apexNode;
  return writeVersion(writer.space, {
    apex: reader.apex,
    apexLabels: reader.apexLabels,
    ...apexFacts(arena, apexNode, reader.apex),
    nodes: reader.nodeCount + mainChanges.grown,
    records: reader.recordCount + tally.records,
    hashes: reader.hashCount + hashChanges.grown,
    tree,
    hashTree,
    index: indexRoot,
    apexNode,
    live: field(VERSION.LIVE) + tally.live,
  });
}

/** Differences in records and in words that the version needs. */
class Tally {
  records = 0;
  live = 0;
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** A node that takes the place of another; either may be 0. RRsets that both have do not count. */
  replace(before: NodeRef, after: NodeRef): void {
    const old = this.#rrsets(before);
    const now = this.#rrsets(after);
    const { u8, u32 } = this.#arena;
    for (const rrset of now) if (!old.has(rrset)) this.live += rrsetWords(u8, u32, rrset);
    for (const rrset of old) if (!now.has(rrset)) this.live -= rrsetWords(u8, u32, rrset);
    if (before !== 0) {
      this.live -= nodeWords(u32, before);
      this.records -= recordsOf(u32, before);
    }
    if (after !== 0) {
      this.live += nodeWords(u32, after);
      this.records += recordsOf(u32, after);
    }
  }

  #rrsets(node: NodeRef): Set<RRsetRef> {
    const { u32 } = this.#arena;
    const count = node === 0 ? 0 : nodeRRsetCount(u32[node]);
    return new Set(u32.subarray(node + 1, node + 1 + count));
  }
}

function changeTree(writer: RecordWriter, order: NodeOrder, changes: NodeChanges, root: number, tally: Tally): number {
  const tree = new OrderedIndexWriter(writer.space.arena, writer.space, order, changes);
  const changed = tree.apply(root);
  tally.live += tree.allocatedWords - tree.freedWords;
  return changed;
}

interface Changes extends NodeChanges {
  /** Nodes more than before. */
  readonly grown: number;
}

/** Collects what changes in an index. */
class ChangeList {
  readonly before: number[] = [];
  readonly after: number[] = [];
  grown = 0;
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  add(before: NodeRef, after: NodeRef): void {
    if (before === 0 && after === 0) return;
    this.before.push(before);
    this.after.push(after);
    this.grown += (after === 0 ? 0 : 1) - (before === 0 ? 0 : 1);
    this.#tally.replace(before, after);
  }

  finish(): Changes {
    return {
      count: this.before.length,
      before: Uint32Array.from(this.before),
      after: Uint32Array.from(this.after),
      grown: this.grown,
    };
  }
}

/** Writes the nodes that change. `plans` begins with the apex when anything changes. */
function writeMain(writer: RecordWriter, plans: readonly Plan[], tally: Tally): Changes & { apex: NodeRef } {
  const { u8, u32 } = writer.space.arena;
  const changes = new ChangeList(tally);
  let apex = 0;
  for (const plan of plans) {
    const { base, name, rrsets, flags } = plan;
    if (!plan.exists) {
      changes.add(base, 0);
      continue;
    }
    if (base !== 0 && flags === nodeHeadFlags(u32[base]) && hasRRsets(u32, base, rrsets)) continue;
    const length = name.length - writer.apex.length;
    // A name that was there keeps its letters as they were first written.
    const node =
      base === 0
        ? writer.writeNode(flags, name, 0, length, rrsets, rrsets.length)
        : writer.writeNode(flags, u8, nodeOwnerAt(base, u32[base]), length, rrsets, rrsets.length);
    if (plan.parent === undefined) apex = node;
    changes.add(base, node);
  }
  return { ...changes.finish(), apex };
}

function hasRRsets(u32: Uint32Array, node: NodeRef, rrsets: readonly RRsetRef[]): boolean {
  if (nodeRRsetCount(u32[node]) !== rrsets.length) return false;
  return rrsets.every((rrset, i) => u32[node + 1 + i] === rrset);
}

function writeHashed(writer: RecordWriter, hashed: readonly OwnerChange[], tally: Tally): Changes {
  const changes = new ChangeList(tally);
  for (const { hash, base, rrsets } of hashed.toSorted((a, b) => compareOctets(a.hash!, b.hash!)))
    changes.add(
      base,
      rrsets.length === 0 ? 0 : writer.writeNode(NODE.HASHED, hash!, 0, hash!.length, rrsets, rrsets.length),
    );
  return changes.finish();
}
