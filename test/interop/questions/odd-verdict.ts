import { QueryView } from '../../../src/wire/query-view.ts';
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
  { id: 'other-records', explains: ({ octets }, ours, bind) => !isFormatError(ours) && isFormatError(bind) && hasOtherRecord(octets) },
  { id: 'pointers-in-questions', explains: ({ octets }, ours) => isFormatError(ours) && octets.subarray(12).some((octet) => octet >= 0xc0) },
  { id: 'version-server', explains: ({ octets }, ours, bind) => ours.startsWith('NOERROR') && bind.startsWith('REFUSED') && parsed(octets).class === CLASS.CH },
]; // prettier-ignore

/** Options whose data BIND checks: client subnet, key tags, extended errors, client and server tags. */
const BINDS_OPTIONS: readonly number[] = [8, 14, 15, 16, 17];

function parsed(octets: Uint8Array): QueryView {
  const view = new QueryView();
  view.parse(octets);
  return view;
}

/** A record in the additional section, or before it, that is no OPT. */
function hasOtherRecord(octets: Uint8Array): boolean {
  const records =
    Buffer.from(octets).readUInt16BE(6) + Buffer.from(octets).readUInt16BE(8) + Buffer.from(octets).readUInt16BE(10);
  return records > (parsed(octets).hasEdns ? 1 : 0);
}

/** The id of what argues for our answer, '' where it is BIND's, undefined where nothing does. */
export function judgeOdd(question: Question, replies: Replies): string | undefined {
  const ours = summary(replies.ours);
  const bind = summary(replies.bind);
  if (ours === bind) return '';
  return ARGUED_ODDITIES.find(({ explains }) => explains(question, ours, bind))?.id;
}
