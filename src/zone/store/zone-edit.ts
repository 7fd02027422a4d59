import type { Name } from '../../wire/name.ts';
import type { VersionRef } from './arena.ts';

export declare class ZoneEdit {
  setRRset(
    owner: Name,
    type: number,
    ttl: number,
    rdatas: readonly Uint8Array[],
    signatures?: readonly Uint8Array[],
  ): void;
  deleteRRset(owner: Name, type: number): void;
  /** False when the record was there already. */
  addRecord(owner: Name, type: number, ttl: number, rdata: Uint8Array): boolean;
  /** False when there was no such record. */
  deleteRecord(owner: Name, type: number, rdata: Uint8Array): boolean;
  setSignatures(owner: Name, typeCovered: number, signatures: readonly Uint8Array[]): void;
  touched(): Name[];
  commit(): VersionRef;
}
