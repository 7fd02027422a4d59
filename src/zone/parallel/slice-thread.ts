import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { WriterClaim, WrittenExtents } from '../store/node-writer.ts';
import type { SliceOptions, SliceResult } from './slice-scanner.ts';

/*
 * A thread that reads slices, as the loading thread sees it, which never returns to its event loop meanwhile:
 *
 *    from the thread: ready                                   it has started: slices can be given
 *    to the thread:   slice, text                             at most QUEUE_DEPTH that are not answered
 *    from the thread: read, slice, what it has                or without a result when anything is to be told
 *    to the thread:   end
 *    from the thread: ended, the extents that it wrote
 *
 * After each message the thread moves `awake` on, which the loading thread waits for.
 */
export type ToSliceThread =
  { readonly kind: 'slice'; readonly slice: number; readonly text: Uint8Array<ArrayBuffer> } | { readonly kind: 'end' };
export type FromSliceThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'read'; readonly slice: number; readonly result: SliceResult | undefined }
  | { readonly kind: 'ended'; readonly written: WrittenExtents };

export interface SliceThreadData {
  readonly port: MessagePort;
  /** One word. */
  readonly awake: Int32Array;
  readonly shared: SharedArrayBuffer;
  readonly claim: WriterClaim;
  readonly options: SliceOptions;
}

/** A thread may have one slice waiting while it reads another, so that it is never idle. */
const QUEUE_DEPTH = 2;

export class SliceThread {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #isReady = false;
  #pending = 0;
  #written: WrittenExtents | undefined;

  /** @param gone called when the thread runs no more, some time after `end` or `stop` */
  constructor(data: Omit<SliceThreadData, 'port'>, gone: () => void) {
    const { port1, port2 } = new MessageChannel();
    // The build makes one bundle of each worker, beside the commands' bundles.
    const file = import.meta.url.endsWith('.ts') ? './load-worker.ts' : './load-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), {
      workerData: { ...data, port: port2 } satisfies SliceThreadData,
      transferList: [port2],
    });
    this.#port = port1;
    port1.unref();
    this.#worker.unref();
    // One that cannot start (its program is outside of a changed root) never says that it is ready, and is given nothing; one that
    // ends while it reads is found by its silence. Either exits.
    this.#worker.once('error', () => undefined);
    this.#worker.once('exit', gone);
  }

  /** True when a slice can be given. */
  get isFree(): boolean {
    return this.#isReady && this.#pending < QUEUE_DEPTH;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Slices that are not answered. */
  get pending(): number {
    return this.#pending;
  }

  /** What it wrote, after `end`. */
  get written(): WrittenExtents | undefined {
    return this.#written;
  }

  give(slice: number, text: Uint8Array<ArrayBuffer>): void {
    this.#pending++;
    this.#port.postMessage({ kind: 'slice', slice, text } satisfies ToSliceThread, [text.buffer]);
  }

  /** What it has said, oldest first; undefined when nothing is new. */
  receive(): FromSliceThread | undefined {
    const message: FromSliceThread | undefined = receiveMessageOnPort(this.#port)?.message;
    if (message?.kind === 'ready') this.#isReady = true;
    if (message?.kind === 'read') this.#pending--;
    if (message?.kind === 'ended') this.#written = message.written;
    return message;
  }

  /** Lets it tell what it wrote and end. */
  end(): void {
    this.#port.postMessage({ kind: 'end' } satisfies ToSliceThread);
  }

  /** Ends it soon, whatever it does. */
  stop(): void {
    this.#port.close();
    void this.#worker.terminate();
  }
}
