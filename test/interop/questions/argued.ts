import { EDNS_OPTION } from '../../../src/wire/edns.ts';
import { FLAG } from '../../../src/wire/header.ts';
import type { Message, ResourceRecord } from '../../../src/wire/message.ts';
import { isWildcard, isWithin, type Name, nameKey, parentName, ROOT } from '../../../src/wire/name.ts';
import { mustName, nameToText } from '../../../src/wire/name-text.ts';
import { RCODE, TYPE } from '../../../src/wire/type-codes.ts';
import { type Difference, type RecordSection, recordText, type Replies, type Reply } from './compare.ts';
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
/** "four", which all servers are told to be. */
const NSID_OF_PEERS = '666f7572';

export const ARGUED: readonly Argued[] = [
  // All three, and BIND.
  {
    id: 'truncation',
    peers: ['bind', 'nsd', 'knot'],
    explains: ({ difference, replies, overTcp, limit }) => {
      if (difference.aspect !== 'flag' || difference.flag !== 'TC' || overTcp === undefined) return false;
      const { peer, isOurs } = difference;
      if (!isOurs) return octetsIn(overTcp[peer]) > limit;
      return octetsIn(overTcp.ours) > limit && (isShortened(replies[peer], overTcp[peer]) || isOther(overTcp, peer));
    },
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
      ((isRecord(difference, 'authorities') && difference.isOurs && isProof(difference.record)) ||
        (isRecord(difference, 'answers') && difference.isOurs && isOfType(difference.record, TYPE.CNAME))),
    whole: true,
  },
  {
    id: 'spelling-of-wildcards',
    peers: ['bind'],
    explains: ({ difference, theirs }) => {
      if (difference.aspect === 'case')
        return isSame(difference.record.rdata, difference.theirs.rdata) && isFromWildcard(difference.record.owner);
      // A loop whose first alias is spelled otherwise than the second: BIND has one of them.
      if (!isRecord(difference, 'answers') || !difference.isOurs || !isOfType(difference.record, TYPE.CNAME))
        return false;
      const text = recordText(difference.record).toLowerCase();
      return theirs?.message.answers.some((record) => recordText(record).toLowerCase() === text) === true;
    },
    demandedBy: 'RFC 1034 section 4.3.3: the owner is the name that was asked for',
  },
  {
    id: 'ad',
    peers: ['bind'],
    explains: ({ difference, query }) =>
      isFlag(difference, 'AD', false) && (has(query, FLAG.AD) || query?.edns?.dnssecOk === true),
  },
  {
    id: 'nsid-of-badvers',
    peers: ['knot'],
    explains: ({ query, difference, ours }) =>
      difference.aspect === 'edns' &&
      ours?.message.rcode === RCODE.BADVERS &&
      hasOption(query, EDNS_OPTION.NSID) &&
      difference.theirs === `${difference.ours} ${EDNS_OPTION.NSID}=${NSID_OF_PEERS}`,
  },
  {
    id: 'do-of-badvers',
    peers: ['nsd'],
    explains: ({ query, difference, ours }) =>
      difference.aspect === 'edns' &&
      ours?.message.rcode === RCODE.BADVERS &&
      query?.edns?.dnssecOk === true &&
      difference.theirs === difference.ours.replace(' do', ' no do'),
  },
  {
    id: 'glue-without-tc',
    peers: ['bind', 'nsd', 'knot'],
    explains: (one) =>
      isRecord(one.difference, 'additionals') &&
      one.difference.isOurs &&
      isAddress(one.difference.record) &&
      isReferral(one) &&
      isWithin(one.difference.record.owner, cutOf(one)) &&
      lacksRoom(one),
    demandedBy: 'RFC 9471 section 3.1: in-domain addresses are there, or TC is set',
  },
  {
    id: 'sibling-glue',
    peers: ['bind', 'nsd', 'knot'],
    explains: (one) =>
      isOtherGlue(one) &&
      one.difference.isOurs &&
      isBelowCut(one.difference.record.owner) &&
      (one.difference.peer !== 'bind' || one.limit === 512),
  },
  {
    id: 'addresses-that-are-no-glue',
    peers: ['nsd', 'knot'],
    explains: (one) => isOtherGlue(one) && !one.difference.isOurs && !isBelowCut(one.difference.record.owner),
  },
  {
    id: 'room-for-sibling-glue',
    peers: ['bind', 'nsd', 'knot'],
    explains: (one) => isOtherGlue(one) && isBelowCut(one.difference.record.owner) && lacksRoom(one),
    demandedBy: 'RFC 9471 section 3.1: the addresses of in-domain name servers go first',
  },
  {
    id: 'empty-wildcards',
    peers: ['bind', 'knot'],
    explains: ({ query, difference, ours }) =>
      isRecord(difference, 'authorities') &&
      difference.isOurs &&
      isOfType(difference.record, TYPE.NSEC) &&
      ours?.message.rcode === RCODE.NOERROR &&
      query !== undefined &&
      EMPTY_WILDCARDS.some((name) => isWithin(query.name, name)),
    demandedBy: 'RFC 4035 section 3.1.3.4',
  },
  {
    id: 'room-for-additional',
    peers: ['bind', 'nsd', 'knot'],
    explains: (one) => isRecord(one.difference, 'additionals') && !isReferral(one) && lacksRoom(one),
    demandedBy: 'RFC 2181 section 9: what only helps is left out, without TC, where there is no room for it',
  },
  {
    id: 'many-additional',
    peers: ['bind'],
    explains: ({ difference, ours }) =>
      isRecord(difference, 'additionals') &&
      difference.isOurs &&
      isAddress(difference.record) &&
      ours?.message.authorities.some(
        ({ type, rdata }) => type === TYPE.NS && isSame(rdata, difference.record.owner),
      ) === true &&
      new Set(ours.message.additionals.map(({ owner }) => nameKey(owner))).size >= MOST_TARGETS_OF_BIND,
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
    id: 'rrsig-behind-aliases',
    peers: ['nsd'],
    explains: ({ query, ours, overTcp, theirs }) =>
      query?.type === TYPE.RRSIG && startsWithAlias(overTcp?.nsd ?? theirs) && !startsWithAlias(overTcp?.ours ?? ours),
    whole: true,
  },
  {
    id: 'any',
    peers: ['nsd', 'knot'],
    explains: ({ query, difference, theirs, overTcp }) =>
      (query?.type === TYPE.ANY || query?.type === TYPE.RRSIG) &&
      difference.aspect === 'record' &&
      (difference.section !== 'answers' || difference.isOurs) &&
      hasAnswers(overTcp?.[difference.peer] ?? theirs),
  },
  {
    id: 'nsec-of-wildcards',
    peers: ['knot'],
    explains: ({ query, difference, ours }) =>
      query?.type === TYPE.NSEC &&
      isRecord(difference, 'authorities') &&
      difference.isOurs &&
      isOfType(difference.record, TYPE.NSEC) &&
      isWildcard(difference.record.owner) &&
      ours?.message.answers.some(
        ({ type, rdata }) => type === difference.record.type && isSame(rdata, difference.record.rdata),
      ) === true,
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
    explains: ({ query, difference, ours }) =>
      query?.type === TYPE.ANY &&
      ours?.message.answers.some(({ type }) => type === TYPE.DNAME) === true &&
      (isRcode(difference, 'NOERROR', 'NXDOMAIN') || (isRecord(difference, 'answers') && !difference.isOurs)),
    whole: true,
  },
  {
    id: 'soa-that-does-not-fit',
    peers: ['knot'],
    explains: ({ difference, theirs, limit }) =>
      isRecord(difference, 'authorities') &&
      difference.isOurs &&
      difference.record.type === TYPE.SOA &&
      theirs !== undefined &&
      theirs.octets.length + mostOctets(difference.record) > limit,
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
      (isOfType(difference.record, TYPE.NSEC3) ||
        (difference.peer === 'knot' && difference.isOurs && isOfType(difference.record, TYPE.NSEC))) &&
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
    explains: (one) => {
      const { difference } = one;
      if (!isRecord(difference, 'additionals') || isReferral(one)) return false;
      if (isAddress(difference.record)) return true;
      const types = difference.isOurs ? OURS_TO_ADD : difference.peer === 'knot' ? KNOTS_TO_ADD : [];
      return types.some((type) => isOfType(difference.record, type));
    },
  },
  {
    id: 'ttl-of-soa',
    peers: ['nsd', 'knot'],
    explains: ({ difference, query }) =>
      isRecord(difference, 'authorities') && query?.type === TYPE.SOA && isOfType(difference.record, TYPE.SOA),
  },
];

/** Above wildcards that have no records, but names below. */
const EMPTY_WILDCARDS = ['wildent2.nsec.test.', 'wildent3.nsec.test.'].map((name) => mustName(name));

/** Empty names of the zone with opt-out above nothing but insecure delegations: no NSEC3 is theirs. */
const UNPROVEN = ['cut.optout.test.', 'wildent3.optout.test.', 'of.optouttld.'].map((name) => mustName(name));

const [SVCB, HTTPS] = [64, 65];
/** What we and BIND look up besides addresses: SRV for NAPTR, TLSA for services, bindings for their aliases. */
const OURS_TO_ADD: readonly number[] = [TYPE.SRV, TYPE.TLSA, SVCB, HTTPS];
/** Knot's: bindings, and proofs that there are no addresses. */
const KNOTS_TO_ADD: readonly number[] = [SVCB, HTTPS, TYPE.NSEC, TYPE.NSEC3];

/** Types that may stand beside a CNAME: NSEC (RFC 4035 section 2.5), KEY (the same section), and what never is there: NSEC3. */
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
/** Names that BIND looks up for the additional section before it begins to leave some out. */
const MOST_TARGETS_OF_BIND = 12;

/** True when the first record that is no DNAME or signature is a CNAME. */
function startsWithAlias(reply: Reply | undefined): boolean {
  return (
    reply?.kind === 'message' &&
    reply.message.answers.find(({ type }) => type !== TYPE.DNAME && type !== TYPE.RRSIG)?.type === TYPE.CNAME
  );
}

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
function isOtherGlue(one: Case): one is Case & { readonly difference: RecordDifference } {
  return (
    isRecord(one.difference, 'additionals') &&
    isAddress(one.difference.record) &&
    isReferral(one) &&
    !isWithin(one.difference.record.owner, cutOf(one))
  );
}

function isReferral(one: Case): boolean {
  const cut = cutOf(one);
  return cut.length > 1 && zoneOf(cut) !== nameKey(cut);
}

/** True when the side that lacks the record, or another one of its section, may have no room for it. */
function lacksRoom({ difference, ours, theirs, limit }: Case): boolean {
  if (difference.aspect !== 'record' || ours === undefined || theirs === undefined) return false;
  const [lacking, having] = difference.isOurs ? [theirs, ours] : [ours, theirs];
  const there = new Set(lacking.message.additionals.map((record) => recordText(record).toLowerCase()));
  return having.message.additionals.some(
    (record) => !there.has(recordText(record).toLowerCase()) && lacking.octets.length + mostOctets(record) > limit,
  );
}

/** Octets of a record none of whose names is compressed: type, class, TTL and length are ten. */
function mostOctets({ owner, rdata }: ResourceRecord): number {
  return owner.length + 10 + rdata.length;
}

function octetsIn(reply: Reply): number {
  return reply.kind === 'message' ? reply.octets.length : 0;
}

function recordsIn(reply: Reply): number {
  if (reply.kind !== 'message') return 0;
  const { answers, authorities, additionals } = reply.message;
  return answers.length + authorities.length + additionals.length;
}

/** True when records are missing over UDP that there are over TCP. */
function isShortened(reply: Reply, whole: Reply): boolean {
  return recordsIn(reply) < recordsIn(whole);
}

/** True when the peer's whole answer is another one than ours, which is judged by itself. */
function isOther(whole: Replies, peer: PeerName): boolean {
  return octetsIn(whole[peer]) < octetsIn(whole.ours);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Keys of the owners, delegations and wildcards' parents of all zones. */
const OWNERS = new Set<string>();
const CUTS = new Set<string>();
for (const [apex, { text }] of QUESTION_ZONES)
  for (const [, owner, type] of text.matchAll(/^(\S+) (?:\d+ )?([A-Z]+\d*) /gm)) {
    const key = nameKey(mustName(owner === '@' ? apex : `${owner}.${apex}`));
    OWNERS.add(key);
    if (type === 'NS' && owner !== '@') CUTS.add(key);
  }

function isBelowCut(name: Name): boolean {
  for (let at = name; at.length > 1; at = parentName(at)) if (CUTS.has(nameKey(at))) return true;
  return false;
}

/** True for a name that no file has. */
function isFromWildcard(name: Name): boolean {
  return !OWNERS.has(nameKey(name));
}
