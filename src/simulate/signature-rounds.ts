import { refreshMargin } from '../policy/signature-times.ts';
import type { SignaturePolicy } from '../policy/signature-times.ts';

/*
 * The signatures of a zone, not one by one but in generations: those that were made between two moments end between two others,
 * spread by the jitter. One round renews a generation as it comes due and makes the next one, which is wider:
 *
 *     made |--round--|                                        renewed |----round----|
 *     ends           |<- signatures-refresh and a margin before: ---->|             |        |--- ends ---|
 */

/** A renewal of one generation. Unix seconds. */
export interface SignatureRound {
  readonly records: SignedRecords;
  readonly from: number;
  readonly until: number;
  readonly reason: 'first signatures' | 'due' | 'made by a wrong clock';
}

/** Zone data, or DNSKEY, CDS and CDNSKEY, which have a validity of their own and no jitter. */
export type SignedRecords = 'zone data' | 'key records';

/** A time that signatures are served out of their validity; `until` is Infinity when nothing ends it. Unix seconds. */
export interface Lapse {
  readonly kind: 'expired signatures' | 'signatures not valid yet';
  readonly from: number;
  readonly until: number;
}

/** What a renewal depends on. Seconds. */
export interface RenewalTerms {
  readonly policy: SignaturePolicy;
  /** That the daemon's clock is ahead of the true time. */
  readonly offset: number;
  /** Until the last server has what is published. */
  readonly behind: number;
}

interface Generation {
  /** First and last end of those that are to be renewed. */
  first: number;
  last: number;
  /** When the latest of them begin to be valid. */
  begins: number;
}

interface OpenRound {
  readonly reason: SignatureRound['reason'];
  readonly from: number;
  readonly until: number;
  readonly old: Generation;
  readonly fresh: Generation;
}

/** Clocks of validators may be behind by this much: how signatureTimes makes inceptions. BIND 9.18. */
const INCEPTION_OFFSET = 3600;

/** When signatures of one kind are renewed. Times given are true ones. */
export class SignatureRounds {
  readonly rounds: SignatureRound[] = [];
  readonly #records: SignedRecords;
  readonly #lapses: { kind: Lapse['kind']; from: number; until: number }[] = [];
  #generations: Generation[] = [];
  #open: OpenRound[] = [];

  constructor(records: SignedRecords) {
    this.#records = records;
  }

  get isEmpty(): boolean {
    return this.#generations.length === 0;
  }

  /** All are made anew at once. */
  signAll(now: number, terms: RenewalTerms, reason?: SignatureRound['reason']): void {
    const first = Math.min(...this.#generations.map((one) => one.first));
    if (first < now) this.#lapses.push({ kind: 'expired signatures', from: first, until: now + terms.behind });
    this.#generations = [this.#fresh(now, now, terms)];
    this.#open = [];
    if (reason !== undefined) this.rounds.push({ records: this.#records, from: now, until: now, reason });
  }

  /** The zone has no signatures any more. */
  removeAll(): void {
    this.#generations = [];
    this.#open = [];
  }

  /** True time of the next renewal; undefined: none. */
  next({ policy, offset }: RenewalTerms): number | undefined {
    const waiting = this.#generations.filter((one) => !this.#isOpen(one));
    const first = Math.min(...waiting.map((one) => one.first));
    return first === Infinity ? undefined : first - spanOf(policy) - offset;
  }

  /** There is something to renew. */
  isDue(now: number, terms: RenewalTerms): boolean {
    return (this.next(terms) ?? Infinity) <= now || this.#isAhead(now + terms.offset);
  }

  /** Begins the rounds that are due. */
  renew(now: number, terms: RenewalTerms): void {
    this.#close(now);
    const { policy, offset, behind } = terms;
    // A clock that was ahead left signatures that are not valid yet: the SOA's tells the daemon so, and it makes all anew.
    if (this.#isAhead(now + offset)) {
      for (const lapse of this.#lapses)
        if (lapse.kind === 'signatures not valid yet') lapse.until = Math.min(lapse.until, now + behind);
      return this.signAll(now, terms, 'made by a wrong clock');
    }
    const limit = now + offset + spanOf(policy);
    const due = this.#generations.filter((one) => one.first <= limit && !this.#isOpen(one));
    for (const old of due) this.#begin(old, now, terms);
  }

  /** Takes what is renewed so far from what is not: the daemon stops, its clock or its policy changes. */
  interrupt(now: number, { policy, offset }: RenewalTerms): void {
    this.#close(now);
    for (const { old, fresh, from, reason } of this.#open) {
      old.first = now + offset + spanOf(policy);
      fresh.last = now + offset + validityOf(this.#records, policy);
      fresh.begins = now + offset - INCEPTION_OFFSET;
      this.rounds.push({ records: this.#records, from, until: now, reason });
    }
    this.#open = [];
  }

  /** Ends the look at the zone. @returns the times that signatures were not valid */
  finish(now: number): readonly Lapse[] {
    this.#close(now);
    for (const { from, until, reason } of this.#open)
      this.rounds.push({ records: this.#records, from, until: Math.min(until, now), reason });
    const waiting = this.#generations.filter((one) => !this.#isOpen(one));
    const first = Math.min(...waiting.map((one) => one.first));
    if (first < now) this.#lapses.push({ kind: 'expired signatures', from: first, until: Infinity });
    return this.#lapses.filter(({ from, until }) => until > from);
  }

  #begin(old: Generation, now: number, terms: RenewalTerms): void {
    const { policy, offset, behind } = terms;
    const span = spanOf(policy);
    const until = Math.max(now, old.last - span - offset);
    // Of those that come due one by one each is replaced `span + offset` before its end.
    const replaced = span + offset < behind ? until + behind : now + behind;
    if (old.first < replaced) this.#lapses.push({ kind: 'expired signatures', from: old.first, until: replaced });
    const fresh = this.#fresh(now, until, terms);
    this.#generations.push(fresh);
    this.#open.push({ reason: 'due', from: now, until, old, fresh });
    this.#close(now);
  }

  #fresh(from: number, until: number, { policy, offset }: RenewalTerms): Generation {
    const validity = validityOf(this.#records, policy);
    const jitter = this.#records === 'zone data' ? policy.signaturesJitter : 0;
    const begins = until + offset - INCEPTION_OFFSET;
    if (offset > INCEPTION_OFFSET) this.#lapses.push({ kind: 'signatures not valid yet', from, until: begins });
    return { first: from + offset + validity - jitter, last: until + offset + validity, begins };
  }

  /** Rounds that are over. */
  #close(now: number): void {
    for (const { old, from, until, reason } of this.#open.filter((one) => one.until <= now)) {
      this.#generations = this.#generations.filter((one) => one !== old);
      this.rounds.push({ records: this.#records, from, until, reason });
    }
    this.#open = this.#open.filter((one) => one.until > now);
  }

  #isAhead(time: number): boolean {
    // Those of an open round are still being made, by the clock as it is.
    const made = this.#generations.filter((one) => !this.#open.some(({ fresh }) => fresh === one));
    return made.some(({ begins }) => begins > time);
  }

  #isOpen(generation: Generation): boolean {
    return this.#open.some(({ old }) => old === generation);
  }
}

/** Seconds before their end at which signatures are replaced. */
function spanOf(policy: SignaturePolicy): number {
  return policy.signaturesRefresh + refreshMargin(policy);
}

function validityOf(records: SignedRecords, policy: SignaturePolicy): number {
  return records === 'zone data' ? policy.signaturesValidity : policy.signaturesValidityDnskey;
}
