import { type FoldedName, joinHashes, labelHash } from '../../wire/folded-name.ts';
import { LOWER, MAX_NAME_LENGTH } from '../../wire/name.ts';

/*
 * Owners in the arena are relative: the labels left of the apex, without an end. The apex is the empty sequence. These
 * functions compare and hash such sequences without allocating; case does not count (RFC 4343).
 */

/** Names have at most 127 labels, relative ones fewer. */
const MAX_LABELS = 128;
const STARTS_A = new Uint8Array(MAX_LABELS);
const STARTS_B = new Uint8Array(MAX_LABELS);

/** Fills `starts` with the offsets of the labels in octets[at, end); returns their number. */
function labelStarts(octets: Uint8Array, at: number, end: number, starts: Uint8Array): number {
  let count = 0;
  for (let here = at; here < end; here += octets[here] + 1) starts[count++] = here - at;
  return count;
}

/** Canonical order (RFC 4034 section 6.1) of two relative owners: negative, zero or positive. */
export function compareOwners(
  a: Uint8Array,
  atA: number,
  endA: number,
  b: Uint8Array,
  atB: number,
  endB: number,
): number {
  return compareLabels(a, atA, STARTS_A, labelStarts(a, atA, endA, STARTS_A), b, atB, endB);
}

/** The same with the labels of `a` known already: for one name that is compared with many. */
function compareLabels(
  a: Uint8Array,
  atA: number,
  startsA: Uint8Array,
  labelsA: number,
  b: Uint8Array,
  atB: number,
  endB: number,
): number {
  if (labelsA > 0 && atB < endB && atB + b[atB] + 1 === endB) {
    // Most owners have one label.
    const difference = compareLabel(a, atA + startsA[labelsA - 1], b, atB);
    return difference === 0 ? labelsA - 1 : difference;
  }
  const labelsB = labelStarts(b, atB, endB, STARTS_B);
  const shared = labelsA < labelsB ? labelsA : labelsB;
  for (let i = 1; i <= shared; i++) {
    const difference = compareLabel(a, atA + startsA[labelsA - i], b, atB + STARTS_B[labelsB - i]);
    if (difference !== 0) return difference;
  }
  return labelsA - labelsB;
}

/** Order of the labels at a[atA] and b[atB]. */
export function compareLabel(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  const lengthA = a[atA];
  const lengthB = b[atB];
  const end = atA + (lengthA < lengthB ? lengthA : lengthB);
  while (atA < end) {
    const octetA = a[++atA];
    const octetB = b[++atB];
    if (octetA === octetB) continue;
    const difference = LOWER[octetA] - LOWER[octetB];
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}

/** True when both sequences are equal but for the case of ASCII letters. Length octets are below the letters. */
export function equalFolded(a: Uint8Array, atA: number, b: Uint8Array, atB: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const octetA = a[atA + i];
    const octetB = b[atB + i];
    if (octetA !== octetB && LOWER[octetA] !== LOWER[octetB]) return false;
  }
  return true;
}

/** Spreads a hash over all 32 bits. */
function finishHash(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Hash of a relative owner. */
export function hashOwner(octets: Uint8Array, at: number, end: number, seed: number): number {
  let hash = seed;
  for (let i = labelStarts(octets, at, end, STARTS_A) - 1; i >= 0; i--)
    hash = joinHashes(hash, labelHash(octets, at + STARTS_A[i], seed));
  return finishHash(hash);
}

/** One name taken apart for look-ups. Reused for every name, so that looking up allocates nothing. */
export class LookupName {
  octets: Uint8Array = new Uint8Array(1);
  at = 0;
  /** Labels left of the apex, and where the apex's labels begin (relative to `at`). */
  labels = 0;
  end = 0;
  readonly #starts = new Uint8Array(MAX_LABELS);
  starts = this.#starts;
  /** hashes[k] is that of the k rightmost labels left of the apex. */
  readonly hashes = new Uint32Array(MAX_LABELS);

  /** Takes a name that is known to be in the zone, and has the same seed; it must not change while it is looked up. */
  use(name: FoldedName, apexLabels: number, seed: number): void {
    const { octets, starts } = name;
    const labels = name.labels - apexLabels;
    this.octets = octets;
    this.at = 0;
    this.starts = starts;
    this.labels = labels;
    this.end = starts[labels];
    const { hashes } = this;
    let hash = seed;
    hashes[0] = finishHash(hash);
    for (let i = labels - 1; i >= 0; i--) {
      hash = joinHashes(hash, name.hashes[i]);
      hashes[labels - i] = finishHash(hash);
    }
  }

  /** False when the octets at `at` are no name, or one that is not in the zone. */
  set(octets: Uint8Array, at: number, apex: Uint8Array, apexLength: number, apexLabels: number, seed: number): boolean {
    const starts = (this.starts = this.#starts);
    const limit = Math.min(octets.length, at + MAX_NAME_LENGTH);
    let count = 0;
    let here = at;
    for (;;) {
      if (here >= limit) return false;
      const length = octets[here];
      if (length === 0) break;
      if (length > 63) return false;
      starts[count++] = here - at;
      here += length + 1;
    }
    const end = here + 1 - at - apexLength;
    const labels = count - apexLabels;
    if (labels < 0 || end < 0 || (labels === 0 ? end !== 0 : starts[labels] !== end && apexLabels > 0)) return false;
    if (!equalFolded(octets, at + end, apex, 0, apexLength)) return false;
    this.octets = octets;
    this.at = at;
    this.labels = labels;
    this.end = end;
    let hash = seed;
    this.hashes[0] = finishHash(hash);
    for (let i = labels - 1; i >= 0; i--) {
      hash = joinHashes(hash, labelHash(octets, at + starts[i], seed));
      this.hashes[labels - i] = finishHash(hash);
    }
    return true;
  }

  /** Compares with a relative owner in canonical order. */
  compare(owner: Uint8Array, ownerAt: number, ownerEnd: number): number {
    return compareLabels(this.octets, this.at, this.starts, this.labels, owner, ownerAt, ownerEnd);
  }

  /** True when the relative owner octets[at, end) is this name or below it. */
  isAtOrAbove(octets: Uint8Array, at: number, end: number): boolean {
    const start = end - this.end;
    if (start < at) return false;
    let label = at;
    while (label < start) label += octets[label] + 1;
    return label === start && equalFolded(octets, start, this.octets, this.at, this.end);
  }
}
