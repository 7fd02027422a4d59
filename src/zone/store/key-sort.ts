import { LOWER } from '../../wire/name.ts';
import { GrowingOctets } from './growing.ts';

/**
 * Appends a key whose order as octets is the canonical order of the relative owner octets[at, end): labels from the
 * right, small letters, each ended by 0; octets 0 and 1 of a label become 1 1 and 1 2 so that nothing is below the end.
 */
export function appendOwnerKey(octets: Uint8Array, at: number, end: number, keys: GrowingOctets): void {
  let labels = 0;
  for (let here = at; here < end; here += octets[here] + 1) STARTS[labels++] = here - at;
  keys.reserve(2 * (end - at) + labels);
  const { array } = keys;
  let to = keys.length;
  while (labels-- > 0) {
    const label = at + STARTS[labels];
    for (let i = label + 1, stop = label + 1 + octets[label]; i < stop; i++) {
      const octet = LOWER[octets[i]];
      if (octet < 2) array[to++] = 1;
      array[to++] = octet < 2 ? octet + 1 : octet;
    }
    array[to++] = 0;
  }
  keys.length = to;
}

const STARTS = new Uint8Array(128);
const SMALL = 12;

/**
 * Sorts the numbers 0 to n - 1 by their keys, equal keys by number. Key i is keys[starts[i], starts[i + 1]); no key may
 * go on with a 0 octet where another ends. Quicksort in three parts on four octets of all keys at a time, which lie in
 * one array: comparing names themselves takes several times as long.
 */
export function sortByKeys(keys: Uint8Array, starts: Uint32Array): Uint32Array {
  const count = starts.length - 1;
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  new KeySorter(keys, starts, order).run();
  return order;
}

class KeySorter {
  readonly #keys: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #order: Uint32Array;
  readonly #chunks: Uint32Array;
  /** Low, high and depth of the parts that are still to be sorted. */
  readonly #todo: number[] = [];
  #random = 0x2545f491;

  constructor(keys: Uint8Array, starts: Uint32Array, order: Uint32Array) {
    this.#keys = keys;
    this.#starts = starts;
    this.#order = order;
    this.#chunks = new Uint32Array(order.length);
  }

  run(): void {
    this.#todo.push(0, this.#order.length, 0);
    while (this.#todo.length > 0) {
      const depth = this.#todo.pop()!;
      const high = this.#todo.pop()!;
      const low = this.#todo.pop()!;
      if (high - low <= SMALL) this.#insertionSort(low, high, depth);
      else this.#sortFrom(low, high, depth);
    }
  }

  /** Sorts [low, high), whose keys are equal up to `depth`, by the next four octets; equal ones are put off. */
  #sortFrom(low: number, high: number, depth: number): void {
    for (let i = low; i < high; i++) this.#chunks[i] = this.#chunk(this.#order[i], depth);
    this.#quicksort(low, high);
    for (let i = low; i < high;) {
      let j = i + 1;
      while (j < high && this.#chunks[j] === this.#chunks[i]) j++;
      const item = this.#order[i];
      const hasEnded = this.#starts[item] + depth >= this.#starts[item + 1];
      if (j - i > 1 && hasEnded) this.#order.subarray(i, j).sort();
      else if (j - i > 1) this.#todo.push(i, j, depth + 4);
      i = j;
    }
  }

  #quicksort(low: number, high: number): void {
    const chunks = this.#chunks;
    const order = this.#order;
    while (high - low > SMALL) {
      const pivot = this.#pivot(low, high);
      let less = low;
      let more = high;
      for (let i = low; i < more;) {
        const chunk = chunks[i];
        if (chunk < pivot) this.#swap(i++, less++);
        else if (chunk > pivot) this.#swap(i, --more);
        else i++;
      }
      if (less - low < high - more) {
        this.#quicksort(low, less);
        low = more;
      } else {
        this.#quicksort(more, high);
        high = less;
      }
    }
    for (let i = low + 1; i < high; i++) {
      const chunk = chunks[i];
      const item = order[i];
      let j = i;
      for (; j > low && chunks[j - 1] > chunk; j--) {
        chunks[j] = chunks[j - 1];
        order[j] = order[j - 1];
      }
      chunks[j] = chunk;
      order[j] = item;
    }
  }

  /** The middle one of three places chosen at random, so that no order of input is slow. */
  #pivot(low: number, high: number): number {
    const a = this.#chunks[this.#anywhere(low, high)];
    const b = this.#chunks[this.#anywhere(low, high)];
    const c = this.#chunks[this.#anywhere(low, high)];
    return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }

  #anywhere(low: number, high: number): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return low + ((this.#random >>> 0) % (high - low));
  }

  #swap(i: number, j: number): void {
    const chunk = this.#chunks[i];
    this.#chunks[i] = this.#chunks[j];
    this.#chunks[j] = chunk;
    const item = this.#order[i];
    this.#order[i] = this.#order[j];
    this.#order[j] = item;
  }

  #chunk(item: number, depth: number): number {
    const keys = this.#keys;
    const at = this.#starts[item] + depth;
    const left = this.#starts[item + 1] - at;
    if (left >= 4) return ((keys[at] << 24) | (keys[at + 1] << 16) | (keys[at + 2] << 8) | keys[at + 3]) >>> 0;
    let chunk = 0;
    for (let i = 0; i < 4; i++) chunk = (chunk << 8) | (i < left ? keys[at + i] : 0);
    return chunk >>> 0;
  }

  #insertionSort(low: number, high: number, depth: number): void {
    const order = this.#order;
    for (let i = low + 1; i < high; i++) {
      const item = order[i];
      let j = i;
      for (; j > low && this.#compare(order[j - 1], item, depth) > 0; j--) order[j] = order[j - 1];
      order[j] = item;
    }
  }

  #compare(a: number, b: number, depth: number): number {
    const keys = this.#keys;
    const startA = this.#starts[a];
    const startB = this.#starts[b];
    const lengthA = this.#starts[a + 1] - startA;
    const lengthB = this.#starts[b + 1] - startB;
    const length = Math.min(lengthA, lengthB);
    for (let i = depth; i < length; i++) {
      const difference = keys[startA + i] - keys[startB + i];
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB || a - b;
  }
}
