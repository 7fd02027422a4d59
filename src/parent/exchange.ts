import type { Clock } from '../base/clock.ts';
import type { Message, Question } from '../wire/message.ts';
import { readMessage } from '../wire/message.ts';
import { equalNames } from '../wire/name.ts';
import { FLAG } from '../wire/header.ts';
import { MalformedError } from '../wire/reader.ts';
import { tsigErrorText } from '../wire/code-text.ts';
import { decodeTsig } from '../wire/rdata/tsig.ts';
import { OPCODE, RCODE } from '../wire/type-codes.ts';
import { signTsig, type TsigKey, verifyTsig } from '../wire/tsig.ts';

/*
 * One question to one server, whatever carries it: how it is signed, and which octets are its answer.
 */

/** A query that is ready to be sent. */
export interface Request {
  readonly id: number;
  readonly question: Question;
  readonly octets: Uint8Array;
  readonly key: TsigKey | undefined;
  /** Of the query's TSIG. */
  readonly mac: Uint8Array | undefined;
}

/** The octets that came back: the answer, none of our business, or an answer that does not prove that it is one. */
export type Reply =
  | { readonly kind: 'answer'; readonly message: Message }
  | { readonly kind: 'foreign' }
  /** `refusesEdns`: it is an error as servers without EDNS make it. */
  | { readonly kind: 'bad'; readonly fault: string; readonly refusesEdns?: boolean };

/** RFC 6891 section 7: a server that does not know EDNS answers FORMERR, without an OPT record; some answer NOTIMP. */
export function refusesEdns({ rcode, edns }: Message): boolean {
  return edns === undefined && (rcode === RCODE.FORMERR || rcode === RCODE.NOTIMP);
}

/** @param octets of the query, without TSIG; @param now Unix seconds */
export function makeRequest(
  octets: Uint8Array,
  id: number,
  question: Question,
  key: TsigKey | undefined,
  now: number,
): Request {
  if (key === undefined) return { id, question, octets, key, mac: undefined };
  const signed = signTsig(octets, key, { now });
  return { id, question, octets: signed.message, key, mac: signed.mac };
}

/** Judges octets that came from the address asked. Octets without the id and the question are somebody else's. */
export function judgeReply(octets: Uint8Array, request: Request, clock: Clock): Reply {
  if (octets.length < 12 || ((octets[0] << 8) | octets[1]) !== request.id) return { kind: 'foreign' };
  const message = readMessage(octets);
  if (message instanceof MalformedError) return { kind: 'bad', fault: `its answer is malformed (${message.message})` };
  if (!isAnswerTo(message, request.question)) return { kind: 'foreign' };
  return request.key === undefined
    ? judgeUnsigned(message)
    : judgeSigned(octets, message, request, request.key, clock.now());
}

/** RFC 5452 section 9.1. Servers that fail to read a query repeat no question (FORMERR, and NOTIMP of some). */
function isAnswerTo({ flags, opcode, questions, rcode }: Message, question: Question): boolean {
  if ((flags & FLAG.QR) === 0 || opcode !== OPCODE.QUERY) return false;
  if (questions.length === 0) return rcode !== 0;
  const [{ name, type, class: klass }] = questions;
  return (
    questions.length === 1 && type === question.type && klass === question.class && equalNames(name, question.name)
  );
}

/** RFC 8945 section 5.4: a signature that nobody asked for. */
function judgeUnsigned(message: Message): Reply {
  return message.tsig === undefined
    ? { kind: 'answer', message }
    : { kind: 'bad', fault: 'its answer has a TSIG although the query had none' };
}

/** RFC 8945 section 5.4.1: what is not signed with the key proves nothing, errors included. */
function judgeSigned(octets: Uint8Array, message: Message, request: Request, key: TsigKey, now: number): Reply {
  const theirs = message.tsig === undefined ? 0 : decodeTsig(message.tsig.record.rdata).error;
  if (theirs !== 0)
    return { kind: 'bad', fault: `it refuses the TSIG of the query (${tsigErrorText(theirs)}): compare key and clock` };
  const keyByName = (): TsigKey => key;
  const verdict = verifyTsig(octets, { now, keyByName, ...(request.mac && { requestMac: request.mac }) });
  if (verdict.kind === 'malformed')
    return { kind: 'bad', fault: `the TSIG of its answer is malformed (${verdict.reason})` };
  if (verdict.kind === 'unsigned') {
    const fault = 'its answer has no TSIG: look whether it knows the key';
    return { kind: 'bad', fault, refusesEdns: refusesEdns(message) };
  }
  const isOurKey = equalNames(verdict.facts.keyName, key.name);
  if (verdict.kind === 'valid' && isOurKey) return { kind: 'answer', message };
  const ours = verdict.kind === 'refused' && isOurKey ? tsigErrorText(verdict.error) : 'BADKEY';
  return { kind: 'bad', fault: `the TSIG of its answer is not right (${ours}): compare key and clock` };
}
