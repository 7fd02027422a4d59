import type { NodeRef } from '../zone/store/arena.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';
import { KnownGaps } from './known-gaps.ts';
import { SoaBlock } from './soa-block.ts';

/**
 * What one answer after the other would find out again about the same version of a zone; made when it is first asked for.
 */
export class ZoneFacts {
  /** Ref and id of the version: refs are used again, ids are not. */
  version = 0;
  id = 0;
  /** Counts up when the facts are about something else. */
  generation = 0;
  readonly gaps = new KnownGaps();
  readonly #soa = new SoaBlock();
  #hasSoa = false;
  /** The closest encloser whose wildcard was shown not to exist last, and the proofs for it. */
  encloser: NodeRef = 0;
  /** Labels of the closest encloser that can be proven (of NSEC3 with opt-out it may be an ancestor). */
  provable = 0;
  /** NSEC3 that matches that encloser; 0 for NSEC. */
  matching: NodeRef = 0;
  /** NSEC or NSEC3 that covers the wildcard. */
  coveringWildcard: NodeRef = 0;

  forget(version: number, id: number): void {
    this.version = version;
    this.id = id;
    this.generation++;
    this.#hasSoa = false;
    this.encloser = 0;
    this.gaps.clear();
  }

  soa(reader: ZoneReader): SoaBlock {
    if (!this.#hasSoa) {
      this.#soa.build(reader);
      this.#hasSoa = true;
    }
    return this.#soa;
  }
}
