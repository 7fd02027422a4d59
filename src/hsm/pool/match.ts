import type { KeyQuery } from '../device/crypto-device.ts';

/** Most UUIDs that are asked of a device at once. */
const MOST_AT_ONCE = 1000;

/** Reads UUIDs in order after one: at most `limit`, fewer only when there are no more. */
export type PageReader = (query: KeyQuery) => Promise<readonly string[]>;

/**
 * The page of all devices together, each UUID once. `holds` drops what a device still has and should not. A page is short only when
 * nothing follows it.
 */
export async function matchMerged(
  query: KeyQuery,
  readers: readonly PageReader[],
  holds: (reader: number, uuid: string) => boolean,
): Promise<string[]> {
  const streams = readers.map((read, i) => new Stream(query, read, (uuid) => holds(i, uuid)));
  const found: string[] = [];
  while (found.length < query.limit) {
    if (!streams.every((stream) => stream.isReady))
      await Promise.all(streams.map((stream) => stream.fill(query.limit - found.length)));
    const least = leastOf(streams);
    if (least === undefined) break;
    found.push(least);
    for (const stream of streams) stream.skip(least);
  }
  return found;
}

function leastOf(streams: readonly Stream[]): string | undefined {
  let least: string | undefined;
  for (const { head } of streams) if (head !== undefined && (least === undefined || head < least)) least = head;
  return least;
}

/** What one device has, page by page. */
class Stream {
  readonly #query: KeyQuery;
  readonly #read: PageReader;
  readonly #holds: (uuid: string) => boolean;
  #page: readonly string[] = [];
  #at = 0;
  #after: string | undefined;
  #ended = false;

  constructor(query: KeyQuery, read: PageReader, holds: (uuid: string) => boolean) {
    this.#query = query;
    this.#read = read;
    this.#holds = holds;
    this.#after = query.after;
  }

  get head(): string | undefined {
    return this.#page[this.#at];
  }

  get isReady(): boolean {
    return this.#at < this.#page.length || this.#ended;
  }

  skip(uuid: string): void {
    if (this.#page[this.#at] === uuid) this.#at++;
  }

  /** Reads on until there is a head, or the end. */
  async fill(wanted: number): Promise<void> {
    while (!this.isReady) {
      const limit = Math.min(wanted, MOST_AT_ONCE);
      const page = await this.#read({ ...this.#query, after: this.#after, limit });
      this.#ended = page.length < limit;
      this.#after = page.at(-1) ?? this.#after;
      this.#page = page.filter((uuid) => this.#holds(uuid));
      this.#at = 0;
    }
  }
}
