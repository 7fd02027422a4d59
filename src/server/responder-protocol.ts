import type { LogRecord } from '../base/log.ts';
import type { StreamSettings } from '../net/stream-settings.ts';
import type { ListenAddress, ResponderOptions } from './responder.ts';
import type { ServerTables } from './server-tables.ts';

/* Messages between the control thread and a responder thread. All are plain data. */

/** `workerData` of a responder thread. */
export interface ResponderWorkerData {
  readonly arena: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** Row of the counters that this thread writes. */
  readonly row: number;
  readonly options: ResponderOptions;
}

export type ToResponder =
  | { readonly kind: 'tables'; readonly request: number; readonly tables: ServerTables }
  | {
      readonly kind: 'listen';
      readonly request: number;
      readonly addresses: readonly ListenAddress[];
      readonly streams: StreamSettings;
    }
  /** Bring all counters up to date. */
  | { readonly kind: 'counters'; readonly request: number }
  | { readonly kind: 'close'; readonly request: number }
  /** The control thread's answer to a `control` message; undefined: none is sent. */
  | { readonly kind: 'answer'; readonly id: number; readonly octets: Uint8Array | undefined };

export type FromResponder =
  | { readonly kind: 'started' }
  /** A place among the arena's readers was taken or given back; those of a thread that dies are cleared for it. */
  | { readonly kind: 'reader'; readonly readerId: number; readonly isOpen: boolean }
  | { readonly kind: 'done'; readonly request: number; readonly addresses?: readonly ListenAddress[] }
  | { readonly kind: 'failed'; readonly request: number; readonly error: PlainError }
  | { readonly kind: 'log'; readonly record: LogRecord }
  | {
      readonly kind: 'control';
      readonly id: number;
      readonly octets: Uint8Array;
      readonly client: Uint8Array;
      readonly clientPort: number;
      readonly local: ListenAddress;
      readonly overTcp: boolean;
    };

/** A SignetError that can be sent to another thread. */
export interface PlainError {
  readonly code: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, string | number | boolean | undefined>>;
}
