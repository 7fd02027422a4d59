import { HEADER_LENGTH } from '../../../src/wire/header.ts';
import { readMessage } from '../../../src/wire/message.ts';
import { QueryView } from '../../../src/wire/query-view.ts';
import { MalformedError } from '../../../src/wire/reader.ts';
import { CLASS } from '../../../src/wire/type-codes.ts';
import { ednsText, rcodeText, type Replies, type Reply } from './compare.ts';
import type { Question } from './query.ts';

/* Messages that are no plain question: we answer as BIND does, or it is argued. NSD and Knot answer each in its own way. */

/** What is compared of an answer to an odd message. */
export function summary(reply: Reply): string {
  if (reply.kind !== 'message') return reply.kind;
  const { message } = reply;
  const edns = ednsText(message) === 'none' ? 'no edns' : 'edns';
  return `${rcodeText(message)}, ${message.questions.length} questions, ${edns}, ${message.answers.length} answers`;
}

interface ArguedOddity {
  /** The paragraph of docs/decisions/0013-answers-of-four-servers.md. */
  readonly id: string;
  readonly explains: (question: Question, ours: string, bind: string) => boolean;
}

const isFormatError = (text: string): boolean => text.startsWith('FORMERR');

export const ARGUED_ODDITIES: readonly ArguedOddity[] = [
  { id: 'opt-of-format-errors', explains: (_, ours, bind) => isFormatError(ours) && ours === bind.replace('no edns', 'edns') },
  { id: 'class-0', explains: ({ query }, ours, bind) => query?.class === 0 && ours.startsWith('NOTIMP') && isFormatError(bind) },
  { id: 'unknown-options', explains: ({ octets }, ours, bind) => !isFormatError(ours) && isFormatError(bind) && BINDS_OPTIONS.some((code) => parsed(octets).option(code) > 0) },
  { id: 'other-records', explains: ({ octets }, ours, bind) => !isFormatError(ours) && isFormatError(bind) && hasFaultyRecord(octets) },
  { id: 'pointers-in-questions', explains: ({ octets }, ours) => isFormatError(ours) && beginsWithPointer(octets) },
  { id: 'version-server', explains: ({ octets }, ours, bind) => ours.startsWith('NOERROR') && bind.startsWith('REFUSED') && parsed(octets).class === CLASS.CH },
]; // prettier-ignore

/** Options whose data BIND checks: client subnet, key tags, extended errors, client and server tags. */
const BINDS_OPTIONS: readonly number[] = [8, 14, 15, 16, 17];

/** True when the first name of the message has a pointer. */
function beginsWithPointer(octets: Uint8Array): boolean {
  let at = HEADER_LENGTH;
  while (at < octets.length && octets[at] !== 0 && octets[at] < 0xc0) at += octets[at] + 1;
  return octets[at] >= 0xc0;
}

function parsed(octets: Uint8Array): QueryView {
  const view = new QueryView();
  view.parse(octets);
  return view;
}

/** A record that is no OPT, and whose data or class BIND finds a fault in: it wants the question's class. */
function hasFaultyRecord(octets: Uint8Array): boolean {
  const records =
    Buffer.from(octets).readUInt16BE(6) + Buffer.from(octets).readUInt16BE(8) + Buffer.from(octets).readUInt16BE(10);
  if (records <= (parsed(octets).hasEdns ? 1 : 0)) return false;
  const message = readMessage(octets);
  if (message instanceof MalformedError) return true;
  const all = [...message.answers, ...message.authorities, ...message.additionals];
  return all.some((record) => record.class !== message.questions[0]?.class);
}

/** The id of what argues for our answer, '' where it is BIND's, undefined where nothing does. */
export function judgeOdd(question: Question, replies: Replies): string | undefined {
  const ours = summary(replies.ours);
  const bind = summary(replies.bind);
  if (ours === bind) return '';
  return ARGUED_ODDITIES.find(({ explains }) => explains(question, ours, bind))?.id;
}
