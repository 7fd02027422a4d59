import type { Log } from '../base/log.ts';
import type { QueryView } from '../wire/query-view.ts';
import type { Arena } from '../zone/store/arena.ts';
import type { ClientContext } from './answer.ts';
import type { CompiledView } from './compiled-tables.ts';
import { RATE, RateLimiter } from './rate-limit.ts';
import { RateClassifier } from './rate-classifier.ts';
import type { LimitedAnswer } from './rate-limit-log.ts';
import { RATE_KIND, type RateLimitTable } from './rate-limit-table.ts';
import type { ResponseBuilder } from './response-builder.ts';
import { OUTCOME } from './zone-answer.ts';

/** The limits of all views in one thread (`rate-limit`). */
export class ViewLimits {
  readonly #classifier: RateClassifier;
  readonly #log: Log;
  #views: readonly CompiledView[] = [];
  /** By the index of the view; undefined where nothing is limited. */
  #limiters: readonly (RateLimiter | undefined)[] = [];

  constructor(dependencies: { readonly arena: Arena; readonly log: Log }) {
    this.#classifier = new RateClassifier(dependencies.arena);
    this.#log = dependencies.log;
  }

  setViews(views: readonly CompiledView[]): void {
    this.#views = views;
    this.#limiters = views.map((view) => view.rateLimit && this.#limiter(view.rateLimit));
  }

  /** The limiter of before where the limits are those of before: it knows what it has told of. */
  #limiter(table: RateLimitTable): RateLimiter {
    const known = this.#limiters.find((limiter) => limiter?.id === table.id);
    return known ?? new RateLimiter(table, { log: this.#log });
  }

  isLimited(view: number): boolean {
    return this.#limiters[view] !== undefined;
  }

  /** Whether the answer last checked is NXDOMAIN by its first name, whatever an alias led to. */
  get isNameError(): boolean {
    return this.#classifier.answer.kind === RATE_KIND.NXDOMAIN;
  }

  /** Counts an answer that comes from no zone. @returns one of RATE */
  checkError(view: number, rcode: number, client: ClientContext, key: number): number {
    return this.#check(view, this.#classifier.error(rcode), client, key);
  }

  /**
   * Counts an answer from a zone, which the builder has.
   * @param outcome one of OUTCOME
   * @param zone index of the zone in the view; -1 for none
   * @param isKnown the client shows a good cookie: its address is not forged
   * @returns one of RATE
   */
  checkAnswer(
    view: number,
    query: QueryView,
    builder: ResponseBuilder,
    outcome: number,
    rcode: number,
    zone: number,
    isKnown: boolean,
    client: ClientContext,
    key: number,
  ): number {
    const answer =
      zone < 0 || outcome === OUTCOME.DENIED
        ? this.#classifier.error(rcode)
        : this.#classifier.fromZone(query, builder, outcome, rcode, this.#views[view], zone);
    // As BIND 9.18, which limits errors all the same.
    if (isKnown && answer.kind !== RATE_KIND.ERROR) return RATE.PASS;
    return this.#check(view, answer, client, key);
  }

  #check(view: number, answer: LimitedAnswer, client: ClientContext, key: number): number {
    const limiter = this.#limiters[view];
    if (limiter === undefined) return RATE.PASS;
    const exempt = this.#views[view].rateLimitExempt;
    const { address, addressAt, addressLength } = client;
    if (exempt?.accepts(address, addressAt, addressLength, key) === true) return RATE.PASS;
    const verdict = limiter.check(client, answer);
    return limiter.logOnly ? RATE.PASS : verdict;
  }
}
