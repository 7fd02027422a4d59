import type { FoldedName } from '../wire/folded-name.ts';
import type { NodeRef } from '../zone/store/arena.ts';
import { compareLabel } from '../zone/store/owner-order.ts';
import type { ZoneReader } from '../zone/store/zone-reader.ts';

/** One for each octet that a name in lower case usually begins with. */
const GAPS = 128;
/** Words of a gap: its NSEC node, and the octets of the arena where its bounds are. */
const WORDS = 3;
/** What a gap that was found is worth, in names that were not. */
const REWARD = 4;
const MOST_CREDIT = 64;
/** Without credit one name in so many is looked for. */
const SAMPLE = 32;

/**
 * Gaps between names next to the apex of one version of a zone, where names were asked for of late. In a flood of random names many
 * fall into few gaps, because the names of a zone are not random: those need no search, neither for the name nor for its NSEC. It is
 * RFC 8198 on the server's own side. In zones and times where it does not help it costs next to nothing.
 */
export class KnownGaps {
  #gaps = new Uint32Array(0);
  #isUsed = false;
  #credit = MOST_CREDIT;
  #asked = 0;
  #isLooking = false;

  /** Forgets all gaps: another version is shown. */
  clear(): void {
    if (this.#isUsed) this.#gaps.fill(0);
    this.#isUsed = false;
  }

  /**
   * The node of the NSEC that covers the name, which is then not in the zone and has the apex as its closest encloser; 0 when that
   * is not known.
   */
  find(reader: ZoneReader, name: FoldedName): NodeRef {
    this.#isLooking = this.#isUsed && (this.#credit > 0 || (++this.#asked & (SAMPLE - 1)) === 0);
    if (!this.#isLooking || name.labels !== reader.apexLabels + 1) return 0;
    const at = WORDS * (name.octets[1] & (GAPS - 1));
    const node = this.#gaps[at];
    const { u8 } = reader.arena;
    const low = this.#gaps[at + 1];
    const high = this.#gaps[at + 2];
    const isWithin =
      node !== 0 &&
      (low === 0 || compareLabel(name.octets, 0, u8, low) > 0) &&
      (high === 0 || compareLabel(name.octets, 0, u8, high) < 0);
    if (isWithin) this.#credit = Math.min(MOST_CREDIT, this.#credit + REWARD);
    else if (this.#credit > 0) this.#credit--;
    return isWithin ? node : 0;
  }

  /**
   * Remembers the gap of the name that was not found last: `nsec` covers it, and it is between two neighbours in the zone's order.
   * @param before the apex has no bound
   * @param behind 0 at the end of the zone
   */
  keep(reader: ZoneReader, name: FoldedName, nsec: NodeRef, before: NodeRef, behind: NodeRef): void {
    if (nsec === 0 || name.labels !== reader.apexLabels + 1 || (this.#isUsed && !this.#isLooking)) return;
    if (this.#gaps.length === 0) this.#gaps = new Uint32Array(WORDS * GAPS);
    this.#isUsed = true;
    const at = WORDS * (name.octets[1] & (GAPS - 1));
    this.#gaps[at] = nsec;
    this.#gaps[at + 1] = reader.labelBelowApex(before);
    this.#gaps[at + 2] = behind === 0 ? 0 : reader.labelBelowApex(behind);
  }
}
