import { FLAG } from '../../../src/wire/header.ts';
import type { ResourceRecord } from '../../../src/wire/message.ts';
import { TYPE } from '../../../src/wire/type-codes.ts';
import { ARGUED, type Argued, type Case } from './argued.ts';
import { compareReplies, type Difference, type Replies, type Reply, recordText } from './compare.ts';
import type { Question } from './query.ts';
import { PEERS, type PeerName } from './servers.ts';

/* Which differences are argued, and what is wrong with the rest. */

/** The replies to one question as it was asked, and, where one of them is truncated, over TCP. */
export interface Asked {
  readonly question: Question;
  readonly replies: Replies;
  readonly overTcp: Replies | undefined;
}

/** The largest answer over UDP that all four are set up for (BIND 9.18: max-udp-size 1232). */
const MOST_OCTETS = 1232;

export function limitOf({ query }: Question): number {
  if (query?.tcp === true) return 65_535;
  if (query?.edns === undefined) return 512;
  return Math.min(MOST_OCTETS, Math.max(512, query.edns.udpSize));
}

/** All that differs between us and the peers, argued or not. */
export function differencesOf(asked: Asked): Difference[] {
  const { replies, overTcp } = asked;
  return PEERS.flatMap((peer) => {
    const found = compareReplies(peer, replies.ours, replies[peer]);
    // Two truncated answers may have different parts of the whole: the whole is asked for over TCP.
    if (overTcp === undefined || !(isTruncated(replies.ours) || isTruncated(replies[peer]))) return found;
    return [...found, ...compareReplies(peer, overTcp.ours, overTcp[peer]).filter(({ aspect }) => aspect === 'record')];
  });
}

export function isTruncated(reply: Reply): boolean {
  return reply.kind === 'message' && (reply.message.flags & FLAG.TC) !== 0;
}

export interface Verdict {
  /** Differences that no entry explains. */
  readonly unexplained: readonly Difference[];
  /** Entries that explained something. */
  readonly used: ReadonlySet<string>;
  /** The entry of each difference that one explains by itself. */
  readonly entries: ReadonlyMap<Difference, Argued>;
  /** Entries that explain a difference from all three although no RFC demands it. */
  readonly alone: readonly string[];
}

export function judge(asked: Asked, differences: readonly Difference[]): Verdict {
  const used = new Set<string>();
  const unexplained: Difference[] = [];
  const entries = new Map<Difference, Argued>();
  const whole = new Map<PeerName, Argued>();
  for (const difference of differences) {
    const entry = ARGUED.find((one) => one.peers.includes(difference.peer) && one.explains(caseOf(asked, difference)));
    if (entry === undefined) continue;
    entries.set(difference, entry);
    if (entry.whole) whole.set(difference.peer, entry);
  }
  for (const difference of differences) {
    const entry = entries.get(difference) ?? whole.get(difference.peer);
    if (entry === undefined) unexplained.push(difference);
    else used.add(entry.id);
  }
  // A peer that took the question for another one does not disagree with our answer to this one.
  const toTheSame = differences.filter(({ peer }) => whole.get(peer)?.peers.length !== 1);
  return { unexplained, used, entries, alone: standAlone(toTheSame, entries) };
}

function caseOf({ question, replies, overTcp }: Asked, difference: Difference): Case {
  const ours = replies.ours.kind === 'message' ? replies.ours : undefined;
  const peer = replies[difference.peer];
  const theirs = peer.kind === 'message' ? peer : undefined;
  return { question, query: question.query, difference, replies, overTcp, ours, theirs, limit: limitOf(question) };
}

/** Differences that are the same from all three peers, for which no entry has a demanding sentence. */
function standAlone(differences: readonly Difference[], entries: ReadonlyMap<Difference, Argued>): string[] {
  const byKey = Map.groupBy(differences, differenceKey);
  const alone: string[] = [];
  for (const [key, same] of byKey) {
    if (new Set(same.map(({ peer }) => peer)).size < PEERS.length) continue;
    const used = same.map((difference) => entries.get(difference)).filter((entry) => entry !== undefined);
    if (used.length > 0 && used.every(({ demandedBy }) => demandedBy === undefined))
      alone.push(`${used[0].id}: ${key}`);
  }
  return alone;
}

/** The same for differences from two peers that are the same. */
function differenceKey(difference: Difference): string {
  switch (difference.aspect) {
    case 'flag':
      return `flag ${difference.flag}`;
    case 'record':
      return `${difference.section} ${difference.isOurs} ${recordText(difference.record).toLowerCase()}`;
    case 'case':
      return `case ${difference.section} ${recordText(difference.record)} ${recordText(difference.theirs)}`;
    default:
      return `${difference.aspect} ${difference.ours} ${difference.theirs}`;
  }
}

/**
 * What is wrong with the length of our answer, whatever the others do (RFC 2181 section 9): truncated although all of it
 * fits, or not truncated although something is missing.
 */
export function lengthFault({ question, replies, overTcp }: Asked): string | undefined {
  const { ours } = replies;
  if (ours.kind !== 'message') return undefined;
  const limit = limitOf(question);
  if (ours.octets.length > limit) return `${ours.octets.length} octets where ${limit} are allowed`;
  const texts = (['answers', 'authorities', 'additionals'] as const).map((section) =>
    ours.message[section].map(recordText),
  );
  for (const list of texts) if (new Set(list).size !== list.length) return 'a record is there twice';
  if (overTcp === undefined || overTcp.ours.kind !== 'message') return undefined;
  const whole = overTcp.ours;
  const all = new Set(
    [...whole.message.answers, ...whole.message.authorities, ...whole.message.additionals].map(recordText),
  );
  const strange = texts.flat().find((text) => !all.has(text));
  if (strange !== undefined) return `over TCP it has no ${strange}`;
  if (isTruncated(ours))
    return whole.octets.length <= limit ? `truncated, although its ${whole.octets.length} octets fit` : undefined;
  if (ours.message.answers.length !== whole.message.answers.length) return 'not truncated, but the answer is not whole';
  return needed(ours.message.authorities) === needed(whole.message.authorities)
    ? undefined
    : 'not truncated, but the authority section is not whole';
}

/** Records of an authority section without the name servers, which small buffers do without. */
function needed(authorities: readonly ResourceRecord[]): number {
  return authorities.filter(({ type, rdata }) => type !== TYPE.NS && !(type === TYPE.RRSIG && rdata[1] === TYPE.NS))
    .length;
}
