import { FLAG } from '../../../src/wire/header.ts';
import type { Message, ResourceRecord } from '../../../src/wire/message.ts';
import { isWildcard, isWithin, type Name, nameKey, parentName, ROOT } from '../../../src/wire/name.ts';
import { mustName, nameToText } from '../../../src/wire/name-text.ts';
import { RCODE, TYPE } from '../../../src/wire/type-codes.ts';
import type { Difference, RecordSection, Replies, Reply } from './compare.ts';
import type { Query, Question } from './query.ts';
import type { PeerName } from './servers.ts';
import { QUESTION_ZONES } from './zones.ts';

/* Differences that docs/decisions/0013-answers-of-four-servers.md argues for, by the heading there. All else is a fault. */

/** What a predicate looks at. `replies` are those that were compared. */
export interface Case {
  readonly question: Question;
  readonly query: Query | undefined;
  readonly difference: Difference;
  readonly replies: Replies;
  readonly overTcp: Replies | undefined;
  /** Our reply and the peer's, where both are messages. */
  readonly ours: Extract<Reply, { kind: 'message' }> | undefined;
  readonly theirs: Extract<Reply, { kind: 'message' }> | undefined;
  /** Octets that the answer may have. */
  readonly limit: number;
}

export interface Argued {
  /** The paragraph of the decision that argues it. */
  readonly id: string;
  readonly peers: readonly PeerName[];
  /** True when the difference is this one. */
  readonly explains: (one: Case) => boolean;
  /** The other differences of the two replies follow from this one: the peer took the question for another. */
  readonly whole?: true;
  /** The sentence that demands our answer, without which we may not stand alone against all three. */
  readonly demandedBy?: string;
}

type RecordDifference = Extract<Difference, { aspect: 'record' }>;

const has = (query: Query | undefined, flag: number): boolean => query !== undefined && (query.flags & flag) !== 0;
const isFlag = (difference: Difference, flag: string, isOurs: boolean): boolean =>
  difference.aspect === 'flag' && difference.flag === flag && difference.isOurs === isOurs;
const isRcode = (difference: Difference, ours: string, theirs: string): boolean =>
  difference.aspect === 'rcode' && difference.ours === ours && difference.theirs === theirs;

const isRecord = (difference: Difference, section: RecordSection): difference is RecordDifference =>
  difference.aspect === 'record' && difference.section === section;
const isOfType = (record: ResourceRecord, type: number): boolean =>
  record.type === type || (record.type === TYPE.RRSIG && (record.rdata[0] << 8) + record.rdata[1] === type);
const isAddress = (record: ResourceRecord): boolean => isOfType(record, TYPE.A) || isOfType(record, TYPE.AAAA);

const isProof = (record: ResourceRecord): boolean => isOfType(record, TYPE.NSEC) || isOfType(record, TYPE.NSEC3);

const OPTION_EDE = 15;

export const ARGUED: readonly Argued[] = [
  // All three, and BIND.
  {
    id: 'truncation',
    peers: ['bind', 'nsd', 'knot'],
    explains: ({ difference }) => difference.aspect === 'flag' && difference.flag === 'TC',
    demandedBy: 'RFC 9471 section 3.1, and RFC 2181 section 9: see lengthFault, which every answer of ours has to pass',
  },
  {
    id: 'unknown-options',
    peers: ['bind'],
    explains: ({ query, difference }) =>
      hasOption(query, OPTION_EDE) && difference.aspect === 'rcode' && difference.theirs === 'FORMERR',
    whole: true,
  },
  {
    id: 'sig',
    peers: ['bind'],
    explains: ({ query, difference }) =>
      query?.type === TYPE.SIG &&
      ((isRecord(difference, 'authorities') && difference.isOurs) || // no proof
        (difference.aspect === 'record' &&
          difference.section === 'answers' &&
          isOfType(difference.record, TYPE.CNAME))),
    whole: true,
  },
  {
    id: 'spelling-of-wildcards',
    peers: ['bind'],
    explains: ({ difference }) => difference.aspect === 'case' && difference.section === 'answers',
  },
  {
    id: 'ad',
    peers: ['bind'],
    explains: ({ difference, query }) =>
      isFlag(difference, 'AD', false) && (has(query, FLAG.AD) || query?.edns?.dnssecOk === true),
  },
  {
    id: 'nsid-of-badvers',
    peers: ['bind', 'nsd'],
    explains: ({ difference, ours }) => difference.aspect === 'edns' && ours?.message.rcode === RCODE.BADVERS,
  },
  {
    id: 'sibling-glue',
    peers: ['bind', 'nsd', 'knot'],
    explains: (one) => isSiblingGlue(one) && isRecord(one.difference, 'additionals') && one.difference.isOurs,
  },
  {
    id: 'addresses-that-are-no-glue',
    peers: ['nsd', 'knot'],
    explains: (one) => isSiblingGlue(one) && (one.ours?.octets.length ?? 0) + SHORTEST_ADDRESS <= one.limit,
  },
  {
    id: 'room-for-sibling-glue',
    peers: ['bind', 'nsd', 'knot'],
    explains: (one) => isSiblingGlue(one) && (one.ours?.octets.length ?? 0) + SHORTEST_ADDRESS > one.limit,
    demandedBy: 'RFC 9471 section 3.1: the addresses of in-domain name servers go first',
  },
  {
    id: 'naptr-and-own-name',
    peers: ['bind'],
    explains: ({ difference, query }) =>
      isRecord(difference, 'additionals') && !difference.isOurs && query !== undefined && HINTS.includes(query.type),
  },
  {
    id: 'empty-wildcards',
    peers: ['bind', 'knot'],
    explains: ({ query, difference }) =>
      isRecord(difference, 'authorities') &&
      difference.isOurs &&
      isOfType(difference.record, TYPE.NSEC) &&
      query !== undefined &&
      EMPTY_WILDCARDS.some((name) => isWithin(query.name, name)),
    demandedBy: 'RFC 4035 section 3.1.3.4',
  },
  {
    id: 'room-for-additional',
    peers: ['bind', 'nsd', 'knot'],
    explains: ({ difference, query, ours, theirs, limit }) =>
      isRecord(difference, 'additionals') &&
      isAddress(difference.record) &&
      query?.edns?.dnssecOk === true &&
      Math.max(ours?.octets.length ?? 0, theirs?.octets.length ?? 0) > limit - MOST_ADDITIONAL,
    demandedBy: 'RFC 4035 section 3.1.1: an RRset in the additional section has its RRSIGs with it',
  },
  // NSD and Knot.
  {
    id: 'cd',
    peers: ['nsd', 'knot'],
    explains: ({ difference, query }) => isFlag(difference, 'CD', true) && has(query, FLAG.CD),
  },
  { id: 'spelling', peers: ['nsd', 'knot'], explains: ({ difference }) => difference.aspect === 'case' },
  {
    id: 'type-0',
    peers: ['knot'],
    explains: ({ difference, query }) =>
      query?.type === 0 && difference.aspect === 'rcode' && difference.theirs === 'NOTIMP',
    whole: true,
  },
  {
    id: 'loops',
    peers: ['nsd', 'knot'],
    explains: ({ difference, ours }) => isRcode(difference, 'SERVFAIL', 'NOERROR') && aliasesIn(ours) > 0,
    whole: true,
  },
  {
    id: 'into-other-zones',
    peers: ['nsd', 'knot'],
    explains: ({ query, ours }) =>
      query !== undefined &&
      (ours?.message.answers ?? []).some(({ type, rdata }) => {
        const zone = type === TYPE.CNAME ? zoneOf(rdata as Name) : undefined;
        return zone !== undefined && zone !== zoneOf(query.name);
      }),
    whole: true,
  },
  {
    id: 'long-chains',
    peers: ['knot'],
    explains: ({ difference, ours, overTcp }) =>
      difference.aspect === 'record' && aliasesIn(overTcp?.ours ?? ours) > MOST_ALIASES_OF_KNOT,
  },
  {
    id: 'any',
    peers: ['nsd', 'knot'],
    explains: ({ query, difference }) =>
      (query?.type === TYPE.ANY || query?.type === TYPE.RRSIG) && difference.aspect === 'record',
  },
  {
    id: 'nsec-at-cuts',
    peers: ['nsd', 'knot'],
    explains: ({ query, difference }) => query?.type === TYPE.NSEC && isFlag(difference, 'AA', true),
    whole: true,
  },
  {
    id: 'any-at-dname',
    peers: ['nsd', 'knot'],
    explains: ({ query, difference }) => query?.type === TYPE.ANY && isRcode(difference, 'NOERROR', 'NXDOMAIN'),
    whole: true,
  },
  {
    id: 'dname-that-does-not-fit',
    peers: ['knot'],
    explains: ({ difference, theirs }) =>
      isRcode(difference, 'NXDOMAIN', 'NOERROR') && theirs !== undefined && isTruncated(theirs),
    whole: true,
  },
  {
    id: 'opt-out-below-empty-names',
    peers: ['nsd', 'knot'],
    explains: ({ query, difference }) =>
      isRecord(difference, 'authorities') &&
      isOfType(difference.record, TYPE.NSEC3) &&
      query !== undefined &&
      UNPROVEN.some((name) => isWithin(query.name, name)),
  },
  {
    id: 'hashed-owners',
    peers: ['nsd'],
    explains: ({ query, difference }) =>
      isRecord(difference, 'authorities') && isOfType(difference.record, TYPE.NSEC3) && isBelowHash(query),
  },
  {
    id: 'proofs-behind-aliases',
    peers: ['nsd'],
    explains: ({ difference, ours, overTcp }) =>
      isRecord(difference, 'authorities') && isProof(difference.record) && aliasesIn(overTcp?.ours ?? ours) > 0,
  },
  {
    id: 'name-of-wildcard',
    peers: ['nsd', 'knot'],
    explains: ({ query, difference }) =>
      isRecord(difference, 'authorities') &&
      isOfType(difference.record, TYPE.NSEC3) &&
      query !== undefined &&
      isWildcard(query.name),
  },
  {
    id: 'yxdomain',
    peers: ['knot'],
    explains: ({ difference }) => isRcode(difference, 'YXDOMAIN', 'NXDOMAIN'),
    whole: true,
  },
  {
    id: 'header-of-errors',
    peers: ['nsd'],
    explains: ({ difference, ours }) =>
      difference.aspect === 'flag' &&
      !difference.isOurs &&
      (ours?.message.rcode === RCODE.BADVERS || ours?.message.rcode === RCODE.FORMERR),
  },
  {
    id: 'beside-cname',
    peers: ['nsd', 'knot'],
    explains: ({ query, ours, theirs }) =>
      query !== undefined && BESIDE_CNAME.includes(query.type) && aliasesIn(ours) !== aliasesIn(theirs),
    whole: true,
  },
  {
    id: 'name-servers',
    peers: ['nsd', 'knot'],
    explains: ({ difference, ours, theirs, overTcp }) =>
      isRecord(difference, 'authorities') &&
      isOfType(difference.record, TYPE.NS) &&
      zoneOf(difference.record.owner) === nameKey(difference.record.owner) &&
      (overTcp !== undefined || (hasAnswers(ours) && hasAnswers(theirs))),
  },
  {
    id: 'additional',
    peers: ['nsd', 'knot'],
    explains: (one) =>
      isRecord(one.difference, 'additionals') &&
      (isAddress(one.difference.record) || isProof(one.difference.record)) &&
      !isReferral(one),
  },
  {
    id: 'ttl-of-soa',
    peers: ['nsd', 'knot'],
    explains: ({ difference, query }) =>
      isRecord(difference, 'authorities') && query?.type === TYPE.SOA && isOfType(difference.record, TYPE.SOA),
  },
];

/** Types whose targets BIND looks up where we do not: NAPTR (RFC 3403 section 4.2.1), SVCB and HTTPS with target ".". */
const HINTS: readonly number[] = [TYPE.NAPTR, 64, 65];

/** A record of type A whose owner is a pointer. */
const SHORTEST_ADDRESS = 16;

/** Above wildcards that have no records, but names below. */
const EMPTY_WILDCARDS = ['wildent2.nsec.test.', 'wildent3.nsec.test.'].map((name) => mustName(name));

/** Empty names of the zone with opt-out above nothing but insecure delegations: no NSEC3 is theirs. */
const UNPROVEN = ['cut.optout.test.', 'wildent3.optout.test.', 'of.optouttld.'].map((name) => mustName(name));

/** An address and its signature of P-256 with names, twice: what may be the last that fits. */
const MOST_ADDITIONAL = 300;

/** Types that may stand beside a CNAME: NSEC (RFC 4035 section 2.5), KEY (RFC 3007 section 3.1.1), and what never is there: NSEC3. */
const BESIDE_CNAME: readonly number[] = [TYPE.NSEC, TYPE.KEY, TYPE.NSEC3];

const APEXES = new Set([...QUESTION_ZONES.keys()].map((apex) => nameKey(mustName(apex))));

/** Key of the apex of the zone that a name is in; undefined when none is ours. */
function zoneOf(name: Name): string | undefined {
  for (let at = name; ; at = parentName(at)) {
    if (APEXES.has(nameKey(at))) return nameKey(at);
    if (at.length === 1) return undefined;
  }
}

function hasOption(query: Query | undefined, code: number): boolean {
  const options = query?.edns?.options;
  if (options === undefined) return false;
  for (let at = 0; at < options.length; at += 4 + (options[at + 2] << 8) + options[at + 3])
    if ((options[at] << 8) + options[at + 1] === code) return true;
  return false;
}

function isTruncated({ message }: { readonly message: Message }): boolean {
  return (message.flags & FLAG.TC) !== 0;
}

function hasAnswers(reply: Reply | undefined): boolean {
  return reply?.kind === 'message' && reply.message.answers.length > 0;
}

/** CNAMEs, among them those that DNAMEs stand for. */
function aliasesIn(reply: Reply | undefined): number {
  return reply?.kind === 'message' ? reply.message.answers.filter(({ type }) => type === TYPE.CNAME).length : 0;
}

const MOST_ALIASES_OF_KNOT = 5;

/** True when a label of the name looks like a hash (RFC 5155 section 3: 32 characters of base32hex for SHA-1). */
function isBelowHash(query: Query | undefined): boolean {
  return query !== undefined && /(^|\.)[0-9A-V]{32}\./i.test(nameToText(query.name));
}

/** The owner of the NS RRset in a referral of ours. */
function cutOf({ ours, overTcp }: Case): Name {
  const reply = overTcp?.ours.kind === 'message' ? overTcp.ours : ours;
  return reply?.message.authorities.find(({ type }) => type === TYPE.NS)?.owner ?? ROOT;
}

/** An address of a name server of our referral that is not below the delegation. */
function isSiblingGlue(one: Case): boolean {
  return (
    isRecord(one.difference, 'additionals') && isReferral(one) && !isWithin(one.difference.record.owner, cutOf(one))
  );
}

function isReferral(one: Case): boolean {
  const cut = cutOf(one);
  return cut.length > 1 && zoneOf(cut) !== nameKey(cut);
}
