import type { Clock } from '../base/clock.ts';
import { generateKeyInBackground, type KeyGenerationRequest } from '../crypto/key-generation.ts';
import type { PrivateKeyMaterial } from '../crypto/private-key.ts';

/** What has become of a search. */
export type SearchOutcome =
  | { readonly kind: 'found'; readonly material: PrivateKeyMaterial }
  | { readonly kind: 'goes on' }
  /** No key was good, in so many tries: it will not do. */
  | { readonly kind: 'failed'; readonly tries: number }
  | { readonly kind: 'broken'; readonly cause: unknown };

/** A key with properties that few keys have. */
export interface WantedKey {
  /** Names the search: what asks again for the same gets its result. */
  readonly name: string;
  readonly request: KeyGenerationRequest;
  readonly isGood: (dnskey: Uint8Array) => boolean;
  /** Called once there is an outcome other than that it goes on. */
  readonly ended: () => void;
}

export interface KeySearchDependencies {
  readonly clock: Clock;
  readonly generate?: typeof generateKeyInBackground;
}

interface Search {
  wanted: WantedKey;
  /** Unix seconds of the last time that somebody asked. */
  askedAt: number;
  outcome: SearchOutcome;
}

/** Keys that a search makes at most: for a range with a single free tag one in 65536 is good. */
const MOST_TRIES = 500_000;
/** Seconds after which a search that nobody has asked for again is given up: the policy may be another by now. */
const PATIENCE = 2 * 3600;

/**
 * Makes keys in another thread, one at a time, until one is good. An RSA key takes a tenth of a second and more, and of those with tags
 * in a narrow range hundreds are made: the thread that asks must not wait for that.
 */
export class KeySearch implements Disposable {
  readonly #clock: Clock;
  readonly #generate: typeof generateKeyInBackground;
  readonly #searches = new Map<string, Search>();
  #isRunning = false;
  #isEnded = false;

  constructor({ clock, generate = generateKeyInBackground }: KeySearchDependencies) {
    this.#clock = clock;
    this.#generate = generate;
  }

  /** True when it has been asked for, and the outcome has not been told yet. */
  isKnown(name: string): boolean {
    return this.#searches.has(name);
  }

  /** What was found, which nobody gets again; else the search goes on, or begins. */
  ask(wanted: WantedKey): SearchOutcome {
    const askedAt = this.#clock.now();
    const known = this.#searches.get(wanted.name);
    if (known === undefined) {
      this.#searches.set(wanted.name, { wanted, askedAt, outcome: { kind: 'goes on' } });
      void this.#run();
      return { kind: 'goes on' };
    }
    known.wanted = wanted;
    known.askedAt = askedAt;
    if (known.outcome.kind !== 'goes on') this.#searches.delete(wanted.name);
    return known.outcome;
  }

  /** A key that is being made at this moment is not kept. */
  [Symbol.dispose](): void {
    this.#isEnded = true;
    this.#searches.clear();
  }

  /** Never rejects: what goes wrong is the outcome of a search. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#seek(next);
    this.#isRunning = false;
  }

  #next(): Search | undefined {
    return [...this.#searches.values()].find(({ outcome }) => outcome.kind === 'goes on');
  }

  async #seek(search: Search): Promise<void> {
    const { name, request } = search.wanted;
    const isWanted = (): boolean => !this.#isEnded && this.#clock.now() - search.askedAt <= PATIENCE;
    try {
      for (let tries = 1; tries <= MOST_TRIES; tries++) {
        const material = await this.#generate(request);
        if (!isWanted()) break;
        // Whoever asks again may know of more keys by then.
        if (search.wanted.isGood(material.dnskey)) return this.#end(search, { kind: 'found', material });
        if (tries === MOST_TRIES) return this.#end(search, { kind: 'failed', tries });
      }
      this.#searches.delete(name);
    } catch (cause) {
      this.#end(search, { kind: 'broken', cause });
    }
  }

  #end(search: Search, outcome: SearchOutcome): void {
    search.outcome = outcome;
    if (!this.#isEnded) search.wanted.ended();
  }
}
