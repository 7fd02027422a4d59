import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { NativeKeys } from '../native-keys.ts';
import type { LmotsParameters, LmsParameters } from './parameters.ts';
import { N, uint32 } from './parameters.ts';

const D_INTR = Uint8Array.of(0x83, 0x83);

/** Leaves that a thread makes at a time: a process that ends waits for them (W8: 40 ms). */
const PART_HEIGHT = 6;

/**
 * One LMS tree (RFC 8554 section 5) with the nodes that signing needs, in bounded memory.
 *
 *     root                 top: all nodes down to the roots of the subtrees, at most 2^11 of them (64 KiB), kept with the key
 *      /  \                when the tree is high (H15 and above), since all leaves are needed to make them
 *    ...   ...
 *    /\ ... /\             subtree: all nodes above 2^10 leaves (64 KiB; H25: 2^15 leaves, 2 MiB). Only the one that signs is held;
 *   the leaves             it is made again from the seed in a thread before the first signature by it
 */
export class LmsTree {
  readonly #native: NativeKeys;
  readonly #h: number;
  readonly #w: number;
  readonly #id: Uint8Array;
  readonly #seed: Uint8Array;
  /** Height of a subtree. */
  readonly #s: number;
  /** Heap order: node 1 is the root, the roots of the subtrees are the last half. */
  #top: Uint8Array | undefined;
  #subtree: { readonly index: number; readonly nodes: Uint8Array } | undefined;

  /** Keeps `id` and `seed`; they are the owner's to clear. `roots` are those of an equal tree, or empty. */
  constructor(
    native: NativeKeys,
    lms: LmsParameters,
    lmots: LmotsParameters,
    secrets: { readonly id: Uint8Array; readonly seed: Uint8Array },
    roots: Uint8Array,
  ) {
    this.#native = native;
    this.#h = lms.h;
    this.#w = lmots.w;
    this.#id = secrets.id;
    this.#seed = secrets.seed;
    this.#s = subtreeHeight(lms.h);
    if (roots.length > 0) this.#top = topOf(this.#id, this.#h - this.#s, roots);
  }

  /** T[1]. Makes the tree in this thread when it is not there. */
  get root(): Uint8Array {
    return (this.#top ?? this.#generate()).subarray(N, 2 * N);
  }

  /** What to keep with the key, so that an equal tree need not be made from its leaves; empty when that is quick or the tree is not there. */
  get cache(): Uint8Array {
    if (this.#top === undefined || cachedRootsLength(this.#h) === 0) return new Uint8Array();
    return this.#top.slice(this.#top.length / 2);
  }

  /** Makes the tree in threads of the pool. `progress` is told how many of the leaves are done. */
  async generate(progress: (leaves: number) => void = () => {}, signal?: AbortSignal): Promise<void> {
    if (this.#top !== undefined) return;
    const count = 2 ** (this.#h - this.#s);
    const roots = new Uint8Array(count * N);
    for (let index = 0; index < count; index++) {
      const before = index * 2 ** this.#s;
      const nodes = await this.#makeSubtree(index, (leaves) => progress(before + leaves), signal);
      roots.set(nodes.subarray(N, 2 * N), index * N);
      // The first signature comes from the first one.
      if (index === 0) this.#subtree = { index, nodes };
    }
    this.#top = topOf(this.#id, this.#h - this.#s, roots);
  }

  /** Makes what a signature by leaf `q` needs, in a thread. */
  async prepare(q: number): Promise<void> {
    await this.generate();
    const index = this.#subtreeOf(q);
    if (this.#subtree?.index !== index) this.#subtree = { index, nodes: await this.#makeSubtree(index) };
  }

  /** path[0] to path[h-1] of leaf `q` (section 5.4): the sibling at each height, from the leaf up. */
  path(q: number): Uint8Array {
    const top = this.#top ?? this.#generate();
    const { nodes } = this.#subtreeFor(this.#subtreeOf(q));
    const path = new Uint8Array(this.#h * N);
    let node = 2 ** this.#s + (q % 2 ** this.#s);
    for (let height = 0; height < this.#h; height++) {
      if (height === this.#s) node = 2 ** (this.#h - this.#s) + this.#subtreeOf(q);
      const from = height < this.#s ? nodes : top;
      path.set(from.subarray((node ^ 1) * N, (node ^ 1) * N + N), height * N);
      node >>>= 1;
    }
    return path;
  }

  #subtreeOf(q: number): number {
    return q >>> this.#s;
  }

  #subtreeFor(index: number): { readonly nodes: Uint8Array } {
    if (this.#subtree?.index !== index) this.#subtree = { index, nodes: this.#makeSubtreeNow(index) };
    return this.#subtree;
  }

  #generate(): Uint8Array {
    const count = 2 ** (this.#h - this.#s);
    const roots = new Uint8Array(count * N);
    for (let index = count - 1; index >= 0; index--)
      roots.set(this.#subtreeFor(index).nodes.subarray(N, 2 * N), index * N);
    this.#top = topOf(this.#id, this.#h - this.#s, roots);
    return this.#top;
  }

  async #makeSubtree(
    index: number,
    progress: (leaves: number) => void = () => {},
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const height = Math.min(PART_HEIGHT, this.#s);
    const count = 2 ** (this.#s - height);
    const nodes = new Uint8Array(N * 2 ** (this.#s + 1));
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      const part = new Uint8Array(N * 2 ** (height + 1));
      while (next < count) {
        signal?.throwIfAborted();
        const place = next++;
        const first = index * 2 ** this.#s + place * 2 ** height;
        await this.#native.hashsigSubtreeLater(this.#id, this.#seed, this.#w, this.#h, height, first, part);
        for (let level = 0; level <= height; level++)
          nodes.set(part.subarray(N * 2 ** level, N * 2 ** (level + 1)), N * (count + place) * 2 ** level);
        progress(++done * 2 ** height);
      }
    };
    // Two of the pool's threads stay for others (name look-ups, files, scrypt).
    await Promise.all(Array.from({ length: Math.min(2, availableParallelism(), count) }, work));
    fillAbove(this.#id, nodes, this.#s - height, 2 ** (this.#h - this.#s) + index);
    return nodes;
  }

  #makeSubtreeNow(index: number): Uint8Array {
    const nodes = new Uint8Array(N * 2 ** (this.#s + 1));
    this.#native.hashsigSubtree(this.#id, this.#seed, this.#w, this.#h, this.#s, index * 2 ** this.#s, nodes);
    return nodes;
  }
}

/** Octets of what is kept of a tree with its key: nothing for H5 and H10, which take less than a second to make. */
export function cachedRootsLength(h: number): number {
  return h > 10 ? N * 2 ** (h - subtreeHeight(h)) : 0;
}

/** At most 2^10 roots are kept with the key, and a subtree is as small as that allows, from 2^10 leaves. */
function subtreeHeight(h: number): number {
  return Math.min(h, Math.max(10, h - 10));
}

/** All nodes above `roots`, which are the 2^height nodes at this depth of the tree. */
function topOf(id: Uint8Array, height: number, roots: Uint8Array): Uint8Array {
  const top = new Uint8Array(2 * roots.length);
  top.set(roots, roots.length);
  fillAbove(id, top, height, 1);
  return top;
}

/**
 * Computes the nodes of `nodes` (heap order) above the 2^height ones that are there; its node 1 is node `root` of the tree.
 * T[r] = H(I || u32str(r) || u16str(D_INTR) || T[2r] || T[2r+1]), section 5.3.
 */
function fillAbove(id: Uint8Array, nodes: Uint8Array, height: number, root: number): void {
  for (let level = height - 1; level >= 0; level--)
    for (let i = 0; i < 2 ** level; i++) {
      const node = 2 ** level + i;
      const hash = createHash('sha256')
        .update(id)
        .update(uint32(root * 2 ** level + i))
        .update(D_INTR);
      nodes.set(hash.update(nodes.subarray(2 * node * N, (2 * node + 2) * N)).digest(), node * N);
    }
}
