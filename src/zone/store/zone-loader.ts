import type { Name } from '../../wire/name.ts';
import type { VersionRef } from './arena.ts';

export interface LoadObserver {
  /** A record whose TTL differs from the first of its RRset, which is kept. */
  ttlMismatch?(owner: Name, type: number, kept: number, given: number): void;
}

export declare class ZoneLoader {
  /** False when the owner is not in the zone: then nothing was added. */
  add(
    owner: Uint8Array,
    ownerAt: number,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    start: number,
    end: number,
  ): boolean;
  readonly added: number;
  readonly duplicates: number;
  readonly ttlMismatches: number;
  finish(serial?: number): VersionRef;
}
