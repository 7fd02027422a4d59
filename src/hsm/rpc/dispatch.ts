import type { Log } from '../../base/log.ts';
import { SignetError } from '../../base/error.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { type FunctionName, FUNCTIONS, isOwn } from '../protocol/functions.ts';
import { OWN_HEADER, readArguments, wordAt, writeResults } from '../protocol/message.ts';
import type { XdrWriter } from '../protocol/xdr.ts';
import type { Handlers } from './handlers.ts';
import { OWN_CALLS } from './own-calls.ts';
import type { RpcSession } from './rpc-session.ts';
import { VENDOR_CALLS } from './vendor-calls.ts';

const CALLS: Handlers = { ...VENDOR_CALLS, ...OWN_CALLS };

type AnyHandler = (session: RpcSession, values: object) => object | Promise<object>;

/** Octets of a message for people in a reply. */
const MOST_MESSAGE = 500;

/** What a request is called by, echoed in its reply. */
export interface CallHead {
  readonly code: number;
  readonly client: number;
  /** Of our functions; 0 for libhal's. */
  readonly request: number;
}

export function readHead(message: Uint8Array): CallHead {
  const code = wordAt(message, 0);
  const hasRequest = isOwn(code) && message.length >= OWN_HEADER;
  return { code, client: wordAt(message, 4), request: hasRequest ? wordAt(message, 8) : 0 };
}

/**
 * Does what a message asks for. The gate was asked before.
 * @param message in memory of its own; cleared when it holds secrets
 * @param answer called once, with the results or with what went wrong; at once for calls that no device is asked for
 */
export function perform(
  session: RpcSession,
  name: FunctionName,
  message: Uint8Array,
  answer: (failure: HalError | undefined, results: object | undefined) => void,
): void {
  const { status, values } = readArguments(name, message);
  const done = (error: unknown, results: object | undefined): void => {
    if (FUNCTIONS[name].isSecret) message.fill(0);
    answer(error === undefined ? undefined : failureOf(error, name, session.services.log), results);
  };
  if (status !== HalStatus.OK) {
    done(new HalError(status, 'The arguments are not those of this function.'), undefined);
    return;
  }
  let results: object | Promise<object>;
  try {
    // The table makes `values` those of `name`.
    results = (CALLS[name] as AnyHandler)(session, values);
  } catch (error) {
    done(error, undefined);
    return;
  }
  if (results instanceof Promise)
    results.then(
      (settled: object) => done(undefined, settled),
      (error: unknown) => done(error, undefined),
    );
  else done(undefined, results);
}

/** Writes a whole reply: three words on failure for libhal's functions, a word and a message more for ours. */
export function writeReply(
  head: CallHead,
  name: FunctionName | undefined,
  failure: HalError | undefined,
  results: object | undefined,
  writer: XdrWriter,
): void {
  writer.u32(head.code);
  writer.u32(head.client);
  if (isOwn(head.code)) writer.u32(head.request);
  writer.u32(failure?.status ?? HalStatus.OK);
  if (failure === undefined) {
    if (name !== undefined && results !== undefined) writeResults(name, results, writer);
  } else if (isOwn(head.code)) writer.opaque(Buffer.from(failure.message.slice(0, MOST_MESSAGE), 'utf8'));
}

/** What is not a refusal of the HSM itself is a fault: it is in the log, and the client gets no more than that. */
export function failureOf(error: unknown, name: FunctionName, log: Log): HalError {
  if (error instanceof HalError) return error;
  const text = error instanceof Error ? error.message : String(error);
  log.write({ severity: 'error', category: 'hsm', text: `RPC call ${name} failed: ${text}` });
  const code = error instanceof SignetError ? ` (${error.code})` : '';
  return new HalError(HalStatus.IO_UNEXPECTED, `The HSM could not do that${code}: see its log.`);
}
