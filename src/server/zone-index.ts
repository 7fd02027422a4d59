import { LOWER } from '../wire/name.ts';
import type { FoldedName } from '../zone/store/owner-order.ts';

/**
 * Finds the zone that a name belongs to: the longest apex that the name ends with. Allocation-free; a look-up hashes the
 * name once from the right and probes once for each of its labels, however many zones there are.
 */
export class ZoneIndex {
  /** Labels of the apex found last. */
  matchedLabels = 0;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #hashes: Int32Array;
  readonly #apexes: readonly Uint8Array[];
  #mostLabels = 0;
  /** 1 for each number of labels that an apex has. */
  readonly #depths = new Uint8Array(128);
  readonly #labelStart = new Uint8Array(128);

  constructor(apexes: readonly Uint8Array[]) {
    let size = 4;
    while (size < 2 * apexes.length) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size).fill(-1);
    this.#hashes = new Int32Array(apexes.length);
    this.#apexes = apexes;
    for (let zone = 0; zone < apexes.length; zone++) this.#insert(zone);
  }

  #insert(zone: number): void {
    const apex = this.#apexes[zone];
    let labels = 0;
    for (let at = 0; apex[at] !== 0; at += apex[at] + 1) this.#labelStart[labels++] = at;
    let hash = HASH_START;
    for (let label = labels - 1; label >= 0; label--) hash = hashLabel(hash, apex, this.#labelStart[label]);
    this.#mostLabels = Math.max(this.#mostLabels, labels);
    this.#depths[labels] = 1;
    this.#hashes[zone] = hash;
    let slot = fold(hash) & this.#mask;
    while (this.#slots[slot] >= 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = zone;
  }

  /** The same as `find` for a name that is taken apart already. */
  findName({ octets, starts, labels }: FoldedName, parentSide: boolean): number {
    let best = -1;
    let hash = HASH_START;
    const deepest = Math.min(labels, this.#mostLabels);
    for (let depth = 0; depth <= deepest; depth++) {
      const here = starts[labels - depth];
      if (depth > 0) hash = hashLabel(hash, octets, here);
      const zone = this.#depths[depth] === 0 ? -1 : this.#probe(hash, octets, here);
      if (zone < 0 || (parentSide && depth === labels && best >= 0)) continue;
      best = zone;
      this.matchedLabels = depth;
    }
    return best;
  }

  /**
   * Index of the zone for the name at name[at...], or -1.
   * @param parentSide for DS: the zone above is wanted when the name is an apex and we serve both (RFC 4035 section 3.1.4.1)
   */
  find(name: Uint8Array, at: number, parentSide: boolean): number {
    let labels = 0;
    for (let here = at; name[here] !== 0; here += name[here] + 1) this.#labelStart[labels++] = here - at;
    let best = -1;
    let hash = HASH_START;
    const deepest = Math.min(labels, this.#mostLabels);
    for (let depth = 0; depth <= deepest; depth++) {
      const here = depth === 0 ? rootAt(name, at, labels, this.#labelStart) : at + this.#labelStart[labels - depth];
      if (depth > 0) hash = hashLabel(hash, name, here);
      const zone = this.#probe(hash, name, here);
      if (zone < 0 || (parentSide && depth === labels && best >= 0)) continue;
      best = zone;
      this.matchedLabels = depth;
    }
    return best;
  }

  #probe(hash: number, name: Uint8Array, at: number): number {
    for (let slot = fold(hash) & this.#mask; this.#slots[slot] >= 0; slot = (slot + 1) & this.#mask) {
      const zone = this.#slots[slot];
      if (this.#hashes[zone] === hash && endsWith(name, at, this.#apexes[zone])) return zone;
    }
    return -1;
  }
}

const HASH_START = 0x811c9dc5 | 0;

function hashLabel(hash: number, name: Uint8Array, at: number): number {
  const end = at + name[at];
  for (let i = at; i <= end; i++) hash = Math.imul(hash ^ LOWER[name[i]], 0x01000193);
  return hash;
}

function fold(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}

function rootAt(name: Uint8Array, at: number, labels: number, labelStart: Uint8Array): number {
  if (labels === 0) return at;
  const last = at + labelStart[labels - 1];
  return last + name[last] + 1;
}

function endsWith(name: Uint8Array, at: number, apex: Uint8Array): boolean {
  for (let i = 0; i < apex.length; i++) if (LOWER[name[at + i]] !== LOWER[apex[i]]) return false;
  return true;
}
