import { EDNS_OPTION } from '../../../src/wire/edns.ts';
import { FLAG } from '../../../src/wire/header.ts';
import { type Message, readMessage, type ResourceRecord } from '../../../src/wire/message.ts';
import { nameToText } from '../../../src/wire/name-text.ts';
import { rdataToText } from '../../../src/wire/rdata-text.ts';
import { MalformedError } from '../../../src/wire/reader.ts';
import { RCODE } from '../../../src/wire/type-codes.ts';
import { typeText } from '../../../src/wire/type-text.ts';
import type { Question } from './query.ts';
import type { PeerName, Server } from './servers.ts';

/* Two answers to one question, compared section by section; order within a section means nothing. */

/** What one server said: nothing, octets that are no message, or a message. */
export type Reply =
  | { readonly kind: 'none' }
  | { readonly kind: 'malformed'; readonly octets: Uint8Array; readonly why: string }
  | { readonly kind: 'message'; readonly octets: Uint8Array; readonly message: Message };

export type Replies = Readonly<Record<Server, Reply>>;

export const RECORD_SECTIONS = ['answers', 'authorities', 'additionals'] as const;
export type RecordSection = (typeof RECORD_SECTIONS)[number];

/** One thing in which our answer is not the peer's. */
export type Difference = { readonly peer: PeerName } & (
  | { readonly aspect: 'reply' | 'rcode' | 'question' | 'edns'; readonly ours: string; readonly theirs: string }
  /** A bit of the header that we set and they do not, or the other way round. */
  | { readonly aspect: 'flag'; readonly flag: keyof typeof FLAG | 'Z'; readonly isOurs: boolean }
  /** A record that we have and they have not, or the other way round. */
  | {
      readonly aspect: 'record';
      readonly section: RecordSection;
      readonly record: ResourceRecord;
      readonly isOurs: boolean;
    }
  /** The same record with letters in another case. */
  | {
      readonly aspect: 'case';
      readonly section: RecordSection;
      readonly record: ResourceRecord;
      readonly theirs: ResourceRecord;
    }
);

export function readReply(octets: Uint8Array | undefined): Reply {
  if (octets === undefined) return { kind: 'none' };
  const message = readMessage(octets);
  if (message instanceof MalformedError) return { kind: 'malformed', octets, why: message.message };
  return { kind: 'message', octets, message };
}

/** All differences of our reply from a peer's. */
export function compareReplies(peer: PeerName, ours: Reply, theirs: Reply): Difference[] {
  if (ours.kind !== 'message' || theirs.kind !== 'message') {
    if (ours.kind === theirs.kind && ours.kind === 'none') return [];
    return [{ peer, aspect: 'reply', ours: replyWord(ours), theirs: replyWord(theirs) }];
  }
  // Most answers are the same octet for octet, but for the id that both took from the question.
  if (Buffer.compare(ours.octets, theirs.octets) === 0) return [];
  return compareMessages(peer, ours.message, theirs.message);
}

function replyWord(reply: Reply): string {
  if (reply.kind === 'message') return 'an answer';
  return reply.kind === 'none' ? 'no answer' : `a malformed answer (${reply.why})`;
}

const FLAGS = { ...FLAG, Z: 0x40 } as const;

function compareMessages(peer: PeerName, ours: Message, theirs: Message): Difference[] {
  const found: Difference[] = [];
  const differ = (aspect: 'rcode' | 'question' | 'edns', mine: string, other: string): void => {
    if (mine !== other) found.push({ peer, aspect, ours: mine, theirs: other });
  };
  differ('rcode', rcodeText(ours), rcodeText(theirs));
  for (const flag of Object.keys(FLAGS) as (keyof typeof FLAGS)[])
    if (((ours.flags ^ theirs.flags) & FLAGS[flag]) !== 0)
      found.push({ peer, aspect: 'flag', flag, isOurs: (ours.flags & FLAGS[flag]) !== 0 });
  if (ours.opcode !== theirs.opcode) differ('rcode', `opcode ${ours.opcode}`, `opcode ${theirs.opcode}`);
  differ('question', questionText(ours), questionText(theirs));
  differ('edns', ednsText(ours), ednsText(theirs));
  // What fits depends on the order in which records are written; a truncated answer is looked at by itself.
  if (((ours.flags | theirs.flags) & FLAG.TC) !== 0) return found;
  for (const section of RECORD_SECTIONS) compareSections(peer, section, ours[section], theirs[section], found);
  return found;
}

export function rcodeText({ rcode }: Message): string {
  return Object.entries(RCODE).find(([, code]) => code === rcode)?.[0] ?? `rcode ${rcode}`;
}

function questionText({ questions }: Message): string {
  return questions.map(({ name, type, class: klass }) => `${nameToText(name)} ${type} ${klass}`).join(', ');
}

/** OPT without the cookie and the extended errors, which each server has of its own. */
export function ednsText({ edns }: Message): string {
  if (edns === undefined) return 'none';
  const options = edns.options
    .filter(({ code }) => code !== EDNS_OPTION.COOKIE && code !== EDNS_OPTION.EDE)
    .map(({ code, data }) => `${code}=${Buffer.from(data).toString('hex')}`);
  return [`version ${edns.version}`, `size ${edns.udpSize}`, edns.dnssecOk ? 'do' : 'no do', ...options].join(' ');
}

function compareSections(
  peer: PeerName,
  section: RecordSection,
  ours: readonly ResourceRecord[],
  theirs: readonly ResourceRecord[],
  found: Difference[],
): void {
  const rest = new Map(theirs.map((record) => [recordText(record), record]));
  const extra: ResourceRecord[] = [];
  for (const record of ours) if (!rest.delete(recordText(record))) extra.push(record);
  if (extra.length === 0 && rest.size === 0) return;
  const spelled = new Map([...rest].map(([text, record]) => [text.toLowerCase(), { text, record }]));
  for (const record of extra) {
    const same = spelled.get(recordText(record).toLowerCase());
    if (same !== undefined && rest.delete(same.text))
      found.push({ peer, aspect: 'case', section, record, theirs: same.record });
    else found.push({ peer, aspect: 'record', section, record, isOurs: true });
  }
  for (const record of rest.values()) found.push({ peer, aspect: 'record', section, record, isOurs: false });
}

export function recordText({ owner, type, class: klass, ttl, rdata }: ResourceRecord): string {
  return `${nameToText(owner)} ${ttl} ${klass === 1 ? 'IN' : klass} ${typeText(type)} ${rdataToText(type, rdata)}`;
}

export function differenceText(difference: Difference): string {
  const { peer } = difference;
  switch (difference.aspect) {
    case 'flag':
      return `${peer}: ${difference.flag} is set by ${difference.isOurs ? 'us' : 'them'} only`;
    case 'record':
      return `${peer}: ${difference.section}: ${difference.isOurs ? 'we' : 'they'} only: ${recordText(difference.record)}`;
    case 'case':
      return `${peer}: ${difference.section}: ${recordText(difference.record)}, theirs ${recordText(difference.theirs)}`;
    default:
      return `${peer}: ${difference.aspect}: ours ${difference.ours}, theirs ${difference.theirs}`;
  }
}

/** The whole of a reply, for people. */
export function replyText(server: Server, reply: Reply): string {
  if (reply.kind !== 'message') return `  ${server}: ${replyWord(reply)}`;
  const { message, octets } = reply;
  const flags = (Object.keys(FLAGS) as (keyof typeof FLAGS)[]).filter((flag) => (message.flags & FLAGS[flag]) !== 0);
  const lines = [
    `  ${server}: ${rcodeText(message)} ${flags.join(' ')} (${octets.length} octets)`,
    `    question ${questionText(message)}; edns ${ednsText(message)}`,
  ];
  for (const section of RECORD_SECTIONS)
    lines.push(...message[section].map((record) => `    ${section} ${recordText(record).slice(0, 160)}`));
  return lines.join('\n');
}

/** One question, what differs, and all four replies. */
export function reportText(question: Question, differences: readonly Difference[], replies: Replies): string {
  return [
    question.text,
    ...differences.slice(0, 12).map((one) => `  * ${differenceText(one).slice(0, 200)}`),
    ...(Object.keys(replies) as Server[]).map((server) => replyText(server, replies[server])),
  ].join('\n');
}
