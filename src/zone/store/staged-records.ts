import { GrowingOctets, GrowingUint32 } from './growing.ts';
import { TYPE } from '../../wire/type-codes.ts';
import { compareOwners, equalFolded } from './owner-order.ts';
import { appendOwnerKey, sortByKeys } from './key-sort.ts';
import { compareRdata } from './rdata-order.ts';

/** Takes an owner's RRsets one after the other, RDATA and then RRSIGs in canonical order, each record once. */
export interface RRsetSink {
  begin(type: number, ttl: number): void;
  rdata(octets: Uint8Array, start: number, end: number): void;
  signature(octets: Uint8Array, start: number, end: number): void;
  end(): void;
}

/**
 * Records in order of arrival, in runs with the same owner. A record's kind is its type * 2, or, for an RRSIG, that of
 * the type covered + 1. Nothing is kept as an object: five million records are a few typed arrays.
 */
export class StagedRecords {
  readonly octets = new GrowingOctets();
  /** Per record. */
  readonly kinds = new GrowingUint32();
  readonly ttls = new GrowingUint32();
  readonly starts = new GrowingUint32();
  readonly ends = new GrowingUint32();
  /** Per run: its first record, and its owner (relative, or a hash) in octets. */
  readonly #firstRecords = new GrowingUint32();
  readonly #ownerStarts = new GrowingUint32();
  readonly #ownerEnds = new GrowingUint32();
  readonly #hashed: boolean;
  #sorted = true;
  #order: Uint32Array | undefined;

  constructor(hashed: boolean) {
    this.#hashed = hashed;
  }

  /** Gives all memory back; nothing is staged any more. */
  release(): void {
    const { octets, kinds, ttls, starts, ends } = this;
    const all = [octets, kinds, ttls, starts, ends, this.#firstRecords, this.#ownerStarts, this.#ownerEnds];
    for (const staging of all) staging.release();
    this.#order = undefined;
  }

  /** Forgets all records but keeps the room for others. */
  clear(): void {
    const { octets, kinds, ttls, starts, ends } = this;
    const all = [octets, kinds, ttls, starts, ends, this.#firstRecords, this.#ownerStarts, this.#ownerEnds];
    for (const staging of all) staging.length = 0;
    this.#order = undefined;
    this.#sorted = true;
  }

  get recordCount(): number {
    return this.kinds.length;
  }

  /** Adds a record at the owner octets[ownerAt, ownerEnd). */
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
    if (!this.#isSameOwner(owner, ownerAt, ownerEnd)) this.#beginRun(owner, ownerAt, ownerEnd);
    this.kinds.push(kind);
    this.ttls.push(ttl);
    const at = this.octets.append(rdata, start, end);
    this.starts.push(at);
    this.ends.push(at + end - start);
  }

  /** The very octets of the run before: the usual case. In other letters it becomes a run of its own, joined later. */
  #isSameOwner(owner: Uint8Array, at: number, end: number): boolean {
    const run = this.#firstRecords.length - 1;
    if (run < 0) return false;
    const start = this.#ownerStarts.array[run];
    if (this.#ownerEnds.array[run] - start !== end - at) return false;
    const { array } = this.octets;
    for (let i = 0; i < end - at; i++) if (array[start + i] !== owner[at + i]) return false;
    return true;
  }

  #beginRun(owner: Uint8Array, at: number, end: number): void {
    const run = this.#firstRecords.length;
    const start = this.octets.append(owner, at, end);
    this.#firstRecords.push(this.recordCount);
    this.#ownerStarts.push(start);
    this.#ownerEnds.push(start + end - at);
    if (this.#sorted && run > 0 && this.#compareRuns(run - 1, run) > 0) this.#sorted = false;
  }

  #compareRuns(a: number, b: number): number {
    const { array } = this.octets;
    const startA = this.#ownerStarts.array[a];
    const startB = this.#ownerStarts.array[b];
    if (!this.#hashed)
      return compareOwners(array, startA, this.#ownerEnds.array[a], array, startB, this.#ownerEnds.array[b]);
    for (let i = 0; startA + i < this.#ownerEnds.array[a]; i++) {
      const difference = array[startA + i] - array[startB + i];
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** Calls back for each owner in order with its records: `records` holds `count` numbers by order of arrival. */
  forEachOwner(visit: (ownerAt: number, ownerLength: number, records: Uint32Array, count: number) => void): void {
    const runs = this.#firstRecords.length;
    const order = this.#runOrder();
    const records = new GrowingUint32();
    for (let i = 0; i < runs;) {
      const first = order[i];
      records.length = 0;
      this.#recordsOfRun(first, records);
      let j = i + 1;
      while (j < runs && this.#isOwnerOf(first, order[j])) this.#recordsOfRun(order[j++], records);
      const at = this.#ownerStarts.array[first];
      visit(at, this.#ownerEnds.array[first] - at, records.array, records.length);
      i = j;
    }
  }

  /** True when both runs have the same owner, whatever its letters. */
  #isOwnerOf(a: number, b: number): boolean {
    const start = this.#ownerStarts.array[a];
    const length = this.#ownerEnds.array[a] - start;
    if (this.#ownerEnds.array[b] - this.#ownerStarts.array[b] !== length) return false;
    return this.#hashed
      ? this.#compareRuns(a, b) === 0
      : equalFolded(this.octets.array, start, this.octets.array, this.#ownerStarts.array[b], length);
  }

  #recordsOfRun(run: number, into: GrowingUint32): void {
    const runs = this.#firstRecords.length;
    const end = run + 1 < runs ? this.#firstRecords.array[run + 1] : this.recordCount;
    for (let record = this.#firstRecords.array[run]; record < end; record++) into.push(record);
  }

  /** Runs in canonical order of their owners, those with the same owner by arrival. */
  #runOrder(): Uint32Array {
    const runs = this.#firstRecords.length;
    if (this.#order !== undefined) return this.#order;
    if (this.#sorted) {
      this.#order = new Uint32Array(runs);
      for (let i = 0; i < runs; i++) this.#order[i] = i;
    } else this.#order = this.#insertionOrder(runs) ?? this.#sortRuns(runs);
    return this.#order;
  }

  /** The order when runs are so nearly in order that few have to move; undefined otherwise. */
  #insertionOrder(runs: number): Uint32Array | undefined {
    const order = new Uint32Array(runs);
    let moves = runs;
    for (let run = 1; run < runs; run++) {
      let i = run;
      for (; i > 0 && this.#compareRuns(order[i - 1], run) > 0; i--) {
        if (--moves < 0) return undefined;
        order[i] = order[i - 1];
      }
      order[i] = run;
    }
    return order;
  }

  #sortRuns(runs: number): Uint32Array {
    const keys = new GrowingOctets();
    const starts = new Uint32Array(runs + 1);
    for (let run = 0; run < runs; run++) {
      const start = this.#ownerStarts.array[run];
      const end = this.#ownerEnds.array[run];
      if (this.#hashed) keys.append(this.octets.array, start, end);
      else appendOwnerKey(this.octets.array, start, end, keys);
      starts[run + 1] = keys.length;
    }
    return sortByKeys(keys.array, starts);
  }

  /** Gives one owner's records, as `forEachOwner` shows them, to the sink as RRsets. Changes the order of `records`. */
  forEachRRset(records: Uint32Array, count: number, sink: RRsetSink): void {
    this.#sortByKind(records, count);
    for (let from = 0; from < count;) {
      const type = this.kinds.array[records[from]] >>> 1;
      let to = from;
      while (to < count && this.kinds.array[records[to]] >>> 1 === type) to++;
      this.#giveRRset(type, records, from, to, sink);
      from = to;
    }
  }

  /** By kind, and by arrival where that is the same. Most owners have a handful of records in order already. */
  #sortByKind(records: Uint32Array, count: number): void {
    const kinds = this.kinds.array;
    if (count > 64) {
      records.subarray(0, count).sort((a, b) => kinds[a] - kinds[b] || a - b);
      return;
    }
    for (let i = 1; i < count; i++) {
      const record = records[i];
      let j = i;
      for (; j > 0 && kinds[records[j - 1]] > kinds[record]; j--) records[j] = records[j - 1];
      records[j] = record;
    }
  }

  /** The records [from, to) are those of one RRset and the RRSIGs that cover it. The first TTL holds (RFC 2181 section 5.2). */
  #giveRRset(type: number, records: Uint32Array, from: number, to: number, sink: RRsetSink): void {
    const { kinds, ttls, starts, ends, octets } = this;
    const ttl = ttls.array[records[from]];
    let signatures = from;
    while (signatures < to && (kinds.array[records[signatures]] & 1) === 0) signatures++;
    this.#sortRdata(type, records, from, signatures);
    this.#sortRdata(TYPE.RRSIG, records, signatures, to);
    sink.begin(type, ttl);
    for (let i = from; i < to; i++) {
      const record = records[i];
      const isFirst = i === from || i === signatures;
      const isSignature = i >= signatures;
      if (!isFirst && this.#compare(isSignature ? TYPE.RRSIG : type, records[i - 1], record) === 0) continue;
      if (isSignature) sink.signature(octets.array, starts.array[record], ends.array[record]);
      else sink.rdata(octets.array, starts.array[record], ends.array[record]);
    }
    sink.end();
  }

  /** In canonical order; equal ones by arrival, so that the first is the one that stays. */
  #sortRdata(type: number, records: Uint32Array, from: number, to: number): void {
    if (to - from > 32) {
      records.subarray(from, to).sort((a, b) => this.#compare(type, a, b) || a - b);
      return;
    }
    for (let i = from + 1; i < to; i++) {
      const record = records[i];
      let j = i;
      for (; j > from && this.#compare(type, records[j - 1], record) > 0; j--) records[j] = records[j - 1];
      records[j] = record;
    }
  }

  #compare(type: number, a: number, b: number): number {
    const { starts, ends, octets } = this;
    return compareRdata(
      type,
      octets.array,
      starts.array[a],
      ends.array[a],
      octets.array,
      starts.array[b],
      ends.array[b],
    );
  }
}
