import { SECTION } from '../wire/header.ts';
import type { QueryView } from '../wire/query-view.ts';
import { RCODE, TYPE } from '../wire/type-codes.ts';
import type { Arena } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { CompiledView } from './compiled-tables.ts';
import { RATE_KIND } from './rate-limit-table.ts';
import type { LimitedAnswer } from './rate-limit-log.ts';
import type { ResponseBuilder } from './response-builder.ts';
import { OUTCOME } from './zone-answer.ts';

/**
 * Finds what a limit counts an answer as, from the answer itself; asked only where there is a limit. As in BIND 9.18 it is
 * the first name asked for that counts, not what an alias leads to.
 */
export class RateClassifier {
  readonly #reader: ZoneReader;
  readonly #arena: Arena;
  readonly answer: LimitedAnswer = {
    kind: RATE_KIND.RESPONSE,
    type: 0,
    rcode: 0,
    name: new Uint8Array(1),
    nameAt: 0,
    nameLength: 0,
    shownAt: 0,
    isWildcard: false,
  };

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#reader = new ZoneReader(arena);
  }

  /** An answer without a name that counts. */
  error(rcode: number): LimitedAnswer {
    const { answer } = this;
    answer.kind = RATE_KIND.ERROR;
    answer.rcode = rcode;
    answer.nameLength = 0;
    answer.isWildcard = false;
    return answer;
  }

  /**
   * An answer from a zone.
   * @param outcome one of OUTCOME
   * @param zone index of the zone in the view
   */
  fromZone(
    query: QueryView,
    builder: ResponseBuilder,
    outcome: number,
    rcode: number,
    view: CompiledView,
    zone: number,
  ): LimitedAnswer {
    const { message } = builder;
    const { answer } = this;
    answer.type = query.type;
    answer.rcode = rcode;
    answer.name = query.octets;
    answer.isWildcard = false;
    answer.nameAt = answer.shownAt = query.nameAt;
    answer.nameLength = query.nameLength;
    const apexLength = view.apexes[zone].length;
    const hasAnswer = message.counts[SECTION.ANSWER] > 0;
    if (hasAnswer) {
      answer.kind = RATE_KIND.RESPONSE;
      // All names below a DNAME are one.
      if (this.#firstType(query, message.octets) === TYPE.DNAME) this.#count(query, ownerLength(query, message.octets));
    } else if (outcome === OUTCOME.NXDOMAIN) {
      answer.kind = RATE_KIND.NXDOMAIN;
      this.#count(query, apexLength);
    } else if (outcome === OUTCOME.REFERRAL) {
      answer.kind = RATE_KIND.REFERRAL;
      if (message.counts[SECTION.AUTHORITY] > 0) this.#count(query, ownerLength(query, message.octets));
    } else if (outcome === OUTCOME.NXRRSET) answer.kind = RATE_KIND.NODATA;
    else if (rcode === RCODE.NOERROR)
      answer.kind = RATE_KIND.RESPONSE; // it was too long to be written
    else return this.error(rcode);
    const isOfName = answer.kind === RATE_KIND.RESPONSE || answer.kind === RATE_KIND.NODATA;
    if (isOfName && answer.nameLength === query.nameLength && this.#isExpanded(query, view.slots[zone])) {
      answer.isWildcard = true;
      answer.nameLength = apexLength;
      answer.nameAt = query.nameAt + query.nameLength - apexLength;
    }
    return answer;
  }

  /** Counts the end of the name, so many octets. */
  #count(query: QueryView, length: number): void {
    const at = query.nameAt + query.nameLength - length;
    this.answer.nameAt = this.answer.shownAt = at;
    this.answer.nameLength = length;
  }

  /** The zone has not the name: a wildcard has answered for it. */
  #isExpanded(query: QueryView, slot: number): boolean {
    const version = Atomics.load(this.#arena.u32, slot);
    return version !== 0 && this.#reader.open(version).find(query.octets, query.nameAt) === 0;
  }

  #firstType(query: QueryView, octets: Uint8Array): number {
    const at = skipOwner(octets, query.questionEnd);
    return (octets[at] << 8) | octets[at + 1];
  }
}

/** Length of the first record's owner, uncompressed. The message is ours: its pointers point back. */
function ownerLength(query: QueryView, octets: Uint8Array): number {
  let length = 1;
  for (let at = query.questionEnd; octets[at] !== 0;) {
    if (octets[at] >= 0xc0) at = ((octets[at] & 0x3f) << 8) | octets[at + 1];
    else {
      length += octets[at] + 1;
      at += octets[at] + 1;
    }
  }
  return length;
}

/** Octet behind the owner of a record. */
function skipOwner(octets: Uint8Array, at: number): number {
  while (octets[at] !== 0 && octets[at] < 0xc0) at += octets[at] + 1;
  return octets[at] === 0 ? at + 1 : at + 2;
}
