import type { Name } from '../../wire/name.ts';
import type { Arena, VersionRef } from './arena.ts';
import type { ExtentPool } from './extent-pool.ts';
import type { NodeWriter, WriterClaim, WrittenExtents } from './node-writer.ts';
import type { ZoneEdit } from './zone-edit.ts';
import type { LoadObserver, ZoneLoader } from './zone-loader.ts';

export declare class ZoneStore {
  constructor(options: { apex: Name }, dependencies: { arena: Arena; extents: ExtentPool });
  readonly apex: Name;
  readonly slot: number;
  load(observer?: LoadObserver): ZoneLoader;
  /** For a NodeWriter in any thread; estimate in octets of all that it will write. */
  claim(estimate?: number): WriterClaim;
  /** Takes back what a writer was given that will not hand it back (its thread died). */
  abandon(claim: WriterClaim): void;
  assemble(nodes: Uint32Array, hashNodes: Uint32Array, from?: readonly (NodeWriter | WrittenExtents)[]): VersionRef;
  edit(base: VersionRef): ZoneEdit;
  publish(version: VersionRef): void;
  current(): VersionRef;
  /** Keeps a version readable beyond release() until the handle is released. */
  hold(version: VersionRef): { release(): void };
  release(version: VersionRef): void;
  versions(): VersionRef[];
  compactIfWorthwhile(): void;
  /** Gives everything back; the store is unusable afterwards. */
  dispose(): void;
}
