import { SignetError } from '../../base/error.ts';
import type { Arena, NodeRef } from './arena.ts';
import type { NodeChanges } from './hash-index.ts';
import { NSEC3_HASH_OCTETS, nodeOwnerAt, nodeOwnerLength } from './layout.ts';
import { compareOwners } from './owner-order.ts';
import type { RecordSpace } from './record-space.ts';

/*
 * Nodes in order: a B+-tree, in canonical order of owners (RFC 4034 section 6.1) or of NSEC3 hashes.
 *
 *   leaf   word 0   count (31) | 1
 *          words    node refs
 *          words    of the tree of hashes: the first four octets of each node's hash, as a number. Nodes lie anywhere in memory, and
 *                   each look at one costs more than the search in the page.
 *   inner  word 0   count of children (31) | 0
 *          word 1   nodes below in all
 *          3 words  a child: its page, its first node, nodes below it
 *
 * All leaves are equally deep. Pages are never written again once a version is published: a change copies the pages on
 * its path, in the size they need.
 */

const LEAF_LIMIT = 128;
const INNER_LIMIT = 64;
/** Enough for more nodes than an arena holds, even if every page were a quarter full. */
export const MAX_DEPTH = 12;

export const isLeaf = (u32: Uint32Array, page: number): boolean => (u32[page] & 1) === 1;
export const pageCount = (u32: Uint32Array, page: number): number => u32[page] >>> 1;
export const childAt = (u32: Uint32Array, page: number, i: number): number => u32[page + 2 + 3 * i];
export const firstNodeAt = (u32: Uint32Array, page: number, i: number): number => u32[page + 3 + 3 * i];
export const nodesBelow = (u32: Uint32Array, page: number, i: number): number => u32[page + 4 + 3 * i];

/** Where a leaf of the tree of hashes has the first four octets of node i's hash. */
export const hashHeadAt = (page: number, count: number, i: number): number => page + 1 + count + i;

/** Nodes in the tree with this root. */
export function treeSize(u32: Uint32Array, root: number): number {
  return root === 0 ? 0 : isLeaf(u32, root) ? pageCount(u32, root) : u32[root + 1];
}

export type NodeOrder = (arena: Arena, a: NodeRef, b: NodeRef) => number;

export function byOwner(arena: Arena, a: NodeRef, b: NodeRef): number {
  const { u8, u32 } = arena;
  const atA = nodeOwnerAt(a, u32[a]);
  const atB = nodeOwnerAt(b, u32[b]);
  return compareOwners(u8, atA, atA + nodeOwnerLength(u32[a]), u8, atB, atB + nodeOwnerLength(u32[b]));
}

export function byHash(arena: Arena, a: NodeRef, b: NodeRef): number {
  const { u8, u32 } = arena;
  const atA = nodeOwnerAt(a, u32[a]);
  const atB = nodeOwnerAt(b, u32[b]);
  for (let i = 0; i < NSEC3_HASH_OCTETS; i++) {
    const difference = u8[atA + i] - u8[atB + i];
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The first four octets of a node's hash as a number. */
export function hashHead({ u32, view }: Arena, node: NodeRef): number {
  return view.getUint32(nodeOwnerAt(node, u32[node]));
}

/** Makes the tree with changes from the one without them. The changes are in the tree's order, one an owner at most. */
export class OrderedIndexWriter {
  readonly #arena: Arena;
  readonly #space: RecordSpace;
  readonly #order: NodeOrder;
  readonly #before: Uint32Array;
  readonly #after: Uint32Array;
  readonly #count: number;
  /** Words of a leaf for each node. */
  readonly #wordsOfNode: number;
  freedWords = 0;
  allocatedWords = 0;

  constructor(arena: Arena, space: RecordSpace, order: NodeOrder, changes: NodeChanges) {
    this.#arena = arena;
    this.#space = space;
    this.#order = order;
    this.#wordsOfNode = order === byHash ? 2 : 1;
    this.#before = changes.before;
    this.#after = changes.after;
    this.#count = changes.count;
  }

  /** The root with all changes; 0 when nothing is left. */
  apply(root: number): number {
    if (this.#count === 0) return root;
    let pages: number[] = [];
    if (root === 0)
      this.#cutLeaves(this.#after.includes(0) ? this.#after.filter((node) => node !== 0) : this.#after, pages);
    else this.#page(root, 0, this.#count, pages);
    while (pages.length > 1) {
      const above: number[] = [];
      this.#cutInner(pages, above);
      pages = above;
    }
    return pages.length === 0 ? 0 : this.#withoutSingleChildren(pages[0]);
  }

  /** Puts what becomes of `page` into `out`: none, one or several pages of the same level. */
  #page(page: number, low: number, high: number, out: number[]): void {
    this.freedWords += this.#pageWords(page);
    if (isLeaf(this.#arena.u32, page)) this.#cutLeaves(this.#mergeLeaf(page, low, high), out);
    else this.#cutInner(this.#changeChildren(page, low, high), out);
  }

  #mergeLeaf(page: number, low: number, high: number): number[] {
    const { u32 } = this.#arena;
    const count = pageCount(u32, page);
    const nodes: number[] = [];
    let at = 0;
    for (let i = low; i < high; i++) {
      const before = this.#before[i];
      const after = this.#after[i];
      // What is replaced is known by its ref, what is new finds its place by its name.
      const to = before !== 0 ? this.#findInLeaf(page, at, before) : this.#placeInLeaf(page, at, after);
      while (at < to) nodes.push(u32[page + 1 + at++]);
      if (before !== 0) at++;
      if (after !== 0) nodes.push(after);
    }
    while (at < count) nodes.push(u32[page + 1 + at++]);
    return nodes;
  }

  #findInLeaf(page: number, from: number, node: NodeRef): number {
    const { u32 } = this.#arena;
    const count = pageCount(u32, page);
    for (let i = from; i < count; i++) if (u32[page + 1 + i] === node) return i;
    throw new SignetError('INDEX_MISMATCH', `node ${node} is not in the index of the version it belongs to`, { node });
  }

  #placeInLeaf(page: number, from: number, node: NodeRef): number {
    const { u32 } = this.#arena;
    let low = from;
    let high = pageCount(u32, page);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#order(this.#arena, u32[page + 1 + middle], node) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #changeChildren(page: number, low: number, high: number): number[] {
    const { u32 } = this.#arena;
    const count = pageCount(u32, page);
    const children: number[] = [];
    let from = low;
    for (let i = 0; i < count; i++) {
      let to = from;
      if (i + 1 === count) to = high;
      else to = this.#firstChangeFrom(firstNodeAt(u32, page, i + 1), from, high);
      if (to > from) this.#page(childAt(u32, page, i), from, to, children);
      else children.push(childAt(u32, page, i));
      from = to;
    }
    return this.#joinSmall(children);
  }

  /** The first change in [low, high) that is not before `node`. */
  #firstChangeFrom(node: NodeRef, low: number, high: number): number {
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#order(this.#arena, this.#after[middle] || this.#before[middle], node) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Neighbours that are half a page together become one, so that deletions do not leave a tree of tiny pages. */
  #joinSmall(pages: readonly number[]): number[] {
    const { u32 } = this.#arena;
    const out: number[] = [];
    for (const page of pages) {
      const before = out.at(-1);
      const limit = (isLeaf(u32, page) ? LEAF_LIMIT : INNER_LIMIT) / 2;
      if (before === undefined || pageCount(u32, before) + pageCount(u32, page) > limit) out.push(page);
      else out[out.length - 1] = this.#join(before, page);
    }
    return out;
  }

  #join(a: number, b: number): number {
    const { u32 } = this.#arena;
    this.freedWords += this.#pageWords(a) + this.#pageWords(b);
    const joined: number[] = [];
    if (isLeaf(u32, a)) this.#cutLeaves([...leafNodes(u32, a), ...leafNodes(u32, b)], joined);
    else this.#cutInner([...innerPages(u32, a), ...innerPages(u32, b)], joined);
    return joined[0];
  }

  #cutLeaves(nodes: ArrayLike<number>, out: number[]): void {
    const pages = Math.ceil(nodes.length / LEAF_LIMIT);
    for (let i = 0; i < pages; i++) {
      const from = Math.floor((i * nodes.length) / pages);
      const to = Math.floor(((i + 1) * nodes.length) / pages);
      const count = to - from;
      const page = this.#allocate(1 + this.#wordsOfNode * count);
      const { u32 } = this.#arena;
      u32[page] = (count << 1) | 1;
      for (let j = 0; j < count; j++) u32[page + 1 + j] = nodes[from + j];
      if (this.#wordsOfNode === 2)
        for (let j = 0; j < count; j++) u32[hashHeadAt(page, count, j)] = hashHead(this.#arena, nodes[from + j]);
      out.push(page);
    }
  }

  #cutInner(children: readonly number[], out: number[]): void {
    const pages = Math.ceil(children.length / INNER_LIMIT);
    for (let i = 0; i < pages; i++) {
      const from = Math.floor((i * children.length) / pages);
      const to = Math.floor(((i + 1) * children.length) / pages);
      const page = this.#allocate(2 + 3 * (to - from));
      const { u32 } = this.#arena;
      u32[page] = (to - from) << 1;
      let total = 0;
      for (let j = from; j < to; j++) {
        const at = page + 2 + 3 * (j - from);
        const size = treeSize(u32, children[j]);
        u32[at] = children[j];
        u32[at + 1] = firstOf(u32, children[j]);
        u32[at + 2] = size;
        total += size;
      }
      u32[page + 1] = total;
      out.push(page);
    }
  }

  #pageWords(page: number): number {
    const { u32 } = this.#arena;
    return isLeaf(u32, page) ? 1 + this.#wordsOfNode * pageCount(u32, page) : 2 + 3 * pageCount(u32, page);
  }

  #withoutSingleChildren(root: number): number {
    const { u32 } = this.#arena;
    let page = root;
    while (!isLeaf(u32, page) && pageCount(u32, page) === 1) {
      this.freedWords += this.#pageWords(page);
      page = childAt(u32, page, 0);
    }
    return page;
  }

  #allocate(words: number): number {
    this.allocatedWords += words;
    return this.#space.words(words);
  }
}

function firstOf(u32: Uint32Array, page: number): NodeRef {
  return isLeaf(u32, page) ? u32[page + 1] : firstNodeAt(u32, page, 0);
}

function leafNodes(u32: Uint32Array, page: number): Uint32Array {
  return u32.subarray(page + 1, page + 1 + pageCount(u32, page));
}

function innerPages(u32: Uint32Array, page: number): number[] {
  return Array.from({ length: pageCount(u32, page) }, (_, i) => childAt(u32, page, i));
}
