import type { Name } from '../../wire/name.ts';
import type { Arena, VersionRef } from './arena.ts';

/** Owner and RDATA are valid during the call only. */
export interface DiffSink {
  deleted(owner: Name, type: number, ttl: number, rdata: Uint8Array): void;
  added(owner: Name, type: number, ttl: number, rdata: Uint8Array): void;
}

export declare function diffVersions(arena: Arena, from: VersionRef, to: VersionRef, sink: DiffSink): void;
