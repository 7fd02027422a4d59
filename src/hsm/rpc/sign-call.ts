import type { SignatureTaker } from '../device/crypto-device.ts';
import { type HalError, HalStatus } from '../hal-status.ts';
import { OWN_HEADER } from '../protocol/message.ts';
import { XdrReader, type XdrWriter } from '../protocol/xdr.ts';
import { UUID_OCTETS, uuidText } from '../uuid.ts';
import { type CallHead, failureOf } from './dispatch.ts';
import { mechanismOf, type RpcSession } from './rpc-session.ts';

/*
 * KEY_SIGN, what most calls are: it does what the table of functions and its handler in own-calls.ts do, but reads and writes the fields by hand and
 * makes no promise. Of 50 us of CPU that hsmd took for a signature of P-256, 10 were the general way (npm run bench:hsm).
 */

/** Who sends the reply. */
export interface SignReplies {
  replySignature(head: CallHead, signature: Uint8Array): void;
  replyRefusal(head: CallHead, failure: HalError): void;
}

/**
 * @param message the whole request, in memory of its own
 * @returns false, and nothing is done, when the arguments are not those of the function: the general way says why
 */
export function performSign(session: RpcSession, head: CallHead, message: Uint8Array, replies: SignReplies): boolean {
  const reader = new XdrReader(message, OWN_HEADER);
  const partition = reader.u32();
  const uuid = reader.opaque();
  const mechanism = reader.u32();
  const data = reader.opaque();
  if (reader.verdict !== HalStatus.OK || uuid.length !== UUID_OCTETS) return false;
  const call = new SignCall(session, head, replies);
  try {
    session.requirePartition(partition);
    session.pool.signFor(session.client, uuidText(uuid), mechanismOf(mechanism), data, call);
  } catch (error) {
    call.refused(error);
  }
  return true;
}

class SignCall implements SignatureTaker {
  readonly #session: RpcSession;
  readonly #head: CallHead;
  readonly #replies: SignReplies;

  constructor(session: RpcSession, head: CallHead, replies: SignReplies) {
    this.#session = session;
    this.#head = head;
    this.#replies = replies;
  }

  signed(signature: Uint8Array): void {
    this.#replies.replySignature(this.#head, signature);
  }

  refused(fault: unknown): void {
    this.#replies.replyRefusal(this.#head, failureOf(fault, 'KEY_SIGN', this.#session.services.log));
  }
}

export function writeSignature(head: CallHead, signature: Uint8Array, writer: XdrWriter): void {
  writer.u32(head.code);
  writer.u32(head.client);
  writer.u32(head.request);
  writer.u32(HalStatus.OK);
  writer.opaque(signature);
}
