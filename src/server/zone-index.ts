import { FoldedName, joinHashes } from '../wire/folded-name.ts';
import { LOWER } from '../wire/name.ts';

/**
 * Finds the zone that a name belongs to: the longest apex that the name ends with. Allocation-free; a look-up probes once for each
 * number of labels that apexes have, however many zones there are.
 */
export class ZoneIndex {
  /** Labels of the apex found last. */
  matchedLabels = 0;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #hashes: Int32Array;
  /** In lower case. */
  readonly #apexes: readonly Uint8Array[];
  #mostLabels = 0;
  /** 1 for each number of labels that an apex has. */
  readonly #depths = new Uint8Array(128);
  readonly #name = new FoldedName();

  /** @param seed that of the names that are looked up */
  constructor(apexes: readonly Uint8Array[], seed = 0) {
    let size = 4;
    while (size < 2 * apexes.length) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Int32Array(size).fill(-1);
    this.#hashes = new Int32Array(apexes.length);
    this.#apexes = apexes.map((apex) => Uint8Array.from(apex, (octet) => LOWER[octet]));
    this.#name.seed = seed;
    for (let zone = 0; zone < apexes.length; zone++) this.#insert(zone);
  }

  #insert(zone: number): void {
    this.#name.set(this.#apexes[zone], 0);
    const { hashes, labels } = this.#name;
    let hash = HASH_START;
    for (let label = labels - 1; label >= 0; label--) hash = joinHashes(hash, hashes[label]);
    this.#mostLabels = Math.max(this.#mostLabels, labels);
    this.#depths[labels] = 1;
    this.#hashes[zone] = hash;
    let slot = fold(hash) & this.#mask;
    while (this.#slots[slot] >= 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = zone;
  }

  /**
   * Index of the zone for the name, or -1.
   * @param parentSide for DS: the zone above is wanted when the name is an apex and we serve both (RFC 4035 section 3.1.4.1)
   */
  findName(name: FoldedName, parentSide: boolean): number {
    const { labels, hashes, octets, starts } = name;
    let best = -1;
    let hash = HASH_START;
    const deepest = Math.min(labels, this.#mostLabels);
    for (let depth = 0; depth <= deepest; depth++) {
      if (depth > 0) hash = joinHashes(hash, hashes[labels - depth]);
      if (this.#depths[depth] === 0) continue;
      const zone = this.#probe(hash, octets, starts[labels - depth], name.length);
      if (zone < 0 || (parentSide && depth === labels && best >= 0)) continue;
      best = zone;
      this.matchedLabels = depth;
    }
    return best;
  }

  /** The same for the name at name[at...]. */
  find(name: Uint8Array, at: number, parentSide: boolean): number {
    this.#name.set(name, at);
    return this.findName(this.#name, parentSide);
  }

  #probe(hash: number, name: Uint8Array, at: number, end: number): number {
    for (let slot = fold(hash) & this.#mask; this.#slots[slot] >= 0; slot = (slot + 1) & this.#mask) {
      const zone = this.#slots[slot];
      if (this.#hashes[zone] === hash && endsWith(name, at, end, this.#apexes[zone])) return zone;
    }
    return -1;
  }
}

const HASH_START = 0x811c9dc5 | 0;

function fold(hash: number): number {
  return (hash ^ (hash >>> 15)) >>> 0;
}

function endsWith(name: Uint8Array, at: number, end: number, apex: Uint8Array): boolean {
  if (end - at !== apex.length) return false;
  for (let i = 0; i < apex.length; i++) if (name[at + i] !== apex[i]) return false;
  return true;
}
