import { SignetError } from '../base/error.ts';
import { equalNames, type Name } from '../wire/name.ts';
import { nameFromText } from '../wire/name-text.ts';
import type { AddressMatchList, Prefix, TsigKey } from './server-tables.ts';

/** What names in match lists stand for on this host. */
export interface MatchEnvironment {
  readonly localhost: readonly Prefix[];
  readonly localnets: readonly Prefix[];
  readonly keys: readonly TsigKey[];
}

/** No TSIG key: the query was not signed. */
export const NO_KEY = -1;

const ANY = 0;
const PREFIX = 1;
const KEY = 2;
const LIST = 3;
/** Of a row: kind, negated, address length in octets, prefix bits (or key, or index of the list), four address words. */
const ROW = 8;

/**
 * An address match list compiled to numbers. Elements are tried in order, the first match decides; an inner list that
 * rejects an address is no match, so that double negation never lets anybody in (BIND ARM, address match lists).
 */
export class AddressMatcher {
  readonly #rows: Int32Array;
  readonly #lists: AddressMatcher[] = [];

  /** @throws SignetError KEY_UNKNOWN when the list names a key that the environment lacks */
  constructor(list: AddressMatchList, environment: MatchEnvironment) {
    const rows: number[] = [];
    for (const element of list) this.#compile(element, environment, rows);
    this.#rows = Int32Array.from(rows);
  }

  /**
   * True when the list accepts the address at `address[at, at + length)` (4 or 16 octets), or the key.
   * @param key index of the TSIG key that signed the query, or NO_KEY
   */
  accepts(address: Uint8Array, at: number, length: number, key: number): boolean {
    return this.#match(address, at, length, key) > 0;
  }

  /** True when the list accepts everybody, whoever it is. */
  get acceptsAll(): boolean {
    return this.#rows.length > 0 && this.#rows[0] === ANY && this.#rows[1] === 0;
  }

  /** 1 accepted, -1 rejected by a negated element, 0 no element matches. */
  #match(address: Uint8Array, at: number, length: number, key: number): number {
    const rows = this.#rows;
    for (let row = 0; row < rows.length; row += ROW)
      if (this.#rowMatches(row, address, at, length, key)) return rows[row + 1] === 0 ? 1 : -1;
    return 0;
  }

  #rowMatches(row: number, address: Uint8Array, at: number, length: number, key: number): boolean {
    const rows = this.#rows;
    switch (rows[row]) {
      case ANY:
        return true;
      case PREFIX:
        return rows[row + 2] === length && this.#prefixMatches(row, address, at);
      case KEY:
        return rows[row + 3] === key;
      default:
        return this.#lists[rows[row + 3]].#match(address, at, length, key) > 0;
    }
  }

  #prefixMatches(row: number, address: Uint8Array, at: number): boolean {
    let bits = this.#rows[row + 3];
    for (let word = row + 4; bits > 0; word++, bits -= 32, at += 4) {
      const difference = this.#rows[word] ^ wordAt(address, at);
      if (bits >= 32 ? difference !== 0 : difference >>> (32 - bits) !== 0) return false;
    }
    return true;
  }

  #compile(element: AddressMatchList[number], environment: MatchEnvironment, rows: number[]): void {
    const negated = element.negated ? 1 : 0;
    switch (element.kind) {
      case 'any':
        rows.push(ANY, negated, 0, 0, 0, 0, 0, 0);
        return;
      case 'none': // "none" is "!any", so "!none" is "any"
        rows.push(ANY, 1 - negated, 0, 0, 0, 0, 0, 0);
        return;
      case 'prefix':
        pushPrefix(element, negated, rows);
        return;
      case 'localhost':
      case 'localnets':
        for (const prefix of environment[element.kind]) pushPrefix(prefix, negated, rows);
        return;
      case 'key':
        rows.push(KEY, negated, 0, keyIndex(element.name, environment.keys), 0, 0, 0, 0);
        return;
      case 'list':
        this.#lists.push(new AddressMatcher(element.list, environment));
        rows.push(LIST, negated, 0, this.#lists.length - 1, 0, 0, 0, 0);
    }
  }
}

function pushPrefix(prefix: Prefix, negated: number, rows: number[]): void {
  const octets = new Uint8Array(16);
  octets.set(prefix.address);
  rows.push(PREFIX, negated, prefix.address.length, prefix.length);
  for (let at = 0; at < 16; at += 4) rows.push(wordAt(octets, at));
}

function wordAt(octets: Uint8Array, at: number): number {
  return (octets[at] << 24) | (octets[at + 1] << 16) | (octets[at + 2] << 8) | octets[at + 3];
}

function keyIndex(text: string, keys: readonly TsigKey[]): number {
  const name = nameFromText(text);
  const index = typeof name === 'string' ? -1 : keys.findIndex((key) => equalNames(key.name as Name, name));
  if (index >= 0) return index;
  throw new SignetError(
    'KEY_UNKNOWN',
    `an address match list names the key "${text}", which no key statement defines`,
    {
      key: text,
    },
  );
}
