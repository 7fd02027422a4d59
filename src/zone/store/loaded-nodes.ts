import type { Arena, NodeRef, RRsetRef } from './arena.ts';
import { GrowingOctets, GrowingUint32 } from './growing.ts';
import { appendOwnerKey, sortByKeys } from './key-sort.ts';
import { NODE, nodeOwnerAt, nodeOwnerLength, nodeRRsetCount } from './layout.ts';
import { byHash, byOwner, type NodeOrder } from './ordered-index.ts';
import { copyEntry, entryEnd, entryLength, isLastEntry } from './rdata-entry.ts';
import { firstRdataAt, firstSignatureAt, type RecordWriter } from './record-writer.ts';
import { type RRsetSink, StagedRecords } from './staged-records.ts';

/** Records, and octets, that wait before they are written: enough to bring an owner's records together in most files. */
const BATCH_RECORDS = 16_384;
const BATCH_OCTETS = 1 << 22;
/** Nodes before the present batch that it may mix with; a batch that belongs further back has everything sorted at the end. */
const LOOK_BACK = 16_384;

/**
 * Nodes of one tree made from records in any order. Records are staged for one batch only and then written into the arena, so
 * that loading takes little memory beside the zone. Nodes stay in order as long as the file is nearly in order; what is not is
 * sorted at the end, and nodes of one owner that came apart are joined then, each once.
 */
export class LoadedNodes {
  readonly #hashed: boolean;
  readonly #compare: NodeOrder;
  readonly #staged: StagedRecords;
  #nodes = new GrowingUint32();
  readonly #batch = new GrowingUint32();
  #isSorted = true;
  /** Nodes of the same owner are in the list. */
  #hasEqual = false;
  #scratch = new Uint8Array(0);

  constructor(hashed: boolean) {
    this.#hashed = hashed;
    this.#compare = hashed ? byHash : byOwner;
    this.#staged = new StagedRecords(hashed);
  }

  /** The next `add` must be preceded by `flush`. */
  get isFull(): boolean {
    return this.#staged.recordCount >= BATCH_RECORDS || this.#staged.octets.length >= BATCH_OCTETS;
  }

  /** As StagedRecords.add. */
  add(
    owner: Uint8Array,
    ownerAt: number,
    ownerEnd: number,
    kind: number,
    ttl: number,
    rdata: Uint8Array,
    start: number,
    end: number,
  ): void {
    this.#staged.add(owner, ownerAt, ownerEnd, kind, ttl, rdata, start, end);
  }

  /** Writes what is staged. @throws SignetError RRSET_TOO_LARGE, ARENA_FULL */
  flush(writer: RecordWriter): void {
    if (this.#staged.recordCount === 0) return;
    const batch = this.#batch;
    batch.length = 0;
    const refs: RRsetRef[] = [];
    const { octets } = this.#staged;
    const sink: RRsetSink = { ...sinkInto(writer), end: () => void refs.push(writer.endRRset()) };
    this.#staged.forEachOwner((at, length, records, count) => {
      refs.length = 0;
      this.#staged.forEachRRset(records, count, sink);
      batch.push(writer.writeNode(0, octets.array, at, length, refs, refs.length));
    });
    this.#staged.clear();
    this.#append(writer.space.arena, batch.view());
  }

  /**
   * Adds nodes that are written already, as if their records had come behind all before.
   * @param written refs in order, one an owner
   */
  addWritten(writer: RecordWriter, written: Uint32Array): void {
    this.flush(writer);
    if (written.length > 0) this.#append(writer.space.arena, written);
  }

  /** Puts the batch behind the nodes, or, when its beginning belongs further to the front, between the last of them. */
  #append(arena: Arena, batch: Uint32Array): void {
    const nodes = this.#nodes;
    const count = nodes.length;
    for (let i = 0; i < batch.length; i++) nodes.push(batch[i]);
    if (!this.#isSorted || count === 0) return;
    const { array } = nodes;
    const least = Math.max(0, count - LOOK_BACK);
    if (least > 0 && this.#compare(arena, array[least - 1], batch[0]) >= 0) {
      this.#isSorted = false;
      return;
    }
    // Merged from the end, beginning with what of the batch is not behind all nodes: of equal owners the older node stays in front.
    let old = count - 1;
    let fresh = this.#mixed(arena, array[old], batch) - 1;
    for (let to = count + fresh; fresh >= 0 && old >= least; to--) {
      const order = this.#compare(arena, array[old], batch[fresh]);
      if (order === 0) this.#hasEqual = true;
      array[to] = order > 0 ? array[old--] : batch[fresh--];
    }
    for (; fresh >= 0; fresh--) array[old + 1 + fresh] = batch[fresh];
  }

  /** How many nodes of the batch are not behind `last`. */
  #mixed(arena: Arena, last: NodeRef, batch: Uint32Array): number {
    let low = 0;
    let high = batch.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(arena, last, batch[middle]) < 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** All nodes in order, one an owner. @throws as `flush` */
  finish(writer: RecordWriter): Uint32Array {
    this.flush(writer);
    this.#staged.release();
    return this.#ordered(writer);
  }

  /** As `finish`, and begins anew without any nodes. */
  take(writer: RecordWriter): Uint32Array<ArrayBuffer> {
    this.flush(writer);
    const nodes = this.#ordered(writer).slice();
    this.#nodes.length = 0;
    this.#isSorted = true;
    this.#hasEqual = false;
    return nodes;
  }

  #ordered(writer: RecordWriter): Uint32Array {
    if (!this.#isSorted) this.#sort(writer.space.arena);
    if (this.#hasEqual) this.#join(writer);
    return this.#nodes.view();
  }

  release(): void {
    this.#staged.release();
    this.#nodes.release();
    this.#batch.release();
  }

  /** Nodes of the same owner stay in the order of their arrival. */
  #sort(arena: Arena): void {
    const { u8, u32 } = arena;
    const nodes = this.#nodes.view();
    const keys = new GrowingOctets();
    const starts = new Uint32Array(nodes.length + 1);
    for (let i = 0; i < nodes.length; i++) {
      const head = u32[nodes[i]];
      const at = nodeOwnerAt(nodes[i], head);
      if (this.#hashed) keys.append(u8, at, at + nodeOwnerLength(head));
      else appendOwnerKey(u8, at, at + nodeOwnerLength(head), keys);
      starts[i + 1] = keys.length;
    }
    const order = sortByKeys(keys.array, starts);
    keys.release();
    const sorted = new GrowingUint32();
    for (let i = 0; i < order.length; i++) sorted.push(nodes[order[i]]);
    this.#nodes.release();
    this.#nodes = sorted;
    this.#isSorted = true;
    this.#hasEqual = true; // nobody has looked
  }

  #join(writer: RecordWriter): void {
    const { arena } = writer.space;
    const nodes = this.#nodes;
    let to = 0;
    for (let i = 0; i < nodes.length;) {
      let j = i + 1;
      while (j < nodes.length && this.#compare(arena, nodes.array[i], nodes.array[j]) === 0) j++;
      nodes.array[to++] = j === i + 1 ? nodes.array[i] : this.#joined(writer, nodes.array.subarray(i, j));
      i = j;
    }
    nodes.length = to;
  }

  /** A node with all that these nodes of one owner have. */
  #joined(writer: RecordWriter, nodes: Uint32Array): NodeRef {
    const { arena } = writer.space;
    const { u8, u32 } = arena;
    const rrsets: RRsetRef[] = [];
    for (const node of nodes)
      for (let i = 1, end = nodeRRsetCount(u32[node]); i <= end; i++) rrsets.push(u32[node + i]);
    // Array.sort keeps the order of arrival where types are the same.
    rrsets.sort((a, b) => (u32[a] >>> 16) - (u32[b] >>> 16));
    const refs: RRsetRef[] = [];
    for (let i = 0; i < rrsets.length;) {
      let j = i + 1;
      while (j < rrsets.length && u32[rrsets[j]] >>> 16 === u32[rrsets[i]] >>> 16) j++;
      refs.push(j === i + 1 ? rrsets[i] : this.#joinedRRset(writer, rrsets.slice(i, j)));
      i = j;
    }
    const head = u32[nodes[0]];
    return writer.writeNode(
      this.#hashed ? NODE.HASHED : 0,
      u8,
      nodeOwnerAt(nodes[0], head),
      nodeOwnerLength(head),
      refs,
      refs.length,
    );
  }

  /** One RRset with the records of several, as if they had come together: the first TTL holds, equal records are one. */
  #joinedRRset(writer: RecordWriter, rrsets: readonly RRsetRef[]): RRsetRef {
    const { u32 } = writer.space.arena;
    const staged = new StagedRecords(false);
    for (const rrset of rrsets) {
      const kind = 2 * (u32[rrset] >>> 16);
      this.#stage(writer, staged, kind, u32[rrset + 1], firstRdataAt(u32, rrset));
      this.#stage(writer, staged, kind + 1, u32[rrset + 1], firstSignatureAt(u32, rrset));
    }
    let joined = 0;
    const sink: RRsetSink = { ...sinkInto(writer), end: () => (joined = writer.endRRset()) };
    staged.forEachOwner((_at, _length, records, count) => staged.forEachRRset(records, count, sink));
    staged.release();
    return joined;
  }

  #stage(writer: RecordWriter, staged: StagedRecords, kind: number, ttl: number, first: number): void {
    const { u8, u32 } = writer.space.arena;
    const { apex } = writer;
    for (let position = first; position !== 0;) {
      const length = entryLength(u8, position, apex.length);
      if (length > this.#scratch.length) this.#scratch = new Uint8Array(2 * length);
      copyEntry(u8, u32, position, apex, apex.length, this.#scratch, 0);
      staged.add(NO_OWNER, 0, 0, kind, ttl, this.#scratch, 0, length);
      position = isLastEntry(u8, position) ? 0 : entryEnd(u8, position);
    }
  }
}

const NO_OWNER = new Uint8Array(0);

function sinkInto(writer: RecordWriter): Omit<RRsetSink, 'end'> {
  return {
    begin: (type, ttl) => writer.beginRRset(type, ttl),
    rdata: (octets, start, end) => writer.rdata(octets, start, end),
    signature: (octets, start, end) => writer.signature(octets, start, end),
  };
}
