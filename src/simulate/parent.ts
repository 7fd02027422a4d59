/** What the zone asks its parent for by CDS and CDNSKEY (RFC 7344, RFC 8078): these DS records, none at all, or nothing new. */
export type DsRequest = readonly string[] | 'delete' | undefined;

/** How the parent behaves from now on. Seconds. */
export interface ParentManner {
  /** From a new CDS RRset until all of its servers have the DS RRset that it asks for; undefined: it does nothing. */
  readonly delay: number | undefined;
  /** From the first to the last of its servers. */
  readonly propagation: number;
  readonly flaps: { readonly period: number; readonly times: number } | undefined;
}

/** A DS RRset that the parent will have. Unix seconds. */
export interface DsChange {
  readonly keys: readonly string[];
  /** The first of its servers has it. */
  readonly from: number;
  /** All have it. */
  readonly complete: number;
  /** The parent takes the change back, or makes it again. */
  readonly isFlap: boolean;
}

/** The zone's parent: its DS RRset, and what it is going to do to it. */
export class Parent {
  /** The DS RRset that all of its servers have. */
  keys: readonly string[];
  #asked: DsRequest;
  #agenda: readonly DsChange[] = [];
  /** The first of the agenda is at some servers. */
  #hasBegun = false;
  /** Since when all servers have, or lack, a key's DS. */
  readonly #seen = new Map<string, number>();
  readonly #gone = new Map<string, number>();
  readonly #start: number;

  constructor(keys: readonly string[], start: number) {
    this.keys = keys;
    this.#start = start;
    for (const key of keys) this.#seen.set(key, start);
  }

  /** The zone shows other CDS and CDNSKEY records from `now` on. */
  ask(request: DsRequest, now: number, manner: ParentManner): void {
    if (sameRequest(request, this.#asked)) return;
    this.#asked = request;
    this.#plan(now, manner);
  }

  /** It behaves otherwise from `now` on: what it has begun is carried through, what it has not is planned anew. */
  changeManner(now: number, manner: ParentManner): void {
    this.#plan(now, manner);
  }

  /** When something happens at the parent next; undefined: nothing is going to. */
  get next(): number | undefined {
    const [change] = this.#agenda;
    return this.#hasBegun ? change.complete : change?.from;
  }

  /** What happens at that moment: the first server has a new DS RRset, or all have it. */
  advance(): { readonly kind: 'begins' | 'complete'; readonly change: DsChange } {
    const [change, ...rest] = this.#agenda;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      return { kind: 'begins', change };
    }
    for (const key of change.keys) {
      if (!this.#seen.has(key)) this.#seen.set(key, change.complete);
      this.#gone.delete(key);
    }
    for (const key of this.keys) {
      if (change.keys.includes(key)) continue;
      this.#seen.delete(key);
      this.#gone.set(key, change.complete);
    }
    this.keys = change.keys;
    this.#agenda = rest;
    this.#hasBegun = false;
    return { kind: 'complete', change };
  }

  /** Since when all servers have the DS of a key; undefined: not all have it. */
  seen(key: string): number | undefined {
    return this.#coming.includes(key) ? this.#seen.get(key) : undefined;
  }

  /** Since when all servers lack the DS of a key; undefined: not all lack it. */
  gone(key: string): number | undefined {
    if (this.keys.includes(key) || this.#coming.includes(key)) return undefined;
    return this.#gone.get(key) ?? this.#start;
  }

  /** What some servers have already: in the middle of a change others have it, or lack it. */
  get #coming(): readonly string[] {
    return this.#hasBegun ? this.#agenda[0].keys : this.keys;
  }

  #plan(now: number, manner: ParentManner): void {
    this.#agenda = this.#hasBegun ? this.#agenda.slice(0, 1) : [];
    this.#follow(now, manner);
  }

  #follow(now: number, { delay, propagation, flaps }: ParentManner): void {
    const request = this.#asked;
    const keys = request === 'delete' ? [] : request;
    const last = this.#agenda.at(-1)?.keys ?? this.keys;
    // RFC 7344 section 6.1: no CDS records ask for no change.
    if (keys === undefined || delay === undefined || sameRequest(keys, last)) return;
    const begun = this.#agenda.at(-1)?.complete ?? now;
    const complete = Math.max(now + delay, begun);
    const from = Math.max(now, begun, complete - propagation);
    const changes: DsChange[] = [{ keys, from, complete, isFlap: false }];
    for (let i = 1; flaps !== undefined && i <= 2 * flaps.times; i++) {
      const at = complete + i * flaps.period;
      changes.push({ keys: i % 2 === 1 ? last : keys, from: at, complete: at + propagation, isFlap: true });
    }
    this.#agenda = [...this.#agenda, ...changes];
  }
}

function sameRequest(a: DsRequest, b: DsRequest): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((key) => b.includes(key));
}
