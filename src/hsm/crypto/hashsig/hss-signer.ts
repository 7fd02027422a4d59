import { createHash } from 'node:crypto';
import { concatOctets, equalOctets } from '../../../base/octets.ts';
import { HalError, HalStatus } from '../../hal-status.ts';
import type { SigningState } from '../key-engine.ts';
import type { NativeKeys } from '../native-keys.ts';
import { type HssParameters, type HssPrivateKey, lmsPublicKey } from './hss-key.ts';
import { messageHash } from './hss-verify.ts';
import { LmsTree } from './lms-tree.ts';
import { ID_LENGTH, N, uint32 } from './parameters.ts';

/**
 * Signs with a hash-based key (RFC 8554 section 6.2). The position counts in leaves of the lowest level, with a carry into the level
 * above; it is moved in `reserve`, which gives the key to be stored, before a signature can come from `sign`.
 *
 *     stored position >= next leaf: what lies between is reserved. A key that is opened again goes on at its stored position, and what
 *     was reserved and not used is lost, never used twice.
 */
export class HssSigner implements SigningState {
  readonly #native: NativeKeys;
  readonly #key: HssPrivateKey;
  /** Makes PKCS#8 of the key's own form. */
  readonly #write: (key: HssPrivateKey) => Uint8Array;
  #next: readonly number[];
  #stored: readonly number[];
  #reserved = 0;
  /** The trees that sign now, the highest first. Those that are not there are made when they are wanted. */
  #levels: Level[] = [];

  constructor(native: NativeKeys, key: HssPrivateKey, write: (key: HssPrivateKey) => Uint8Array) {
    this.#native = native;
    // Copies: the caller clears what it has. (slice() of a Buffer would share its memory.)
    this.#key = { ...key, id: copied(key.id), seed: copied(key.seed), root: copied(key.root) };
    this.#write = write;
    this.#next = key.position;
    this.#stored = key.position;
    const caches = key.caches;
    for (let level = 0; level < key.levels && !this.#isUsedUp(this.#next); level++)
      this.#addLevel(copied(caches[level]));
  }

  get left(): number {
    return Math.min(remaining(this.#stored, this.#key) + this.#reserved, Number.MAX_SAFE_INTEGER);
  }

  reserve(count: number): Uint8Array {
    if (!Number.isSafeInteger(count) || count < 1) throw new HalError(HalStatus.BAD_ARGUMENTS, `${count} signatures cannot be reserved`); // prettier-ignore
    if (count > remaining(this.#stored, this.#key)) throw this.#exhausted();
    const position = advance(this.#stored, count, this.#key);
    const written = this.#write({ ...this.#key, position, caches: this.#cachesAt(position) });
    this.#stored = position;
    this.#reserved += count;
    return written;
  }

  /** What the next signature needs is made in threads, so that `sign` takes a millisecond. Without it `sign` makes it itself. */
  async prepare(): Promise<void> {
    if (this.#isUsedUp(this.#next)) return;
    const position = this.#next;
    this.#goTo(position);
    // The list may change meanwhile: what is made for trees that have gone is dropped.
    for (const [level, { tree }] of [...this.#levels].entries()) await tree.prepare(position[level]);
  }

  sign(message: Uint8Array): Uint8Array {
    if (this.#isUsedUp(this.#next)) throw this.#exhausted();
    if (this.#reserved === 0)
      throw new HalError(
        HalStatus.ASSERTION_FAILED,
        'a signature by a hash-based key was asked for before it was reserved',
      );
    this.#goTo(this.#next);
    this.#checkRoot();
    const signature = this.#signAt(this.#next, message);
    this.#next = advance(this.#next, 1, this.#key);
    this.#reserved--;
    return signature;
  }

  clear(): void {
    this.#key.seed.fill(0);
    for (const { seed } of this.#levels) seed.fill(0);
    this.#levels = [];
    // Nothing can be signed any more.
    this.#next = [2 ** this.#key.lms.h, ...this.#key.position.slice(1).fill(0)];
    this.#stored = this.#next;
    this.#reserved = 0;
  }

  #signAt(position: readonly number[], message: Uint8Array): Uint8Array {
    const last = this.#levels.length - 1;
    const parts: Uint8Array[] = [uint32(last)];
    for (let level = 0; level < last; level++) parts.push(this.#signedBelow(level));
    parts.push(lmsSign(this.#native, this.#key, this.#levels[last], position[last], message));
    return concatOctets(parts);
  }

  /** signed_pub_key[level]: the root of the tree below, signed by this one. Made once for each tree; equal however often it is made. */
  #signedBelow(level: number): Uint8Array {
    const below = this.#levels[level + 1];
    if (below.signed === undefined) {
      const key = lmsPublicKey(this.#key, below.id, below.tree.root);
      const upper = this.#levels[level];
      below.signed = concatOctets([lmsSign(this.#native, this.#key, upper, below.leaf, key), key]);
    }
    return below.signed;
  }

  /** Trees that no longer sign go, those that do now come. */
  #goTo(position: readonly number[]): void {
    let keep = 1;
    while (keep < this.#levels.length && this.#levels[keep].leaf === position[keep - 1]) keep++;
    for (const { seed } of this.#levels.slice(keep)) seed.fill(0);
    this.#levels.length = keep;
    while (this.#levels.length < this.#key.levels) this.#addLevel(new Uint8Array());
  }

  #addLevel(cache: Uint8Array): void {
    const above = this.#levels.at(-1);
    const leaf = above === undefined ? 0 : this.#next[this.#levels.length - 1];
    const { id, seed } =
      above === undefined ? { id: this.#key.id, seed: copied(this.#key.seed) } : childOf(above, leaf);
    const tree = new LmsTree(this.#native, this.#key.lms, this.#key.lmots, { id, seed }, cache);
    this.#levels.push({ id, seed, leaf, tree, signed: undefined, isChecked: false });
  }

  /** A key whose seed does not lead to its public key would give signatures that nobody can verify. */
  #checkRoot(): void {
    const [highest] = this.#levels;
    if (highest.isChecked) return;
    if (!equalOctets(highest.tree.root, this.#key.root))
      throw new HalError(
        HalStatus.UNSUPPORTED_KEY,
        'the hash-based key does not belong to its public key; restore it from a backup',
      );
    highest.isChecked = true;
  }

  /** Nodes of those trees that sign at `position`, too. */
  #cachesAt(position: readonly number[]): Uint8Array[] {
    const caches = Array.from({ length: this.#key.levels }, () => new Uint8Array());
    for (let level = 0; level < this.#levels.length; level++) {
      if (level > 0 && this.#levels[level].leaf !== position[level - 1]) break;
      caches[level] = this.#levels[level].tree.cache as Uint8Array<ArrayBuffer>;
    }
    return caches;
  }

  #isUsedUp(position: readonly number[]): boolean {
    return position[0] === 2 ** this.#key.lms.h;
  }

  #exhausted(): HalError {
    const message = `the hash-based key has no signatures left for this (${this.left} are left); make a new key`;
    return new HalError(HalStatus.HASHSIG_KEY_EXHAUSTED, message, { left: this.left });
  }
}

interface Level {
  readonly id: Uint8Array;
  readonly seed: Uint8Array;
  /** The leaf of the level above that signs this tree. */
  readonly leaf: number;
  readonly tree: LmsTree;
  signed: Uint8Array | undefined;
  isChecked: boolean;
}

function copied(octets: Uint8Array): Uint8Array {
  return Uint8Array.from(octets);
}

/** Values that follow from a seed (appendix A): H(I || u32str(q) || u16str(i) || u8str(0xff) || SEED). Chains have i up to 264. */
const CHILD_ID = Uint8Array.of(0xff, 0xff, 0xff);
const CHILD_SEED = Uint8Array.of(0xff, 0xfe, 0xff);
const RANDOMIZER = Uint8Array.of(0xff, 0xfd, 0xff);

function derive(tree: { readonly id: Uint8Array; readonly seed: Uint8Array }, q: number, what: Uint8Array): Uint8Array {
  return createHash('sha256').update(tree.id).update(uint32(q)).update(what).update(tree.seed).digest();
}

/** I and SEED of the tree below leaf `q`. */
function childOf(
  tree: { readonly id: Uint8Array; readonly seed: Uint8Array },
  q: number,
): { id: Uint8Array; seed: Uint8Array } {
  return { id: derive(tree, q, CHILD_ID).subarray(0, ID_LENGTH), seed: derive(tree, q, CHILD_SEED) };
}

/**
 * Algorithms 3 and 5. C follows from the seed, so that a signature which is made again (of the root of a tree below, after a restart) is
 * the same one: a leaf never signs two things.
 */
function lmsSign(
  native: NativeKeys,
  parameters: HssParameters,
  level: Level,
  q: number,
  message: Uint8Array,
): Uint8Array {
  const { lms, lmots } = parameters;
  const randomizer = derive(level, q, RANDOMIZER);
  const y = new Uint8Array(lmots.p * N);
  native.hashsigSign(level.id, q, level.seed, lmots.w, messageHash(level.id, q, randomizer, message), y);
  return concatOctets([uint32(q), uint32(lmots.type), randomizer, y, uint32(lms.type), level.tree.path(q)]);
}

/** Signatures from `position` on, 2^53 - 1 when there are more. */
function remaining(position: readonly number[], { lms }: HssParameters): number {
  const leaves = 2 ** lms.h;
  let left = leaves - position[0];
  for (const leaf of position.slice(1)) {
    if (left > Number.MAX_SAFE_INTEGER / leaves) return Number.MAX_SAFE_INTEGER;
    left = left * leaves - leaf;
  }
  return left;
}

/** `count` leaves further, with a carry from level to level. */
function advance(position: readonly number[], count: number, { lms }: HssParameters): readonly number[] {
  const leaves = 2 ** lms.h;
  const moved = [...position];
  let carry = count;
  for (let level = moved.length - 1; level >= 1 && carry > 0; level--) {
    const sum = moved[level] + carry;
    moved[level] = sum % leaves;
    carry = Math.floor(sum / leaves);
  }
  moved[0] += carry;
  return moved;
}
