import type { Arena, NodeRef } from './arena.ts';
import { NSEC3_HASH_OCTETS, nodeOwnerAt, nodeOwnerLength } from './layout.ts';
import {
  childAt,
  firstNodeAt,
  hashHead,
  hashHeadAt,
  isLeaf,
  MAX_DEPTH,
  nodesBelow,
  pageCount,
  treeSize,
} from './ordered-index.ts';
import type { LookupName } from './owner-order.ts';

/** What a node's place is looked up by: negative when the key is before the node's owner. */
export interface TreeKey {
  compareWith(arena: Arena, node: NodeRef): number;
}

export class OwnerKey implements TreeKey {
  readonly name: LookupName;

  constructor(name: LookupName) {
    this.name = name;
  }

  compareWith(arena: Arena, node: NodeRef): number {
    const head = arena.u32[node];
    const at = nodeOwnerAt(node, head);
    return this.name.compare(arena.u8, at, at + nodeOwnerLength(head));
  }
}

/** A key behind all names at or below a name: where its subtree ends. */
export class SubtreeEndKey implements TreeKey {
  readonly name: LookupName;

  constructor(name: LookupName) {
    this.name = name;
  }

  compareWith(arena: Arena, node: NodeRef): number {
    const head = arena.u32[node];
    const at = nodeOwnerAt(node, head);
    const end = at + nodeOwnerLength(head);
    return this.name.isAtOrAbove(arena.u8, at, end) ? 1 : this.name.compare(arena.u8, at, end);
  }
}

export class HashKey implements TreeKey {
  hash: Uint8Array = new Uint8Array(NSEC3_HASH_OCTETS);

  /** The first four octets as a number. */
  get head(): number {
    const { hash } = this;
    return ((hash[0] << 24) | (hash[1] << 16) | (hash[2] << 8) | hash[3]) >>> 0;
  }

  compareWith(arena: Arena, node: NodeRef): number {
    const at = nodeOwnerAt(node, arena.u32[node]);
    for (let i = 0; i < NSEC3_HASH_OCTETS; i++) {
      const difference = this.hash[i] - arena.u8[at + i];
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

/** A place in an ordered tree, between two nodes. Allocates when constructed only. */
export class TreeCursor {
  readonly #arena: Arena;
  readonly #pages = new Uint32Array(MAX_DEPTH);
  /** Per level the child (inner) or the node (leaf) that comes next. */
  readonly #places = new Int32Array(MAX_DEPTH);
  #depth = 0;
  #root = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  set root(root: number) {
    this.#root = root;
    this.#depth = 0;
  }

  get size(): number {
    return treeSize(this.#arena.u32, this.#root);
  }

  /** Goes before the first node. */
  first(): void {
    this.#depth = 0;
    if (this.#root !== 0) this.#descendFirst(this.#root);
  }

  /** Goes behind the last node. */
  last(): void {
    this.#depth = 0;
    if (this.#root !== 0) this.#descendLast(this.#root);
  }

  /** The node behind the cursor, which moves over it; 0 at the end. */
  next(): NodeRef {
    const { u32 } = this.#arena;
    let level = this.#depth - 1;
    if (level < 0) return 0;
    let page = this.#pages[level];
    if (this.#places[level] < pageCount(u32, page)) return u32[page + 1 + this.#places[level]++];
    while (--level >= 0 && this.#places[level] + 1 >= pageCount(u32, this.#pages[level]));
    if (level < 0) return 0;
    page = this.#pages[level];
    this.#depth = level + 1;
    this.#descendFirst(childAt(u32, page, ++this.#places[level]));
    return u32[this.#pages[this.#depth - 1] + 1 + this.#places[this.#depth - 1]++];
  }

  /** The node before the cursor, which moves back over it; 0 at the beginning. */
  previous(): NodeRef {
    const { u32 } = this.#arena;
    let level = this.#depth - 1;
    if (level < 0) return 0;
    if (this.#places[level] > 0) return u32[this.#pages[level] + 1 + --this.#places[level]];
    while (--level >= 0 && this.#places[level] === 0);
    if (level < 0) return 0;
    this.#depth = level + 1;
    this.#descendLast(childAt(u32, this.#pages[level], --this.#places[level]));
    return u32[this.#pages[this.#depth - 1] + 1 + --this.#places[this.#depth - 1]];
  }

  /** Goes before the first node that is not before `key`. */
  seek(key: TreeKey): void {
    this.#depth = 0;
    let page = this.#root;
    if (page === 0) return;
    const arena = this.#arena;
    const { u32 } = arena;
    while (!isLeaf(u32, page)) {
      // The last child whose first node is not behind the key; the first child when all are.
      let low = 1;
      let high = pageCount(u32, page);
      while (low < high) {
        const middle = (low + high) >> 1;
        if (key.compareWith(arena, firstNodeAt(u32, page, middle)) >= 0) low = middle + 1;
        else high = middle;
      }
      this.#push(page, low - 1);
      page = childAt(u32, page, low - 1);
    }
    let low = 0;
    let high = pageCount(u32, page);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (key.compareWith(arena, u32[page + 1 + middle]) > 0) low = middle + 1;
      else high = middle;
    }
    this.#push(page, low);
  }

  /** The same as `seek` in the tree of hashes. */
  seekHash(key: HashKey): void {
    this.#depth = 0;
    let page = this.#root;
    if (page === 0) return;
    const arena = this.#arena;
    const { u32 } = arena;
    const head = key.head;
    while (!isLeaf(u32, page)) {
      let low = 1;
      let high = pageCount(u32, page);
      while (low < high) {
        const middle = (low + high) >> 1;
        const node = firstNodeAt(u32, page, middle);
        const difference = head - hashHead(arena, node);
        if (difference > 0 || (difference === 0 && key.compareWith(arena, node) >= 0)) low = middle + 1;
        else high = middle;
      }
      this.#push(page, low - 1);
      page = childAt(u32, page, low - 1);
    }
    const count = pageCount(u32, page);
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const difference = head - u32[hashHeadAt(page, count, middle)];
      if (difference > 0 || (difference === 0 && key.compareWith(arena, u32[page + 1 + middle]) > 0)) low = middle + 1;
      else high = middle;
    }
    this.#push(page, low);
  }

  /** Goes before the node with this index; true when there is one. */
  seekIndex(index: number): boolean {
    this.#depth = 0;
    const { u32 } = this.#arena;
    let page = this.#root;
    if (!(index >= 0 && index < treeSize(u32, page))) return false;
    while (!isLeaf(u32, page)) {
      let child = 0;
      while (index >= nodesBelow(u32, page, child)) index -= nodesBelow(u32, page, child++);
      this.#push(page, child);
      page = childAt(u32, page, child);
    }
    this.#push(page, index);
    return true;
  }

  /** Nodes before the cursor. */
  index(): number {
    const { u32 } = this.#arena;
    let index = 0;
    for (let level = 0; level < this.#depth; level++) {
      const page = this.#pages[level];
      const place = this.#places[level];
      if (isLeaf(u32, page)) index += place;
      else for (let i = 0; i < place; i++) index += nodesBelow(u32, page, i);
    }
    return index;
  }

  /** Levels of pages from the root to the present leaf; 0 in an empty tree or when not placed. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * The page at `level` when the cursor is at its very beginning, otherwise 0: how a comparison of two trees finds
   * what they share.
   */
  pageBegunAt(level: number): number {
    for (let below = level; below < this.#depth; below++) if (this.#places[below] !== 0) return 0;
    return this.#pages[level];
  }

  /** Moves from the beginning of the page at `level` to its end. */
  skipPage(level: number): void {
    const page = this.#pages[level];
    this.#depth = level;
    this.#descendLast(page);
  }

  /** The node behind the cursor, which stays before it; 0 at the end. */
  peek(): NodeRef {
    const node = this.next();
    if (node !== 0) this.#places[this.#depth - 1]--;
    return node;
  }

  #push(page: number, place: number): void {
    this.#pages[this.#depth] = page;
    this.#places[this.#depth++] = place;
  }

  #descendFirst(page: number): void {
    const { u32 } = this.#arena;
    while (!isLeaf(u32, page)) {
      this.#push(page, 0);
      page = childAt(u32, page, 0);
    }
    this.#push(page, 0);
  }

  #descendLast(page: number): void {
    const { u32 } = this.#arena;
    while (!isLeaf(u32, page)) {
      const child = pageCount(u32, page) - 1;
      this.#push(page, child);
      page = childAt(u32, page, child);
    }
    this.#push(page, pageCount(u32, page));
  }
}
