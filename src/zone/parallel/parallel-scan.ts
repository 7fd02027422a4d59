import { availableParallelism } from 'node:os';
import type { Disk } from '../../base/disk.ts';
import { equalOctets } from '../../base/octets.ts';
import { equalNames, type Name } from '../../wire/name.ts';
import { MasterFileScanner } from '../../zonefile/scanner.ts';
import type { ZoneCheckOptions } from '../checks/check-options.ts';
import { RecordChecks } from '../checks/record-checks.ts';
import type { Arena } from '../store/arena.ts';
import type { WriterClaim } from '../store/node-writer.ts';
import type { ZoneLoader } from '../store/zone-loader.ts';
import type { ZoneStore } from '../store/zone-store.ts';
import { LoaderSink } from './loader-sink.ts';
import { SliceScanner, type SliceOptions, type SliceResult } from './slice-scanner.ts';
import { SliceThread } from './slice-thread.ts';
import { cutBehind, firstCut } from './slices.ts';

/** Octets of text that a thread reads at a time. */
const SLICE_OCTETS = 1 << 20;
/** A text of fewer slices is read before another thread has started. */
const LEAST_SLICES = 16;
/** More threads would wait for the one that puts their nodes together. */
const MAX_THREADS = 4;
/** Milliseconds without a word of any thread, after which they are given up: a slice takes some twenty. */
const PATIENCE = 30_000;

/** Threads that are worth while for reading a large zone here, the calling one counted. */
export function loadingThreads(): number {
  return Math.min(MAX_THREADS, availableParallelism());
}

export interface ParallelScanOptions {
  readonly file: string;
  readonly zone: Name;
  readonly zoneClass: number | undefined;
  readonly maxTtl: number | undefined;
  readonly checks: ZoneCheckOptions;
  readonly now: number | undefined;
  /** Threads to read with, the calling one counted. */
  readonly threads: number;
  /** Octets of text that a thread reads at a time. Default: 1 MiB. */
  readonly sliceOctets?: number;
  /** The calling thread reads the text up to the first cut only, and waits for others to read the rest. */
  readonly othersReadAll?: boolean;
}

/** What is known of a text in which nothing is wrong. */
export interface ParallelScanResult {
  readonly records: number;
  readonly soaCount: number;
  readonly nsCount: number;
  readonly hasAlias: boolean;
}

/**
 * Reads a zone's text in several threads, each of which writes the nodes of its slices into the arena; the loader is given all of
 * them in the order of the text. The calling thread reads slices itself and waits for the last ones.
 * @returns undefined when the text is small, has directives near its end, or has anything that is to be told: then the loader
 * is to be abandoned and one thread to read it all, which finds all faults in their order
 */
export function scanInSlices(
  text: Uint8Array,
  options: ParallelScanOptions,
  dependencies: {
    readonly arena: Arena;
    readonly disk: Disk;
    readonly store: ZoneStore;
    readonly loader: ZoneLoader;
  },
): ParallelScanResult | undefined {
  const { sliceOctets = SLICE_OCTETS, threads } = options;
  if (text.length < LEAST_SLICES * sliceOctets) return undefined;
  const cut = firstCut(text);
  if (cut < 0 || cut > text.length >> 1) return undefined;
  const { file, zone, zoneClass, maxTtl, checks, now } = options;
  const sink = new RecordChecks({ checks, zone, now }, new LoaderSink(dependencies.loader));
  const head = new MasterFileScanner(
    { file, origin: zone, zone, zoneClass, maxTtl },
    { disk: dependencies.disk, sink },
  );
  const { faults, records } = head.scan(text.subarray(0, cut));
  if (faults.length > 0) return undefined;
  const { origin = zone, defaultTtl, lastOwner } = head;
  const slices = new ParallelScan(
    text,
    cut,
    { sliceOctets, readsItself: options.othersReadAll !== true },
    { zone, origin, defaultTtl, zoneClass, maxTtl, checks, now },
    dependencies,
  );
  return slices.scan(threads, { records, lastOwner, soa: sink.soa, nsCount: sink.nsCount, hasAlias: sink.hasAlias });
}

/** What is known of the text so far. */
type Sum = Omit<SliceResult, 'nodes' | 'hashNodes' | 'firstOwner'>;

class ParallelScan {
  readonly #text: Uint8Array;
  readonly #sliceOctets: number;
  readonly #readsItself: boolean;
  readonly #options: SliceOptions;
  readonly #arena: Arena;
  readonly #store: ZoneStore;
  readonly #loader: ZoneLoader;
  readonly #awake = new Int32Array(new SharedArrayBuffer(4));
  readonly #threads: SliceThread[] = [];
  /** Where the next slice begins. */
  #at: number;
  #slices = 0;
  /** Slices that are read, but wait for one before them. */
  readonly #waiting = new Map<number, SliceResult>();
  #joined = 0;
  #sum: Sum | undefined;

  constructor(
    text: Uint8Array,
    cut: number,
    { sliceOctets, readsItself }: { readonly sliceOctets: number; readonly readsItself: boolean },
    options: SliceOptions,
    dependencies: { readonly arena: Arena; readonly store: ZoneStore; readonly loader: ZoneLoader },
  ) {
    this.#text = text;
    this.#at = cut;
    this.#sliceOctets = sliceOctets;
    this.#readsItself = readsItself;
    this.#options = options;
    this.#arena = dependencies.arena;
    this.#store = dependencies.store;
    this.#loader = dependencies.loader;
  }

  scan(threads: number, head: Sum): ParallelScanResult | undefined {
    this.#sum = head;
    for (let i = 1; i < threads; i++) this.#start();
    const own = new SliceScanner(this.#options, () => this.#loader.writer);
    let isGood = false;
    try {
      isGood = this.#readAll(own) && this.#end();
    } finally {
      own.release();
      if (!isGood) for (const thread of this.#threads) thread.stop();
    }
    if (!isGood) return undefined;
    const { records, soa, nsCount, hasAlias } = this.#sum;
    return { records, soaCount: soa === undefined ? 0 : 1, nsCount, hasAlias };
  }

  #start(): void {
    const claim = this.#store.claim();
    const data = { awake: this.#awake, shared: this.#arena.shared, claim, options: this.#options };
    const thread: SliceThread = new SliceThread(data, () => this.#giveBack(thread, claim));
    this.#threads.push(thread);
  }

  /** What a thread took belongs to the loader when it told of it; otherwise it is free when the thread is gone. */
  #giveBack(thread: SliceThread, claim: WriterClaim): void {
    if (thread.written === undefined) this.#store.abandon(claim);
  }

  /** False when a slice is not good. */
  #readAll(own: SliceScanner): boolean {
    while (this.#at < this.#text.length) {
      if (!this.#receive()) return false;
      for (const thread of this.#threads) {
        while (thread.isFree && this.#at < this.#text.length) {
          const [slice, start, end] = this.#next();
          if (end < 0) return false;
          // A copy: `slice` of a Buffer would be none.
          thread.give(slice, new Uint8Array(this.#text.subarray(start, end)));
        }
      }
      if (this.#at >= this.#text.length) break;
      if (!this.#readsItself) {
        if (!this.#waitUntil(() => this.#threads.some(({ isFree }) => isFree))) return false;
        continue;
      }
      const [slice, start, end] = this.#next();
      if (end < 0 || !this.#take(slice, own.scan(this.#text.subarray(start, end)))) return false;
    }
    return this.#waitUntil(() => this.#threads.every(({ pending }) => pending === 0));
  }

  /** Number, start and end of the next slice; the end is -1 when the text cannot be cut. */
  #next(): [slice: number, start: number, end: number] {
    const start = this.#at;
    const end = cutBehind(this.#text, Math.min(this.#text.length, start + this.#sliceOctets));
    this.#at = end;
    return [this.#slices++, start, end];
  }

  /** False when one of the slices that were read is not good. */
  #receive(): boolean {
    for (const thread of this.#threads) {
      for (let message = thread.receive(); message !== undefined; message = thread.receive())
        if (message.kind === 'read' && !this.#take(message.slice, message.result)) return false;
    }
    return true;
  }

  /** False when a slice is not good, or a thread does not answer. */
  #waitUntil(isDone: () => boolean): boolean {
    for (;;) {
      const seen = Atomics.load(this.#awake, 0);
      if (!this.#receive()) return false;
      if (isDone()) return true;
      if (Atomics.wait(this.#awake, 0, seen, PATIENCE) === 'timed-out') return false;
    }
  }

  /** Joins the slice, or keeps it until those before it are there. False when it is not good. */
  #take(slice: number, result: SliceResult | undefined): boolean {
    if (result === undefined) return false;
    this.#waiting.set(slice, result);
    for (let next = this.#waiting.get(this.#joined); next !== undefined; next = this.#waiting.get(this.#joined)) {
      this.#waiting.delete(this.#joined++);
      if (!this.#join(next)) return false;
    }
    return true;
  }

  #join(slice: SliceResult): boolean {
    const sum = this.#sum as Sum;
    // All records of a run of one owner must be seen together, since they have one TTL (RFC 2181 section 5.2).
    const { firstOwner, lastOwner = sum.lastOwner } = slice;
    if (firstOwner && sum.lastOwner && equalNames(firstOwner as Name, sum.lastOwner as Name)) return false;
    if (sum.soa !== undefined && slice.soa !== undefined && !equalOctets(sum.soa, slice.soa)) return false;
    this.#sum = {
      records: sum.records + slice.records,
      lastOwner,
      soa: sum.soa ?? slice.soa,
      nsCount: sum.nsCount + slice.nsCount,
      hasAlias: sum.hasAlias || slice.hasAlias,
    };
    this.#loader.addWritten(slice);
    // At once: garbage outside of the heap is not collected for a long time.
    slice.nodes.buffer.transfer(0);
    slice.hashNodes.buffer.transfer(0);
    return true;
  }

  /** Takes over what the threads wrote. Those that never started have written nothing. */
  #end(): boolean {
    const started = this.#threads.filter(({ isReady }) => isReady);
    for (const thread of started) thread.end();
    if (!this.#waitUntil(() => started.every(({ written }) => written !== undefined))) return false;
    for (const thread of this.#threads) {
      if (thread.written !== undefined) this.#loader.adopt(thread.written);
      else thread.stop();
    }
    return true;
  }
}
